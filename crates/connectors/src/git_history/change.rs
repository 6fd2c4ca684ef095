//! One change of a repository: what it asks for, and which of its secrets are new.

use std::collections::{BTreeMap, BTreeSet};

use model::Secret;

use crate::files::{digest, is_allowed, secrets_of};
use crate::formats::Seen;
use crate::{Blob, Change, Context, Replaced};

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
        seen.found.retain(|one| {
            one.secret.as_ref().is_some_and(is_new) && !is_allowed(&one.told)
        });
        seen.keys.retain(|key| is_new(&key.body) && !key.allowed);
        seen.publics.clear();
        seen.certificates.clear();
    }
}

/// Every secret in a content.
fn secrets(cx: &Context<'_>, path: &str, bytes: &[u8]) -> Vec<[u8; 32]> {
    secrets_of(cx, path, bytes).iter().map(digest).collect()
}
