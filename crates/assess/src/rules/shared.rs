//! One credential in the hands of several workloads.
//!
//! When it leaks, nobody can tell from where; when it is rotated, all of them break at once. Give
//! each workload one of its own.

use std::collections::BTreeSet;

use model::Severity;

use crate::{Ground, Rule, Ruling, Thing, Workload};

pub(super) const RULE: Rule = Rule {
    id: "shared",
    title: "several workloads use one credential",
    owasp: "NHI9",
    severity: Severity::Medium,
    next: "keyroll why {id}",
    check,
};

/// Users that a finding names.
const NAMED_MAX: usize = 3;

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if !thing.is_live_credential() {
        return Vec::new();
    }
    let places = thing.places().len();
    match thing.users.len() {
        // One place, and nobody said that anything works with it.
        0 if places < 2 => Vec::new(),
        0 => Ruling::unknown(format!(
            "it lies in {places} places, and no source tells which workloads use it"
        )),
        1 if places < 2 => Ruling::pass(),
        1 => Ruling::unknown(format!(
            "one workload uses it, but it lies in {places} places"
        )),
        count => Ruling::fail(format!("{count} workloads use it: {}", named(thing.users))),
    }
}

/// The first of them by name, and by how many sources all of them are told.
fn named(users: &[Workload]) -> String {
    let mut names: Vec<_> = users
        .iter()
        .map(|one| model::shorten(&model::clean(&one.name), 40))
        .collect();
    names.sort_unstable();
    let more = if names.len() > NAMED_MAX { ", …" } else { "" };
    names.truncate(NAMED_MAX);
    let sources: BTreeSet<_> = users.iter().flat_map(|one| &one.sources).collect();
    let told = match sources.len() {
        0 | 1 => String::new(),
        count => format!("; {count} sources tell of them"),
    };
    format!("{}{more}{told}", names.join(", "))
}
