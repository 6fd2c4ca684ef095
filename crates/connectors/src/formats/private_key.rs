//! Private keys: PKCS #8 (RFC 5958), PKCS #1 (RFC 8017), SEC 1 (RFC 5915), OpenSSH, PuTTY, OpenPGP.

mod openssh;
mod putty;

use model::{Secret, Told};

use super::{FileAt, Format, FormatSpec, PrivateKey, Seen};
use crate::armour;
use crate::der::{self, Der};
use crate::public_key::{PublicKey, algorithm_name};

pub(super) struct PrivateKeys;

impl Format for PrivateKeys {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "private_key",
            reads: "private keys in PEM, DER, OpenSSH's and PuTTY's form",
            places: &[
                "~/.ssh/id_*",
                "*.key",
                "*.pem",
                "*.ppk",
                "/etc/ssh/ssh_host_*_key",
            ],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        [".key", ".pem", ".ppk", ".pk8", ".p8"]
            .iter()
            .any(|end| name.ends_with(end))
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        armour::is_in(bytes) || putty::is_in(bytes)
    }

    fn holds_something(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if putty::is_in(file.bytes) {
            putty::read(file, seen);
        } else if armour::is_in(file.bytes) {
            let is_kept_for_it = self.recognises(file.path, file.name());
            read_blocks(file.bytes, ("", 1), is_kept_for_it, seen);
            if armour::is_torn(file.bytes, "PRIVATE KEY") {
                seen.broken("a private key that is cut off or no base64");
            }
        } else if let Some(key) = from_der(file.bytes) {
            seen.key(key.into_key(Secret::new(file.bytes.to_vec())));
        } else if let Some(told) = armour::is_neither(file.bytes) {
            seen.broken(told);
        }
    }
}

/// The private keys in PEM armour in `bytes`, which stand in `field` from `line` on.
pub(super) fn read_armour(bytes: &[u8], field: &str, line: usize, seen: &mut Seen) {
    read_blocks(bytes, (field, line), true, seen);
}

/// The same; where nothing says that a key is meant to stand there (`is_kept_for_it`), as in source
/// code and manuals, what does not even begin as one is a mention and no gap.
fn read_blocks(bytes: &[u8], (field, line): (&str, usize), is_kept_for_it: bool, seen: &mut Seen) {
    for block in armour::blocks(bytes) {
        let secret = block.label.ends_with("PRIVATE KEY") || block.label == "PGP PRIVATE KEY BLOCK";
        if !secret {
            continue;
        }
        let line = line + block.line - 1;
        let is_gap = is_kept_for_it || block.is_meant;
        let Some(body) = block.body else {
            if is_gap {
                seen.broken(format!(
                    "line {line}: a private key that is cut off or no base64"
                ));
            }
            continue;
        };
        let parts = match block.label {
            "OPENSSH PRIVATE KEY" => openssh::parts(body.expose()),
            "PGP PRIVATE KEY BLOCK" => Some(Parts::unknown("pgp", Told::CannotTell)),
            label if block.encrypted => Some(old_encrypted(label)),
            _ => from_der(body.expose()),
        };
        let Some(parts) = parts else {
            if is_gap {
                seen.broken(format!(
                    "line {line}: armour of a private key round something else"
                ));
            }
            continue;
        };
        let mut key = parts.into_key(body);
        field.clone_into(&mut key.field);
        key.line = Some(line);
        seen.key(key);
    }
}

/// What a key in DER is, without protection; `None` where it is none.
pub(super) fn plain(bytes: &[u8]) -> Option<PrivateKey> {
    from_der(bytes).map(|parts| parts.into_key(Secret::new(bytes.to_vec())))
}

/// The older forms say the kind of key in clear even where the key is not.
fn old_encrypted(label: &str) -> Parts {
    let (form, algorithm) = match label {
        "RSA PRIVATE KEY" => ("pkcs1", Some("rsa")),
        "DSA PRIVATE KEY" => ("pkcs1", Some("dsa")),
        "EC PRIVATE KEY" => ("sec1", Some("ecdsa")),
        _ => ("pkcs8", None),
    };
    Parts {
        algorithm: algorithm.map(str::to_owned),
        ..Parts::unknown(form, Told::Is(true))
    }
}

/// What can be told of a private key.
#[derive(Debug)]
struct Parts {
    form: &'static str,
    encrypted: Told<bool>,
    algorithm: Option<String>,
    public: Option<PublicKey>,
    comment: Option<String>,
}

impl Parts {
    const fn unknown(form: &'static str, encrypted: Told<bool>) -> Self {
        Self {
            form,
            encrypted,
            algorithm: None,
            public: None,
            comment: None,
        }
    }

    fn plain(form: &'static str, algorithm: Option<&str>, public: Option<PublicKey>) -> Self {
        Self {
            algorithm: public
                .as_ref()
                .map(|key| key.algorithm.clone())
                .or(algorithm.map(str::to_owned)),
            public,
            ..Self::unknown(form, Told::Is(false))
        }
    }

    fn into_key(self, body: Secret) -> PrivateKey {
        PrivateKey {
            field: String::new(),
            line: None,
            body,
            form: self.form,
            encrypted: self.encrypted,
            algorithm: self.algorithm,
            public: self.public,
            comment: self.comment,
            allowed: false,
        }
    }
}

/// A key in DER, whichever form it has; `None` where it has none.
fn from_der(bytes: &[u8]) -> Option<Parts> {
    let body = Der::new(bytes).sequence()?;
    let mut ahead = body;
    if let Some(mut algorithm) = ahead.sequence() {
        // An algorithm first: EncryptedPrivateKeyInfo (RFC 5958 section 3).
        algorithm.take(der::OBJECT_ID)?;
        ahead.take(der::OCTET_STRING)?;
        return Some(Parts::unknown("pkcs8", Told::Is(true)));
    }
    let version = ahead.integer()?;
    match ahead.any()? {
        (der::SEQUENCE, algorithm) => pkcs8(algorithm, ahead),
        (der::OCTET_STRING, _) if version == [1] => Some(sec1(ahead, None)),
        (der::INTEGER, modulus) => rsa_or_dsa(modulus, ahead),
        _ => None,
    }
}

/// RSAPrivateKey: version, n, e, d, p, q, …; DSA's old form: version, p, q, g, y, x.
fn rsa_or_dsa(first: &[u8], mut rest: Der<'_>) -> Option<Parts> {
    let second = rest.integer()?;
    let others = std::iter::from_fn(|| rest.integer()).take(8).count();
    if others == 3 {
        return Some(Parts::plain("pkcs1", Some("dsa"), None));
    }
    // A public exponent is short; n, e, d, p, q, dp, dq, qinv are eight in all.
    let is_rsa = second.len() <= 32 && others >= 6;
    is_rsa.then(|| Parts::plain("pkcs1", Some("rsa"), Some(PublicKey::rsa(first, second))))
}

fn sec1(mut rest: Der<'_>, curve: Option<&[u8]>) -> Parts {
    let named = rest
        .take(0xa0)
        .and_then(|inside| Der::new(inside).take(der::OBJECT_ID));
    let curve = named.or(curve);
    let point = rest.take(0xa1).and_then(|inside| Der::new(inside).bits());
    let public = curve
        .zip(point)
        .and_then(|(curve, point)| PublicKey::ec(curve, point));
    let name = curve.and_then(PublicKey::curve_name).unwrap_or("ecdsa");
    Parts::plain("sec1", Some(name), public)
}

fn pkcs8(algorithm: &[u8], mut rest: Der<'_>) -> Option<Parts> {
    let mut algorithm = Der::new(algorithm);
    let id = algorithm.take(der::OBJECT_ID)?;
    let curve = algorithm.take(der::OBJECT_ID);
    let key = rest.take(der::OCTET_STRING)?;
    let name = algorithm_name(id, curve);
    let inner = match name {
        Some("rsa") => from_der(key),
        Some("ed25519") => {
            // The public half stands in version 2 only (RFC 8410 section 7).
            rest.take(0xa0);
            let point = rest.take(0x81).and_then(|bits| bits.strip_prefix(&[0]));
            Some(Parts::plain(
                "pkcs8",
                name,
                point.and_then(PublicKey::ed25519),
            ))
        }
        Some(name) if name.starts_with("ecdsa") => {
            Der::new(key).sequence().and_then(|mut inside| {
                inside.integer()?;
                inside.take(der::OCTET_STRING)?;
                Some(sec1(inside, curve))
            })
        }
        _ => None,
    };
    let mut parts = inner.unwrap_or_else(|| Parts::plain("pkcs8", name, None));
    parts.form = "pkcs8";
    Some(parts)
}
