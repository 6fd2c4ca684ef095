//! The default account of a namespace with rights of its own.
//!
//! Whatever names no account runs as this one, so each right that it has goes to workloads that
//! nobody thought of (CIS Kubernetes Benchmark, 5.1.5). Give the workload that needs them an
//! account of its own.

use model::{Severity, Told};

use super::cluster;
use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "default-account",
    title: "a default service account is given rights",
    owasp: "NHI9",
    severity: Severity::Medium,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if !cluster::is_account(thing) || thing.entity.name() != "default" {
        return Vec::new();
    }
    match cluster::told(thing.entity, "bindings") {
        // Manifests tell of no bindings: nobody asked them.
        None => Vec::new(),
        Some(Told::Is(list)) => Ruling::fail(format!(
            "whatever names no account of its own gets {}",
            cluster::first(list)
        )),
        Some(Told::Absent) => Ruling::pass(),
        Some(Told::CannotTell) => Ruling::unknown("not all bindings of its cluster are known"),
    }
}
