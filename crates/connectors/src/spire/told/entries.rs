//! Registration entries: who is given which identity, and the identities that are given.

use std::collections::BTreeMap;

use model::{Attribute, Class, Kind, Observation, Relation, Scope, Told};

use super::{
    AGENTS, BY_TOKEN, LIST_MAX, SPIRE, domain_native, identity, masked, native, selectors, time,
};
use crate::Context;
use crate::spire::realm::{Realm, part};
use crate::spire::said::{Call, Entry, Selector};

/// Agents that an identity is told to trust: more say nothing new.
const TRUSTED_MAX: usize = 64;

/// All entries, and the identities that they give.
pub(super) fn told(cx: &Context<'_>, realm: &Realm) -> Vec<Observation> {
    let mut given = BTreeMap::<String, Vec<&Entry>>::new();
    let mut out = Vec::new();
    for entry in realm.entries.values() {
        if let Some(uri) = masked(cx, realm, &entry.spiffe_id) {
            out.push(told_entry(cx, realm, entry, &uri));
            given.entry(uri).or_default().push(entry);
        }
    }
    for (uri, entries) in given {
        // An agent may be given a second name, never its own.
        if !realm.agents.contains_key(&uri) {
            out.push(told_identity(realm, &uri, &entries));
        }
    }
    out
}

fn scope() -> Scope {
    Scope::of(part(Call::ListEntries))
}

fn told_entry(cx: &Context<'_>, realm: &Realm, entry: &Entry, uri: &str) -> Observation {
    let shown = selectors(cx, realm, &entry.selectors);
    let name = format!("{} for {}", shown.join(" and "), uri);
    let below = masked(cx, realm, &entry.parent_id);
    let mut told = Observation::new(Kind::Grant, format!("entry/{}", entry.id), &scope())
        .is(Attribute::TYPE, "spire_entry")
        .is(Attribute::PROVIDER, SPIRE)
        .is(Attribute::NAME, model::shorten(&name, 300))
        .is(Attribute::named("selectors"), shown)
        .is(Attribute::named("store_svid"), entry.store_svid)
        .told(Attribute::named("parent"), Told::or_cannot_tell(below))
        .told(Attribute::named("parent_state"), parent_state(realm, entry))
        .told(
            Attribute::named("x509_svid_seconds"),
            lives(entry.x509_svid_ttl),
        )
        .told(
            Attribute::named("jwt_svid_seconds"),
            lives(entry.jwt_svid_ttl),
        )
        .told(
            Attribute::CREATED_AT,
            Told::or_cannot_tell(time(entry.created_at)),
        )
        // 0 says that it never ends.
        .told(
            Attribute::EXPIRES_AT,
            Told::or_absent(time(entry.expires_at)),
        )
        .told(Attribute::PRIVILEGE, Told::or_absent(privilege(entry)))
        .link(Relation::Of, Kind::Identity, native(uri));
    for (name, all) in [
        ("federates_with", &entry.federates_with),
        ("dns_names", &entry.dns_names),
    ] {
        if !all.is_empty() {
            let some = all
                .iter()
                .take(LIST_MAX)
                .map(|one| model::shorten(one, 256));
            told = told.is(Attribute::named(name), some.collect::<Vec<_>>());
        }
    }
    if !entry.hint.is_empty() {
        told = told.is(Attribute::named("hint"), model::shorten(&entry.hint, 256));
    }
    match realm.bundle.as_ref().and_then(|_| realm.domain()) {
        Some(domain) if entry.admin || entry.downstream => {
            told.link(Relation::On, Kind::Resource, domain_native(&domain))
        }
        _ => told,
    }
}

/// What an entry lets its bearer do at the server itself.
fn privilege(entry: &Entry) -> Option<&'static str> {
    match (entry.admin, entry.downstream) {
        (true, _) => Some("admin"),
        (false, true) => Some("downstream"),
        (false, false) => None,
    }
}

/// Seconds; 0 leaves it to the server, which does not tell.
fn lives(seconds: i32) -> Told<i64> {
    Told::or_cannot_tell((seconds > 0).then_some(i64::from(seconds)))
}

/// Whether the agent that hands an identity out is there: `present`, `banned`, `gone`, `awaited`
/// (one that joins with a token, and has not or no longer); absent where the parent is a name for
/// nodes.
fn parent_state(realm: &Realm, entry: &Entry) -> Told<&'static str> {
    let Some(uri) = entry.parent_id.uri() else {
        return Told::CannotTell;
    };
    match realm.agents.get(&uri) {
        Some(agent) if agent.banned => Told::Is("banned"),
        Some(_) => Told::Is("present"),
        None if !entry.parent_id.path.starts_with(AGENTS) => Told::Absent,
        // Whether a token was ever used, nobody keeps.
        None if entry.parent_id.path.starts_with(BY_TOKEN)
            && realm.met.contains(&Call::ListAgents) =>
        {
            Told::Is("awaited")
        }
        // Only who has read all agents knows that one is not there.
        None if realm.met.contains(&Call::ListAgents) => Told::Is("gone"),
        None => Told::CannotTell,
    }
}

fn told_identity(realm: &Realm, uri: &str, entries: &[&Entry]) -> Observation {
    // Whoever is told by the id of an agent is a node, which hands out identities of its own.
    let of_nodes = |entry: &&Entry| {
        let mut all = entry.selectors.iter();
        entry.parent_id.path == "/spire/server" || all.any(|one| one.type_ == "spiffe_id")
    };
    let type_ = if entries.iter().all(of_nodes) {
        "spiffe_node"
    } else {
        "spiffe_workload"
    };
    let privileges = entries.iter().filter_map(|entry| privilege(entry));
    let ends = entries.iter().map(|entry| time(entry.expires_at));
    let ends = ends.collect::<Option<Vec<_>>>();
    let mut told = identity(uri, type_, &scope())
        .is(Attribute::CLASS, Class::Workload)
        .told(
            Attribute::CREATED_AT,
            Told::or_cannot_tell(entries.iter().filter_map(|one| time(one.created_at)).min()),
        )
        // It lives as long as one of its entries.
        .told(
            Attribute::EXPIRES_AT,
            Told::or_absent(ends.and_then(|ends| ends.into_iter().max())),
        )
        .told(Attribute::PRIVILEGE, Told::or_absent(privileges.min()))
        .told::<i64>(Attribute::LAST_USED_AT, Told::CannotTell);
    let accounts = entries.iter().filter_map(|entry| account(&entry.selectors));
    let accounts: std::collections::BTreeSet<_> = accounts.collect();
    // Tokens of that account name it so; which cluster it is in, no selector says.
    if let (1, Some((namespace, name))) = (accounts.len(), accounts.first()) {
        let subject = format!("system:serviceaccount:{namespace}:{name}");
        told = told.hint("jwt_subject", model::shorten(&subject, 256));
    }
    let mut parents: Vec<_> = entries
        .iter()
        .filter_map(|one| one.parent_id.uri())
        .collect();
    parents.sort();
    parents.dedup();
    parents.retain(|uri| realm.agents.contains_key(uri));
    for uri in parents.into_iter().take(TRUSTED_MAX) {
        told = told.link(Relation::Trusts, Kind::Identity, native(&uri));
    }
    told
}

/// The service account of Kubernetes that an entry is for.
fn account(all: &[Selector]) -> Option<(&str, &str)> {
    let value = |begin: &str| {
        let kubernetes = all.iter().filter(|one| one.type_ == "k8s");
        kubernetes
            .filter_map(|one| one.value.strip_prefix(begin))
            .next()
    };
    Some((value("ns:")?, value("sa:")?))
}
