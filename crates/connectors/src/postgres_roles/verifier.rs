//! Password verifiers: how one is made, and what of it may be told.
//!
//! Source: PostgreSQL manual, `pg_authid.rolpassword`; RFC 5802, section 3 (StoredKey).

use base64::Engine as _;
use model::{Attribute, Fingerprint, Key, KeyKind, Observation, Secret};

/// Above this PostgreSQL's own default by far; a verifier that asks for more is not computed.
pub const ITERATIONS_MAX: u32 = 1_000_000;

/// What has to be known to compute the verifier of a password: never the verifier itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramSalt {
    /// How often the hash is applied.
    pub iterations: u32,
    /// The salt in base64.
    pub salt: String,
}

impl ScramSalt {
    /// Reads the fact [`model::Attribute::VERIFIER`]: `scram-sha-256:<iterations>:<salt>`.
    /// `None` for any other form, `md5` among them, with which nothing can be compared.
    pub fn from_fact(fact: &str) -> Option<Self> {
        let (iterations, salt) = fact.strip_prefix("scram-sha-256:")?.split_once(':')?;
        Self::new(iterations, salt)
    }

    /// The parts as the server spells them.
    pub(super) fn new(iterations: &str, salt: &str) -> Option<Self> {
        let iterations: u32 = iterations.parse().ok()?;
        let plain = base64::engine::general_purpose::STANDARD
            .decode(salt)
            .ok()?;
        let sane = (1..=ITERATIONS_MAX).contains(&iterations) && (1..=256).contains(&plain.len());
        sane.then(|| Self {
            iterations,
            salt: salt.to_owned(),
        })
    }

    /// The fact.
    pub fn to_fact(&self) -> String {
        format!("scram-sha-256:{}:{}", self.iterations, self.salt)
    }

    /// The hard key that a password shares with the verifier made of it; `fingerprint` is what
    /// [`crate::Fingerprints::scram`] gives for the password with this salt.
    pub fn key(fingerprint: &Fingerprint) -> Key {
        Key::new(KeyKind::PostgresVerifier, fingerprint.to_string())
    }
}

/// A password beside the verifiers that servers keep for its login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Each is borne by the verifier too, where the password is the one it was made of.
    pub keys: Vec<Key>,
    /// With which verifiers it was compared: what has to be known to compute them.
    pub with: Vec<ScramSalt>,
}

impl Compared {
    /// What says so on the sighting of a password: facts such as those of
    /// [`model::Attribute::VERIFIER`]. A server that came to keep another verifier is not among
    /// them, and then nobody compared the password with it.
    const WITH: &str = "compared_with";

    /// `seen` with what this comparison came to, in the place of an earlier one.
    #[must_use]
    pub fn told(self, mut seen: Observation) -> Observation {
        seen.keys
            .retain(|key| key.kind != KeyKind::PostgresVerifier);
        let with = Attribute::named(Self::WITH);
        seen.facts.remove(&with);
        seen.keys.extend(self.keys);
        let mut facts: Vec<_> = self.with.iter().map(ScramSalt::to_fact).collect();
        facts.sort();
        facts.dedup();
        if facts.is_empty() {
            seen
        } else {
            seen.is(with, facts)
        }
    }
}

/// The StoredKey, decoded; `None` if it is not the 32 bytes that RFC 5802 makes with SHA-256.
pub(super) fn stored_key(base64: &str) -> Option<Secret> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(base64)
        .ok()?;
    (bytes.len() == 32).then(|| Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fact_of_a_verifier_reads_back() {
        let salt = ScramSalt::from_fact("scram-sha-256:4096:c2FsdHNhbHRzYWx0c2Fs").unwrap();
        assert_eq!(salt.iterations, 4096);
        assert_eq!(ScramSalt::from_fact(&salt.to_fact()), Some(salt));
    }

    #[test]
    fn what_cannot_be_computed_is_no_salt() {
        for fact in [
            "md5",
            "scram-sha-256",
            "scram-sha-256:0:c2FsdA==",
            "scram-sha-256:4294967295:c2FsdA==",
            "scram-sha-256:4096:",
            "scram-sha-256:4096:not base64",
        ] {
            assert_eq!(ScramSalt::from_fact(fact), None, "{fact}");
        }
        assert!(stored_key("c2hvcnQ=").is_none());
    }
}
