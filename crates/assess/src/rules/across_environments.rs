//! One credential in several environments.
//!
//! Whoever gets into the least guarded of them holds the keys of the others. Give each
//! environment its own.

use std::collections::BTreeSet;

use model::{Attribute, Severity};

use crate::{Ground, Rule, Ruling, Thing, environment};

pub(super) const RULE: Rule = Rule {
    id: "across-environments",
    title: "one credential is used in several environments",
    owasp: "NHI8",
    severity: Severity::High,
    next: "keyroll why {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if !thing.is_live_credential() {
        return Vec::new();
    }
    let told = thing.entity.facts.get(&Attribute::ENVIRONMENT);
    let names: BTreeSet<_> = told
        .into_iter()
        .flatten()
        .filter_map(|fact| fact.told.is()?.text())
        .map(environment)
        .collect();
    let places = thing.places().len();
    match names.len() {
        // Nothing speaks of environments at all.
        0 => Vec::new(),
        1 if places < 2 || told.is_some_and(|told| told.len() >= places) => Ruling::pass(),
        1 => Ruling::unknown(format!(
            "it lies in {places} places, not all of which tell of an environment"
        )),
        _ => {
            let names: Vec<_> = names.iter().map(|name| model::clean(name)).collect();
            Ruling::fail(format!("it is used in {}", names.join(" and ")))
        }
    }
}
