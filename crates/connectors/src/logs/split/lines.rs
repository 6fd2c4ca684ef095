//! Lines, and rows of CSV whose quoted cells may hold line breaks.

use memchr::memchr2;

use super::{Cut, RECORD_MAX, TOO_LONG};

/// Finds the rows of a stream. A quote that nobody closes ends with the record's limit.
#[derive(Debug, Default)]
pub(crate) struct LineRecords {
    buffer: Vec<u8>,
    /// Where the row begins.
    start: usize,
    /// What was looked at of the buffer.
    at: usize,
    /// Lines that ended before the row, and within it.
    lines: u64,
    within: u64,
    /// Whether `at` is in quotes.
    quoted: bool,
    /// Whether the row is too long to be kept.
    long: bool,
}

impl LineRecords {
    /// Bytes that are kept.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Records behind so many lines.
    pub(super) fn after(lines: u64) -> Self {
        Self {
            lines,
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, piece: &[u8], last: bool, each: &mut dyn FnMut(u64, Cut<'_>)) {
        self.buffer.extend_from_slice(piece);
        while let Some(n) = memchr2(b'"', b'\n', &self.buffer[self.at..]) {
            let found = self.at + n;
            self.at = found + 1;
            if self.buffer[found] == b'"' {
                self.quoted = !self.quoted;
            } else if self.quoted && !self.long {
                self.within += 1;
            } else {
                self.end(found, each);
            }
        }
        self.at = self.buffer.len();
        if self.at - self.start > RECORD_MAX {
            self.long = true;
            self.start = self.at;
        }
        self.buffer.drain(..self.start);
        self.at -= self.start;
        self.start = 0;
        if last {
            if self.quoted && !self.long {
                each(self.lines + 1, Err("it ends in the middle of a row"));
            } else {
                self.end(self.at, each);
            }
            *self = Self::default();
        }
    }

    fn end(&mut self, at: usize, each: &mut dyn FnMut(u64, Cut<'_>)) {
        let row = &self.buffer[self.start..at];
        let row = row.strip_suffix(b"\r").unwrap_or(row);
        if self.long || row.len() > RECORD_MAX {
            each(self.lines + 1, Err(TOO_LONG));
        } else if !row.trim_ascii().is_empty() {
            each(self.lines + 1, Ok(row));
        }
        self.lines += 1 + self.within;
        (self.start, self.within) = (self.at, 0);
        (self.quoted, self.long) = (false, false);
    }
}
