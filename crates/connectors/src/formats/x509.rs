//! X.509 certificates (RFC 5280) in PEM, DER and bundles.
//!
//! Which of them are credentials depends on what lies beside them; see `files::pairs`.
//!
//! Facts of its own: `signature` (`sha256-rsa`, `sha1-rsa`, an object id where it has no name
//! here), `self_signed`, `authority`, `weak` (what is too weak today: the key, the signature).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use model::{Attribute, CredentialType, Key, KeyKind, Kind, Relation, Timestamp, Told};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use super::seen::blank;
use super::{Certificate, FileAt, Format, FormatSpec, Seen};
use crate::armour;
use crate::der;
use crate::public_key::{PublicKey, hex, sha256};

/// More names than this in one certificate are not told.
const NAMES_MAX: usize = 64;

pub(super) struct X509;

impl Format for X509 {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "x509",
            reads: "certificates whose private key lies beside them; trust anchors and public certificates are counted and set aside",
            places: &[
                "*.pem",
                "*.crt",
                "*.cer",
                "*.der",
                "/etc/letsencrypt",
                "/etc/ssl",
            ],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        [".pem", ".crt", ".cer", ".cert", ".der"]
            .iter()
            .any(|end| name.ends_with(end))
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        armour::is_in(bytes)
    }

    fn holds_something(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if !armour::is_in(file.bytes) {
            // A DER file is one certificate, or something else that is no concern of ours.
            if let (Some(&der::SEQUENCE), Some(one)) = (file.bytes.first(), certificate(file.bytes))
            {
                seen.certificate(one);
            } else if let Some(told) = armour::is_neither(file.bytes) {
                seen.broken(told);
            }
            return;
        }
        let is_kept_for_it = self.recognises(file.path, file.name());
        if is_kept_for_it && armour::is_torn(file.bytes, "CERTIFICATE") {
            seen.broken("a certificate that is cut off or broken");
        }
        for block in armour::blocks(file.bytes) {
            if !matches!(
                block.label,
                "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE"
            ) {
                continue;
            }
            let line = block.line;
            match block
                .body
                .as_ref()
                .and_then(|body| certificate(body.expose()))
            {
                Some(mut one) => {
                    one.told = one
                        .told
                        .is(Attribute::LINE, i64::try_from(line).unwrap_or(i64::MAX));
                    seen.certificate(one);
                }
                None if is_kept_for_it || block.is_meant => seen.broken(format!(
                    "line {line}: a certificate that is cut off or broken"
                )),
                // Source code and manuals show what certificates look like.
                None => {}
            }
        }
    }
}

/// A certificate in DER; what follows it (a trusted certificate's extra) is ignored.
pub(crate) fn certificate(bytes: &[u8]) -> Option<Certificate> {
    let (rest, parsed) = X509Certificate::from_der(bytes).ok()?;
    let whole = bytes.get(..bytes.len() - rest.len())?;
    let key = PublicKey::from_spki(parsed.public_key().raw);
    let sha256 = hex(&sha256(whole));
    // Microsoft lists certificates by this alone; it is weak, and suggests what is not joined.
    let sha1 = hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, whole).as_ref());
    let names = names(&parsed);
    let subject = parsed.subject().to_string();
    let issuer = parsed.issuer().to_string();
    let name = common_name(&parsed).or_else(|| names.first().cloned());
    let mut told = blank(CredentialType::X509Certificate)
        .key(Key::new(KeyKind::CertificateSha256, sha256.as_str()))
        .hint("certificate_sha1", sha1)
        .is(Attribute::PROVIDER, "x509")
        .is(Attribute::NAME, short(name.as_deref().unwrap_or(&subject)))
        .is(Attribute::SUBJECT, short(&subject))
        .is(Attribute::ISSUER, short(&issuer))
        .is(
            Attribute::SERIAL,
            hex(parsed.raw_serial().get(..32).unwrap_or(parsed.raw_serial())),
        )
        .is(Attribute::ALGORITHM, key.algorithm.as_str())
        .told(Attribute::VALID_FROM, time(parsed.validity().not_before))
        .told(Attribute::EXPIRES_AT, time(parsed.validity().not_after))
        .is(
            Attribute::named("self_signed"),
            parsed.subject().as_raw() == parsed.issuer().as_raw(),
        )
        .is(Attribute::named("authority"), parsed.is_ca());
    let signed = parsed.signature_algorithm.algorithm.to_id_string();
    let signature = SIGNATURES.iter().find(|(id, _)| *id == signed);
    let signature = signature.map_or(signed.as_str(), |(_, name)| name);
    told = told.is(Attribute::named("signature"), short(signature));
    let weak = weak(&key.algorithm, signature);
    if !weak.is_empty() {
        told = told.is(Attribute::named("weak"), weak);
    }
    if let Some(spki) = key.spki_key() {
        told = told.hint("spki_sha256", spki.value.as_str()).link_key(
            Relation::Certifies,
            Kind::Credential,
            spki,
        );
    }
    for name in names
        .iter()
        .filter(|name| name.starts_with("spiffe://") && name.len() <= 512)
    {
        told = told.link_key(
            Relation::Holder,
            Kind::Identity,
            Key::new(KeyKind::SpiffeId, name.as_str()),
        );
    }
    if !names.is_empty() {
        told = told.is(Attribute::ALT_NAMES, names);
    }
    Some(Certificate {
        sha256,
        key,
        authority: parsed.is_ca(),
        told,
    })
}

/// Object ids of signatures (RFC 8017, RFC 5758, RFC 8410).
const SIGNATURES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.2", "md2-rsa"),
    ("1.2.840.113549.1.1.4", "md5-rsa"),
    ("1.2.840.113549.1.1.5", "sha1-rsa"),
    ("1.2.840.113549.1.1.10", "rsa-pss"),
    ("1.2.840.113549.1.1.11", "sha256-rsa"),
    ("1.2.840.113549.1.1.12", "sha384-rsa"),
    ("1.2.840.113549.1.1.13", "sha512-rsa"),
    ("1.2.840.10040.4.3", "sha1-dsa"),
    ("1.2.840.10045.4.1", "sha1-ecdsa"),
    ("1.2.840.10045.4.3.2", "sha256-ecdsa"),
    ("1.2.840.10045.4.3.3", "sha384-ecdsa"),
    ("1.2.840.10045.4.3.4", "sha512-ecdsa"),
    ("1.3.101.112", "ed25519"),
    ("1.3.101.113", "ed448"),
];

/// What NIST SP 800-131A no longer allows for signing: RSA below 2048 bits, DSA, and hashes up
/// to SHA-1.
fn weak(key: &str, signature: &str) -> Vec<String> {
    let short = key
        .strip_prefix("rsa-")
        .and_then(|bits| bits.parse::<u32>().ok())
        .is_some_and(|bits| bits < 2048);
    let mut out = Vec::new();
    if short || key == "dsa" {
        out.push(format!("key {key}"));
    }
    if ["md2-", "md5-", "sha1-"]
        .iter()
        .any(|old| signature.starts_with(old))
    {
        out.push(format!("signature {signature}"));
    }
    out
}

fn short(text: &str) -> String {
    model::shorten(text, 512)
}

fn common_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let mut names = certificate.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?;
    (!name.is_empty()).then(|| name.to_owned())
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(text) | GeneralName::URI(text) | GeneralName::RFC822Name(text) => {
            Some(short(text))
        }
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(name)
        .take(NAMES_MAX)
        .collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(sixteen).to_string())
}

/// 9999-12-31 says that there is no end (RFC 5280 section 4.1.2.5).
fn time(at: ASN1Time) -> Told<Timestamp> {
    match at.timestamp() {
        253_402_300_799 => Told::Absent,
        seconds => {
            let at = Timestamp::from_seconds(seconds);
            // The last day that a certificate can name cannot be written as a time here.
            let written = at.to_string().parse::<Timestamp>().is_ok();
            if written {
                Told::Is(at)
            } else {
                Told::CannotTell
            }
        }
    }
}
