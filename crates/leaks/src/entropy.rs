//! How random bytes look.

/// Shannon entropy of `bytes` in bits a byte, 0 to 8; 0 where there are none.
pub fn shannon(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let total = bytes.len() as f64;
    let share = |count: u32| f64::from(count) / total;
    let bits = |count: &u32| -share(*count) * share(*count).log2();
    counts.iter().filter(|count| **count > 0).map(bits).sum()
}

/// What kinds of letters follow one another: words stay in one kind, random text jumps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) lower: usize,
    pub(crate) upper: usize,
    pub(crate) digits: usize,
    pub(crate) other: usize,
    /// How often the kind changes from one byte to the next; a capital before small letters is none.
    pub(crate) changes: usize,
}

impl Shape {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut shape = Self::default();
        let mut before = 0;
        for byte in bytes {
            let (kind, count) = match byte {
                b'a'..=b'z' => (1, &mut shape.lower),
                b'A'..=b'Z' => (2, &mut shape.upper),
                b'0'..=b'9' => (3, &mut shape.digits),
                _ => (4, &mut shape.other),
            };
            *count += 1;
            if before != 0 && before != kind && (before, kind) != (2, 1) {
                shape.changes += 1;
            }
            before = kind;
        }
        shape
    }

    /// How many of the four kinds occur.
    pub(crate) fn kinds(self) -> usize {
        [self.lower, self.upper, self.digits, self.other]
            .iter()
            .filter(|count| **count > 0)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_zero_for_one_letter_and_two_for_four_equal_ones() {
        assert!(shannon(b"") == 0.0);
        assert!(shannon(b"aaaa") == 0.0);
        assert!((shannon(b"abcdabcd") - 2.0).abs() < 1e-9);
    }

    #[test]
    fn names_change_their_kind_less_often_than_random_text() {
        assert_eq!(Shape::of(b"getSecretToken").changes, 2);
        assert!(Shape::of(b"x7Kp2Qm9Zt4Lw8").changes > 8);
    }
}
