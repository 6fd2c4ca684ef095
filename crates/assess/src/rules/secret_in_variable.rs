//! A workload that is handed secrets in its environment.
//!
//! Variables are inherited by every process that it starts, and end up in crash reports, debug
//! pages and `kubectl describe`; a mounted file is read by who asks for it, and follows a
//! rotation without a restart (CIS Kubernetes Benchmark, 5.4.1).

use model::{Attribute, Kind, Severity, Told, Value};

use super::cluster;
use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "secret-in-variable",
    title: "a workload is handed secrets in its environment",
    owasp: "NHI2",
    severity: Severity::Low,
    next: "keyroll why {id}",
    check,
};

/// So many variables are named.
const NAMED_MAX: usize = 3;

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if thing.entity.kind != Kind::Identity || thing.entity.missing_since.is_some() {
        return Vec::new();
    }
    let written = told(thing, "secrets_in_env");
    if !written.is_empty() {
        return Ruling::fail(format!(
            "its manifest holds them in clear: {}",
            named(&written)
        ));
    }
    let filled = told(thing, "secret_env");
    if !filled.is_empty() {
        return Ruling::fail(format!(
            "every process that it starts inherits them: {}",
            named(&filled)
        ));
    }
    // Only a manifest that tells what a container runs tells what it is handed.
    match (
        told(thing, "images").is_empty(),
        cluster::is_workload(thing),
    ) {
        (false, _) => Ruling::pass(),
        (true, true) => Ruling::unknown("no source tells what its containers are handed"),
        (true, false) => Vec::new(),
    }
}

fn told<'a>(thing: &Thing<'a>, name: &str) -> Vec<&'a str> {
    match thing.entity.fact(&Attribute::named(name)) {
        Told::Is(Value::List(list)) => list.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

fn named(variables: &[&str]) -> String {
    let first = variables.iter().take(NAMED_MAX);
    let first: Vec<_> = first
        .map(|one| format!("`{}`", model::shorten(one, 80)))
        .collect();
    match variables.len().saturating_sub(NAMED_MAX) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
