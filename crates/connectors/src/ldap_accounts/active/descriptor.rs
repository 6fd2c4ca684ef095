//! Whom a security descriptor lets in ([MS-DTYP] section 2.4.6), bounded.

use crate::ldap_accounts::words::sid_and_length;

/// Entries of one list that are read.
const ENTRIES_MAX: usize = 1_000;
/// The kind of entry that allows.
const ALLOWED: u8 = 0;

/// The security identifiers that the descriptor's list allows anything, in order; `None` where it
/// is broken.
pub(super) fn allowed(bytes: &[u8]) -> Option<Vec<String>> {
    let number = |at: usize, length: usize| {
        let digits = bytes.get(at..at.checked_add(length)?)?;
        let fold = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
        Some(digits.iter().rev().fold(0, fold))
    };
    if *bytes.first()? != 1 {
        return None;
    }
    let mut at = number(16, 4)?;
    // Without a list everybody is allowed; such a one is never written here.
    if at == 0 {
        return Some(Vec::new());
    }
    let count = number(at.checked_add(4)?, 2)?.min(ENTRIES_MAX);
    at = at.checked_add(8)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let kind = *bytes.get(at)?;
        let size = number(at.checked_add(2)?, 2)?;
        let entry = bytes.get(at..at.checked_add(size)?)?;
        if kind == ALLOWED {
            let (sid, _) = sid_and_length(entry.get(8..)?)?;
            if !found.contains(&sid) {
                found.push(sid);
            }
        }
        // One that has no size would be read for ever.
        at = at.checked_add(size.max(8))?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A descriptor whose list allows one group and denies another.
    fn written() -> Vec<u8> {
        let sid = |last: u8| [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, last, 2, 0, 0];
        let entry = |kind: u8, last: u8| {
            let head = [kind, 0, 24, 0, 0xff, 1, 0x0f, 0];
            [&head[..], &sid(last)].concat()
        };
        let mut bytes = vec![
            1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0,
        ];
        bytes.extend([2, 0, 56, 0, 2, 0, 0, 0]);
        bytes.extend(entry(0, 32));
        bytes.extend(entry(1, 33));
        bytes
    }

    #[test]
    fn whom_it_allows_is_told_and_whom_it_denies_is_not() {
        assert_eq!(allowed(&written()).unwrap(), ["S-1-5-32-544"]);
    }

    #[test]
    fn a_broken_descriptor_is_none_and_never_read_beyond_its_end() {
        let whole = written();
        for cut in 0..whole.len() {
            assert_eq!(allowed(&whole[..cut]), None, "{cut}");
        }
        for at in 0..whole.len() {
            let mut odd = whole.clone();
            odd[at] = 0xff;
            let _ = allowed(&odd);
        }
    }
}
