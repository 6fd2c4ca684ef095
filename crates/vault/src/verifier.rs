//! What PostgreSQL keeps of a password (`pg_authid.rolpassword`), and whether a secret is it.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use model::{Secret, Told};

use crate::{Error, ITERATIONS_MAX, scram_stored_key};

/// No verifier is longer: a salt of 16 bytes makes one of 133 letters.
const TEXT_BYTES_MAX: usize = 1024;

/// A password verifier of a PostgreSQL role. It is as good as a hash for guessing: not shown.
#[derive(Clone)]
pub enum PasswordVerifier {
    /// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.
    Scram {
        /// Rounds of PBKDF2; checking a secret costs as many.
        iterations: u32,
        /// The salt.
        salt: Vec<u8>,
        /// What a right password leads to.
        stored_key: [u8; 32],
    },
    /// `md5` and 32 hex digits: MD5 over password and role name, until PostgreSQL 13 the default.
    Md5,
}

impl PasswordVerifier {
    /// Reads what a server keeps. The bytes are foreign: length and rounds are bounded.
    ///
    /// # Errors
    /// [`Error::Verifier`] for another form; [`Error::Iterations`] for more rounds than are
    /// computed here. Neither repeats what was given.
    pub fn parse(text: &Secret) -> Result<Self, Error> {
        let wrong = |why| Error::Verifier { why };
        let bytes = text.expose();
        if bytes.len() > TEXT_BYTES_MAX {
            return Err(wrong("got a longer text than any"));
        }
        let text = str::from_utf8(bytes).map_err(|_| wrong("got no text"))?;
        if let Some(digits) = text.strip_prefix("md5") {
            let hash = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            return if hash {
                Ok(Self::Md5)
            } else {
                Err(wrong("got `md5` without 32 hex digits"))
            };
        }
        let rest = text
            .strip_prefix("SCRAM-SHA-256$")
            .ok_or_else(|| wrong("got another kind"))?;
        let parts = rest
            .split_once('$')
            .and_then(|(head, keys)| Some((head.split_once(':')?, keys.split_once(':')?)));
        let ((rounds, salt), (stored, server)) = parts.ok_or_else(|| wrong("got other parts"))?;
        let digits = !rounds.is_empty() && rounds.bytes().all(|b| b.is_ascii_digit());
        let rounds = rounds.parse::<u64>().ok().filter(|_| digits);
        let rounds = rounds.ok_or_else(|| wrong("got no number of iterations"))?;
        let iterations = u32::try_from(rounds).unwrap_or(u32::MAX);
        if iterations == 0 || iterations > ITERATIONS_MAX {
            return Err(Error::Iterations {
                iterations,
                iterations_max: ITERATIONS_MAX,
            });
        }
        let decode = |part: &str| {
            BASE64_STANDARD
                .decode(part)
                .map_err(|_| wrong("got bad base64"))
        };
        let salt = decode(salt)?;
        let key = |part| {
            <[u8; 32]>::try_from(decode(part)?).map_err(|_| wrong("got keys of another length"))
        };
        let stored_key = key(stored)?;
        key(server)?;
        if salt.is_empty() {
            return Err(wrong("got no salt"));
        }
        Ok(Self::Scram {
            iterations,
            salt,
            stored_key,
        })
    }

    /// Whether `password` is the one. `CannotTell` for MD5, which is not computed here.
    ///
    /// # Errors
    /// [`Error::Iterations`].
    pub fn matches(&self, password: &Secret) -> Result<Told<bool>, Error> {
        match self {
            Self::Md5 => Ok(Told::CannotTell),
            Self::Scram {
                iterations,
                salt,
                stored_key,
            } => {
                let made = scram_stored_key(password, salt, *iterations)?;
                Ok(Told::Is(verify_slices_are_equal(&made, stored_key).is_ok()))
            }
        }
    }
}

impl fmt::Debug for PasswordVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scram { .. } => "PasswordVerifier(scram-sha-256, redacted)",
            Self::Md5 => "PasswordVerifier(md5, redacted)",
        })
    }
}
