//! A pipeline that hands its secrets to code of strangers.
//!
//! Code of a pull request, and an action that its author can change at any time, run with what
//! the job is handed. Fix actions to a commit, and run code of strangers in jobs without secrets.

use model::{Attribute, Kind, Severity, Told, Value, Verdict};

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

/// What tells that it is handed secrets, or may get some: sets of them (contexts) and what whoever
/// runs an action hands to it count as well.
const HANDED: &[&str] = &[
    "secrets",
    "contexts",
    "secret_inputs",
    "static_logins",
    "federation",
];

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if thing.entity.kind != Kind::Identity || thing.entity.missing_since.is_some() {
        return Vec::new();
    }
    let is_pipeline = [
        "secrets",
        "contexts",
        "secret_inputs",
        "unpinned_with_token",
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
    let secrets = HANDED.iter().any(|name| !told(thing, name).is_empty());
    let inherits = flag(thing, "secrets_inherited");
    let verdict = beside_pull_request(thing, secrets || inherits)
        .or_else(|| unpinned(thing, secrets || inherits))
        .or_else(|| with_token(thing))
        .or_else(|| {
            inherits.then(|| {
                Verdict::Unknown("it inherits secrets, and no source tells which".to_owned())
            })
        });
    Ruling::of(verdict.unwrap_or(Verdict::Pass))
}

/// The code of a pull request, and what of the repository is within its reach.
fn beside_pull_request(thing: &Thing<'_>, secrets: bool) -> Option<Verdict> {
    if !flag(thing, "checks_out_pull_request") {
        return None;
    }
    if secrets {
        let told = "it runs the code of a pull request where its secrets are";
        return Some(Verdict::Fail(told.to_owned()));
    }
    // Every job has a token of its own; what it may do is the owner's choice.
    match may_write(thing) {
        Told::Is(true) => Some(Verdict::Fail(
            "it runs the code of a pull request where a token that may write is".to_owned(),
        )),
        Told::Absent | Told::CannotTell => Some(Verdict::Unknown(
            "it runs the code of a pull request, and no source tells what its token may do"
                .to_owned(),
        )),
        Told::Is(false) => None,
    }
}

/// Code of others that can change under it, beside its secrets.
fn unpinned(thing: &Thing<'_>, secrets: bool) -> Option<Verdict> {
    if !secrets && !may_federate(thing) {
        return None;
    }
    let kinds = UNPINNED
        .iter()
        .map(|(fact, what)| (told(thing, fact), what))
        .filter(|(unpinned, _)| !unpinned.is_empty());
    let why: Vec<String> = kinds
        .map(|(unpinned, what)| {
            let names = named(&unpinned);
            format!("{what} that it runs are not fixed to one content: {names}")
        })
        .collect();
    (!why.is_empty()).then(|| Verdict::Fail(why.join("; ")))
}

/// Code of others that can change under it and is handed its own token.
fn with_token(thing: &Thing<'_>) -> Option<Verdict> {
    let unpinned = told(thing, "unpinned_with_token");
    if unpinned.is_empty() {
        return None;
    }
    let names = named(&unpinned);
    match may_write(thing) {
        Told::Is(true) => Some(Verdict::Fail(format!(
            "what it hands a token that may write is not fixed to one content: {names}"
        ))),
        Told::Absent | Told::CannotTell => Some(Verdict::Unknown(format!(
            "what it hands its token is not fixed to one content, and no source tells what the \
             token may do: {names}"
        ))),
        Told::Is(false) => None,
    }
}

/// So many are named; the others are counted.
const NAMED_MAX: usize = 5;

fn named(unpinned: &[&str]) -> String {
    let names = unpinned.iter().take(NAMED_MAX).map(|one| model::clean(one));
    let names = names.collect::<Vec<_>>().join(", ");
    match unpinned.len().saturating_sub(NAMED_MAX) {
        0 => names,
        // How many tells one that is new from those that were there before.
        more => format!("{names}, and {more} more"),
    }
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
