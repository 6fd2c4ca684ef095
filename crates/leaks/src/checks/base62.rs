//! The checksum at the end of tokens of GitHub and npm.
//!
//! GitHub's engineering blog, "Behind GitHub's new authentication token formats": the last six
//! digits are the CRC-32 of what stands before them, in base62 with leading zeros.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECK_BYTES: usize = 6;

/// Whether the last six digits of `token` are right for those between its prefix and them.
pub(super) fn is_right(token: &[u8]) -> bool {
    let Some(prefix) = token.iter().position(|byte| *byte == b'_') else {
        return false;
    };
    let body = &token[prefix + 1..];
    let Some(cut) = body.len().checked_sub(CHECK_BYTES) else {
        return false;
    };
    body[cut..] == digits(crc32(&body[..cut]))
}

/// `value` in six digits of base62.
pub(super) fn digits(mut value: u32) -> [u8; CHECK_BYTES] {
    let mut out = [b'0'; CHECK_BYTES];
    for place in out.iter_mut().rev() {
        *place = DIGITS[(value % 62) as usize];
        value /= 62;
    }
    out
}

/// CRC-32 of ISO 3309, bit by bit: it runs on 30 bytes, once for each token found.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = (crc & 1).wrapping_neg();
            crc = (crc >> 1) ^ (0xedb8_8320 & carry);
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_is_that_of_the_standards_check_value() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_token_is_right_with_its_own_checksum_only() {
        let body = b"Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy";
        let mut token = [b"ghp_".as_slice(), body, &digits(crc32(body))].concat();
        assert!(is_right(&token));
        token[10] ^= 1;
        assert!(!is_right(&token));
        assert!(!is_right(b"ghp_") && !is_right(b"none"));
    }
}
