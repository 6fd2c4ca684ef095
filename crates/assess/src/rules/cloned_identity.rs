//! An identity that was cloned from one environment into another.
//!
//! Where both may do the same, or whoever may become the one may become the other, getting into
//! the less guarded environment is getting into the other. Give each its own rights, and let each
//! trust only what belongs to its own environment.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Entity, Kind, Severity, Told, Value as Fact};
use serde_json::Value;

use super::trust_too_wide::is_open;
use crate::environments::rank;
use crate::{Ground, Rule, Ruling, Thing, Twin};

pub(super) const RULE: Rule = Rule {
    id: "cloned-identity",
    title: "an identity is cloned across environments",
    owasp: "NHI8",
    severity: Severity::Medium,
    next: "keyroll get {id}",
    check,
};

/// Rights and trusts that a finding names.
const NAMED_MAX: usize = 3;

/// One finding for a pair: of the one in the less guarded environment.
fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if thing.entity.kind != Kind::Identity || thing.entity.missing_since.is_some() {
        return Vec::new();
    }
    let guarded =
        |twin: &&Twin| (rank(&twin.environment), &twin.environment) < (rank(&twin.own), &twin.own);
    let mut unknown = None;
    let mut twins = thing.twins.iter().filter(guarded).peekable();
    if twins.peek().is_none() {
        return Vec::new();
    }
    for twin in twins {
        match compared(thing.entity, &twin.entity) {
            Some(Same::Nothing) => {}
            Some(Same::Trust(whom)) => {
                return Ruling::fail(format!(
                    "{} may take it on in {}, and {} in {}",
                    named(&whom),
                    twin.own,
                    model::clean(twin.entity.name()),
                    twin.environment
                ));
            }
            Some(Same::Rights(rights)) => {
                return Ruling::fail(format!(
                    "in {}, it has all rights of {} in {}: {}",
                    twin.own,
                    model::clean(twin.entity.name()),
                    twin.environment,
                    named(&rights)
                ));
            }
            None => unknown = unknown.or(Some(twin)),
        }
    }
    match unknown {
        None => Ruling::pass(),
        Some(twin) => Ruling::unknown(format!(
            "{} in {} bears its name, and no source tells what both may do",
            model::clean(twin.entity.name()),
            twin.environment
        )),
    }
}

/// What two identities have in common.
enum Same {
    /// These may take on both.
    Trust(BTreeSet<String>),
    /// Both have these rights and no others.
    Rights(BTreeSet<String>),
    Nothing,
}

/// What both have in common; `None`: nobody tells of rights or trust of both.
fn compared(one: &Entity, other: &Entity) -> Option<Same> {
    let trusted = (trusts(one), trusts(other));
    let may = (rights(one), rights(other));
    if let (Some(one), Some(other)) = &trusted {
        let both: BTreeSet<String> = one
            .iter()
            .filter(|(whom, _)| other.contains_key(*whom))
            .map(|(_, name)| name.clone())
            .collect();
        if !both.is_empty() {
            return Some(Same::Trust(both));
        }
    }
    match (trusted, may) {
        (_, (Some(one), Some(other))) if !one.is_empty() && one == other => Some(Same::Rights(one)),
        ((Some(_), Some(_)), _) | (_, (Some(_), Some(_))) => Some(Same::Nothing),
        _ => None,
    }
}

/// The rights that sources tell of an identity itself.
fn rights(one: &Entity) -> Option<BTreeSet<String>> {
    match one.fact(&Attribute::RIGHTS) {
        Told::Is(Fact::List(rights)) => Some(rights.iter().cloned().collect()),
        Told::Is(Fact::Text(right)) => Some(BTreeSet::from([right.clone()])),
        Told::Absent => Some(BTreeSet::new()),
        _ => None,
    }
}

/// Who may take it on from outside, with what a person calls them: what tells two of them apart,
/// and their names. Services of the provider itself are of no environment.
fn trusts(one: &Entity) -> Option<BTreeMap<String, String>> {
    // Of what is filled in later nobody can say that it is the same.
    let document = one.text(&Attribute::POLICY);
    let document = document.filter(|text| !is_open(text));
    let document = document.and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(document) = document.filter(|one| one.get("Statement").is_some()) {
        return Some(in_document(&document));
    }
    let Told::Is(Fact::List(names)) = one.fact(&Attribute::TRUSTS) else {
        return None;
    };
    let outside = names.iter().filter(|name| !is_service(name));
    Some(outside.map(|name| (name.clone(), name.clone())).collect())
}

/// Who a trust policy of AWS lets in, and under which conditions: two accounts have each their
/// own record of one issuer of tokens, so of that only its host counts.
fn in_document(document: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let allows = |one: &&Value| one.get("Effect").and_then(Value::as_str) == Some("Allow");
    for statement in several(&document["Statement"]).into_iter().filter(allows) {
        let condition = &statement["Condition"];
        let principal = &statement["Principal"];
        let mut whom: Vec<&str> = principal.as_str().into_iter().collect();
        for kind in ["AWS", "Federated"] {
            whom.extend(
                several(&principal[kind])
                    .into_iter()
                    .filter_map(Value::as_str),
            );
        }
        for one in whom.into_iter().filter(|one| !is_service(one)) {
            let host = ["oidc-provider/", "saml-provider/"]
                .iter()
                .find_map(|kind| one.split_once(kind));
            let name = host.map_or(one, |(_, host)| host);
            let subject = subject(condition).map(|subject| format!("{subject} of {name}"));
            let told = subject.unwrap_or_else(|| name.to_owned());
            found.insert(format!("{name} {condition}"), told);
        }
    }
    found
}

/// Whose tokens are taken, in the words of the condition.
fn subject(condition: &Value) -> Option<String> {
    let tests = condition.as_object()?.values().filter_map(Value::as_object);
    let mut fields = tests.flatten();
    let (_, subject) = fields.find(|(field, _)| field.ends_with(":sub"))?;
    several(subject).first()?.as_str().map(str::to_owned)
}

fn several(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// Whether it is a service of a provider, such as `lambda.amazonaws.com`.
fn is_service(name: &str) -> bool {
    !name.contains(':') && (name.ends_with(".amazonaws.com") || name.ends_with(".googleapis.com"))
}

fn named(all: &BTreeSet<String>) -> String {
    let first: Vec<_> = all
        .iter()
        .take(NAMED_MAX)
        .map(|one| format!("`{}`", model::shorten(&model::clean(one), 80)))
        .collect();
    let more = if all.len() > NAMED_MAX { ", …" } else { "" };
    format!("{}{more}", first.join(", "))
}
