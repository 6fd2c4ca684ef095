//! The fingerprint key at work for connectors, and the logins that servers on the roll accept.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connectors::{Compared, Fingerprints, Hashed, ScramSalt};
use model::{Fingerprint, Secret};

use crate::keys::Keys;

/// Logins (`host:port/role`) with how their passwords are kept.
pub(crate) type Logins = BTreeMap<String, Vec<ScramSalt>>;

/// Fingerprints under one tenant's key.
pub(crate) struct KeyedFingerprints<'a> {
    keys: &'a Keys,
    logins: &'a Logins,
    rounds: Rounds,
}

/// Rounds of PBKDF2 that one pass computes: passwords of some hundred thousand files at the 4,096
/// of PostgreSQL, and minutes at most where a server asks for the most that is read. What is not
/// compared is not called harmless.
const ROUNDS_MAX: u64 = 1_000_000_000;

/// Rounds that may still be computed.
struct Rounds(AtomicU64);

impl Rounds {
    /// Takes `rounds` of what is left, if so many are.
    fn takes(&self, rounds: u32) -> bool {
        let take = |left: u64| left.checked_sub(u64::from(rounds));
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }
}

impl<'a> KeyedFingerprints<'a> {
    /// With the logins that servers on the roll accept.
    pub(crate) const fn new(keys: &'a Keys, logins: &'a Logins) -> Self {
        Self {
            keys,
            logins,
            rounds: Rounds(AtomicU64::new(ROUNDS_MAX)),
        }
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

    fn compared(&self, login: &str, password: &Secret) -> Compared {
        let mut compared = Compared::default();
        for one in self.logins.get(login).into_iter().flatten() {
            if !self.rounds.takes(one.iterations) {
                break;
            }
            if let Some(print) = self.scram(password, &one.salt, one.iterations) {
                compared.keys.push(ScramSalt::key(&print));
                compared.with.push(one.clone());
            }
        }
        compared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_rounds_are_computed_than_a_pass_may() {
        let rounds = Rounds(AtomicU64::new(10_000));
        assert!(rounds.takes(4_096) && rounds.takes(4_096));
        assert!(!rounds.takes(4_096), "1,808 are left");
        assert!(rounds.takes(1_808) && !rounds.takes(1));
    }
}
