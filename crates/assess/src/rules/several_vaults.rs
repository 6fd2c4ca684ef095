//! One credential in several vaults.
//!
//! Whoever rotates it in one of them breaks whatever reads the other, and whoever deletes it there
//! leaves a copy. Keep it in one, and let the others refer to that.

use std::collections::BTreeSet;

use model::{Attribute, Severity, Told, Value};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "several-vaults",
    title: "one credential is kept in several vaults",
    owasp: "NHI9",
    severity: Severity::Medium,
    next: "keyroll why {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if !thing.is_live_credential() {
        return Vec::new();
    }
    let told = thing.entity.facts.get(&Attribute::named("stored_in"));
    let vaults: BTreeSet<_> = told
        .into_iter()
        .flatten()
        .filter_map(|fact| fact.told.is()?.text())
        .map(|vault| model::shorten(&model::clean(vault), 80))
        .collect();
    let comparable = thing.entity.fact(&Attribute::named("comparable"));
    match vaults.len() {
        // No vault says that it keeps it.
        0 => Vec::new(),
        1 if comparable == Told::Is(&Value::Flag(true)) => Ruling::pass(),
        1 => {
            Ruling::unknown("its vault shows no value of it, so it cannot be compared with others")
        }
        _ => {
            let vaults: Vec<_> = vaults.into_iter().collect();
            Ruling::fail(format!("it is kept in {}", vaults.join(" and ")))
        }
    }
}
