//! A leaked secret that still opens something, or that something still works with.
//!
//! It is to be revoked today, and not when its turn comes: whoever has read it can use it now.
//! Where its provider was asked (`keyroll scan --check-live`) or lists it, that is what counts;
//! where neither is so, `secret-in-text` alone speaks of it.

use model::{Attribute, Confidence, Severity, Told, Validity};

use super::secret_in_text;
use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "leaked-live",
    title: "a leaked secret is still valid or referenced",
    owasp: "NHI2",
    severity: Severity::Critical,
    next: "keyroll plan revoke {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    if !thing.is_live_credential() || !secret_in_text::is_leaked(thing) {
        return Vec::new();
    }
    if thing.is_proven_dead(ground) {
        return Ruling::pass();
    }
    match (thing.validity(), listed(thing)) {
        (Some(Validity::Dead), _) => Ruling::pass(),
        (Some(Validity::Live), _) => {
            Ruling::fail("its provider still lets in whoever comes with it")
        }
        (_, Some(false)) => Ruling::pass(),
        (_, Some(true)) => Ruling::fail("its provider lists it as active"),
        (asked, None) => match (thing.users.len(), asked) {
            (0, None) => Vec::new(),
            (0, Some(_)) => {
                let why = thing.entity.text(&Attribute::VALIDITY_BECAUSE);
                let why = model::clean(why.unwrap_or("it was asked"));
                Ruling::unknown(format!(
                    "its provider did not say whether it is valid: {why}"
                ))
            }
            // A password that only examples and tests hold is no news to those who work with it.
            (_, None) if !secret_in_text::is_told(thing) => Vec::new(),
            (n, _) => Ruling::fail(format!(
                "{n} {} with it",
                if n == 1 {
                    "workload works"
                } else {
                    "workloads work"
                }
            )),
        },
    }
}

/// Whether the system that keeps it says that it is switched on; `None` where none speaks of it.
fn listed(thing: &Thing<'_>) -> Option<bool> {
    if thing.is_off() {
        return Some(false);
    }
    let told = thing.entity.facts.get(&Attribute::STATUS)?;
    let keeps = |connector: &str| !matches!(connector, "files" | "git_history" | "liveness");
    let stated = told
        .iter()
        .find(|fact| fact.confidence == Confidence::Stated && keeps(fact.source.connector()))?;
    let gone = thing.entity.members.iter().any(|member| {
        member.sighting.source == stated.source
            && member.sighting.native == stated.native
            && member.missing_since.is_some()
    });
    match &stated.told {
        // What it said before it listed it no more.
        _ if gone => Some(false),
        Told::Is(value) => Some(value.text() == Some("active")),
        Told::Absent | Told::CannotTell => None,
    }
}
