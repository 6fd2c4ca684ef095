//! Database files of SQLite, read from their bytes: the rows of one table, and nothing else.
//!
//! Source: "Database File Format" (sqlite.org). Our own reader, because the files are foreign and
//! lie in other people's homes: no file is opened, so no journal is made beside it, no statement
//! of its schema runs, every page is read once at most, and what lies beyond the bounds or is
//! broken makes the answer [`Rows::whole`] no more.

use std::collections::BTreeSet;

const MAGIC: &[u8] = b"SQLite format 3\0";
/// A header of 100 bytes stands before the first page's own.
const FILE_HEADER: usize = 100;
/// Pages of one table beyond this are not read.
const PAGES_MAX: usize = 10_000;
/// Rows of one table beyond this are not read.
const ROWS_MAX: usize = 10_000;
/// A row of more bytes is passed over.
const ROW_BYTES_MAX: usize = 1024 * 1024;
/// Rows of one table together have no more bytes: cells may lie upon one another.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Columns beyond this are not read.
const COLUMNS_MAX: usize = 100;

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// No value, or a fraction, which nobody here asks for.
    Nothing,
    /// A whole number.
    Number(i64),
    /// A text, or bytes.
    Bytes(Vec<u8>),
}

/// The rows of a table with the names of its columns.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
    /// How many bytes were read for them.
    bytes: usize,
    /// Whether all of it could be read.
    pub(crate) whole: bool,
}

impl Rows {
    const fn has_room(&self) -> bool {
        self.rows.len() < ROWS_MAX && self.bytes < BYTES_MAX
    }

    /// The texts of `columns` in each row; none where there is no such column or no text.
    pub(crate) fn texts<'a, const N: usize>(
        &'a self,
        columns: [&str; N],
    ) -> impl Iterator<Item = [Option<&'a str>; N]> {
        let at = columns.map(|name| self.columns.iter().position(|column| column == name));
        self.rows.iter().map(move |row| {
            at.map(|at| match row.get(at?)? {
                Cell::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
                Cell::Number(_) | Cell::Nothing => None,
            })
        })
    }
}

/// A database.
pub(crate) struct Database<'a> {
    bytes: &'a [u8],
    page: usize,
    /// What of a page is not reserved.
    usable: usize,
}

impl<'a> Database<'a> {
    /// The database in `bytes`; `None` where it is none, or not in UTF-8.
    pub(crate) fn open(bytes: &'a [u8]) -> Option<Self> {
        let page = match number(bytes, 16, 2)? {
            1 => 65_536,
            size => size,
        };
        let usable = page.checked_sub(usize::from(*bytes.get(20)?))?;
        let utf8 = matches!(number(bytes, 56, 4)?, 0 | 1);
        let fits = page.is_power_of_two() && page >= 512 && usable >= 480;
        (bytes.starts_with(MAGIC) && fits && utf8).then_some(Self {
            bytes,
            page,
            usable,
        })
    }

    /// Whether what was written last may lie in a log beside it.
    pub(crate) fn has_log(&self) -> bool {
        self.bytes.get(19) == Some(&2)
    }

    /// The rows of the table called `name`; `None` where there is none.
    pub(crate) fn table(&self, name: &str) -> Option<Rows> {
        let schema = self.rows(1);
        let text = |cell: Option<&Cell>| match cell {
            Some(Cell::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        };
        let entry = schema.rows.iter().find(|row| {
            text(row.first()) == "table" && text(row.get(1)).eq_ignore_ascii_case(name)
        })?;
        let Some(Cell::Number(root)) = entry.get(3) else {
            return None;
        };
        let mut rows = self.rows(usize::try_from(*root).ok()?);
        rows.columns = columns(&text(entry.get(4)));
        Some(rows)
    }

    /// The rows below the page `root`.
    fn rows(&self, root: usize) -> Rows {
        let pages = number(self.bytes, 28, 4).unwrap_or_default();
        let mut out = Rows {
            whole: pages.saturating_mul(self.page) <= self.bytes.len(),
            ..Rows::default()
        };
        let mut seen = BTreeSet::new();
        let mut waiting = vec![root];
        while let Some(page) = waiting.pop() {
            let read = seen.len() < PAGES_MAX && out.has_room() && seen.insert(page);
            if !read || self.page(page, &mut waiting, &mut out).is_none() {
                out.whole = false;
            }
        }
        out
    }

    /// Reads one page of a table; `None` where a part of it is broken.
    fn page(&self, page: usize, waiting: &mut Vec<usize>, out: &mut Rows) -> Option<()> {
        let start = page.checked_sub(1)?.checked_mul(self.page)?;
        let bytes = self.bytes.get(start..start.checked_add(self.page)?)?;
        let head = if page == 1 { FILE_HEADER } else { 0 };
        let inner = match bytes[head] {
            0x05 => true,
            0x0d => false,
            _ => return None,
        };
        let cells = number(bytes, head + 3, 2)?;
        let first = head + if inner { 12 } else { 8 };
        let mut whole = Some(());
        for n in 0..cells {
            let at = number(bytes, first + 2 * n, 2)?;
            if inner {
                waiting.push(number(bytes, at, 4)?);
            } else if !out.has_room() {
                return None;
            } else if let Some(row) = self.payload(bytes, at) {
                out.bytes += row.len();
                match record(&row) {
                    Some(row) => out.rows.push(row),
                    None => whole = None,
                }
            } else {
                whole = None;
            }
        }
        if inner {
            waiting.push(number(bytes, head + 8, 4)?);
        }
        whole
    }

    /// The bytes of the row whose cell stands at `at` of a leaf, with what lies on other pages.
    fn payload(&self, leaf: &[u8], at: usize) -> Option<Vec<u8>> {
        let (length, at) = varint(leaf, at)?;
        let (_, at) = varint(leaf, at)?;
        let length = usize::try_from(length).ok()?;
        if length > ROW_BYTES_MAX {
            return None;
        }
        let most = self.usable - 35;
        let least = (self.usable - 12) * 32 / 255 - 23;
        let here = match length {
            _ if length <= most => length,
            _ => match least + (length - least) % (self.usable - 4) {
                some if some <= most => some,
                _ => least,
            },
        };
        let mut out = leaf.get(at..at.checked_add(here)?)?.to_vec();
        if here == length {
            return Some(out);
        }
        let mut next = number(leaf, at + here, 4)?;
        // Every page brings something, so this ends.
        while out.len() < length {
            let start = next.checked_sub(1)?.checked_mul(self.page)?;
            let page = self.bytes.get(start..start.checked_add(self.usable)?)?;
            let take = (length - out.len()).min(self.usable - 4);
            out.extend_from_slice(&page[4..4 + take]);
            next = number(page, 0, 4)?;
        }
        Some(out)
    }
}

/// The values of a row.
fn record(bytes: &[u8]) -> Option<Vec<Cell>> {
    let (head, mut at) = varint(bytes, 0)?;
    let head = usize::try_from(head).ok()?;
    let mut body = head;
    let mut out = Vec::new();
    while at < head && out.len() < COLUMNS_MAX {
        let (kind, next) = varint(bytes, at)?;
        at = next;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            _ => usize::try_from(kind.checked_sub(12)? / 2).ok()?,
        };
        let value = bytes.get(body..body.checked_add(length)?)?;
        body += length;
        out.push(match kind {
            1..=6 => Cell::Number(signed(value)),
            8 => Cell::Number(0),
            9 => Cell::Number(1),
            12.. => Cell::Bytes(value.to_vec()),
            _ => Cell::Nothing,
        });
    }
    Some(out)
}

/// The names of columns in `CREATE TABLE x (a TEXT PRIMARY KEY, b BLOB)`.
fn columns(statement: &str) -> Vec<String> {
    let inside = statement
        .split_once('(')
        .and_then(|(_, rest)| rest.rsplit_once(')'))
        .map_or("", |(inside, _)| inside);
    inside
        .split(',')
        .take(COLUMNS_MAX)
        .map(|column| {
            let name = column.split_whitespace().next().unwrap_or_default();
            let name = name.trim_matches(['"', '`', '[', ']', '\'']);
            name.to_ascii_lowercase()
        })
        .collect()
}

/// A number of `length` bytes, the highest first.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
    )
}

/// The same with a sign, of up to 8 bytes.
fn signed(bytes: &[u8]) -> i64 {
    let first = bytes.first().copied().unwrap_or_default();
    let begin = if first >= 0x80 { -1 } else { 0 };
    bytes
        .iter()
        .fold(begin, |sum: i64, byte| sum << 8 | i64::from(*byte))
}

/// A number of one to nine bytes, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut sum = 0_u64;
    for n in 0..9 {
        let byte = *bytes.get(at.checked_add(n)?)?;
        if n == 8 {
            return Some((sum << 8 | u64::from(byte), at + 9));
        }
        sum = sum << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((sum, at + n + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests;
