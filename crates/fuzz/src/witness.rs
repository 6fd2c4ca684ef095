//! A fingerprint key that remembers what it was shown, to look for it in all that comes out.

use std::cell::RefCell;

use connectors::Fingerprints;
use model::{Fingerprint, Secret};
use sha2::{Digest, Sha256};

/// Shorter ones are words that anything may hold.
const TELLING_BYTES_MIN: usize = 12;

/// Remembers every secret that a connector asks a fingerprint of.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    shown: RefCell<Vec<Secret>>,
}

impl Witness {
    /// Fails if `out` holds one of the secrets, but for those that `open` holds: what was said
    /// in the open, such as the file's own path, is no secret.
    pub(crate) fn finds_nothing_in(&self, out: &str, open: &str) {
        for secret in self.shown.borrow().iter() {
            let Ok(text) = str::from_utf8(secret.expose().trim_ascii()) else {
                continue;
            };
            assert!(
                !is_telling(text) || open.contains(text) || !out.contains(text),
                "a secret came out: {out}"
            );
        }
    }
}

/// Whether a text could hardly stand somewhere by chance: of both letter cases and digits, and
/// spelled alike in JSON and in `Debug`.
fn is_telling(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    text.len() >= TELLING_BYTES_MIN
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'))
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
}

impl Fingerprints for Witness {
    fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        self.shown.borrow_mut().push(secret.clone());
        let digest = Sha256::digest(secret.expose().trim_ascii());
        Fingerprint {
            key: "0000000000000000".to_owned(),
            mac: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// Does not compute: the rounds are not what is tried here, see the target `scram`.
    fn scram(&self, password: &Secret, salt_base64: &str, iterations: u32) -> Option<Fingerprint> {
        (iterations > 0 && !salt_base64.is_empty()).then(|| self.fingerprint(password))
    }
}

#[cfg(test)]
mod tests {
    use connectors::Fingerprints;
    use model::Secret;

    use super::Witness;

    #[test]
    fn a_secret_that_comes_out_is_noticed() {
        let witness = Witness::default();
        witness.fingerprint(&Secret::from("Kp7-w2Qx!mR9t"));
        witness.finds_nothing_in("{\"told\":\"nothing\"}", "/srv/.env");
        witness.finds_nothing_in("/srv/Kp7-w2Qx!mR9t/.env", "/srv/Kp7-w2Qx!mR9t/.env");
        let came_out = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            witness.finds_nothing_in("{\"told\":\"Kp7-w2Qx!mR9t\"}", "/srv/.env");
        }));
        assert!(came_out.is_err());
    }
}
