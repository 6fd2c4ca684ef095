//! Cuts a stream into records, piece by piece: what is held is one record and one piece, however
//! long the stream.
//!
//! JSON comes as objects one after another, one a line or printed over many, as a list of them,
//! or as a list in a member of an object that is a page: `{"Records": […]}`. Where a record is
//! broken, reading goes on at the next line that can begin one.

mod json;
mod lines;

pub(crate) use json::JsonRecords;
pub(crate) use lines::LineRecords;

/// A longer record is passed over: CloudTrail's largest has 256 KiB, an apiserver's 1.5 MiB.
pub(crate) const RECORD_MAX: usize = 4 << 20;

/// A record, or why there is none.
pub(crate) type Cut<'a> = Result<&'a [u8], &'static str>;

/// What is said of a record that is passed over for its length.
pub(crate) const TOO_LONG: &str = "a record of more than 4 MiB";

/// How a stream is cut.
#[derive(Debug)]
pub(crate) enum Records {
    /// Nothing but blanks was read so far, of so many lines.
    Blank(u64),
    /// As JSON.
    Json(JsonRecords),
    /// As lines, or rows of CSV.
    Lines(LineRecords),
}

impl Records {
    /// A stream of which nothing is read yet.
    pub(crate) const fn new() -> Self {
        Self::Blank(0)
    }

    /// Takes the next piece of the stream, `last` if there is no other, and tells the records
    /// that end in it with the line they begin on.
    pub(crate) fn push(&mut self, piece: &[u8], last: bool, each: &mut dyn FnMut(u64, Cut<'_>)) {
        let mut text = piece;
        if let Self::Blank(lines) = self {
            let rest = piece.strip_prefix(b"\xef\xbb\xbf").unwrap_or(piece);
            text = rest.trim_ascii_start();
            let blank = &rest[..rest.len() - text.len()];
            let before = memchr::memchr_iter(b'\n', blank).count();
            *lines = lines.saturating_add(u64::try_from(before).unwrap_or(u64::MAX));
            match text.first() {
                None => return,
                Some(b'{' | b'[') => *self = Self::Json(JsonRecords::after(*lines)),
                Some(_) => *self = Self::Lines(LineRecords::after(*lines)),
            }
        }
        match self {
            Self::Blank(_) => {}
            Self::Json(records) => records.push(text, last, each),
            Self::Lines(records) => records.push(text, last, each),
        }
    }
}

#[cfg(test)]
mod tests;
