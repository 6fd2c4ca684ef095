//! One change of a repository: what it asks for, and which of its secrets are new.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Secret};

use crate::files::{digest, secrets_of};
use crate::formats::{Seen, as_utf8};
use crate::{Blob, Change, Context, Replaced};

/// Written on a line, it says that what stands there may stand there.
const ALLOWED: [&[u8]; 2] = [b"keyroll:allow", b"gitleaks:allow"];
/// A line is looked through so far.
const LINE_BYTES_MAX: usize = 4096;

/// The change that the options name; none where the history is wanted.
pub(super) fn asked(cx: &Context<'_>) -> Option<Change> {
    let option = |name: &str| cx.option(name).map(str::to_owned);
    match cx.option("change")? {
        "staged" => Some(Change::Staged {
            index: option("index"),
        }),
        _ => Some(Change::Commits {
            base: option("base").unwrap_or_default(),
            head: option("head").unwrap_or_else(|| "HEAD".to_owned()),
        }),
    }
}

/// Secrets that were there before the change, by digest.
#[derive(Debug, Default)]
pub(super) struct Before {
    in_file: BTreeMap<String, BTreeSet<[u8; 32]>>,
    /// Of files that are gone: their contents may have moved.
    moved: BTreeSet<[u8; 32]>,
}

impl Before {
    /// Takes what the change replaces.
    pub(super) fn take(&mut self, cx: &Context<'_>, replaced: &[Replaced]) {
        for one in replaced {
            let path = format!("/{}", one.was);
            let secrets = secrets(cx, &path, one.bytes.expose());
            match &one.path {
                Some(path) => self
                    .in_file
                    .entry(path.clone())
                    .or_default()
                    .extend(secrets),
                None => self.moved.extend(secrets),
            }
        }
    }

    /// Leaves of `seen` the secrets that `blob` brings: no public keys, nothing that stood in
    /// this file before or in one that is gone, nothing that its line allows.
    pub(super) fn keep_new(&self, blob: &Blob, seen: &mut Seen) {
        let old = self.in_file.get(&blob.path);
        let is_new = |secret: &Secret| {
            let digest = digest(secret);
            !self.moved.contains(&digest) && !old.is_some_and(|old| old.contains(&digest))
        };
        let allowed = |line: Option<i64>| is_allowed(blob.bytes.expose(), line);
        seen.found.retain(|one| {
            let line = one
                .told
                .fact(&Attribute::LINE)
                .is()
                .and_then(|line| line.number());
            one.secret.as_ref().is_some_and(is_new) && !allowed(line)
        });
        seen.keys.retain(|key| {
            let line = key.line.and_then(|line| i64::try_from(line).ok());
            is_new(&key.body) && !allowed(line)
        });
        seen.publics.clear();
        seen.certificates.clear();
    }
}

/// Every secret in a content.
fn secrets(cx: &Context<'_>, path: &str, bytes: &[u8]) -> Vec<[u8; 32]> {
    secrets_of(cx, path, bytes).iter().map(digest).collect()
}

/// Whether the line, from 1, says that what stands there may.
fn is_allowed(bytes: &[u8], line: Option<i64>) -> bool {
    let Some(line) = line.and_then(|line| usize::try_from(line).ok()) else {
        return false;
    };
    let bytes = as_utf8(bytes);
    let mut lines = bytes.split(|byte| *byte == b'\n');
    lines.nth(line.saturating_sub(1)).is_some_and(|text| {
        let text = text.get(..LINE_BYTES_MAX).unwrap_or(text);
        ALLOWED
            .iter()
            .any(|mark| text.windows(mark.len()).any(|some| some == *mark))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_allows_its_own_line_alone() {
        let text = b"A=1 # keyroll:allow\nB=2\nC=3 // gitleaks:allow";
        let told = [1, 2, 3, 4].map(|line| is_allowed(text, Some(line)));
        assert_eq!(told, [true, false, true, false]);
        assert!(!is_allowed(text, None));
    }
}
