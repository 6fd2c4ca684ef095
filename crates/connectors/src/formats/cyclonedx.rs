//! CycloneDX bills of materials, 1.2 to 1.7, in JSON and XML: cryptographic assets and services.
//!
//! A certificate is a credential by its names and dates, and one with others where a SHA-256
//! fingerprint is stated; key material that can open something (`private-key`, `secret-key`,
//! `token`, `password`, `credential`, …) is one `by_reference`, unless its value stands there,
//! which makes it a secret in this file. A service is a resource (`endpoints`, `authenticated`,
//! `crosses_trust_boundary`). Algorithms, protocols and public material are counted, set aside.

mod xml;

use model::{Attribute, CredentialType, Key, KeyKind, Kind, Timestamp};
use serde_json::Value;

use super::text::{is_placeholder, secret};
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing, tree};
use crate::armour;

/// Components and services nested deeper than this are not read.
const DEPTH_MAX: usize = 16;
/// Where a file says of itself that it is one.
const HEAD_BYTES: usize = 2048;
/// The versions whose cryptographic assets are known.
const VERSIONS: &[&str] = &["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];

pub(super) struct Cyclonedx;

impl Format for Cyclonedx {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "cyclonedx",
            reads: "cryptographic assets and services in CycloneDX bills of materials",
            places: &["*.cdx.json", "*.cdx.xml", "bom.json", "bom.xml"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name.ends_with(".cdx.json") || name.ends_with(".cdx.xml")
    }

    fn marks(&self) -> &'static [&'static str] {
        &["CycloneDX", "cyclonedx.org/"]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
        match head.trim_ascii_start().first() {
            Some(b'{') => {
                armour::find(head, b"\"bomFormat\"").is_some()
                    && armour::find(head, b"CycloneDX").is_some()
            }
            Some(b'<') => armour::find(head, b"http://cyclonedx.org/schema/bom/").is_some(),
            _ => false,
        }
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let is_xml = file.bytes.trim_ascii_start().first() == Some(&b'<');
        let value = if is_xml {
            xml::read(file, seen)
        } else {
            tree::json(file, seen)
        };
        let Some(value) = value else {
            return;
        };
        let version = tree::text(&value, &["specVersion"]).unwrap_or_default();
        if !VERSIONS.contains(&version) {
            seen.unsupported("expected CycloneDX 1.2 to 1.7, got another version");
            return;
        }
        tree::expect_list(&value, "components", seen);
        tree::expect_list(&value, "services", seen);
        components(&value, 0, seen);
        services(&value, 0, seen);
    }
}

fn components(value: &Value, depth: usize, seen: &mut Seen) {
    if depth > DEPTH_MAX {
        seen.unsupported(format!("components nested more than {DEPTH_MAX} deep"));
        return;
    }
    for (n, one) in (1..).zip(tree::list(value, &["components"])) {
        if let Some(properties) = one.get("cryptoProperties") {
            let reference = tree::text(one, &["bom-ref"]);
            let name = tree::text(one, &["name"]).unwrap_or("asset");
            let field = reference.map_or_else(|| format!("{name} {n}"), str::to_owned);
            asset(&field, name, one, properties, seen);
        }
        components(one, depth + 1, seen);
    }
}

fn asset(field: &str, name: &str, one: &Value, properties: &Value, seen: &mut Seen) {
    match tree::text(properties, &["assetType"]) {
        Some("certificate") => {
            let told = properties.get("certificateProperties");
            certificate(field, name, told.unwrap_or(&Value::Null), one, seen);
        }
        Some("related-crypto-material" | "relatedCryptoMaterial") => {
            let told = properties.get("relatedCryptoMaterialProperties");
            material(field, name, told.unwrap_or(&Value::Null), one, seen);
        }
        _ => seen.set_aside("algorithm or protocol"),
    }
}

fn certificate(field: &str, name: &str, told: &Value, one: &Value, seen: &mut Seen) {
    let text = |name: &str| tree::text(told, &[name]);
    let time = |name: &str| text(name).and_then(|at| at.parse::<Timestamp>().ok());
    let mut found = Found::public(CredentialType::X509Certificate, field, "imported")
        .is(Attribute::NAME, name)
        .is(Attribute::PROVIDER, "x509")
        .maybe(Attribute::SUBJECT, text("subjectName"))
        .maybe(Attribute::ISSUER, text("issuerName"))
        .maybe(Attribute::SERIAL, text("serialNumber"))
        .maybe(Attribute::VALID_FROM, time("notValidBefore"))
        .maybe(Attribute::EXPIRES_AT, time("notValidAfter"))
        .maybe(Attribute::named("found_at"), occurrence(one));
    if let Some(sha256) = fingerprint(told) {
        found = found.key(Key::new(KeyKind::CertificateSha256, sha256));
    }
    seen.found(found);
}

fn material(field: &str, name: &str, told: &Value, one: &Value, seen: &mut Seen) {
    let text = |name: &str| tree::text(told, &[name]);
    let kind = text("type").unwrap_or_default();
    let credential = match kind {
        "private-key" => CredentialType::PrivateKey,
        "password" => CredentialType::Password,
        "token" | "credential" | "secret-key" | "shared-secret" | "key" => CredentialType::ApiToken,
        _ => {
            seen.set_aside("public cryptographic material");
            return;
        }
    };
    let value = text("value").filter(|value| !is_placeholder(value) && value.len() >= 8);
    let found = match value {
        Some(value) => Found::secret(credential, field, secret(value)),
        None => Found::referenced(field, name, "where the bill of materials was made")
            .is(Attribute::TYPE, credential),
    };
    let time = |name: &str| text(name).and_then(|at| at.parse::<Timestamp>().ok());
    let found = found
        .is(Attribute::NAME, name)
        .is(Attribute::named("material"), kind)
        .maybe(Attribute::STATUS, text("state"))
        .maybe(Attribute::CREATED_AT, time("creationDate"))
        .maybe(Attribute::VALID_FROM, time("activationDate"))
        .maybe(Attribute::ROTATED_AT, time("updateDate"))
        .maybe(Attribute::EXPIRES_AT, time("expirationDate"))
        .maybe(Attribute::ALGORITHM, text("algorithmRef"))
        .maybe(Attribute::named("found_at"), occurrence(one));
    seen.found(found);
}

/// A SHA-256 fingerprint, hex.
fn fingerprint(told: &Value) -> Option<String> {
    let alg = tree::text(told, &["fingerprint", "alg"])?;
    let content = tree::text(told, &["fingerprint", "content"])?;
    let hex = content.len() == 64 && content.chars().all(|c| c.is_ascii_hexdigit());
    (alg == "SHA-256" && hex).then(|| content.to_ascii_lowercase())
}

/// Where it was found when the bill was made.
fn occurrence(one: &Value) -> Option<String> {
    let first = tree::list(one, &["evidence", "occurrences"]).first()?;
    let place = tree::text(first, &["location"])?;
    Some(match first.get("line").and_then(Value::as_i64) {
        Some(line) => format!("{place}:{line}"),
        None => place.to_owned(),
    })
}

fn services(value: &Value, depth: usize, seen: &mut Seen) {
    if depth > DEPTH_MAX {
        return;
    }
    for (n, one) in (1..).zip(tree::list(value, &["services"])) {
        let name = tree::text(one, &["name"]).unwrap_or("service");
        let field = tree::text(one, &["bom-ref"]).map_or_else(
            || format!("service {name} {n}"),
            |id| format!("service {id}"),
        );
        let flag = |name: &str| match one.get(name) {
            Some(Value::Bool(flag)) => Some(*flag),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        let endpoints: Vec<String> = tree::texts(one, &["endpoints"])
            .into_iter()
            .map(|url| url.split(['?', '#']).next().unwrap_or_default().to_owned())
            .filter(|url| !url.contains('@'))
            .collect();
        seen.thing(
            Thing::new(Kind::Resource, field, "service")
                .is(Attribute::NAME, name)
                .maybe(Attribute::PROVIDER, tree::text(one, &["provider", "name"]))
                .maybe(
                    Attribute::named("endpoints"),
                    (!endpoints.is_empty()).then_some(endpoints),
                )
                .maybe(Attribute::named("authenticated"), flag("authenticated"))
                .maybe(
                    Attribute::named("crosses_trust_boundary"),
                    flag("x-trust-boundary"),
                ),
        );
        services(one, depth + 1, seen);
    }
}
