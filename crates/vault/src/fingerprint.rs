//! Fingerprints of secrets: equal for equal secrets of one tenant, useless without its key.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use model::{Fingerprint, Secret};

use crate::{Error, Random, keytext};

/// The canonical form of a secret's value: without blanks at its ends (coverage.md, section 6).
///
/// A JWT is taken whole. A PEM block is no secret of this kind: connectors know it by the
/// fingerprint of its key. `None` if nothing is left.
pub fn canonical(value: &[u8]) -> Option<&[u8]> {
    let trimmed = value.trim_ascii();
    (!trimmed.is_empty()).then_some(trimmed)
}

/// The key under which one tenant's secrets are fingerprinted (CV-35).
///
/// The key id is the first 8 bytes, in hex, of SHA-256 over a label and the key. As the key is 32
/// random bytes, nobody gets from the id to the key, and two keys are told apart.
#[derive(Clone)]
pub struct FingerprintKey {
    key: Secret,
    id: String,
}

impl FingerprintKey {
    const LABEL: &'static str = "keyroll-fingerprint-1";
    const KEY_ID: &'static [u8] = b"keyroll fingerprint key id 1\0";

    fn new(key: Secret) -> Self {
        let id = hex(&keytext::hash(&[Self::KEY_ID, key.expose()])[..8]);
        Self { key, id }
    }

    /// A fresh key.
    ///
    /// # Errors
    /// [`Error::NoRandom`].
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        keytext::generate(random).map(Self::new)
    }

    /// The key made of these 32 bytes.
    ///
    /// # Errors
    /// [`Error::KeyLength`].
    pub fn from_bytes(bytes: Secret) -> Result<Self, Error> {
        keytext::key(bytes).map(Self::new)
    }

    /// Reads the content of a key file.
    ///
    /// # Errors
    /// [`Error::KeyText`] if it is another file, cut, or mistyped.
    pub fn from_file(content: &Secret) -> Result<Self, Error> {
        keytext::read(Self::LABEL, content.expose()).map(Self::new)
    }

    /// The content of the key file, without a newline. To be kept with mode 0600, beside the
    /// database and never in it.
    pub fn to_file(&self) -> Secret {
        keytext::write(Self::LABEL, &self.key)
    }

    /// What to give to a scanner elsewhere so that its fingerprints match ours.
    pub fn enrol(&self) -> Enrolment {
        Enrolment(keytext::write(Enrolment::LABEL, &self.key))
    }

    /// The key that an enrolment carries.
    ///
    /// # Errors
    /// [`Error::KeyText`] if it is none, cut, or mistyped.
    pub fn from_enrolment(enrolment: &Enrolment) -> Result<Self, Error> {
        keytext::read(Enrolment::LABEL, enrolment.0.expose()).map(Self::new)
    }

    /// The id that fingerprints carry: 16 hex digits.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// The fingerprint of `value`, brought into its [`canonical`] form; `None` if it is blank.
    pub fn fingerprint(&self, value: &[u8]) -> Option<Fingerprint> {
        let key = hmac::Key::new(HMAC_SHA256, self.key.expose());
        let mac = hmac::sign(&key, canonical(value)?);
        Some(Fingerprint {
            key: self.id.clone(),
            mac: hex(mac.as_ref()),
        })
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FingerprintKey({}, redacted)", self.id())
    }
}

/// A tenant's fingerprint key on its way to another scanner: one line, `keyroll-enrol-1.` and 48
/// letters. It is a secret: whoever has it can test guesses against fingerprints.
#[derive(Clone)]
pub struct Enrolment(Secret);

impl Enrolment {
    const LABEL: &'static str = "keyroll-enrol-1";

    /// Takes what was given to this scanner; [`FingerprintKey::from_enrolment`] reads it.
    pub const fn new(text: Secret) -> Self {
        Self(text)
    }

    /// Hands out the line, to be shown or written once to the one who enrols.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(redacted)")
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            // Writing to a text cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
}
