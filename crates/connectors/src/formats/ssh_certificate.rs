//! OpenSSH certificates: `id_ed25519-cert.pub`, `ssh_host_ed25519_key-cert.pub`.
//!
//! Source: OpenSSH's PROTOCOL.certkeys.
//!
//! Facts of its own: `certificate_of` (`user`, `host`), `principals` (empty: whoever is asked
//! for), `key_id`, `authority_algorithm` and `signature` (in the words of X.509: `sha1-rsa` of
//! `ssh-rsa`, RFC 8332); the authority's fingerprint is the issuer, extensions and critical
//! options are the rights. What a forced command hands to its program is left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, CredentialType, Key, KeyKind, Kind, Relation, Timestamp, Told};

use super::text::lines;
use super::{FileAt, Format, FormatSpec, Found, Seen};
use crate::public_key::{PublicKey, Strings, hex, sha256};

/// What the name of a certificate's kind ends with.
const VERSION: &str = "-cert-v01@openssh.com";
/// More names than this in one list are not told.
const NAMES_MAX: usize = 64;

pub(super) struct SshCertificate;

impl Format for SshCertificate {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "ssh_certificate",
            reads: "certificates of OpenSSH: for whom, by which authority, until when",
            places: &["~/.ssh/*-cert.pub", "/etc/ssh/*-cert.pub"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name.ends_with("-cert.pub")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        for (number, line) in lines(file.text(seen)) {
            let mut words = line.split_whitespace();
            let (Some(kind), Some(blob)) = (words.next(), words.next()) else {
                continue;
            };
            if !kind.ends_with(VERSION) {
                continue;
            }
            match STANDARD
                .decode(blob)
                .ok()
                .and_then(|blob| certificate(&blob))
            {
                Some(found) => seen.found(found.line(number)),
                None => seen.broken(format!(
                    "line {number}: an SSH certificate that is cut off or broken"
                )),
            }
        }
    }
}

/// The certificate that `blob` is.
fn certificate(blob: &[u8]) -> Option<Found> {
    let mut rest = Strings(blob);
    let kind = std::str::from_utf8(rest.next()?).ok()?;
    let key = certified(kind, &mut rest)?;
    let serial = long(&mut rest)?;
    let host = match rest.number()? {
        1 => false,
        2 => true,
        _ => return None,
    };
    let id = String::from_utf8_lossy(rest.next()?).into_owned();
    let principals = list(rest.next()?);
    let (from, until) = (long(&mut rest)?, long(&mut rest)?);
    let rights = rights(rest.next()?, rest.next()?);
    rest.next()?;
    let signed_by = PublicKey::from_ssh(rest.next()?)?;
    let authority = signed_by.ssh_key()?;
    // Without its signature it is none.
    let signature = std::str::from_utf8(Strings(rest.next()?).next()?).ok()?;
    let print = hex(&sha256(blob));
    let mut found = Found::public(
        CredentialType::SshCertificate,
        "certificate",
        print.get(..16)?,
    )
    .key(Key::new(KeyKind::CertificateSha256, print.as_str()))
    .is(Attribute::PROVIDER, "ssh")
    .is(
        Attribute::NAME,
        if id.is_empty() {
            print.as_str()
        } else {
            id.as_str()
        },
    )
    .is(Attribute::named("key_id"), id.as_str())
    .is(
        Attribute::named("certificate_of"),
        if host { "host" } else { "user" },
    )
    .is(Attribute::ALGORITHM, key.algorithm.as_str())
    .is(Attribute::SERIAL, serial.to_string())
    .is(Attribute::ISSUER, authority.value.as_str())
    .is(
        Attribute::named("authority_algorithm"),
        signed_by.algorithm.as_str(),
    )
    .is(Attribute::named("signature"), signature_name(signature))
    .with(|told| {
        told.is(Attribute::named("principals"), principals)
            .told(Attribute::VALID_FROM, time(from))
            .told(Attribute::EXPIRES_AT, time(until))
            .hint("ssh_authority", authority.value)
    });
    if !rights.is_empty() {
        found = found.is(Attribute::RIGHTS, rights);
    }
    if let Some(of) = key.ssh_key() {
        found = found.with(|told| told.link_key(Relation::Certifies, Kind::Credential, of));
    }
    Some(found)
}

/// Signatures by SSH's names (RFC 4253 section 6.6, RFC 5656, RFC 8332), and by those that
/// certificates of X.509 have here.
const SIGNATURES: &[(&str, &str)] = &[
    ("ssh-rsa", "sha1-rsa"),
    ("ssh-dss", "sha1-dsa"),
    ("rsa-sha2-256", "sha256-rsa"),
    ("rsa-sha2-512", "sha512-rsa"),
    ("ecdsa-sha2-nistp256", "sha256-ecdsa"),
    ("ecdsa-sha2-nistp384", "sha384-ecdsa"),
    ("ecdsa-sha2-nistp521", "sha512-ecdsa"),
    ("ssh-ed25519", "ed25519"),
];

fn signature_name(ssh_name: &str) -> String {
    let known = SIGNATURES.iter().find(|(name, _)| *name == ssh_name);
    known.map_or_else(
        || model::shorten(ssh_name, 64),
        |(_, name)| (*name).to_owned(),
    )
}

/// The key in a certificate of `kind`, of whose fields the nonce is the first.
fn certified(kind: &str, rest: &mut Strings<'_>) -> Option<PublicKey> {
    let plain = kind.strip_suffix(VERSION)?;
    let hardware = plain.starts_with("sk-");
    let of = if hardware {
        format!("{plain}@openssh.com")
    } else {
        plain.to_owned()
    };
    // The nonce, then the fields of the key as they stand in the key itself.
    rest.next()?;
    let fields = match plain {
        "ssh-rsa" => 2,
        "ssh-ed25519" => 1,
        "sk-ssh-ed25519" => 2,
        "sk-ecdsa-sha2-nistp256" => 3,
        "ssh-dss" => 4,
        _ if plain.starts_with("ecdsa-sha2-") => 2,
        _ => return None,
    };
    let mut key = string(of.as_bytes());
    for _ in 0..fields {
        key.extend(string(rest.next()?));
    }
    PublicKey::from_ssh(&key)
}

/// Critical options and extensions as they may be shown.
fn rights(critical: &[u8], extensions: &[u8]) -> Vec<String> {
    let mut rights: Vec<String> = pairs(critical)
        .into_iter()
        .map(|(name, value)| match name.as_str() {
            // Its arguments may carry a secret.
            "force-command" => {
                let program = value.split_whitespace().next().unwrap_or_default();
                format!("{name}={program}")
            }
            _ => format!("{name}={value}"),
        })
        .collect();
    rights.extend(pairs(extensions).into_iter().map(|(name, _)| name));
    rights
}

/// A time in seconds since 1970; the first and the last of all say that there is none.
fn time(seconds: u64) -> Told<Timestamp> {
    match seconds {
        0 | u64::MAX => Told::Absent,
        // Year 9999: what lies beyond cannot be written down.
        1..=253_402_214_400 => {
            Told::or_cannot_tell(i64::try_from(seconds).ok().map(Timestamp::from_seconds))
        }
        _ => Told::CannotTell,
    }
}

fn long(rest: &mut Strings<'_>) -> Option<u64> {
    let (high, low) = (rest.number()?, rest.number()?);
    Some(u64::from(high) << 32 | u64::from(low))
}

fn string(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), content].concat()
}

fn list(packed: &[u8]) -> Vec<String> {
    let mut rest = Strings(packed);
    std::iter::from_fn(|| rest.next())
        .take(NAMES_MAX)
        .map(|name| model::shorten(&String::from_utf8_lossy(name), 200))
        .collect()
}

/// Names and values; a value is packed once more.
fn pairs(packed: &[u8]) -> Vec<(String, String)> {
    let mut rest = Strings(packed);
    let text = |bytes: &[u8]| model::shorten(&String::from_utf8_lossy(bytes), 200);
    std::iter::from_fn(|| {
        let name = text(rest.next()?);
        let value = Strings(rest.next()?).next().map(text).unwrap_or_default();
        Some((name, value))
    })
    .take(NAMES_MAX)
    .collect()
}
