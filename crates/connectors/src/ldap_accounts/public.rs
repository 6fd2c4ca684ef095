//! What lies with an account in public: certificates, and keys of SSH.

use model::{Attribute, CredentialType, Kind, Observation, Relation, Scope, Told};

use crate::formats::{ssh_public_key, x509};

/// Keys or certificates of one account that are told.
const KEYS_MAX: usize = 200;

/// Certificates that lie with an account, each a credential of it.
pub(super) fn certificates<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    scope: &Scope,
    holder: &str,
) -> (Vec<Observation>, usize) {
    let mut broken = 0;
    let mut all = Vec::new();
    for value in values.take(KEYS_MAX) {
        let Some(one) = x509::certificate(value) else {
            broken += 1;
            continue;
        };
        let mut told = one.told.link(Relation::Holder, Kind::Identity, holder);
        told.native = format!("{holder}/certificate/{}", one.sha256);
        told.scope = scope.clone();
        all.push(told);
    }
    (all, broken)
}

/// Keys of SSH that log in as an account (openssh-lpk), each a credential of it.
pub(super) fn ssh_keys<'a>(
    values: impl Iterator<Item = &'a str>,
    scope: &Scope,
    holder: &str,
    user: &str,
) -> (Vec<Observation>, usize) {
    let mut broken = 0;
    let mut all = Vec::new();
    for value in values.take(KEYS_MAX) {
        // Options may stand before the key, as in authorized_keys.
        let words: Vec<&str> = value.split_whitespace().collect();
        let at = words
            .windows(2)
            .position(|pair| ssh_public_key::decoded(pair[0], pair[1]).is_some());
        let key = at
            .and_then(|at| ssh_public_key::decoded(words[at], words[at + 1]).map(|key| (at, key)));
        let Some((at, key)) = key else {
            broken += 1;
            continue;
        };
        let Some(print) = key.ssh_key() else {
            broken += 1;
            continue;
        };
        let comment = words[at + 2..].join(" ");
        let name = if comment.is_empty() {
            print.value.clone()
        } else {
            comment
        };
        all.push(
            Observation::new(
                Kind::Credential,
                format!("{holder}/ssh_key/{}", print.value),
                scope,
            )
            .key(print.clone())
            .is(Attribute::TYPE, CredentialType::SshAuthorizedKey)
            .is(Attribute::PROVIDER, "ssh")
            .is(Attribute::NAME, model::shorten(&name, 200))
            .is(Attribute::ALGORITHM, key.algorithm.as_str())
            .is(Attribute::USER, user)
            .told::<i64>(Attribute::EXPIRES_AT, Told::Absent)
            .link(Relation::Holder, Kind::Identity, holder),
        );
    }
    (all, broken)
}
