//! One change of a repository: what it asks for, and what in it is new.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, CredentialType, Observation, Secret};

use crate::files::{digest, is_allowed, seen_in};
use crate::formats::{Found, Seen, Thing};
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

/// What files held before the change.
#[derive(Debug, Default)]
pub(super) struct Before {
    in_file: BTreeMap<String, Held>,
    /// What files held that are gone: their contents may have moved.
    moved: Held,
}

/// What one file held.
#[derive(Debug, Default)]
struct Held {
    /// Secrets, by digest.
    secrets: BTreeSet<[u8; 32]>,
    /// Public keys and certificates that let somebody in, by their marks.
    public: BTreeSet<String>,
    /// Who works and what there is, by where in a file it stood.
    things: BTreeMap<String, Vec<Observation>>,
}

impl Before {
    /// Takes what the change replaces.
    pub(super) fn take(&mut self, cx: &Context<'_>, replaced: &[Replaced]) {
        for one in replaced {
            let path = format!("/{}", one.was);
            let seen = seen_in(cx.detector(), &path, one.bytes.expose());
            let secrets = seen.found.iter().filter_map(|found| found.secret.as_ref());
            let secrets = secrets.chain(seen.keys.iter().map(|key| &key.body));
            let secrets = secrets.map(digest);
            let held = match &one.path {
                Some(path) => self.in_file.entry(path.clone()).or_default(),
                None => &mut self.moved,
            };
            held.secrets.extend(secrets);
            let public = seen.found.iter().filter(|one| one.secret.is_none());
            held.public.extend(public.map(|one| one.mark.clone()));
            for one in seen.things {
                held.things.entry(one.field).or_default().push(one.told);
            }
        }
    }

    /// Leaves of `seen` what `blob` brings: secrets, and keys that let somebody in, that stood
    /// neither in this file before nor in one that is gone, but for what their line allows; and
    /// things that were not there or not so. Answers how those were before.
    pub(super) fn keep_new(&self, blob: &Blob, seen: &mut Seen) -> Vec<Thing> {
        let old = self.in_file.get(&blob.path);
        let is_new = |secret: &Secret| {
            let digest = digest(secret);
            !self.moved.secrets.contains(&digest)
                && !old.is_some_and(|old| old.secrets.contains(&digest))
        };
        let lets_in = |one: &Found| {
            let is_old = self.moved.public.contains(&one.mark)
                || old.is_some_and(|old| old.public.contains(&one.mark));
            let type_ = one.told.fact(&Attribute::TYPE);
            let type_ = type_
                .is()
                .and_then(|type_| type_.text())
                .unwrap_or_default();
            !is_old && LET_IN.iter().any(|one| one.as_str() == type_)
        };
        seen.found.retain(|one| match &one.secret {
            Some(secret) => is_new(secret) && !is_allowed(&one.told),
            None => lets_in(one),
        });
        seen.keys.retain(|key| is_new(&key.body) && !key.allowed);
        seen.publics.clear();
        seen.certificates.clear();
        // What a later commit of the change has undone is nobody's pipeline.
        if !blob.commit.is_empty() && !blob.in_head {
            seen.things.clear();
        }
        let was = |one: &Thing| -> &[Observation] {
            let here = old.and_then(|old| old.things.get(&one.field));
            here.or_else(|| self.moved.things.get(&one.field))
                .map_or(&[], Vec::as_slice)
        };
        seen.things
            .retain(|one| was(one).iter().all(|was| plain(was) != plain(&one.told)));
        let before = seen.things.iter().filter_map(|one| {
            let told = was(one).first()?.clone();
            let field = one.field.clone();
            Some(Thing { field, told })
        });
        before.collect()
    }
}

/// What is public and lets in whoever has its other half.
const LET_IN: &[CredentialType] = &[
    CredentialType::SshAuthorizedKey,
    CredentialType::SshCertificate,
];

/// `told` wherever it stands: a line above it makes it no other.
fn plain(told: &Observation) -> Observation {
    let mut told = told.clone();
    told.facts.remove(&Attribute::LINE);
    told
}
