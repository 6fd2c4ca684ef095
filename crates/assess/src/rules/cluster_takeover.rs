//! An account of a cluster that may take over the whole of it.
//!
//! Who may do everything is one; so is who may read all secrets, run something anywhere, make
//! tokens, act as others or give rights: each leads to the others (Kubernetes, "Role Based Access
//! Control Good Practices"). A workload with the token of such an account mounted is as good.
//! Bind roles in the namespaces that need them, and name what is needed.

use model::{Attribute, Severity, Told};

use super::cluster;
use crate::{Ground, Rule, Ruling, Thing};

/// Groups that everybody is in who comes with any credential, or with none.
const EVERYBODY: &[&str] = &[
    "system:authenticated",
    "system:unauthenticated",
    "system:anonymous",
    "system:serviceaccounts",
];

pub(super) const RULE: Rule = Rule {
    id: "cluster-takeover",
    title: "it may take over a whole cluster",
    owasp: "NHI5",
    severity: Severity::High,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if cluster::is_workload(thing) {
        return workload(thing);
    }
    if !cluster::is_subject(thing) {
        return Vec::new();
    }
    if let Some(Told::Is(word)) = cluster::told(thing.entity, "cluster_privilege") {
        return Ruling::fail(format!(
            "it is let in as {}",
            model::clean(&word.to_string())
        ));
    }
    // Manifests tell of no bindings: nobody asked them.
    let Some(privilege) = cluster::told(thing.entity, Attribute::PRIVILEGE.as_str()) else {
        return Vec::new();
    };
    let own = matches!(cluster::told(thing.entity, "bindings"), Some(Told::Is(_)));
    // What the cluster binds itself is how it works.
    if cluster::flag(thing.entity, "control_plane") == Some(true) && !own {
        return Ruling::pass();
    }
    match privilege {
        Told::Is(_) => Ruling::fail(why(thing)),
        Told::Absent => Ruling::pass(),
        Told::CannotTell => Ruling::unknown(
            "not all roles and bindings of its cluster are known; `keyroll gaps` lists what was refused",
        ),
    }
}

fn why(thing: &Thing<'_>) -> String {
    let list = |name: &str| match cluster::told(thing.entity, name) {
        Some(Told::Is(list)) => cluster::first(list),
        _ => String::new(),
    };
    let who = match EVERYBODY.contains(&thing.entity.name()) {
        true => "everybody has",
        false => "it has",
    };
    format!(
        "{who} {}, by {}",
        list("sensitive_rights"),
        list("bindings")
    )
}

/// Whether a workload bears the token of such an account.
fn workload(thing: &Thing<'_>) -> Vec<Ruling> {
    let rights = cluster::told(thing.entity, "account_rights");
    let rights = rights.and_then(|told| told.is()?.text());
    match (cluster::flag(thing.entity, "token_mounted"), rights) {
        (Some(true), Some("admin" | "takeover")) => Ruling::fail(format!(
            "the token of `{}` is mounted into it: whoever gets in has that account's rights",
            model::clean(
                thing
                    .entity
                    .text(&Attribute::named("service_account"))
                    .unwrap_or("default")
            )
        )),
        (Some(true), None) => Ruling::unknown("not all bindings of its account are known"),
        (Some(_), _) => Ruling::pass(),
        // Of manifests nobody knows what they will be bound to.
        (None, _) => Vec::new(),
    }
}
