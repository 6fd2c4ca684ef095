//! What to type next about a finding.

use model::{Attribute, CredentialType, Entity, Verdict, revocability};

use crate::{Rule, Thing};

/// Connectors whose sources can be asked to revoke.
pub const REVOKING: &[&str] = &["aws_iam", "postgres_roles"];

/// Whether Keyroll can plan to revoke `credential`, as far as the roll tells: it knows how, and a
/// system that keeps the credential, or its holder, is a source.
pub fn is_revocable(credential: &Entity, holder: Option<&Entity>) -> bool {
    let types = credential.facts.get(&Attribute::TYPE);
    let by_us = types.into_iter().flatten().any(|fact| {
        let type_ = fact.told.is().and_then(|told| told.text());
        let type_ = type_.and_then(|type_| type_.parse::<CredentialType>().ok());
        type_.is_some_and(|type_| revocability(type_).by_us)
    });
    let holders = holder.into_iter().flat_map(|holder| &holder.members);
    let mut members = credential.members.iter().chain(holders);
    by_us
        && members.any(|member| {
            member.missing_since.is_none() && REVOKING.contains(&member.sighting.source.connector())
        })
}

/// The command of `rule`; where that would plan a revocation that is not ours to make, the one
/// that shows how the credential is revoked where it was issued. Nobody is told to revoke what
/// nobody could judge: what is known of it comes first.
pub(crate) fn of(rule: &Rule, thing: &Thing<'_>, verdict: &Verdict) -> String {
    let plans = rule.next.starts_with("keyroll plan revoke");
    let next = if plans && !is_revocable(thing.entity, thing.holder) {
        "keyroll get {id}"
    } else if plans && !matches!(verdict, Verdict::Fail(_)) {
        "keyroll why {id}"
    } else {
        rule.next
    };
    let holder = thing.holder.map_or(&thing.entity.id, |holder| &holder.id);
    next.replace("{id}", thing.entity.id.as_str())
        .replace("{holder}", holder.as_str())
}
