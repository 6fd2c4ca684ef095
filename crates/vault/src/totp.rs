//! The second factor: codes by the clock (RFC 6238), of six digits and 30 seconds, under SHA-1,
//! which is what every app on a telephone knows.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use model::{Secret, Timestamp};

/// Bytes of a seed: as long as the hash (RFC 4226, section 4, R6).
pub const TOTP_SEED_BYTES: usize = 20;

/// Seconds of a step.
const STEP: i64 = 30;
/// Steps before and after the present one that count: a telephone's clock is never quite right.
const SKEW: i64 = 1;

/// The code of a step, in six digits (RFC 4226, section 5.3).
pub fn totp_code(seed: &Secret, step: i64) -> String {
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed.expose());
    let tag = sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = tag.last().map_or(0, |last| usize::from(last & 0xf));
    let word = tag.get(at..at + 4).map_or(0, |four| {
        four.iter().fold(0, |all, one| all << 8 | u32::from(*one))
    });
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// The step that `code` is of, if it is one of now and later than `used`: none works twice (RFC
/// 6238, section 5.2).
pub fn totp_step(seed: &Secret, code: &str, now: Timestamp, used: Option<i64>) -> Option<i64> {
    let present = now.seconds().div_euclid(STEP);
    let mut found = None;
    // All are looked at, so that how long it takes tells nothing.
    for step in present - SKEW..=present + SKEW {
        let right = totp_code(seed, step);
        let is_right = verify_slices_are_equal(right.as_bytes(), code.as_bytes()).is_ok();
        if is_right && used.is_none_or(|used| step > used) {
            found = Some(step);
        }
    }
    found
}

/// `bytes` in base32 without padding (RFC 4648, section 6), as apps take seeds.
pub fn base32(bytes: &Secret) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut text, mut held, mut bits) = (String::new(), 0_u32, 0_u32);
    for byte in bytes.expose() {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(DIGITS[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(DIGITS[(held << (5 - bits) & 31) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> Secret {
        Secret::from("12345678901234567890")
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, SHA-1; of its eight digits the last six.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp_code(&seed(), seconds / 30), code);
            let now = Timestamp::from_seconds(seconds);
            assert_eq!(totp_step(&seed(), code, now, None), Some(seconds / 30));
        }
    }

    #[test]
    fn codes_are_those_of_rfc_4226() {
        // Appendix D.
        let codes = ["755224", "287082", "359152", "969429", "338314", "254676"];
        for (step, code) in (0..).zip(codes) {
            assert_eq!(totp_code(&seed(), step), code);
        }
    }

    #[test]
    fn no_step_works_twice_and_none_that_is_far() {
        let now = Timestamp::from_seconds(1_111_111_111);
        let present = 1_111_111_111 / 30;
        for (ahead, works) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let code = totp_code(&seed(), present + ahead);
            let found = totp_step(&seed(), &code, now, None);
            assert_eq!(found.is_some(), works, "{ahead}");
        }
        let code = totp_code(&seed(), present);
        assert_eq!(totp_step(&seed(), &code, now, Some(present)), None);
        assert_eq!(totp_step(&seed(), &code, now, Some(present + 1)), None);
        assert_eq!(
            totp_step(&seed(), &code, now, Some(present - 1)),
            Some(present)
        );
        for code in ["", "1", "1234567", "abcdef"] {
            assert_eq!(totp_step(&seed(), code, now, None), None);
        }
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(&Secret::from(bytes)), text);
        }
    }
}
