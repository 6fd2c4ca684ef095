//! Comparing what is shown with what is known, in constant time.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use model::{Duration, Secret, Timestamp};
use sha2::{Digest, Sha256};

use super::{Closed, Why, refused};

/// Clocks differ by less.
pub(super) const SKEW: Duration = Duration::minutes(5);

/// Whether `tag` is the HMAC-SHA-256 of the parts one after another under any of `keys`.
pub(super) fn is_signed<'k>(
    keys: impl Iterator<Item = &'k [u8]>,
    parts: &[&[u8]],
    tag: &[u8],
) -> bool {
    let mut fits = false;
    for key in keys.filter(|key| !key.is_empty()) {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        for part in parts {
            context.update(part);
        }
        // Each is compared, so that the time does not tell which one fits.
        fits |= verify_slices_are_equal(context.sign().as_ref(), tag).is_ok();
    }
    fits
}

/// Whether `given` is any of `secrets`. Their digests are compared: no length is told.
pub(super) fn is_any(secrets: &[Secret], given: &[u8]) -> bool {
    let given = Sha256::digest(given);
    let mut fits = false;
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let own = Sha256::digest(secret.expose());
        fits |= verify_slices_are_equal(&own, &given).is_ok();
    }
    fits
}

/// A secret that a header shows.
pub(super) fn shown(secrets: &[Secret], header: Option<&str>) -> Result<(), Closed> {
    let header = header.ok_or_else(|| refused(Why::Unsigned, "no secret is shown"))?;
    if is_any(secrets, header.as_bytes()) {
        Ok(())
    } else {
        Err(refused(Why::WrongSignature, "another secret is shown"))
    }
}

/// That what bears the time `at` came at `now` in time.
pub(super) fn in_time(
    at: Option<Timestamp>,
    now: Timestamp,
    within: Duration,
) -> Result<(), Closed> {
    let Some(at) = at else {
        return Err(refused(Why::Malformed, "it bears no time"));
    };
    if at > now + SKEW {
        return Err(refused(
            Why::Stale,
            "it bears a time that is not yet; set the clocks right",
        ));
    }
    if now > at + within {
        return Err(refused(Why::Stale, "it was sent too long ago"));
    }
    Ok(())
}

/// A name for a body that its platform gives none.
pub(super) fn digest(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a text in hexadecimal digits.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
    };
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}
