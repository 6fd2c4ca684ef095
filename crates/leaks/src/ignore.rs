//! A comment that says: this is known.

/// Ours, and the one that many trees already carry.
const MARKS: &[&[u8]] = &[b"keyroll:allow", b"gitleaks:allow"];
/// How far from a match its line is looked at.
pub(crate) const LINE_BYTES_MAX: usize = 1024;

/// The line of `bytes` on which `start..end` stands, as far as it is near.
pub(crate) fn line(bytes: &[u8], start: usize, end: usize) -> &[u8] {
    let from = start.saturating_sub(LINE_BYTES_MAX);
    let to = bytes.len().min(end + LINE_BYTES_MAX);
    let begin = memchr::memrchr(b'\n', &bytes[from..start]).map_or(from, |at| from + at + 1);
    let stop = memchr::memchr(b'\n', &bytes[end..to]).map_or(to, |at| end + at);
    &bytes[begin..stop]
}

/// Whether a mark stands on that line.
pub(crate) fn is_marked(line: &[u8]) -> bool {
    // Every mark has it, and hardly any line does.
    memchr::memmem::find(line, b":allow").is_some()
        && MARKS
            .iter()
            .any(|mark| memchr::memmem::find(line, mark).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_counts_on_its_own_line_only() {
        let text = b"a = 1 # keyroll:allow\nb = 2\n";
        assert!(is_marked(line(text, 4, 5)));
        assert!(!is_marked(line(text, 26, 27)));
        assert!(is_marked(b"x // gitleaks:allow"));
    }
}
