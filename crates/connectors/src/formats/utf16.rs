//! Texts of Windows: UTF-16 with its mark, as UTF-8.

use std::borrow::Cow;

/// The bytes as formats and rules read them: a text in UTF-16 becomes one in UTF-8, everything
/// else stays as it is. A letter that is none becomes a replacement character.
pub fn as_utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    let units = match bytes {
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        _ => return Cow::Borrowed(bytes),
    };
    // Bytes that merely begin so hold units of zero soon enough.
    if units.iter().take(4096).any(|unit| *unit == 0) {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned(String::from_utf16_lossy(&units).into_bytes())
}

/// The text that Windows hides in UTF-16, lower byte first and without a mark; `None` if it is none.
pub(crate) fn hidden(bytes: &[u8]) -> Option<String> {
    String::from_utf16(&units(bytes, u16::from_le_bytes)).ok()
}

/// The units of `bytes`; half of one at the end is left out.
fn units(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u16> {
    let (pairs, _) = bytes.as_chunks::<2>();
    pairs.iter().map(|pair| unit(*pair)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_windows_is_read_and_other_bytes_stay() {
        let little: Vec<u8> = [0xfeff, 'a' as u16, 'é' as u16]
            .iter()
            .flat_map(|unit| unit.to_le_bytes())
            .collect();
        assert_eq!(as_utf8(&little).as_ref(), "aé".as_bytes());
        assert_eq!(as_utf8(&[0xfe, 0xff, 0, b'x']).as_ref(), b"x");
        for bytes in [&b"plain"[..], &[0xff, 0xfe, 0, 0, 1, 0], &[0xff]] {
            assert_eq!(as_utf8(bytes).as_ref(), bytes);
        }
        assert_eq!(as_utf8(&[0xff, 0xfe, b'a', 0, b'b']).as_ref(), b"a");
    }
}
