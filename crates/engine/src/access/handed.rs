//! What is handed out once and known by its hash from then on.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use model::Secret;
use vault::Random as _;

use crate::SystemRandom;
use crate::keys::hex;

/// What a token of the interface begins with.
const TOKEN: &str = "keyroll_";
/// Digits of chance in what is handed out: 178 bits.
const DIGITS: usize = 30;
/// The longest text that is looked at.
const LENGTH_MAX: usize = 128;

/// Something handed out: a cookie, a link, a token.
#[derive(Clone, Debug)]
pub struct Handed(Secret);

impl Handed {
    /// A new one for a cookie or a link.
    pub(crate) fn by_chance() -> Result<Self, vault::Error> {
        Ok(Self(Secret::new(digits(DIGITS)?)))
    }

    /// A new token: its last six digits are a checksum, so that whoever finds one knows it.
    pub(crate) fn token() -> Result<Self, vault::Error> {
        let body = digits(DIGITS)?;
        let check = leaks::base62_checksum(&body);
        Ok(Self(Secret::new(
            [TOKEN.as_bytes(), &body, &check].concat(),
        )))
    }

    /// What somebody shows for one; `None` where it cannot be.
    pub fn shown(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_one = (1..=LENGTH_MAX).contains(&text.len()) && text.bytes().all(plain);
        is_one.then(|| Self(Secret::from(text)))
    }

    /// Itself: for whoever it is handed to, once.
    pub const fn secret(&self) -> &Secret {
        &self.0
    }

    /// Whether it has the form of a token, checksum included.
    pub(crate) fn is_token(&self) -> bool {
        let body = self.0.expose().strip_prefix(TOKEN.as_bytes());
        body.and_then(|body| body.split_last_chunk::<6>())
            .is_some_and(|(body, check)| {
                body.len() == DIGITS && leaks::base62_checksum(body) == *check
            })
    }

    /// SHA-256 of it. It is long and by chance: nothing slower is needed.
    pub(crate) fn hash(&self) -> Vec<u8> {
        digest(&SHA256, self.0.expose()).as_ref().to_vec()
    }

    /// By what its row is found: the beginning of the hash.
    pub(crate) fn id(&self) -> String {
        self.hash().get(..8).map(hex).unwrap_or_default()
    }

    /// Whether it is that of which `hash` is kept.
    pub(crate) fn is(&self, hash: &[u8]) -> bool {
        verify_slices_are_equal(&self.hash(), hash).is_ok()
    }
}

/// `count` digits of base62 by chance.
fn digits(count: usize) -> Result<Vec<u8>, vault::Error> {
    const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut found = Vec::with_capacity(count);
    while found.len() < count {
        let mut chance = [0; 64];
        SystemRandom.fill(&mut chance)?;
        // 248 is four times 62: what lies above would make some digits likelier.
        let fair = chance.iter().filter(|byte| **byte < 248);
        let digit = fair.map(|byte| BASE62[usize::from(byte % 62)]);
        found.extend(digit.take(count - found.len()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_form_and_by_its_hash_alone() {
        let (one, other) = (Handed::token().unwrap(), Handed::token().unwrap());
        assert!(one.is_token() && one.is(&one.hash()) && !one.is(&other.hash()));
        assert_eq!(one.secret().len(), 44);
        assert!(!format!("{one:?}").contains("keyroll_"));
        let mut bytes = one.secret().expose().to_vec();
        bytes[12] = if bytes[12] == b'a' { b'b' } else { b'a' };
        assert!(!Handed(Secret::new(bytes)).is_token(), "a wrong checksum");
        assert!(!Handed::by_chance().unwrap().is_token());
        assert!(Handed::shown("a b").is_none() && Handed::shown("").is_none());
    }
}
