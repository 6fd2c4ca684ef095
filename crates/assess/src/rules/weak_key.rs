//! A key or a signature that can be broken with what can be rented.
//!
//! RSA below 2048 bits, elliptic curves below 224 bits, DSA, and signatures over MD5 or SHA-1 are
//! disallowed by NIST SP 800-131A; of an SSH certificate the authority's key counts as its own, and
//! of a known host the key by which it is believed. Make a new key; nothing else helps.

use model::{Attribute, CredentialType, Kind, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "weak-key",
    title: "a key or signature is too weak",
    owasp: "NHI4",
    severity: Severity::High,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let of_keys = [
        CredentialType::X509Certificate,
        CredentialType::PrivateKey,
        CredentialType::SshAuthorizedKey,
        CredentialType::SshCertificate,
    ];
    if is_known_host(thing) {
        return judged(thing);
    }
    if !thing.is_live_credential() || !of_keys.iter().any(|one| one.as_str() == thing.type_()) {
        return Vec::new();
    }
    if let Some(weak) = thing
        .entity
        .text(&Attribute::named("signature"))
        .and_then(weak_signature)
    {
        return Ruling::fail(format!("it is signed over {weak}"));
    }
    // Whoever breaks the authority's key makes certificates of his own.
    let authority = Attribute::named("authority_algorithm");
    if let Some(Strength::Weak(why)) = thing.entity.text(&authority).map(strength) {
        return Ruling::fail(format!("the key of the authority that signed it: {why}"));
    }
    judged(thing)
}

/// Whether it is a key by which a host or an authority of hosts is believed. One that is revoked
/// is believed by nobody.
fn is_known_host(thing: &Thing<'_>) -> bool {
    thing.entity.kind == Kind::Resource
        && thing.type_() == "ssh_host_key"
        && thing.entity.missing_since.is_none()
        && thing.entity.text(&Attribute::named("marker")) != Some("revoked")
}

/// What the name of its algorithm says.
fn judged(thing: &Thing<'_>) -> Vec<Ruling> {
    match thing.entity.fact(&Attribute::ALGORITHM) {
        Told::Is(value) => match strength(value.text().unwrap_or_default()) {
            Strength::Weak(why) => Ruling::fail(why),
            Strength::Enough => Ruling::pass(),
            Strength::CannotTell => {
                Ruling::unknown("no source tells how long it is, or which curve it is on")
            }
        },
        Told::Absent | Told::CannotTell => {
            Ruling::unknown("no source tells which algorithm and size it has")
        }
    }
}

/// What an algorithm's name says of how hard a key is to break.
#[derive(Debug, PartialEq, Eq)]
enum Strength {
    Enough,
    /// And why.
    Weak(String),
    /// The name lacks the size, or is none that is known here.
    CannotTell,
}

/// What `algorithm` says: `rsa-1024`, `ecdsa-p192`, `dsa`, and the names of SSH (`ssh-dss`,
/// `sk-ecdsa-sha2-nistp256@openssh.com`) and of clouds (`RSA_2048`, `EC_prime256v1`).
fn strength(algorithm: &str) -> Strength {
    let algorithm = algorithm.to_ascii_lowercase();
    let words: Vec<&str> = algorithm
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let is = |known: &[&str]| words.iter().any(|word| known.contains(word));
    // ML-DSA and SLH-DSA share the end of their names with DSA, and nothing else.
    if is(&["dss"]) || words.first() == Some(&"dsa") {
        return Strength::Weak("DSA is no longer allowed".to_owned());
    }
    if is(&["ed25519", "ed448", "x25519", "x448"]) {
        return Strength::Enough;
    }
    let (name, least) = if words.iter().any(|word| word.starts_with("rsa")) {
        ("RSA", 2048)
    } else if words.iter().any(|word| word.starts_with("ec")) {
        ("an elliptic curve", 224)
    } else {
        return Strength::CannotTell;
    };
    // The number of `sha2` is that of a hash, and the one behind `v` is a curve's version.
    let mut sizes = words.iter().filter(|word| !word.starts_with("sha"));
    match sizes.find_map(|word| first_number(word)) {
        Some(size) if size < least => Strength::Weak(format!(
            "{name} of {size} bits; {least} is the least that is allowed"
        )),
        Some(_) => Strength::Enough,
        None => Strength::CannotTell,
    }
}

fn first_number(word: &str) -> Option<u32> {
    let from = word.find(|c: char| c.is_ascii_digit())?;
    let digits = word[from..].split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn weak_signature(algorithm: &str) -> Option<&'static str> {
    let algorithm = algorithm.to_ascii_lowercase().replace('-', "");
    ["md2", "md4", "md5", "sha1"]
        .into_iter()
        .find(|weak| algorithm.contains(weak))
}
