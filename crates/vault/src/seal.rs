//! What seals the key ring itself: a key file now; other holders of a key later.

use std::fmt;

use model::{Secret, Tenant};

use crate::barrier::{NONCE_BYTES, open_bytes, seal_bytes};
use crate::{Error, Random, keytext};

/// Wraps and unwraps a tenant's key ring with a key that is not in the store.
pub trait Seal {
    /// What kind of seal it is, for people.
    fn name(&self) -> &'static str;

    /// Wraps `ring` for `tenant`.
    ///
    /// # Errors
    /// [`Error::NoRandom`], or that the holder of the key refused.
    fn wrap(&self, tenant: &Tenant, ring: &Secret, random: &dyn Random) -> Result<Vec<u8>, Error>;

    /// Unwraps what [`Seal::wrap`] made for the same tenant.
    ///
    /// # Errors
    /// [`Error::Ring`] if the key is another one or the bytes were changed.
    fn unwrap(&self, tenant: &Tenant, wrapped: &[u8]) -> Result<Secret, Error>;
}

/// A seal whose key of 32 bytes lies in a file beside the database, never in it.
///
/// The file holds one line, `keyroll-seal-1.` and 48 letters. Wrapped bytes are one byte of
/// format, the nonce and the ciphertext (AES-256-GCM).
pub struct KeyFileSeal {
    key: Secret,
}

impl KeyFileSeal {
    const LABEL: &'static str = "keyroll-seal-1";
    const FORMAT: u8 = 1;

    /// A seal with a fresh key.
    ///
    /// # Errors
    /// [`Error::NoRandom`].
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        Ok(Self {
            key: keytext::generate(random)?,
        })
    }

    /// Reads the content of a key file.
    ///
    /// # Errors
    /// [`Error::KeyText`] if it is another file, cut, or mistyped.
    pub fn from_file(content: &Secret) -> Result<Self, Error> {
        Ok(Self {
            key: keytext::read(Self::LABEL, content.expose())?,
        })
    }

    /// The content of the key file, without a newline. To be kept with mode 0600.
    pub fn to_file(&self) -> Secret {
        keytext::write(Self::LABEL, &self.key)
    }

    fn bound_to(tenant: &Tenant) -> Vec<u8> {
        [b"keyroll key ring 1\0", tenant.as_str().as_bytes()].concat()
    }
}

impl Seal for KeyFileSeal {
    fn name(&self) -> &'static str {
        "key file"
    }

    fn wrap(&self, tenant: &Tenant, ring: &Secret, random: &dyn Random) -> Result<Vec<u8>, Error> {
        let (nonce, ciphertext) = seal_bytes(&self.key, &Self::bound_to(tenant), ring, random)?;
        Ok([&[Self::FORMAT], nonce.as_slice(), &ciphertext].concat())
    }

    fn unwrap(&self, tenant: &Tenant, wrapped: &[u8]) -> Result<Secret, Error> {
        let broken = || Error::Ring { seal: self.name() };
        let (format, rest) = wrapped.split_first().ok_or_else(broken)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(broken)?;
        if *format != Self::FORMAT {
            return Err(broken());
        }
        open_bytes(&self.key, &Self::bound_to(tenant), nonce, ciphertext)?.ok_or_else(broken)
    }
}

impl fmt::Debug for KeyFileSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFileSeal(redacted)")
    }
}
