//! One credential in the hands of several workloads.
//!
//! When it leaks, nobody can tell from where; when it is rotated, all of them break at once. Give
//! each workload one of its own.

use std::collections::BTreeSet;

use model::{Relation, Severity};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "shared",
    title: "several workloads use one credential",
    owasp: "NHI9",
    severity: Severity::Medium,
    next: "keyroll why {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if !thing.is_live_credential() {
        return Vec::new();
    }
    let users: BTreeSet<_> = thing
        .entity
        .links
        .iter()
        .filter(|(_, link)| link.relation == Relation::UsedBy)
        .map(|(source, link)| (source, &link.to))
        .collect();
    let places = thing.places().len();
    match users.len() {
        // One place, and nobody said that anything works with it.
        0 if places < 2 => Vec::new(),
        0 => Ruling::unknown(format!(
            "it lies in {places} places, and no source tells which workloads use it"
        )),
        1 if places < 2 => Ruling::pass(),
        1 => Ruling::unknown(format!(
            "one workload uses it, but it lies in {places} places"
        )),
        count => Ruling::fail(format!("{count} workloads use it")),
    }
}
