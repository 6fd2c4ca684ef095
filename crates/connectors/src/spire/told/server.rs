//! The server itself: its trust domain, and what it signs with.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, Class, CredentialType, Kind, Observation, Relation, Scope, Told};

use super::{SPIRE, domain_native, identity, time};
use crate::Context;
use crate::formats::x509::certificate;
use crate::public_key::PublicKey;
use crate::spire::realm::{Realm, part};
use crate::spire::said::{Authority, Bundle, Call, Id, JwtKey};

/// The server as an identity, the trust domain that it signs for, and the keys it signs with.
pub(super) fn told(
    cx: &mut Context<'_>,
    realm: &Realm,
    broken: &mut BTreeMap<&'static str, usize>,
) -> Vec<Observation> {
    let known = realm.bundle.is_some() || !realm.x509.is_empty() || !realm.jwt.is_empty();
    let named = realm.domain().map(|trust_domain| Id {
        trust_domain,
        path: String::new(),
    });
    let Some(domain) = named.filter(|id| known && id.uri().is_some()) else {
        return Vec::new();
    };
    let domain = domain.trust_domain;
    let scope = Scope::of(part(Call::GetBundle));
    let uri = format!("spiffe://{domain}/spire/server");
    let mut out = vec![
        Observation::new(Kind::Resource, domain_native(&domain), &scope)
            .is(Attribute::TYPE, "spiffe_trust_domain")
            .is(Attribute::PROVIDER, SPIRE)
            .is(Attribute::NAME, domain.as_str()),
        identity(&uri, "spire_server", &scope).is(Attribute::CLASS, Class::Workload),
    ];
    if let Some(bundle) = &realm.bundle {
        anchors(cx, bundle, broken);
        for one in &bundle.jwt_authorities {
            match jwt_key(one, &uri, &scope) {
                Some(told) => out.push(told),
                None => *broken.entry(part(Call::GetBundle)).or_default() += 1,
            }
        }
    }
    out.extend(
        realm
            .x509
            .iter()
            .map(|(state, one)| signer(state, one, &uri)),
    );
    // A key may stand in the bundle and among the authorities: its state is told of it then.
    for (state, one) in &realm.jwt {
        let native = jwt_native(&one.authority_id);
        match out.iter_mut().find(|told| told.native == native) {
            Some(told) => {
                let named = Attribute::named("authority_state");
                *told = told.clone().is(named, *state);
            }
            None if realm.bundle.is_none() => out.push(jwt_signer(state, one, &uri)),
            None => {}
        }
    }
    let mut met = BTreeSet::new();
    out.retain(|one| met.insert((one.kind, one.native.clone())));
    out
}

/// Roots are counted and set aside: they let nobody in.
fn anchors(cx: &mut Context<'_>, bundle: &Bundle, broken: &mut BTreeMap<&'static str, usize>) {
    for root in &bundle.x509_authorities {
        let bytes = STANDARD.decode(&root.asn1).ok();
        match bytes.and_then(|bytes| certificate(&bytes)) {
            Some(_) => cx.set_aside("trust anchor"),
            None => *broken.entry(part(Call::GetBundle)).or_default() += 1,
        }
    }
}

/// The certificate with which the server signs X.509-SVIDs.
fn signer(state: &'static str, one: &Authority, server: &str) -> Observation {
    let scope = Scope::of(part(Call::GetX509AuthorityState));
    let native = format!("x509-authority/{}", one.authority_id);
    let above = one.upstream_authority_subject_key_id.as_deref();
    let told = Observation::new(Kind::Credential, native, &scope)
        .is(Attribute::TYPE, CredentialType::X509Certificate)
        .is(
            Attribute::NAME,
            format!("X.509 authority {}", one.authority_id),
        );
    let told = signs(told, state, one.expires_at, server);
    match above.filter(|id| !id.is_empty()) {
        Some(id) => told.is(
            Attribute::named("upstream_authority"),
            model::shorten(id, 128),
        ),
        None => told,
    }
}

fn jwt_native(kid: &str) -> String {
    format!("jwt-authority/{kid}")
}

fn jwt_signer(state: &'static str, one: &Authority, server: &str) -> Observation {
    let scope = Scope::of(part(Call::GetJwtAuthorityState));
    let told = Observation::new(Kind::Credential, jwt_native(&one.authority_id), &scope)
        .is(Attribute::TYPE, CredentialType::PrivateKey)
        .is(
            Attribute::NAME,
            format!("JWT authority {}", one.authority_id),
        );
    signs(told, state, one.expires_at, server)
}

/// The key with which the server signs JWT-SVIDs: its public half is its hard key, so a private
/// key that lies in a file is known to be it.
fn jwt_key(one: &JwtKey, server: &str, scope: &Scope) -> Option<Observation> {
    let public = STANDARD.decode(&one.public_key).ok()?;
    let public = PublicKey::from_spki(&public);
    let spki = public.spki_key()?;
    if !(1..=255).contains(&one.key_id.len()) {
        return None;
    }
    let state = if one.tainted { "tainted" } else { "published" };
    let told = Observation::new(Kind::Credential, jwt_native(&one.key_id), scope)
        .key(spki)
        .is(Attribute::TYPE, CredentialType::PrivateKey)
        .is(Attribute::NAME, format!("JWT authority {}", one.key_id))
        .is(Attribute::ALGORITHM, public.algorithm.as_str());
    Some(signs(told, state, one.expires_at, server))
}

/// `told` as something that the server signs with and puts another in its place in time.
fn signs(told: Observation, state: &str, ends: i64, server: &str) -> Observation {
    let status = match state {
        "old" | "tainted" => "inactive",
        _ => "active",
    };
    told.is(Attribute::PROVIDER, SPIRE)
        .is(Attribute::PURPOSE, "signs the identities of a trust domain")
        .is(Attribute::named("authority_state"), state)
        .is(Attribute::STATUS, status)
        .is(Attribute::named("renews_itself"), true)
        .told(Attribute::EXPIRES_AT, Told::or_cannot_tell(time(ends)))
        .told::<i64>(Attribute::LAST_USED_AT, Told::CannotTell)
        .link(Relation::Holder, Kind::Identity, server)
}
