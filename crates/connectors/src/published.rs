//! Hashes of tokens that providers publish: whoever reads their logs sees the SHA-256 of the token
//! that was shown, and whoever has the token comes to the same.
//!
//! The hash itself is never told: what can be guessed could be tried against it. What is told is a
//! keyed fingerprint of it, on both sides.
//!
//! Source: "Identifying audit log events performed by an access token" of GitHub's manual.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, Fingerprint, Key, KeyKind, Observation, Secret};

use crate::Context;
use crate::public_key::sha256;
use crate::token::provider_of;

/// Providers whose logs tell the SHA-256 of a token.
const PUBLISH: &[&str] = &["github"];

/// A SHA-256 in base64, as GitHub writes it, in lower-case hex; `None` for what is none.
pub(crate) fn of_base64(text: &str) -> Option<String> {
    let hash = STANDARD.decode(text.trim()).ok()?;
    (hash.len() == 32).then(|| hex(&hash))
}

/// The fingerprint of the hash, in lower-case hex, that `provider` publishes.
pub(crate) fn fingerprint(cx: &Context<'_>, provider: &str, hex: &str) -> Fingerprint {
    // Bound to the provider: two that publish the same hash need not mean one token.
    cx.fingerprint(&Secret::new(
        format!("{provider} sha256 {hex}").into_bytes(),
    ))
}

/// The key that such a fingerprint is.
pub(crate) fn key(print: &Fingerprint) -> Key {
    Key::new(KeyKind::SecretDigest, print.to_string())
}

/// `told` with the key by which a log of its provider knows this very secret.
pub(crate) fn told(cx: &Context<'_>, told: Observation, secret: &Secret) -> Observation {
    let text = std::str::from_utf8(secret.expose().trim_ascii()).unwrap_or_default();
    let said = told.fact(&Attribute::PROVIDER);
    let said = said.is().and_then(|one| one.text());
    let provider = provider_of(text).or(said).unwrap_or_default();
    let Some(provider) = PUBLISH.iter().find(|one| **one == provider) else {
        return told;
    };
    let print = fingerprint(cx, provider, &hex(&sha256(text.as_bytes())));
    told.key(key(&print))
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pair was made by `printf ghp_… | openssl dgst -sha256 -binary | base64`, the command
    /// that GitHub's manual gives.
    #[test]
    fn a_published_hash_is_that_of_the_token() {
        let token = format!("ghp_{}", "0".repeat(36));
        let published = "kTA8HWSeg2rNxFZdyljGxJMlVYrFypjTOu/1bnNfyFc=";
        assert_eq!(
            of_base64(published).unwrap(),
            hex(&sha256(token.as_bytes()))
        );
        assert_eq!(of_base64("c2hvcnQ="), None);
        assert_eq!(of_base64("not base64"), None);
    }
}
