//! Text that stands in Base64 is decoded once and looked at again.

use std::ops::Range;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Shorter text holds no token; longer is left to those who know the format.
const DIGITS_MIN: usize = 24;
pub(crate) const DIGITS_MAX: usize = 4096;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// The Base64 text that begins behind the operator at `bytes[at]`, and what it decodes to, if
/// that is text.
pub(crate) fn behind(bytes: &[u8], at: usize) -> Option<(Range<usize>, Vec<u8>)> {
    let rest = &bytes[at + 1..bytes.len().min(at + 1 + DIGITS_MAX)];
    let skip = rest.iter().take(12).position(|byte| is_digit(*byte))?;
    if !rest[..skip]
        .iter()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\'))
    {
        return None;
    }
    let digits = &rest[skip..];
    // Most values are shorter: two looks at where the shortest would end.
    if !is_digit(*digits.get(DIGITS_MIN - 1)?) || !is_digit(digits[DIGITS_MIN / 2]) {
        return None;
    }
    let length = digits
        .iter()
        .position(|byte| !is_digit(*byte))
        .unwrap_or(digits.len());
    if length < DIGITS_MIN {
        return None;
    }
    let start = at + 1 + skip;
    // The beginning tells text from bytes, before all of it is decoded.
    let head = decode(&digits[..DIGITS_MIN])?;
    if !is_text(&head) {
        return None;
    }
    let text = decode(&digits[..length])?;
    is_text(&text).then_some((start..start + length, text))
}

fn decode(digits: &[u8]) -> Option<Vec<u8>> {
    PLAIN.decode(digits).or_else(|_| URL.decode(digits)).ok()
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| (0x20..0x7f).contains(byte) || matches!(byte, b'\n' | b'\r' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_base64_is_decoded_and_bytes_are_not() {
        let digits = PLAIN.encode("password=Tr0ub4dor&3 and more");
        let text = format!("data: {digits}\n");
        let (range, decoded) = behind(text.as_bytes(), 4).unwrap();
        assert_eq!(&text[range], digits);
        assert_eq!(decoded, b"password=Tr0ub4dor&3 and more");
        let bytes = format!("x={}", PLAIN.encode([200_u8; 40]));
        assert!(behind(bytes.as_bytes(), 1).is_none());
        assert!(behind(b"x=short", 1).is_none());
    }

    /// What is decoded is no longer than three quarters of what is looked at, however much there
    /// is of it.
    #[test]
    fn a_huge_text_is_decoded_as_far_as_it_is_looked_at() {
        for length in [DIGITS_MAX - 1, DIGITS_MAX, DIGITS_MAX * 2, 32 << 20] {
            let text = format!("x={}", PLAIN.encode("a".repeat(length)));
            let (range, decoded) = behind(text.as_bytes(), 1).unwrap();
            assert!(range.len() <= DIGITS_MAX && decoded.len() <= DIGITS_MAX * 3 / 4);
        }
    }
}
