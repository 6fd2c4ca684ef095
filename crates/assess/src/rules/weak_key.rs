//! A key or a signature that can be broken with what can be rented.
//!
//! RSA below 2048 bits, elliptic curves below 224 bits, DSA, and signatures over MD5 or SHA-1 are
//! disallowed by NIST SP 800-131A. Make a new key; nothing else helps.

use model::{Attribute, CredentialType, Severity, Told};

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
    ];
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
    match thing.entity.fact(&Attribute::ALGORITHM) {
        Told::Is(value) => match value.text().and_then(weakness) {
            Some(why) => Ruling::fail(why),
            None => Ruling::pass(),
        },
        Told::Absent | Told::CannotTell => {
            Ruling::unknown("no source tells which algorithm and size it has")
        }
    }
}

/// Why an algorithm with its size (`rsa-1024`, `ecdsa-p192`, `dsa-1024`) is too weak.
fn weakness(algorithm: &str) -> Option<String> {
    let algorithm = algorithm.to_ascii_lowercase();
    let size: String = algorithm
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    let size: u32 = size.parse().ok()?;
    let (name, least) = if algorithm.starts_with("rsa") {
        ("RSA", 2048)
    } else if algorithm.starts_with("dsa") {
        return Some("DSA is no longer allowed".to_owned());
    } else if algorithm.starts_with("ec") {
        ("an elliptic curve", 224)
    } else {
        return None;
    };
    (size < least).then(|| format!("{name} of {size} bits; {least} is the least that is allowed"))
}

fn weak_signature(algorithm: &str) -> Option<&'static str> {
    let algorithm = algorithm.to_ascii_lowercase().replace('-', "");
    ["md2", "md4", "md5", "sha1"]
        .into_iter()
        .find(|weak| algorithm.contains(weak))
}
