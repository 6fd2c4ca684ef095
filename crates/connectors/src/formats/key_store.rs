//! Key stores: PKCS #12 (RFC 7292), Java's JKS and JCEKS.
//!
//! A store is a resource of type `key_store` with the facts `form` (`pkcs12`, `jks`, `jceks`),
//! `integrity` (how it is sealed), `iterations`, `opens_with` (`an empty password`, `a password
//! that everybody knows`) and `entries` (how many keys, certificates and secrets, as far as that
//! can be told). Certificates bear the fact `alias`.
//!
//! What needs a password is tried with the empty one and those that manuals print.

mod java;
mod legacy;
mod password;
mod pkcs12;

use model::{Attribute, Kind, Secret, Told};

use super::{Certificate, FileAt, Format, FormatSpec, PrivateKey, Seen, Thing, private_key};

pub(super) struct KeyStore;

impl Format for KeyStore {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "key_store",
            reads: "keys and certificates in PKCS #12 and Java key stores, as far as they open without their password or with a well-known one",
            places: &[
                "*.p12",
                "*.pfx",
                "*.jks",
                "*.jceks",
                "*.keystore",
                "*.truststore",
            ],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        let Some((_, end)) = name.rsplit_once('.') else {
            return false;
        };
        ["p12", "pfx", "jks", "jceks", "keystore", "truststore"]
            .iter()
            .any(|one| end.eq_ignore_ascii_case(one))
    }

    fn holds_something(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if file.bytes.is_empty() {
            return seen.broken("an empty file, where a key store was expected");
        }
        let store = match file.bytes.first_chunk::<4>() {
            Some([0xfe, 0xed, 0xfe, 0xed]) => java::read("jks", file.bytes, seen),
            Some([0xce, 0xce, 0xce, 0xce]) => java::read("jceks", file.bytes, seen),
            _ => pkcs12::read(file.bytes, seen),
        };
        match store {
            Some(store) => store.tell(seen),
            None => {
                seen.broken("expected a key store in PKCS #12, JKS or JCEKS, got something else")
            }
        }
    }
}

/// What is known of a store.
struct Store {
    form: &'static str,
    integrity: String,
    iterations: Option<i64>,
    /// Which known password opened it; [`Told::Absent`] where none of them does.
    opens_with: Told<&'static str>,
    keys: u32,
    certificates: u32,
    secrets: u32,
    /// Whether all of it could be counted.
    whole: bool,
}

impl Store {
    fn new(form: &'static str) -> Self {
        Self {
            form,
            integrity: String::new(),
            iterations: None,
            opens_with: Told::CannotTell,
            keys: 0,
            certificates: 0,
            secrets: 0,
            whole: true,
        }
    }

    fn tell(self, seen: &mut Seen) {
        let entries = vec![
            format!("{} keys", self.keys),
            format!("{} certificates", self.certificates),
            format!("{} secrets", self.secrets),
        ];
        let mut thing = Thing::new(Kind::Resource, "key store", "key_store")
            .is(Attribute::named("form"), self.form)
            .is(Attribute::named("integrity"), self.integrity)
            .maybe(Attribute::named("iterations"), self.iterations)
            .with(|told| told.told(Attribute::named("opens_with"), self.opens_with));
        if self.whole {
            thing = thing.is(Attribute::named("entries"), entries);
        }
        seen.thing(thing);
    }
}

/// A private key as the store holds it, and opened where that could be done.
fn key(
    alias: &str,
    form: &'static str,
    sealed: &[u8],
    opened: Option<&[u8]>,
    leaf: Option<&Certificate>,
) -> PrivateKey {
    let inside = opened.and_then(private_key::plain);
    let algorithm = inside.as_ref().and_then(|key| key.algorithm.clone());
    let public = inside
        .and_then(|key| key.public)
        .or_else(|| leaf.map(|leaf| leaf.key.clone()));
    PrivateKey {
        field: format!("key {}", model::shorten(alias, 80)),
        line: None,
        body: Secret::new(sealed.to_vec()),
        form,
        // A password that everybody knows protects nothing.
        encrypted: Told::Is(opened.is_none()),
        algorithm: algorithm.or_else(|| leaf.map(|leaf| leaf.key.algorithm.clone())),
        public,
        comment: None,
        allowed: false,
    }
}

/// Keeps a certificate under its alias.
fn keep(mut one: Certificate, alias: &str, seen: &mut Seen) {
    if !alias.is_empty() {
        let alias = model::shorten(alias, 80);
        one.told = one.told.is(Attribute::named("alias"), alias);
    }
    seen.certificate(one);
}
