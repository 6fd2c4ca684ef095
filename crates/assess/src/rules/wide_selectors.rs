//! An identity of SPIRE that is given to more than the one workload it is meant for.
//!
//! An agent hands an identity to every process that shows all selectors of an entry. Being root of
//! a machine, or lying in a namespace of Kubernetes, is shown by many: name the service account,
//! the image or the path of the program beside it.

use model::{Attribute, Kind, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

/// What root shows, whatever it runs.
const OF_ROOT: &[&str] = &[
    "unix:uid:0",
    "unix:user:root",
    "unix:gid:0",
    "unix:group:root",
];
/// What everything in a namespace, in a cluster or on a node shows.
const OF_PLACES: &[&str] = &["k8s:ns:", "k8s:node-name:", "k8s:pod-owner:Node:"];

pub(super) const RULE: Rule = Rule {
    id: "wide-selectors",
    title: "an identity is given to whoever runs in some place",
    owasp: "NHI5",
    severity: Severity::High,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let here = thing.entity.kind == Kind::Grant && thing.entity.missing_since.is_none();
    if !here || thing.type_() != "spire_entry" {
        return Vec::new();
    }
    let Told::Is(selectors) = thing.entity.fact(&Attribute::named("selectors")) else {
        return Ruling::unknown("no source tells what has to be shown");
    };
    let all = selectors.list().unwrap_or_default();
    let wide = |one: &String| {
        OF_ROOT.contains(&one.as_str()) || OF_PLACES.iter().any(|place| one.starts_with(place))
    };
    if all.is_empty() || !all.iter().all(wide) {
        return Ruling::pass();
    }
    let shown: Vec<_> = all.iter().take(4).map(|one| model::clean(one)).collect();
    Ruling::fail(format!("whoever shows {} is given it", shown.join(" and ")))
}
