//! The fingerprint key at work for connectors, and the logins that servers on the roll accept.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connectors::{Fingerprints, Hashed, ScramSalt};
use model::{Fingerprint, Key, KeyKind, Secret};

use crate::keys::Keys;

/// Logins (`host:port/role`) with how their passwords are kept.
pub(crate) type Logins = BTreeMap<String, Vec<ScramSalt>>;

/// Fingerprints under one tenant's key.
pub(crate) struct KeyedFingerprints<'a> {
    keys: &'a Keys,
    logins: &'a Logins,
}

impl<'a> KeyedFingerprints<'a> {
    /// With the logins that servers on the roll accept.
    pub(crate) const fn new(keys: &'a Keys, logins: &'a Logins) -> Self {
        Self { keys, logins }
    }
}

impl Fingerprints for KeyedFingerprints<'_> {
    fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        self.keys.fingerprint(secret)
    }

    fn scram(&self, password: &Secret, salt_base64: &str, iterations: u32) -> Option<Fingerprint> {
        let salt = STANDARD.decode(salt_base64).ok()?;
        let stored = vault::scram_stored_key(password, &salt, iterations).ok()?;
        Some(self.keys.fingerprint(&Secret::new(stored.to_vec())))
    }

    fn hashed(&self, how: Hashed, password: &Secret) -> Option<String> {
        Some(match how {
            Hashed::MysqlNative => vault::mysql_native_hash(password),
            Hashed::Redis => vault::redis_hash(password),
        })
    }

    fn login_keys(&self, login: &str, password: &Secret) -> Vec<Key> {
        let verifiers = self
            .logins
            .get(login)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let prints = verifiers
            .iter()
            .filter_map(|one| self.scram(password, &one.salt, one.iterations));
        prints
            .map(|print| Key::new(KeyKind::PostgresVerifier, print.to_string()))
            .collect()
    }
}
