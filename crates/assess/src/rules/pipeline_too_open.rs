//! A pipeline that hands its secrets to code of strangers.
//!
//! Code of a pull request, and an action that its author can change at any time, run with what
//! the job is handed. Fix actions to a commit, and run code of strangers in jobs without secrets.

use model::{Attribute, Kind, Severity, Told, Value};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "pipeline-too-open",
    title: "a pipeline hands secrets to code of strangers",
    owasp: "NHI3",
    severity: Severity::High,
    next: "keyroll get {id}",
    check,
};

/// What is run and not fixed to one content, by the words of formats.
const UNPINNED: &[(&str, &str)] = &[
    ("unpinned_actions", "actions"),
    ("unpinned_orbs", "orbs"),
    ("unpinned_plugins", "plugins"),
    ("unpinned_libraries", "libraries"),
    ("unpinned_includes", "includes"),
];

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if thing.entity.kind != Kind::Identity || thing.entity.missing_since.is_some() {
        return Vec::new();
    }
    let is_pipeline = [
        "secrets",
        "federation",
        "static_logins",
        "runs_on",
        "triggers",
    ]
    .iter()
    .any(|name| thing.entity.facts.contains_key(&Attribute::named(name)));
    if !is_pipeline {
        return Vec::new();
    }
    let secrets = told(thing, "secrets").len()
        + told(thing, "static_logins").len()
        + told(thing, "federation").len();
    let inherits = flag(thing, "secrets_inherited");
    let foreign = flag(thing, "checks_out_pull_request");
    if foreign && (secrets > 0 || inherits) {
        return Ruling::fail("it runs the code of a pull request where its secrets are");
    }
    // Every job has a token of its own; what it may do is the owner's choice.
    if foreign {
        match may_write(thing) {
            Told::Is(true) => {
                return Ruling::fail(
                    "it runs the code of a pull request where a token that may write is",
                );
            }
            Told::Absent | Told::CannotTell => {
                return Ruling::unknown(
                    "it runs the code of a pull request, and no source tells what its token may do",
                );
            }
            Told::Is(false) => {}
        }
    }
    for (fact, what) in UNPINNED {
        let unpinned = told(thing, fact);
        if !unpinned.is_empty() && (secrets > 0 || inherits || may_federate(thing)) {
            let names: Vec<_> = unpinned
                .iter()
                .take(5)
                .map(|one| model::clean(one))
                .collect();
            return Ruling::fail(format!(
                "{what} that it runs are not fixed to one content: {}",
                names.join(", ")
            ));
        }
    }
    if inherits {
        return Ruling::unknown("it inherits secrets, and no source tells which");
    }
    Ruling::pass()
}

/// Whether the job's own token may write something.
fn may_write(thing: &Thing<'_>) -> Told<bool> {
    match thing.entity.fact(&Attribute::named("permissions")) {
        Told::Is(Value::Text(all)) => Told::Is(all == "write-all"),
        Told::Is(Value::Table(table)) => Told::Is(table.values().any(|level| level == "write")),
        _ => Told::CannotTell,
    }
}

/// Whether the job may ask for a token with which it logs in elsewhere.
fn may_federate(thing: &Thing<'_>) -> bool {
    thing
        .entity
        .facts
        .contains_key(&Attribute::named("oidc_subject"))
}

fn told<'a>(thing: &Thing<'a>, name: &str) -> Vec<&'a str> {
    match thing.entity.fact(&Attribute::named(name)) {
        Told::Is(Value::List(list)) => list.iter().map(String::as_str).collect(),
        Told::Is(Value::Text(text)) => vec![text.as_str()],
        Told::Is(_) | Told::Absent | Told::CannotTell => Vec::new(),
    }
}

fn flag(thing: &Thing<'_>, name: &str) -> bool {
    let told = thing.entity.fact(&Attribute::named(name));
    told.is().and_then(|value| value.flag()) == Some(true)
}
