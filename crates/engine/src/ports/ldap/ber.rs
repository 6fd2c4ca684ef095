//! Just enough of BER (X.690) for LDAP, which allows definite lengths alone (RFC 4511 section
//! 5.1). Lengths may be longer than they need to be, as Active Directory writes them.

/// Tags of RFC 4511.
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// The rest of a run of values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ber<'a>(pub(super) &'a [u8]);

impl<'a> Ber<'a> {
    /// The next value's tag and content; `None` at the end or where it is broken.
    pub(super) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (digits, rest) = rest.split_at_checked(length_bytes(first)?)?;
        let (content, rest) = rest.split_at_checked(length(first, digits))?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next value's content if it has this tag.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let (found, content) = ahead.any()?;
        if found != tag {
            return None;
        }
        *self = ahead;
        Some(content)
    }

    /// The next value, a number that is not negative.
    pub(super) fn number(&mut self, tag: u8) -> Option<u32> {
        let digits = self.take(tag)?;
        if digits.is_empty() || digits.len() > 5 || digits[0] >= 0x80 {
            return None;
        }
        let number = digits
            .iter()
            .fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
        u32::try_from(number).ok()
    }

    /// The next value, a text; what is no UTF-8 in it is replaced.
    pub(super) fn text(&mut self) -> Option<String> {
        Some(String::from_utf8_lossy(self.take(OCTETS)?).into_owned())
    }
}

/// How many bytes of length follow the first one; `None` for more than four.
pub(super) fn length_bytes(first: u8) -> Option<usize> {
    match first {
        0..=0x7f => Some(0),
        0x81..=0x84 => Some(usize::from(first & 0x7f)),
        _ => None,
    }
}

/// The length that the first byte and those that follow it tell.
pub(super) fn length(first: u8, digits: &[u8]) -> usize {
    if first < 0x80 {
        return usize::from(first);
    }
    let fold = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
    digits.iter().fold(0, fold)
}

/// A value with this tag and content.
pub(super) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if let (true, Ok(short)) = (length < 0x80, u8::try_from(length)) {
        out.push(short);
    } else {
        let digits = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        out.push(0x84);
        out.extend_from_slice(&digits);
    }
    out.extend_from_slice(content);
    out
}

/// A number that is not negative.
pub(super) fn number(tag: u8, number: u32) -> Vec<u8> {
    let digits = u64::from(number).to_be_bytes();
    let digits = digits.get(3..).unwrap_or_default();
    let zeros = digits.iter().take(4).take_while(|byte| **byte == 0).count();
    let digits = digits.get(zeros..).unwrap_or_default();
    match digits.first() {
        Some(first) if *first >= 0x80 => value(tag, &[&[0], digits].concat()),
        _ => value(tag, digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_long_values_are_read_back_as_they_were_written() {
        for one in [0, 1, 127, 128, 255, 256, 65_535, 1 << 24, u32::MAX] {
            let written = number(INTEGER, one);
            assert_eq!(Ber(&written).number(INTEGER), Some(one), "{written:?}");
        }
        let long = vec![7; 300];
        assert_eq!(Ber(&value(OCTETS, &long)).take(OCTETS), Some(&long[..]));
    }

    #[test]
    fn what_is_cut_short_or_of_no_definite_length_is_nothing() {
        for bytes in [
            &[0x04][..],
            &[0x04, 0x05, 1, 2],
            &[0x04, 0x80, 0, 0],
            &[0x04, 0x85, 0, 0, 0, 0, 1, 7],
            &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(Ber(bytes).any().is_none(), "{bytes:?}");
        }
    }
}
