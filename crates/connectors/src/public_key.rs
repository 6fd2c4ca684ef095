//! Public keys in their two written forms, SubjectPublicKeyInfo (RFC 5280) and OpenSSH's blob
//! (RFC 4253 section 6.6), so that one key is known by both fingerprints wherever it lies.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use model::{Key, KeyKind};
use sha2::{Digest, Sha256};

use crate::der::{self, Der};

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const ED448: &[u8] = &[0x2b, 0x65, 0x71];
const X25519: &[u8] = &[0x2b, 0x65, 0x6e];

/// Curve: object id, OpenSSH's name, ours.
const CURVES: &[(&[u8], &str, &str)] = &[
    (
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
        "nistp256",
        "ecdsa-p256",
    ),
    (&[0x2b, 0x81, 0x04, 0x00, 0x22], "nistp384", "ecdsa-p384"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x23], "nistp521", "ecdsa-p521"),
];

/// A public key, by whichever of its forms could be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// `rsa-2048`, `ecdsa-p256`, `ed25519`, or another name of its system.
    pub algorithm: String,
    spki: Option<[u8; 32]>,
    ssh: Option<[u8; 32]>,
}

impl PublicKey {
    /// An RSA key.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        let modulus = der::trim_zeros(modulus);
        let key = der::value(
            der::SEQUENCE,
            &[der::integer(modulus), der::integer(exponent)].concat(),
        );
        // NULL parameters: RFC 3279 section 2.3.1 demands them.
        let algorithm = [der::value(der::OBJECT_ID, RSA), vec![0x05, 0x00]].concat();
        let blob = [string(b"ssh-rsa"), mpint(exponent), mpint(modulus)].concat();
        Self {
            algorithm: format!("rsa-{}", bit_length(modulus)),
            spki: Some(sha256(&spki(&algorithm, &key))),
            ssh: Some(sha256(&blob)),
        }
    }

    /// A key on one of NIST's curves; `None` where the point is not written out in full.
    pub(crate) fn ec(curve: &[u8], point: &[u8]) -> Option<Self> {
        let algorithm = [
            der::value(der::OBJECT_ID, EC),
            der::value(der::OBJECT_ID, curve),
        ]
        .concat();
        let (_, ssh_name, name) = CURVES.iter().find(|(id, _, _)| *id == curve)?;
        if point.first() != Some(&4) {
            return None;
        }
        let kind = format!("ecdsa-sha2-{ssh_name}");
        let blob = [
            string(kind.as_bytes()),
            string(ssh_name.as_bytes()),
            string(point),
        ]
        .concat();
        Some(Self {
            algorithm: (*name).to_owned(),
            spki: Some(sha256(&spki(&algorithm, point))),
            ssh: Some(sha256(&blob)),
        })
    }

    /// The name of a curve by its object id.
    pub(crate) fn curve_name(curve: &[u8]) -> Option<&'static str> {
        CURVES
            .iter()
            .find(|(id, _, _)| *id == curve)
            .map(|(_, _, name)| *name)
    }

    /// An Ed25519 key.
    pub(crate) fn ed25519(point: &[u8]) -> Option<Self> {
        let blob = [string(b"ssh-ed25519"), string(point)].concat();
        (point.len() == 32).then(|| Self {
            algorithm: "ed25519".to_owned(),
            spki: Some(sha256(&spki(&der::value(der::OBJECT_ID, ED25519), point))),
            ssh: Some(sha256(&blob)),
        })
    }

    /// A key as certificates carry it: the DER of a SubjectPublicKeyInfo.
    pub(crate) fn from_spki(bytes: &[u8]) -> Self {
        let known = Self::parse_spki(bytes);
        Self {
            algorithm: known
                .as_ref()
                .map_or_else(|| algorithm_of_spki(bytes), |key| key.algorithm.clone()),
            // As it is written, whatever we would have written.
            spki: Some(sha256(bytes)),
            ssh: known.and_then(|key| key.ssh),
        }
    }

    fn parse_spki(bytes: &[u8]) -> Option<Self> {
        let mut body = Der::new(bytes).sequence()?;
        let mut algorithm = body.sequence()?;
        let key = body.bits()?;
        match algorithm.take(der::OBJECT_ID)? {
            id if id == RSA || id == RSA_PSS => {
                let mut parts = Der::new(key).sequence()?;
                Some(Self::rsa(parts.integer()?, parts.integer()?))
            }
            EC => Self::ec(algorithm.take(der::OBJECT_ID)?, key),
            ED25519 => Self::ed25519(key),
            _ => None,
        }
    }

    /// A key as OpenSSH writes it, without base64. Hardware-bound kinds (`sk-…`) have no other
    /// form. `None` where it is cut off or of no kind that begins with its name.
    pub(crate) fn from_ssh(blob: &[u8]) -> Option<Self> {
        let mut rest = Strings(blob);
        let kind = std::str::from_utf8(rest.next()?).ok()?;
        let known = match kind {
            "ssh-rsa" => {
                let exponent = rest.next()?;
                Some(Self::rsa(rest.next()?, exponent))
            }
            "ssh-ed25519" => Some(Self::ed25519(rest.next()?)?),
            _ if kind.starts_with("ecdsa-sha2-") => {
                let name = rest.next()?;
                let point = rest.next()?;
                CURVES
                    .iter()
                    .find(|(_, ssh_name, _)| ssh_name.as_bytes() == name)
                    .and_then(|(id, _, _)| Self::ec(id, point))
            }
            _ => {
                rest.next()?;
                None
            }
        };
        let plain = kind.len() <= 64 && kind.bytes().all(|b| b.is_ascii_graphic());
        plain.then(|| Self {
            algorithm: known
                .as_ref()
                .map_or_else(|| kind.to_owned(), |key| key.algorithm.clone()),
            spki: known.and_then(|key| key.spki),
            ssh: Some(sha256(blob)),
        })
    }

    /// The hard keys it is known by.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.spki_key().into_iter().chain(self.ssh_key())
    }

    /// Its key as certificates carry it.
    pub fn spki_key(&self) -> Option<Key> {
        self.spki
            .map(|hash| Key::new(KeyKind::SpkiSha256, hex(&hash)))
    }

    /// Its fingerprint as OpenSSH shows it.
    pub fn ssh_key(&self) -> Option<Key> {
        self.ssh.map(|hash| {
            Key::new(
                KeyKind::SshKeySha256,
                format!("SHA256:{}", STANDARD_NO_PAD.encode(hash)),
            )
        })
    }

    /// Whether both are written forms of one key.
    pub fn same_as(&self, other: &Self) -> bool {
        let same = |a: Option<[u8; 32]>, b: Option<[u8; 32]>| a.is_some() && a == b;
        same(self.spki, other.spki) || same(self.ssh, other.ssh)
    }
}

/// The name of the algorithm with this object id and parameters, without a size.
pub(crate) fn algorithm_name(id: &[u8], curve: Option<&[u8]>) -> Option<&'static str> {
    match id {
        EC => CURVES
            .iter()
            .find(|(known, _, _)| Some(*known) == curve)
            .map_or(Some("ecdsa"), |(_, _, name)| Some(name)),
        ED25519 => Some("ed25519"),
        ED448 => Some("ed448"),
        X25519 => Some("x25519"),
        DSA => Some("dsa"),
        id if id == RSA || id == RSA_PSS => Some("rsa"),
        _ => None,
    }
}

fn algorithm_of_spki(bytes: &[u8]) -> String {
    let name = || {
        let mut algorithm = Der::new(bytes).sequence()?.sequence()?;
        let id = algorithm.take(der::OBJECT_ID)?;
        algorithm_name(id, algorithm.take(der::OBJECT_ID))
    };
    name().unwrap_or("unknown").to_owned()
}

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let inside = [der::value(der::SEQUENCE, algorithm), der::bits(key)].concat();
    der::value(der::SEQUENCE, &inside)
}

/// Length-prefixed strings (RFC 4251 section 5).
pub(crate) struct Strings<'a>(pub(crate) &'a [u8]);

impl<'a> Strings<'a> {
    /// The next string; `None` at the end or where it is cut off.
    pub(crate) fn next(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (content, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    /// The next number of four bytes.
    pub(crate) fn number(&mut self) -> Option<u32> {
        let (digits, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*digits))
    }
}

fn string(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), content].concat()
}

fn mpint(digits: &[u8]) -> Vec<u8> {
    let digits = der::trim_zeros(digits);
    match digits.first() {
        Some(first) if *first >= 0x80 => string(&[&[0], digits].concat()),
        _ => string(digits),
    }
}

fn bit_length(digits: &[u8]) -> usize {
    let zeros = digits.first().map_or(0, |first| first.leading_zeros());
    (digits.len() * 8).saturating_sub(usize::try_from(zeros).unwrap_or(0))
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Hex digits in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            // Writing to a string cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
}
