//! A key of 32 bytes as one line of text that detects a wrong letter and a wrong file.
//!
//! The form is `<label>.<base64url of key and checksum>`, where the checksum is the first four
//! bytes of SHA-256 over label and key: 48 letters, no padding.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use model::Secret;
use zeroize::Zeroizing;

use crate::{Error, Random};

/// Bytes of every key here.
pub(crate) const KEY_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;
const LETTERS: usize = (KEY_BYTES + CHECKSUM_BYTES) / 3 * 4;

/// A fresh key.
pub(crate) fn generate(random: &dyn Random) -> Result<Secret, Error> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    random.fill(key.as_mut_slice())?;
    Ok(Secret::new(key.to_vec()))
}

/// `bytes` if they are as long as a key is.
pub(crate) fn key(bytes: Secret) -> Result<Secret, Error> {
    if bytes.len() == KEY_BYTES {
        Ok(bytes)
    } else {
        Err(Error::KeyLength { bytes: bytes.len() })
    }
}

pub(crate) fn write(label: &'static str, key: &Secret) -> Secret {
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_BYTES + CHECKSUM_BYTES));
    bytes.extend_from_slice(key.expose());
    bytes.extend_from_slice(&checksum(label, key.expose()));
    // Reserved in full: growing would leave copies behind.
    let mut text = String::with_capacity(label.len() + 1 + LETTERS);
    text.push_str(label);
    text.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
    Secret::new(text.into_bytes())
}

pub(crate) fn read(label: &'static str, text: &[u8]) -> Result<Secret, Error> {
    let wrong = |why| Error::KeyText {
        expected: label,
        why,
    };
    let text = text.trim_ascii();
    let Some(letters) = text
        .strip_prefix(label.as_bytes())
        .and_then(|t| t.strip_prefix(b"."))
    else {
        return Err(wrong("got a text that begins otherwise"));
    };
    if letters.len() != LETTERS {
        return Err(wrong("got more or fewer: was it copied whole?"));
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES + CHECKSUM_BYTES]);
    let decoded = BASE64_URL_SAFE_NO_PAD.decode_slice(letters, bytes.as_mut_slice());
    if decoded != Ok(KEY_BYTES + CHECKSUM_BYTES) {
        return Err(wrong("got letters outside A-Z, a-z, 0-9, `-` and `_`"));
    }
    let (key, sum) = bytes.split_at(KEY_BYTES);
    if aws_lc_rs::constant_time::verify_slices_are_equal(&checksum(label, key), sum).is_err() {
        return Err(wrong(
            "got some whose checksum is wrong: is a letter mistyped?",
        ));
    }
    Ok(Secret::new(key.to_vec()))
}

fn checksum(label: &str, key: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = hash(&[label.as_bytes(), b"\0", key]);
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    sum
}

/// SHA-256 over the parts, one after the other.
pub(crate) fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}
