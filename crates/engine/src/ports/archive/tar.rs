//! Tar: old, ustar, GNU and pax headers (POSIX.1-2024 `pax`; GNU tar manual, "Basic Tar Format").
//!
//! The field decoding is the `tar` crate's. The walk is ours, because the crate reads names and
//! records of any length into memory, and because what follows a damaged header matters here.

use std::io::{self, Read};

use connectors::{EntryKind, Refusal, is_tar_header};
use model::Reason;
use tar::{EntryType, Header};

use super::bounds::{self, Source, ends_early, wide};
use super::unpack::{Inside, Unpacking, name};

const BLOCK: usize = 512;
/// Longer names and records of one entry are passed over.
const EXTENSION_BYTES_MAX: u64 = 256 << 10;
/// Blocks of a sparse file's map; each tells of 21 pieces.
const MAP_BLOCKS_MAX: usize = 100_000;

/// What headers before an entry's own say of it.
#[derive(Default)]
struct Before {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    /// Whether a map of the pieces stands before the content (GNU sparse format 1.0).
    map_in_content: bool,
}

impl Unpacking<'_> {
    /// Reads a tar from its first header on.
    pub(super) fn tar(&mut self, source: &mut dyn Source, inside: Inside<'_>) {
        if let Err(error) = self.tar_entries(source, inside) {
            // The limit of all is told once.
            if !self.spent.is_over() || !is_told(&error) {
                self.gap(inside.place(), bounds::refusal(&error));
            }
        }
    }

    fn tar_entries(&mut self, source: &mut dyn Source, inside: Inside<'_>) -> io::Result<()> {
        let mut before = Before::default();
        let mut ended = false;
        loop {
            let mut block = [0; BLOCK];
            let filled = match fill(source, &mut block) {
                Ok(filled) => filled,
                // Tapes are padded with anything behind the end.
                Err(_) if ended && !self.spent.is_over() => return Ok(()),
                Err(error) => return Err(error),
            };
            if filled < BLOCK {
                if !ended {
                    self.gap(inside.place(), ends_early());
                }
                return Ok(());
            }
            if block == [0; BLOCK] {
                // Another archive may follow, as after `cat a.tar b.tar`.
                ended = true;
                continue;
            }
            if !is_tar_header(&block) {
                if !ended {
                    let told = "a damaged header; what lies behind it was not read";
                    self.gap(inside.place(), Refusal::new(Reason::Failed, told));
                }
                return Ok(());
            }
            ended = false;
            let header = Header::from_byte_slice(&block);
            let size = match before.size {
                Some(size) => size,
                None => header.entry_size()?,
            };
            if is_about_the_next(header.entry_type()) {
                self.tar_extension(header, size, source, &mut before, inside)?;
                continue;
            }
            if !self.counts() {
                return Ok(());
            }
            self.tar_entry(header, size, source, std::mem::take(&mut before), inside)?;
        }
    }

    /// A header that says something of the next one.
    fn tar_extension(
        &mut self,
        header: &Header,
        size: u64,
        source: &mut dyn Source,
        before: &mut Before,
        inside: Inside<'_>,
    ) -> io::Result<()> {
        let kind = header.entry_type();
        let told_here = kind.is_gnu_longname() || kind.is_pax_local_extensions();
        if !told_here || size > EXTENSION_BYTES_MAX {
            if told_here {
                let told = "a name or record that is too long; it was passed over";
                self.gap(inside.place(), Refusal::new(Reason::Unsupported, told));
            }
            return pass(source, size);
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        source.read_exact(&mut bytes)?;
        source.skip(padding(size))?;
        if kind.is_gnu_longname() {
            let end = bytes.iter().position(|byte| *byte == 0);
            bytes.truncate(end.unwrap_or(bytes.len()));
            before.name = Some(bytes);
            return Ok(());
        }
        for (key, value) in records(&bytes) {
            match key {
                b"path" if before.name.is_none() => before.name = Some(value.to_vec()),
                b"GNU.sparse.name" => before.name = Some(value.to_vec()),
                b"size" => before.size = number(value),
                b"GNU.sparse.major" => before.map_in_content = value == b"1",
                _ => {}
            }
        }
        Ok(())
    }

    fn tar_entry(
        &mut self,
        header: &Header,
        size: u64,
        source: &mut dyn Source,
        before: Before,
        inside: Inside<'_>,
    ) -> io::Result<()> {
        let bytes = match before.name {
            Some(bytes) => bytes,
            None => header.path_bytes().into_owned(),
        };
        let kind = kind_of(header, &bytes);
        let name = name(&bytes);
        let path = format!("{}{name}", inside.prefix);
        if kind != EntryKind::File {
            if !name.is_empty() {
                self.entry(path, kind);
            }
            // Neither links nor devices nor directories have a content, whatever their size says.
            return Ok(());
        }
        if header.entry_type().is_gnu_sparse() {
            pass_map(header, source)?;
        }
        let mut body = Body { source, left: size };
        if before.map_in_content {
            pass_map_in(&mut body)?;
        }
        // Of a sparse file the pieces are read one after the other: holes hold nothing.
        let mode = header.mode().unwrap_or(0o600) & 0o7777;
        self.file(path, mode, &mut body, inside.depth);
        let left = body.left;
        if self.spent.is_over() {
            return Ok(());
        }
        source.skip(left)?;
        source.skip(padding(size))
    }
}

/// Whether the error says what a gap has said already.
fn is_told(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other
}

fn is_about_the_next(kind: EntryType) -> bool {
    kind.is_gnu_longname()
        || kind.is_gnu_longlink()
        || kind.is_pax_local_extensions()
        || kind.is_pax_global_extensions()
}

/// What an entry is; an unknown type is a regular file (POSIX.1-2024 `pax`, typeflag).
fn kind_of(header: &Header, name: &[u8]) -> EntryKind {
    match header.entry_type().as_byte() {
        b'1' | b'2' => EntryKind::Link,
        b'3' | b'4' | b'6' => EntryKind::Other,
        b'5' => EntryKind::Directory,
        // As it was written before there were types.
        0 | b'0' if name.ends_with(b"/") => EntryKind::Directory,
        _ => EntryKind::File,
    }
}

/// Fills a block as far as there is something.
fn fill(source: &mut dyn Source, block: &mut [u8; BLOCK]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < BLOCK {
        match source.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What a content is filled up with to whole blocks.
fn padding(size: u64) -> u64 {
    let block = wide(BLOCK);
    (block - size % block) % block
}

/// Passes over a content and its padding.
fn pass(source: &mut dyn Source, size: u64) -> io::Result<()> {
    source.skip(size)?;
    source.skip(padding(size))
}

/// Passes over the blocks that go on with the map of an old GNU sparse file.
fn pass_map(header: &Header, source: &mut dyn Source) -> io::Result<()> {
    let mut goes_on = header.as_gnu().is_some_and(tar::GnuHeader::is_extended);
    let mut blocks = 0;
    while goes_on {
        blocks += 1;
        if blocks > MAP_BLOCKS_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut more = tar::GnuExtSparseHeader::new();
        source.read_exact(more.as_mut_bytes())?;
        goes_on = more.is_extended();
    }
    Ok(())
}

/// Passes over the map of a sparse file that stands before its content: a count, then an offset
/// and a length a piece, each on a line, filled up to whole blocks.
fn pass_map_in(body: &mut Body<'_>) -> io::Result<()> {
    let mut lines_left: Option<u64> = None;
    let mut count = 0_u64;
    for _ in 0..MAP_BLOCKS_MAX {
        let mut block = [0; BLOCK];
        body.read_exact(&mut block)?;
        for byte in block {
            match (byte, lines_left) {
                (b'\n', None) => lines_left = Some(count.saturating_mul(2)),
                (b'\n', Some(left)) => lines_left = Some(left.saturating_sub(1)),
                (b'0'..=b'9', None) => {
                    count = count
                        .saturating_mul(10)
                        .saturating_add(u64::from(byte - b'0'));
                }
                (b'0'..=b'9', Some(_)) => {}
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
            if lines_left == Some(0) {
                return Ok(());
            }
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// The records of a pax header: `length key=value\n` each.
fn records(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    while let Some(blank) = bytes.iter().position(|byte| *byte == b' ') {
        let length = number(&bytes[..blank]).and_then(|length| usize::try_from(length).ok());
        let record = length.and_then(|length| bytes.get(blank + 1..length));
        let Some((record, equals)) =
            record.and_then(|record| Some((record, record.iter().position(|byte| *byte == b'=')?)))
        else {
            break;
        };
        let value = &record[equals + 1..];
        found.push((
            &record[..equals],
            value.strip_suffix(b"\n").unwrap_or(value),
        ));
        bytes = &bytes[blank + 1 + record.len()..];
    }
    found
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The content of one entry.
struct Body<'s> {
    source: &'s mut dyn Source,
    left: u64,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.source.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= wide(count);
        Ok(count)
    }
}
