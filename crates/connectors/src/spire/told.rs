//! The observations that tell of a trust domain.

mod entries;
mod server;

use model::{
    Attribute, Class, CredentialType, Key, KeyKind, Kind, Observation, Reason, Relation, Scope,
    Secret, Timestamp, Told,
};

use super::Realm;
use super::realm::{THINGS_MAX, part};
use super::said::{Agent, Call, Federation, Id, Selector};
use crate::{Context, Refusal, Stop};

/// The provider, in facts.
const SPIRE: &str = "spire";
/// Selectors, names and domains of one thing that are told.
const LIST_MAX: usize = 64;
/// Where agents have their ids (SPIRE's own convention).
const AGENTS: &str = "/spire/agent/";
/// Where those have theirs that came with a token.
const BY_TOKEN: &str = "/spire/agent/join_token/";

/// Tells all that is known, and what of it could not be read.
pub(crate) fn tell(cx: &mut Context<'_>, realm: &Realm) -> Result<(), Stop> {
    let mut broken = realm.broken.clone();
    for one in server::told(cx, realm, &mut broken) {
        cx.observe(one);
    }
    for (domain, one) in &realm.federations {
        for told in federation(realm, domain, one) {
            cx.observe(told);
        }
    }
    for (uri, one) in &realm.agents {
        for told in agent(cx, realm, uri, one) {
            cx.observe(told);
        }
    }
    for one in entries::told(cx, realm) {
        cx.observe(one);
    }
    for (part, count) in broken {
        let told = format!("{count} things that are not what SPIRE documents");
        cx.gap(&Scope::of(part), &Refusal::new(Reason::Failed, told), None)?;
    }
    if realm.beyond > 0 {
        let told = format!(
            "{} more things than the limit of {THINGS_MAX}",
            realm.beyond
        );
        let beyond = Refusal::new(Reason::Unsupported, told);
        cx.gap(&Scope::whole(), &beyond, None)?;
    }
    Ok(())
}

/// A foreign trust domain, and that its identities are known here.
fn federation(realm: &Realm, domain: &str, one: &Federation) -> Vec<Observation> {
    let scope = Scope::of(part(Call::ListFederationRelationships));
    let id = Id {
        trust_domain: domain.to_owned(),
        path: String::new(),
    };
    let foreign = Observation::new(Kind::Identity, format!("foreign/{domain}"), &scope)
        .is(Attribute::TYPE, "spiffe_trust_domain")
        .is(Attribute::PROVIDER, SPIRE)
        .is(Attribute::NAME, domain)
        .is(Attribute::CLASS, Class::Integration);
    let foreign = match id.uri() {
        Some(uri) => foreign.key(Key::new(KeyKind::SpiffeId, uri)),
        None => foreign,
    };
    let by = match (&one.https_spiffe, &one.https_web) {
        (Some(_), _) => Told::Is("https_spiffe"),
        (None, Some(_)) => Told::Is("https_web"),
        (None, None) => Told::CannotTell,
    };
    let mut grant = Observation::new(Kind::Grant, format!("federation/{domain}"), &scope)
        .is(Attribute::TYPE, "spire_federation")
        .is(Attribute::PROVIDER, SPIRE)
        .is(Attribute::NAME, format!("federation with {domain}"))
        .is(
            Attribute::ENDPOINT,
            model::shorten(&one.bundle_endpoint_url, 512),
        )
        .told(Attribute::named("endpoint_profile"), by)
        .link(Relation::Of, Kind::Identity, format!("foreign/{domain}"));
    if let Some(own) = realm.bundle.as_ref().and_then(|_| realm.domain()) {
        grant = grant.link(Relation::On, Kind::Resource, domain_native(&own));
    }
    vec![foreign, grant]
}

fn domain_native(domain: &str) -> String {
    format!("trust-domain/{domain}")
}

/// An agent, and the certificate that it has now.
fn agent(cx: &Context<'_>, realm: &Realm, uri: &str, one: &Agent) -> Vec<Observation> {
    let scope = Scope::of(part(Call::ListAgents));
    let banned = if one.banned { "disabled" } else { "active" };
    let native = native(uri);
    let told = identity(uri, "spire_agent", &scope)
        .is(Attribute::CLASS, Class::Workload)
        .is(Attribute::STATUS, banned)
        .is(
            Attribute::named("attested_by"),
            model::shorten(&one.attestation_type, 128),
        )
        .is(Attribute::named("can_reattest"), one.can_reattest)
        .is(
            Attribute::named("selectors"),
            selectors(cx, realm, &one.selectors),
        );
    let mut out = vec![told];
    let serial = model::shorten(&one.x509svid_serial_number, 64);
    // A banned agent has no certificate on record.
    if !serial.is_empty() {
        out.push(
            Observation::new(Kind::Credential, format!("svid/{serial}/{native}"), &scope)
                .is(Attribute::TYPE, CredentialType::X509Certificate)
                .is(Attribute::PROVIDER, SPIRE)
                .is(Attribute::NAME, format!("SVID of {uri}"))
                .is(Attribute::SERIAL, serial)
                .is(Attribute::STATUS, banned)
                .is(Attribute::named("renews_itself"), true)
                .told(
                    Attribute::EXPIRES_AT,
                    Told::or_cannot_tell(time(one.x509svid_expires_at)),
                )
                .told::<i64>(Attribute::LAST_USED_AT, Told::CannotTell)
                .link(Relation::Holder, Kind::Identity, native),
        );
    }
    out
}

/// An identity by its SPIFFE id.
fn identity(uri: &str, type_: &'static str, scope: &Scope) -> Observation {
    let told = Observation::new(Kind::Identity, native(uri), scope)
        .is(Attribute::TYPE, type_)
        .is(Attribute::PROVIDER, SPIRE)
        .is(Attribute::NAME, model::shorten(uri, 512));
    if uri.len() <= 512 {
        told.key(Key::new(KeyKind::SpiffeId, uri))
    } else {
        told
    }
}

/// Names an identity: by its id, or by the hash of one that is longer than a name may be.
fn native(uri: &str) -> String {
    if uri.len() <= 900 {
        return uri.to_owned();
    }
    let hash = crate::public_key::sha256(uri.as_bytes());
    format!("sha256/{}", crate::public_key::hex(&hash))
}

/// `unix:uid:1000`, sorted, each once.
fn selectors(cx: &Context<'_>, realm: &Realm, all: &[Selector]) -> Vec<String> {
    let value = |one: &Selector| match Id::of(&one.value) {
        // Nodes that share a name are told by the ids of their agents.
        Some(id) => masked(cx, realm, &id).unwrap_or_default(),
        None => one.value.clone(),
    };
    let mut out: Vec<_> = all
        .iter()
        .map(|one| model::shorten(&format!("{}:{}", one.type_, value(one)), 256))
        .collect();
    out.sort();
    out.dedup();
    out.truncate(LIST_MAX);
    out
}

/// A moment in seconds since 1970; 0 says nothing.
fn time(seconds: i64) -> Option<Timestamp> {
    // Beyond the year 9999 nothing can be written.
    (1..=253_402_300_799)
        .contains(&seconds)
        .then(|| Timestamp::from_seconds(seconds))
}

/// An id as it may be told. The token with which a node may still join stands in the id that its
/// agent will have: until that agent is there, it is a secret.
fn masked(cx: &Context<'_>, realm: &Realm, id: &Id) -> Option<String> {
    let uri = id.uri()?;
    match id.path.strip_prefix(BY_TOKEN) {
        Some(token) if !realm.agents.contains_key(&uri) => {
            let print = cx.fingerprint(&Secret::new(token.as_bytes().to_vec()));
            let domain = &id.trust_domain;
            let short = print.short();
            Some(format!("spiffe://{domain}{BY_TOKEN}fingerprint-{short}"))
        }
        _ => Some(uri),
    }
}
