//! A pipeline that logs in with a stored secret where it could use a token of its own.
//!
//! The stored secret is there for whoever gets into the pipeline, and for years. Clouds take the
//! token that the pipeline is given for one run (OpenID Connect): nothing is stored, and nothing
//! is to be rotated.

use model::{Attribute, Kind, Severity, Told, Value};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "static-login",
    title: "a pipeline logs in with a stored secret where a token of its own would do",
    owasp: "NHI4",
    severity: Severity::Medium,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if thing.entity.kind != Kind::Identity || thing.entity.missing_since.is_some() {
        return Vec::new();
    }
    let told = |name: &'static str| match thing.entity.fact(&Attribute::named(name)) {
        Told::Is(Value::List(list)) => list.iter().map(|one| model::clean(one)).collect(),
        Told::Is(Value::Text(text)) => vec![model::clean(text)],
        Told::Is(_) | Told::Absent | Told::CannotTell => Vec::<String>::new(),
    };
    let stored = told("static_logins");
    if !stored.is_empty() {
        return Ruling::fail(format!(
            "it logs in to {} with a stored secret",
            stored.join(", ")
        ));
    }
    if !told("federation").is_empty() {
        return Ruling::pass();
    }
    // Workloads elsewhere list the secrets they are given as well; only pipelines run on something.
    let in_pipeline = thing
        .entity
        .facts
        .contains_key(&Attribute::named("runs_on"))
        || thing
            .entity
            .facts
            .contains_key(&Attribute::named("triggers"));
    if in_pipeline && !told("secrets").is_empty() {
        return Ruling::unknown("it is handed secrets, and no source tells what they open");
    }
    Vec::new()
}
