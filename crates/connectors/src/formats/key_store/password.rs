//! What a password opens: the seal of PKCS #12 (RFC 7292 appendix B), PBES2 (RFC 8018), and RC2
//! and triple DES, with which old programs encrypt (`legacy`).

use std::num::NonZeroU32;

use super::legacy;
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, hmac, pbkdf2};

use crate::der::{self, Der};

/// Passwords that are tried, and how each is told. They stand in manuals.
pub(super) const KNOWN: &[(&str, &str)] = &[
    ("", "an empty password"),
    ("changeit", "a password that everybody knows"),
    ("changeme", "a password that everybody knows"),
    ("password", "a password that everybody knows"),
];

/// Rounds spent on one file, all passwords together: a hostile store asks for billions.
pub(super) const ROUNDS_MAX: u32 = 2_000_000;

const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
/// `id-hmacWith…` without its last number.
const HMAC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02];
/// AES in NIST's arc, without its last number.
const AES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
/// SHA-2 in NIST's arc, without its last number.
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

/// How many rounds are left.
pub(super) struct Rounds(pub(super) u32);

impl Rounds {
    pub(super) fn spend(&mut self, rounds: u32) -> bool {
        let enough = rounds <= self.0;
        if enough {
            self.0 -= rounds;
        }
        enough
    }
}

/// A password as PKCS #12 and Java hash it: UTF-16, high byte first.
pub(super) fn utf16(password: &str) -> Vec<u8> {
    password.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// The seal over the whole of a PKCS #12 store (MacData).
pub(super) struct Seal<'a> {
    /// `hmac-sha256` and its like.
    pub(super) name: &'static str,
    /// Rounds of key derivation.
    pub(super) rounds: u32,
    hash: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
    block: usize,
    salt: &'a [u8],
    mac: &'a [u8],
}

impl<'a> Seal<'a> {
    /// Reads it; `None` where it is broken or of a kind that is not known.
    pub(super) fn read(mut data: Der<'a>) -> Option<Self> {
        let mut info = data.sequence()?;
        let id = info.sequence()?.take(der::OBJECT_ID)?;
        let mac = info.take(der::OCTET_STRING)?;
        let salt = data.take(der::OCTET_STRING)?;
        let rounds = data.integer().map_or(Some(1), number)?;
        let (name, hash, hmac, block) = match id {
            SHA1 => (
                "hmac-sha1",
                &digest::SHA1_FOR_LEGACY_USE_ONLY,
                hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                64,
            ),
            _ => match id.strip_prefix(SHA2)? {
                [1] => ("hmac-sha256", &digest::SHA256, hmac::HMAC_SHA256, 64),
                [2] => ("hmac-sha384", &digest::SHA384, hmac::HMAC_SHA384, 128),
                [3] => ("hmac-sha512", &digest::SHA512, hmac::HMAC_SHA512, 128),
                _ => return None,
            },
        };
        let fits = !salt.is_empty() && salt.len() <= 1024 && rounds > 0;
        fits.then_some(Self {
            name,
            rounds,
            hash,
            hmac,
            block,
            salt,
            mac,
        })
    }

    /// Whether `password` made it over `content`; false as well where no rounds are left.
    pub(super) fn fits(&self, password: &str, content: &[u8], rounds: &mut Rounds) -> bool {
        as_written(password).into_iter().any(|password| {
            rounds.spend(self.rounds) && {
                let key = hmac::Key::new(self.hmac, &self.key(&password));
                hmac::verify(&key, content, self.mac).is_ok()
            }
        })
    }

    /// The key of the seal: as long as the hash.
    fn key(&self, password: &[u8]) -> Vec<u8> {
        let how = Derivation {
            hash: self.hash,
            block: self.block,
            salt: self.salt,
            rounds: self.rounds,
        };
        how.derive(SEALING, password, self.hash.output_len())
    }
}

/// The forms in which a password is hashed: some programs write no password as two zero bytes,
/// others as nothing at all.
pub(super) fn as_written(password: &str) -> Vec<Vec<u8>> {
    let mut written = utf16(password);
    written.extend([0, 0]);
    let mut all = vec![written];
    if password.is_empty() {
        all.push(Vec::new());
    }
    all
}

/// What is derived is to encrypt with (RFC 7292 appendix B.3).
pub(super) const ENCRYPTING: u8 = 1;
/// What is derived is to begin with.
pub(super) const BEGINNING: u8 = 2;
/// What is derived is to seal with.
const SEALING: u8 = 3;

/// How keys are made of passwords (appendix B.2).
pub(super) struct Derivation<'a> {
    pub(super) hash: &'static digest::Algorithm,
    /// The block of the hash, in bytes.
    pub(super) block: usize,
    pub(super) salt: &'a [u8],
    pub(super) rounds: u32,
}

impl Derivation<'_> {
    /// As many bytes for this purpose as are asked for.
    pub(super) fn derive(&self, purpose: u8, password: &[u8], length: usize) -> Vec<u8> {
        let fill = |text: &[u8]| -> Vec<u8> {
            let length = text.len().div_ceil(self.block) * self.block;
            text.iter().copied().cycle().take(length).collect()
        };
        let mut within = [fill(self.salt), fill(password)].concat();
        let mut out = Vec::new();
        while out.len() < length {
            let start = [vec![purpose; self.block].as_slice(), &within].concat();
            let mut hash = digest::digest(self.hash, &start);
            for _ in 1..self.rounds {
                hash = digest::digest(self.hash, hash.as_ref());
            }
            out.extend_from_slice(hash.as_ref());
            // Each block of what goes in next is raised by the hash and by one.
            let by: Vec<u8> = hash
                .as_ref()
                .iter()
                .copied()
                .cycle()
                .take(self.block)
                .collect();
            for block in within.chunks_exact_mut(self.block) {
                let mut carry = 1;
                for (digit, by) in block.iter_mut().zip(&by).rev() {
                    let sum = u16::from(*digit) + u16::from(*by) + carry;
                    let [high, low] = sum.to_be_bytes();
                    (*digit, carry) = (low, u16::from(high));
                }
            }
        }
        out.truncate(length);
        out
    }
}

/// What `algorithm` says was sealed with `password`; `None` where the password is another one, the
/// scheme is not spoken here, or no rounds are left.
pub(super) fn opened(
    mut algorithm: Der<'_>,
    sealed: &[u8],
    password: &str,
    rounds: &mut Rounds,
) -> Option<Vec<u8>> {
    let scheme = algorithm.take(der::OBJECT_ID)?;
    if scheme != PBES2 {
        return legacy::opened(scheme, algorithm.sequence()?, sealed, password, rounds);
    }
    let mut parameters = algorithm.sequence()?;
    let (mut derive, mut encrypt) = (parameters.sequence()?, parameters.sequence()?);
    let cipher = match encrypt.take(der::OBJECT_ID)?.strip_prefix(AES)? {
        [2] => (&AES_128, 16),
        [22] => (&AES_192, 24),
        [42] => (&AES_256, 32),
        _ => return None,
    };
    let iv: [u8; 16] = encrypt.take(der::OCTET_STRING)?.try_into().ok()?;
    if derive.take(der::OBJECT_ID)? != PBKDF2 {
        return None;
    }
    let mut derive = derive.sequence()?;
    let salt = derive.take(der::OCTET_STRING)?;
    let count = number(derive.integer()?)?;
    // The key's length may be stated; the cipher says it as well.
    let _ = derive.integer();
    let prf = match derive.sequence() {
        None => pbkdf2::PBKDF2_HMAC_SHA1,
        Some(mut prf) => match prf.take(der::OBJECT_ID)?.strip_prefix(HMAC)? {
            [7] => pbkdf2::PBKDF2_HMAC_SHA1,
            [9] => pbkdf2::PBKDF2_HMAC_SHA256,
            [10] => pbkdf2::PBKDF2_HMAC_SHA384,
            [11] => pbkdf2::PBKDF2_HMAC_SHA512,
            _ => return None,
        },
    };
    // Two blocks at most: AES-256 out of SHA-1.
    if !rounds.spend(count.checked_mul(2)?) {
        return None;
    }
    let mut key = vec![0; cipher.1];
    pbkdf2::derive(
        prf,
        NonZeroU32::new(count)?,
        salt,
        password.as_bytes(),
        &mut key,
    );
    let key = UnboundCipherKey::new(cipher.0, &key).ok()?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let mut plain = sealed.to_vec();
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    let length = key.decrypt(&mut plain, context).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

/// A number of four bytes at most.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    (digits.len() <= 4).then(|| {
        digits
            .iter()
            .fold(0, |sum, digit| (sum << 8) | u32::from(*digit))
    })
}
