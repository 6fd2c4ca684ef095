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
    if flag(thing, "checks_out_pull_request") && secrets > 0 {
        return Ruling::fail("it runs the code of a pull request where its secrets are");
    }
    for (fact, what) in UNPINNED {
        let unpinned = told(thing, fact);
        if !unpinned.is_empty() && secrets > 0 {
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
    if flag(thing, "secrets_inherited") {
        return Ruling::unknown("it inherits secrets, and no source tells which");
    }
    Ruling::pass()
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
