//! Just enough of DER (X.690) to take keys apart and to write a public key down again.
//!
//! One level at a time, no recursion: depth and cost are those of the code that reads.

/// Tags that keys are made of.
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_ID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// The rest of a run of DER values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Reads `bytes` from their beginning.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next value's tag and content; `None` at the end or where it is broken.
    pub(crate) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = digits
                    .iter()
                    .fold(0usize, |sum, byte| (sum << 8) | usize::from(*byte));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next value's content if it has this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let (found, content) = ahead.any()?;
        if found != tag {
            return None;
        }
        *self = ahead;
        Some(content)
    }

    /// The next value, a sequence, to be read in turn.
    pub(crate) fn sequence(&mut self) -> Option<Self> {
        self.take(SEQUENCE).map(Self)
    }

    /// The next value, a positive integer, without leading zeros.
    pub(crate) fn integer(&mut self) -> Option<&'a [u8]> {
        self.take(INTEGER).map(trim_zeros)
    }

    /// The next value, a bit string of whole bytes.
    pub(crate) fn bits(&mut self) -> Option<&'a [u8]> {
        self.take(BIT_STRING)?.strip_prefix(&[0])
    }
}

/// A value with this tag and content.
pub(crate) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(u8::try_from(length).unwrap_or(0));
    } else {
        let digits = length.to_be_bytes();
        let digits = trim_zeros(&digits);
        out.push(0x80 | u8::try_from(digits.len()).unwrap_or(0));
        out.extend_from_slice(digits);
    }
    out.extend_from_slice(content);
    out
}

/// A positive integer.
pub(crate) fn integer(digits: &[u8]) -> Vec<u8> {
    let digits = trim_zeros(digits);
    match digits.first() {
        None => value(INTEGER, &[0]),
        Some(first) if *first >= 0x80 => value(INTEGER, &[&[0], digits].concat()),
        Some(_) => value(INTEGER, digits),
    }
}

/// A bit string of whole bytes.
pub(crate) fn bits(content: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[0], content].concat())
}

/// `digits` without leading zero bytes.
pub(crate) fn trim_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|byte| **byte == 0).count();
    digits.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_what_is_cut_off_does_not() {
        let long = vec![0x81; 300];
        let whole = value(SEQUENCE, &[integer(&long), bits(b"abc")].concat());
        let mut inside = Der::new(&whole).sequence().unwrap();
        assert_eq!(inside.integer(), Some(long.as_slice()));
        assert_eq!(inside.bits(), Some(b"abc".as_slice()));
        assert_eq!(inside.any(), None);
        assert!(Der::new(&whole[..whole.len() - 1]).sequence().is_none());
        assert!(
            Der::new(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff])
                .any()
                .is_none()
        );
    }
}
