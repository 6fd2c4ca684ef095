//! Rights for an account that is not there, and workloads that want one.
//!
//! Whoever may make an account of that name has those rights at once; a workload that names it
//! waits for the same. Remove the binding, or make the account on purpose.

use model::{Kind, Severity, Told};

use super::cluster;
use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "dangling-account",
    title: "an account that is named is not there",
    owasp: "NHI1",
    severity: Severity::Medium,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if cluster::is_workload(thing) {
        return match cluster::flag(thing.entity, "account_missing") {
            Some(true) => Ruling::fail("it runs as an account that its namespace does not have"),
            Some(false) => Ruling::pass(),
            // A manifest alone tells of no cluster.
            None if cluster::told(thing.entity, "token_mounted").is_none() => Vec::new(),
            None => Ruling::unknown("the accounts of its namespace are not known"),
        };
    }
    let binding = matches!(
        thing.type_(),
        "kubernetes_role_binding" | "kubernetes_cluster_role_binding"
    );
    if thing.entity.kind != Kind::Grant || !binding || thing.entity.missing_since.is_some() {
        return Vec::new();
    }
    match cluster::told(thing.entity, "dangling") {
        Some(Told::Is(list)) => Ruling::fail(format!(
            "it binds {}: whoever makes such an account has its rights",
            cluster::first(list)
        )),
        Some(Told::Absent) => Ruling::pass(),
        Some(Told::CannotTell) => Ruling::unknown("not all accounts that it binds are known"),
        None => Vec::new(),
    }
}
