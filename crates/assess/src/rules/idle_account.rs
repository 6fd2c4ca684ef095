//! A service account that nothing runs as.
//!
//! What it may do waits for whoever may run something in its namespace, and nobody would notice.
//! Where something outside of the cluster uses it, say so by an owner; else remove it with its
//! bindings and tokens.

use model::{Attribute, Severity, Told};

use super::cluster;
use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "idle-account",
    title: "nothing runs as a service account",
    owasp: "NHI1",
    severity: Severity::Low,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    // Each namespace has one called `default`, and cannot be without.
    if !cluster::is_account(thing) || thing.entity.name() == "default" {
        return Vec::new();
    }
    // The server's own controllers run outside of pods.
    if cluster::flag(thing.entity, "control_plane") == Some(true) {
        return Vec::new();
    }
    match cluster::told(thing.entity, "workloads") {
        // Manifests tell of no workloads: nobody asked them.
        None => Vec::new(),
        Some(Told::Is(_)) => Ruling::pass(),
        Some(Told::Absent) => Ruling::fail(idle(thing)),
        Some(Told::CannotTell) => Ruling::unknown("not all that runs in its cluster is known"),
    }
}

fn idle(thing: &Thing<'_>) -> String {
    let bound = cluster::told(thing.entity, "bindings").and_then(|told| told.is().copied());
    let cloud = thing.entity.text(&Attribute::named("federation"));
    let mut has: Vec<String> = bound.map(cluster::first).into_iter().collect();
    has.extend(cloud.map(|cloud| format!("the rights of {}", model::clean(cloud))));
    match has.is_empty() {
        true => "no pod and no workload uses it".to_owned(),
        false => format!(
            "no pod and no workload uses it, and it has {}",
            has.join(" and ")
        ),
    }
}
