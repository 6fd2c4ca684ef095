//! It was to be revoked, and nothing proves that it is gone.
//!
//! A revocation that failed, that leaves something alive or that cannot be verified goes on being
//! looked at until it is proven (revocation.md S-1, S-2): whoever reads findings sees it too.

use model::{Severity, State};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "not-proven-gone",
    title: "its revocation is not proven",
    owasp: "NHI1",
    severity: Severity::High,
    next: "keyroll verify-revoked {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    let Some(state) = ground.revocations.get(&thing.entity.id) else {
        return Vec::new();
    };
    match state {
        State::Proven { .. } => Ruling::pass(),
        State::Failed { why, tries, .. } => {
            Ruling::fail(format!("revoking it failed {tries} times: {why}"))
        }
        State::Unverifiable { why, .. } => {
            Ruling::fail(format!("that it is gone cannot be verified: {why}"))
        }
        State::Attested { by, why, .. } => Ruling::unknown(format!(
            "it could not be proven; {by} vouches for it: {why}"
        )),
        State::Residual { why, until: None } => {
            Ruling::fail(format!("something of it stays alive: {why}"))
        }
        State::Residual {
            why,
            until: Some(until),
        } if *until > ground.now => {
            Ruling::unknown(format!("until {until} it cannot be dead as a whole: {why}"))
        }
        State::Residual { why, .. } => Ruling::fail(format!(
            "what was to die by now was not looked at again: {why}"
        )),
        under_way => Ruling::unknown(format!(
            "its revocation is under way: {}",
            under_way.as_str()
        )),
    }
}
