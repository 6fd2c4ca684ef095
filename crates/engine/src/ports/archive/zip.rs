//! Zip (APPNOTE 6.3.10): what its central directory lists.

use std::collections::BTreeMap;

use connectors::{EntryKind, Refusal};
use model::Reason;
use rawzip::{ReaderAt, ZipArchive, ZipArchiveEntryWayfinder, ZipFileHeaderRecord};

use super::bounds::Steady;
use super::decoder;
use super::unpack::{Inside, Unpacking, name};

/// How far from its end the end of the central directory is looked for: a comment may be so long.
const SEARCH_BYTES: u64 = 66 << 10;
/// Room for the longest record of a directory.
const BUFFER_BYTES: usize = rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE;

/// An entry as the directory lists it.
struct Listed {
    path: String,
    kind: EntryKind,
    mode: u32,
    method: rawzip::CompressionMethod,
    encrypted: bool,
    summed: bool,
    way: ZipArchiveEntryWayfinder,
}

impl Listed {
    fn of(record: &ZipFileHeaderRecord<'_>, inside: Inside<'_>) -> Self {
        let mode = record.mode();
        let kind = if record.is_dir() {
            EntryKind::Directory
        } else if mode.is_symlink() {
            EntryKind::Link
        } else {
            EntryKind::File
        };
        Self {
            path: format!("{}{}", inside.prefix, name(record.file_path().as_bytes())),
            kind,
            mode: mode.permissions() & 0o7777,
            method: record.compression_method(),
            encrypted: record.flags().is_encrypted(),
            summed: record.crc32() != 0,
            way: record.wayfinder(),
        }
    }
}

impl Unpacking<'_> {
    /// Reads a zip of `len` bytes.
    pub(super) fn zip(&mut self, bytes: &dyn ReaderAt, len: u64, inside: Inside<'_>) {
        let mut buffer = vec![0; BUFFER_BYTES];
        let locator = ZipArchive::with_max_search_space(SEARCH_BYTES);
        let archive = match locator.locate_in_reader(bytes, &mut buffer, len) {
            Ok(archive) => archive,
            Err(_) => {
                let told = "a zip without a directory that can be read";
                return self.gap(inside.place(), Refusal::new(Reason::Failed, told));
            }
        };
        // Where each content that was read lies: from, to.
        let mut taken = BTreeMap::new();
        let mut entries = archive.entries(&mut buffer);
        loop {
            let listed = match entries.next_entry() {
                Ok(Some(record)) => Listed::of(&record, inside),
                Ok(None) => return,
                Err(_) => {
                    let told = "a damaged directory; what it lists behind that was not read";
                    return self.gap(inside.place(), Refusal::new(Reason::Failed, told));
                }
            };
            if !self.counts() {
                return;
            }
            self.zip_entry(&archive, len, listed, &mut taken, inside.depth);
        }
    }

    fn zip_entry(
        &mut self,
        archive: &ZipArchive<&dyn ReaderAt>,
        len: u64,
        listed: Listed,
        taken: &mut BTreeMap<u64, u64>,
        depth: usize,
    ) {
        let Listed { path, kind, .. } = listed;
        if kind != EntryKind::File {
            return self.entry(path, kind);
        }
        let refused = |reason, told: &str| Refusal::new(reason, told);
        if listed.encrypted {
            self.gap(&path, refused(Reason::Unsupported, "encrypted"));
            return self.entry(path, kind);
        }
        let Ok(entry) = archive.get_entry(listed.way) else {
            self.gap(
                &path,
                refused(
                    Reason::Failed,
                    "its content is not where the directory says",
                ),
            );
            return self.entry(path, kind);
        };
        let (from, to) = entry.compressed_data_range();
        let to = to.min(len);
        // Contents that share bytes are a bomb: each would be unpacked again.
        let overlaps = taken
            .range(..to)
            .next_back()
            .is_some_and(|(_, end)| *end > from);
        if overlaps && to > from {
            self.gap(
                &path,
                refused(Reason::Unsupported, "it shares bytes with another entry"),
            );
            return self.entry(path, kind);
        }
        taken.insert(from, to);
        match decoder::entry(listed.method, entry.reader(), &self.spent) {
            // A directory without a sum has nothing to hold the content to.
            Some(stream) if listed.summed => {
                let mut stream = Steady::new(entry.verifying_reader(stream));
                self.file(path, listed.mode, &mut stream, depth);
            }
            Some(mut stream) => self.file(path, listed.mode, &mut stream, depth),
            None => {
                let told = format!("compressed by method {}", listed.method.as_u16());
                self.gap(&path, refused(Reason::Unsupported, &told));
                self.entry(path, kind);
            }
        }
    }
}
