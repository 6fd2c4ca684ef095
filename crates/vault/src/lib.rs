//! The vault: what Keyroll must hold is sealed before it reaches a store, and what it must not
//! hold is known by a keyed fingerprint.
//!
//! * [`KeyRing`], the barrier: AES-256-GCM under terms of data keys, bound to tenant, path and
//!   version; the ring itself is sealed by a [`Seal`];
//! * [`FingerprintKey`]: one secret seen in a file, a vault and a pipeline is one credential;
//!   [`Enrolment`] carries the key to another scanner;
//! * [`PasswordHash`] and [`totp_step`]: what people sign in with;
//! * [`PasswordVerifier`]: whether a secret is the password of a PostgreSQL role, without a login.
//!
//! **Invariant:** a sealed value opens at the tenant, path and version it was sealed for and
//! nowhere else. Held by `a_sealed_value_opens_nowhere_else`.
//!
//! **Invariant:** no key and no secret shows in any `Debug` or error. Held by
//! `nothing_here_shows_a_key`.
//!
//! **Deliberately absent:** files, clocks, the generator of random bytes. Chance is a parameter.

mod barrier;
mod error;
mod fingerprint;
mod hashes;
mod keytext;
mod password;
mod scram;
mod seal;
mod totp;
mod verifier;

pub use barrier::{
    ENCRYPTIONS_MAX, KeyRing, PLAINTEXT_BYTES_MAX, ROTATION_DUE, SAVED_AHEAD, Sealed,
};
pub use error::Error;
pub use fingerprint::{Enrolment, FingerprintKey, canonical};
pub use hashes::{mysql_native_hash, redis_hash};
pub use password::{PASSWORD_LETTERS, PasswordHash};
pub use scram::{ITERATIONS_MAX, scram_stored_key};
pub use seal::{KeyFileSeal, Seal};
pub use totp::{TOTP_SEED_BYTES, base32, totp_code, totp_step};
pub use verifier::PasswordVerifier;

/// Where random bytes come from. The edge implements it over the system's generator, once.
pub trait Random {
    /// Fills all of `bytes` with bytes that nobody can foresee.
    ///
    /// # Errors
    /// [`Error::NoRandom`] if the system has none; nothing is then sealed.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error>;
}
