//! A token of a cluster mounted where nothing it opens is needed.
//!
//! A server mounts one into each pod unless the pod or its account says otherwise. Where the account
//! is bound to nothing, the workload does not ask the cluster for anything, and the token only
//! serves whoever gets in (CIS Kubernetes Benchmark, 5.1.6). Set `automountServiceAccountToken:
//! false`.

use model::{Attribute, Severity};

use super::cluster;
use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "token-mounted",
    title: "a workload is handed a token that it has no use for",
    owasp: "NHI5",
    severity: Severity::Low,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if !cluster::is_workload(thing) {
        return Vec::new();
    }
    let rights = thing.entity.text(&Attribute::named("account_rights"));
    match (cluster::flag(thing.entity, "token_mounted"), rights) {
        // A manifest alone does not tell what its account says.
        (None, _) => Vec::new(),
        (Some(false), _) => Ruling::pass(),
        (Some(true), Some("none")) => Ruling::fail(format!(
            "the token of `{}` is mounted into it, and that account is bound to nothing",
            model::clean(
                thing
                    .entity
                    .text(&Attribute::named("service_account"))
                    .unwrap_or("default")
            )
        )),
        (Some(true), Some(_)) => Ruling::pass(),
        (Some(true), None) => Ruling::unknown("not all bindings of its account are known"),
    }
}
