//! SCRAM-SHA-256: from a password to what a server keeps of it (RFC 5802, RFC 7677).

use std::num::NonZeroU32;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use model::Secret;
use zeroize::Zeroizing;

use crate::{Error, keytext};

/// The most rounds that are computed: a few seconds of one core. A hostile server names the number.
pub const ITERATIONS_MAX: u32 = 10_000_000;

/// The StoredKey of `password`: `H(HMAC(SaltedPassword, "Client Key"))` (RFC 5802, section 3).
///
/// The password is prepared as PostgreSQL does it: ASCII as it is; other UTF-8 by SASLprep (RFC
/// 4013), or as it is where SASLprep forbids it; what is not UTF-8 as it is.
///
/// # Errors
/// [`Error::Iterations`] for none or more than [`ITERATIONS_MAX`].
pub fn scram_stored_key(
    password: &Secret,
    salt: &[u8],
    iterations: u32,
) -> Result<[u8; 32], Error> {
    let rounds = NonZeroU32::new(iterations).filter(|n| n.get() <= ITERATIONS_MAX);
    let rounds = rounds.ok_or(Error::Iterations {
        iterations,
        iterations_max: ITERATIONS_MAX,
    })?;
    let mut salted = Zeroizing::new([0; 32]);
    let prepared = prepare(password.expose());
    pbkdf2::derive(
        PBKDF2_HMAC_SHA256,
        rounds,
        salt,
        &prepared,
        salted.as_mut_slice(),
    );
    let key = hmac::Key::new(HMAC_SHA256, salted.as_slice());
    Ok(keytext::hash(&[hmac::sign(&key, b"Client Key").as_ref()]))
}

fn prepare(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = if password.is_ascii() {
        None
    } else {
        str::from_utf8(password).ok()
    };
    let prepared = text.and_then(|text| stringprep::saslprep(text).ok());
    // PostgreSQL takes a password that would vanish as it is.
    let prepared = prepared.filter(|text| !text.is_empty());
    Zeroizing::new(
        prepared.map_or_else(|| password.to_vec(), |text| text.into_owned().into_bytes()),
    )
}
