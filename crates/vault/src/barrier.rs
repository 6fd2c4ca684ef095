//! The barrier: a ring of data keys, and values sealed for one place.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use model::{Secret, Tenant};
use zeroize::Zeroizing;

use crate::keytext::{self, KEY_BYTES};
use crate::{Error, Random, Seal};

/// Values that one data key may seal with random nonces (NIST SP 800-38D, section 8.3).
pub const ENCRYPTIONS_MAX: u64 = 1 << 32;
/// From here on a rotation is due: nine tenths of [`ENCRYPTIONS_MAX`].
pub const ROTATION_DUE: u64 = ENCRYPTIONS_MAX / 10 * 9;
/// How far ahead of the count a saved ring is, so that a crash does not lose count.
pub const SAVED_AHEAD: u64 = 1 << 16;
/// The longest value that is sealed.
pub const PLAINTEXT_BYTES_MAX: usize = 1 << 20;

pub(crate) const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const FORMAT: u8 = 1;
const RING_FORMAT: u8 = 1;
const TERM_BYTES: usize = 4 + 8 + KEY_BYTES;
/// More terms than anybody rotates in; bounds what a ring can claim.
const TERMS_MAX: usize = 65_536;

/// A sealed value. On the wire: format (1 byte), term (4, big-endian), nonce (12), ciphertext and tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Which data key sealed it.
    pub term: u32,
    nonce: [u8; NONCE_BYTES],
    ciphertext: Vec<u8>,
}

impl Sealed {
    /// The wire form.
    pub fn to_bytes(&self) -> Vec<u8> {
        [
            &[FORMAT],
            self.term.to_be_bytes().as_slice(),
            &self.nonce,
            &self.ciphertext,
        ]
        .concat()
    }

    /// Reads the wire form. Whether it opens is another question.
    ///
    /// # Errors
    /// [`Error::Form`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let wrong = |why| Error::Form { why };
        let (format, rest) = bytes.split_first().ok_or_else(|| wrong("got nothing"))?;
        if *format != FORMAT {
            return Err(wrong("got another format: a newer keyroll may read it"));
        }
        let short = || wrong("got fewer bytes than an empty value has");
        let (term, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (nonce, ciphertext) = rest.split_first_chunk().ok_or_else(short)?;
        if ciphertext.len() < TAG_BYTES {
            return Err(short());
        }
        if ciphertext.len() > PLAINTEXT_BYTES_MAX + TAG_BYTES {
            return Err(wrong("got more bytes than the longest value has"));
        }
        let term = u32::from_be_bytes(*term);
        Ok(Self {
            term,
            nonce: *nonce,
            ciphertext: ciphertext.to_vec(),
        })
    }
}

struct Term {
    key: Secret,
    /// Values sealed, as far as counted; never below the truth but for what a crash lost beyond
    /// [`SAVED_AHEAD`].
    encryptions: AtomicU64,
}

/// The data keys of one tenant: the active term seals, every term opens.
///
/// Sealing counts. Save the ring ([`KeyRing::to_sealed`]) after [`KeyRing::rotate`] *before* the
/// new term is used by a stored value, and whenever [`KeyRing::wants_saving`] says so.
pub struct KeyRing {
    tenant: Tenant,
    active: u32,
    terms: BTreeMap<u32, Term>,
    /// The count of the active term up to which the saved ring accounts.
    accounted: AtomicU64,
}

impl KeyRing {
    /// A ring with one fresh data key, term 1.
    ///
    /// # Errors
    /// [`Error::NoRandom`].
    pub fn generate(tenant: Tenant, random: &dyn Random) -> Result<Self, Error> {
        let mut ring = Self {
            tenant,
            active: 0,
            terms: BTreeMap::new(),
            accounted: AtomicU64::new(0),
        };
        ring.rotate(random)?;
        Ok(ring)
    }

    /// Whose ring it is.
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The term that seals.
    pub const fn active_term(&self) -> u32 {
        self.active
    }

    /// Every term, oldest first, with how many values it sealed, as far as counted.
    pub fn terms(&self) -> impl Iterator<Item = (u32, u64)> {
        let terms = self.terms.iter();
        terms.map(|(number, term)| (*number, term.encryptions.load(Ordering::Relaxed)))
    }

    /// How many values the active term sealed, as far as counted.
    pub fn encryptions(&self) -> u64 {
        self.terms
            .get(&self.active)
            .map_or(0, |term| term.encryptions.load(Ordering::Relaxed))
    }

    /// Whether the active term nears its end.
    pub fn rotation_due(&self) -> bool {
        self.encryptions() >= ROTATION_DUE
    }

    /// Whether more was sealed than the saved ring accounts for.
    pub fn wants_saving(&self) -> bool {
        self.encryptions() > self.accounted.load(Ordering::Relaxed)
    }

    /// Adds a fresh data key and makes it the active term. Older values go on opening.
    ///
    /// # Errors
    /// [`Error::NoRandom`]; [`Error::RingForm`] when there are as many terms as a ring can hold.
    pub fn rotate(&mut self, random: &dyn Random) -> Result<u32, Error> {
        let full = || Error::RingForm {
            why: "got one with all the terms that a ring can hold",
        };
        let next = self.active.checked_add(1).ok_or_else(full)?;
        if self.terms.len() >= TERMS_MAX {
            return Err(full());
        }
        let term = Term {
            key: keytext::generate(random)?,
            encryptions: AtomicU64::new(0),
        };
        self.terms.insert(next, term);
        self.active = next;
        self.accounted = AtomicU64::new(0);
        Ok(next)
    }

    /// Seals `plaintext` for this tenant, `path` and `version`.
    ///
    /// # Errors
    /// [`Error::Spent`] when the active term has sealed all it may; [`Error::TooLong`];
    /// [`Error::NoRandom`].
    pub fn seal(
        &self,
        path: &str,
        version: u64,
        plaintext: &Secret,
        random: &dyn Random,
    ) -> Result<Sealed, Error> {
        if plaintext.len() > PLAINTEXT_BYTES_MAX {
            let (bytes, bytes_max) = (plaintext.len(), PLAINTEXT_BYTES_MAX);
            return Err(Error::TooLong { bytes, bytes_max });
        }
        let term = self
            .terms
            .get(&self.active)
            .ok_or(Error::UnknownTerm { term: self.active })?;
        let counted = |n: u64| (n < ENCRYPTIONS_MAX).then(|| n + 1);
        term.encryptions
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted)
            .map_err(|encryptions| Error::Spent {
                term: self.active,
                encryptions,
            })?;
        let bound_to = self.bound_to(self.active, path, version);
        let (nonce, ciphertext) = seal_bytes(&term.key, &bound_to, plaintext, random)?;
        Ok(Sealed {
            term: self.active,
            nonce,
            ciphertext,
        })
    }

    /// Opens what was sealed for this tenant, `path` and `version`.
    ///
    /// # Errors
    /// [`Error::Broken`] if it was changed or moved; [`Error::UnknownTerm`].
    pub fn open(&self, path: &str, version: u64, sealed: &Sealed) -> Result<Secret, Error> {
        let term = self
            .terms
            .get(&sealed.term)
            .ok_or(Error::UnknownTerm { term: sealed.term })?;
        let bound_to = self.bound_to(sealed.term, path, version);
        let opened = open_bytes(&term.key, &bound_to, &sealed.nonce, &sealed.ciphertext)?;
        opened.ok_or_else(|| Error::Broken {
            path: model::shorten(&model::clean(path), 200),
            version,
        })
    }

    /// The ring, wrapped by `seal`, to be stored.
    ///
    /// # Errors
    /// Those of the seal.
    pub fn to_sealed(&self, seal: &dyn Seal, random: &dyn Random) -> Result<Vec<u8>, Error> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(5 + self.terms.len() * TERM_BYTES));
        bytes.push(RING_FORMAT);
        bytes.extend_from_slice(&self.active.to_be_bytes());
        let mut accounted = 0;
        for (number, term) in &self.terms {
            let mut count = term.encryptions.load(Ordering::Relaxed);
            if *number == self.active {
                count = count.saturating_add(SAVED_AHEAD).min(ENCRYPTIONS_MAX);
                accounted = count;
            }
            bytes.extend_from_slice(&number.to_be_bytes());
            bytes.extend_from_slice(&count.to_be_bytes());
            bytes.extend_from_slice(term.key.expose());
        }
        let wrapped = seal.wrap(
            &self.tenant,
            &Secret::new(std::mem::take(&mut *bytes)),
            random,
        )?;
        self.accounted.store(accounted, Ordering::Relaxed);
        Ok(wrapped)
    }

    /// Unwraps a stored ring of `tenant`.
    ///
    /// # Errors
    /// [`Error::Ring`] if `seal` has another key, the ring is of another tenant or was changed.
    pub fn from_sealed(tenant: Tenant, seal: &dyn Seal, wrapped: &[u8]) -> Result<Self, Error> {
        let wrong = |why| Error::RingForm { why };
        let bytes = seal.unwrap(&tenant, wrapped)?;
        let (format, rest) = bytes
            .expose()
            .split_first()
            .ok_or_else(|| wrong("got nothing"))?;
        if *format != RING_FORMAT {
            return Err(wrong("got another format: a newer keyroll may read it"));
        }
        let (active, rest) = rest
            .split_first_chunk()
            .ok_or_else(|| wrong("got a short one"))?;
        let (records, rest) = rest.as_chunks::<TERM_BYTES>();
        if !rest.is_empty() || records.len() > TERMS_MAX {
            return Err(wrong("got one of an odd length"));
        }
        let mut terms = BTreeMap::new();
        for record in records {
            let (number, term) = read_term(record).ok_or_else(|| wrong("got an odd term"))?;
            if terms.insert(number, term).is_some() {
                return Err(wrong("got one term twice"));
            }
        }
        let active = u32::from_be_bytes(*active);
        let Some(term) = terms.get(&active) else {
            return Err(wrong("got one without its active term"));
        };
        let accounted = AtomicU64::new(term.encryptions.load(Ordering::Relaxed));
        Ok(Self {
            tenant,
            active,
            terms,
            accounted,
        })
    }

    /// What a value is bound to. Lengths come before texts, so no two places read the same.
    fn bound_to(&self, term: u32, path: &str, version: u64) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.extend_from_slice(&term.to_be_bytes());
        for text in [self.tenant.as_str(), path] {
            out.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(&version.to_be_bytes());
        out
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "KeyRing({}, {} terms, redacted)",
            self.tenant.as_str(),
            self.terms.len()
        )
    }
}

fn read_term(record: &[u8; TERM_BYTES]) -> Option<(u32, Term)> {
    let (number, rest) = record.split_first_chunk()?;
    let (count, key) = rest.split_first_chunk()?;
    let encryptions = AtomicU64::new(u64::from_be_bytes(*count));
    Some((
        u32::from_be_bytes(*number),
        Term {
            key: Secret::new(key.to_vec()),
            encryptions,
        },
    ))
}

/// AES-256-GCM with a random nonce.
pub(crate) fn seal_bytes(
    key: &Secret,
    bound_to: &[u8],
    plaintext: &Secret,
    random: &dyn Random,
) -> Result<([u8; NONCE_BYTES], Vec<u8>), Error> {
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce)?;
    // Reserved in full: growing would leave a copy of the plaintext behind. Sealed in place.
    let mut bytes = Zeroizing::new(Vec::with_capacity(plaintext.len() + TAG_BYTES));
    bytes.extend_from_slice(plaintext.expose());
    let unique = Nonce::assume_unique_for_key(nonce);
    cipher(key)?
        .seal_in_place_append_tag(unique, Aad::from(bound_to), &mut *bytes)
        .map_err(|_| Error::Refused { what: "seal" })?;
    Ok((nonce, std::mem::take(&mut *bytes)))
}

/// `None` if the tag does not match.
pub(crate) fn open_bytes(
    key: &Secret,
    bound_to: &[u8],
    nonce: &[u8; NONCE_BYTES],
    ciphertext: &[u8],
) -> Result<Option<Secret>, Error> {
    let mut bytes = Zeroizing::new(ciphertext.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = cipher(key)?.open_in_place(nonce, Aad::from(bound_to), &mut bytes);
    Ok(opened.ok().map(|plaintext| Secret::new(plaintext.to_vec())))
}

fn cipher(key: &Secret) -> Result<LessSafeKey, Error> {
    let unbound = UnboundKey::new(&AES_256_GCM, key.expose());
    Ok(LessSafeKey::new(
        unbound.map_err(|_| Error::Refused { what: "take a key" })?,
    ))
}
