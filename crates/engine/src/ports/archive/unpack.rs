//! An archive from its first entry to its last, and the archives in it.

use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use connectors::{EntryKind, File, Packed, Packing, Refusal, bytes_worth_reading};
use model::{Reason, Secret};
use rawzip::ReaderAt;
use zeroize::Zeroizing;

use super::bounds::{self, ArchiveLimits, Beyond, Source, Span, Spent, wide};
use super::decoder;

/// So much of a file is looked at to tell what it is.
const HEAD_BYTES: usize = 8192;
/// A longer name in an archive is cut.
const NAME_BYTES_MAX: usize = 4096;
/// What is read at once.
const PIECE: usize = 64 << 10;

/// What an archive tells, one after the other.
#[derive(Debug)]
pub(super) enum Told {
    /// An entry.
    Entry(Packed),
    /// A place in the archive (empty: the rest of it) that could not be read, and why.
    Gap(String, Refusal),
}

/// An archive that is being unpacked.
pub(super) struct Unpacking<'e> {
    pub(super) limits: ArchiveLimits,
    pub(super) spent: Rc<Spent>,
    entries: u64,
    gaps: usize,
    each: &'e mut dyn FnMut(Told) -> bool,
}

/// Where in which archive something is read.
#[derive(Clone, Copy)]
pub(super) struct Inside<'p> {
    /// What stands before each name: empty, or ending in `!/`.
    pub(super) prefix: &'p str,
    /// Archives around it, this one included.
    pub(super) depth: usize,
}

impl Inside<'_> {
    /// The archive's own place; empty for the outermost.
    pub(super) fn place(&self) -> &str {
        self.prefix.strip_suffix("!/").unwrap_or(self.prefix)
    }
}

impl<'e> Unpacking<'e> {
    pub(super) fn new(
        limits: ArchiveLimits,
        closed: Arc<AtomicBool>,
        each: &'e mut dyn FnMut(Told) -> bool,
    ) -> Self {
        Self {
            limits,
            spent: Spent::new(limits, closed),
            entries: 0,
            gaps: 0,
            each,
        }
    }

    /// Unpacks a whole file called `name`.
    pub(super) fn whole(&mut self, bytes: &dyn ReaderAt, len: u64, name: &str) {
        self.spent.is_of(len);
        let outermost = Inside {
            prefix: "",
            depth: 1,
        };
        let mut span = Span::new(bytes, 0, len);
        let head = match head(&mut span) {
            Ok(head) => head,
            Err(error) => return self.gap("", bounds::refusal(&error)),
        };
        match Packing::of(&head) {
            Some(Packing::Zip) => self.zip(bytes, len, outermost),
            Some(Packing::Tar) => self.tar(&mut Span::new(bytes, 0, len), outermost),
            Some(packing) => {
                let source = Span::new(bytes, 0, len);
                self.stream(packing, source, name, outermost);
            }
            None => self.gap("", Refusal::new(Reason::Unsupported, "no archive")),
        }
    }

    /// Unpacks a compressed stream: an archive, or a file that is called after it.
    fn stream(&mut self, packing: Packing, source: impl Read, name: &str, inside: Inside<'_>) {
        let Some(mut stream) = decoder::stream(packing, source, &self.spent) else {
            return;
        };
        let head = match head(&mut stream) {
            Ok(head) => head,
            Err(error) => return self.gap(inside.place(), bounds::refusal(&error)),
        };
        if Packing::of(&head) == Some(Packing::Tar) {
            let before = self.gaps;
            let mut whole = Again::new(head.as_slice(), stream);
            self.tar(&mut whole, inside);
            // The sum of a stream stands behind the end of the tar in it.
            if self.gaps == before
                && !self.spent.is_over()
                && let Err(error) = io::copy(&mut whole, &mut io::sink())
            {
                self.gap(inside.place(), bounds::refusal(&error));
            }
            return;
        }
        let path = format!("{}{}", inside.prefix, stem(name));
        self.opened(path, 0o600, head, &mut stream, inside.depth);
    }

    /// One more entry; `false` where there were too many.
    pub(super) fn counts(&mut self) -> bool {
        if self.spent.is_over() {
            return false;
        }
        self.entries += 1;
        if self.entries > self.limits.entries_max {
            self.spent.end();
            let told = format!(
                "holds more than {} entries; the rest was not read",
                self.limits.entries_max
            );
            self.gap("", Refusal::new(Reason::Unsupported, told));
            return false;
        }
        true
    }

    /// Tells of an entry of which nothing is read.
    pub(super) fn entry(&mut self, path: String, kind: EntryKind) {
        self.tell(path, kind, None);
    }

    /// Reads what is worth reading of a file, or what lies in it.
    pub(super) fn file(&mut self, path: String, mode: u32, source: &mut dyn Read, depth: usize) {
        match head(source) {
            Ok(head) => self.opened(path, mode, head, source, depth),
            Err(error) => {
                self.gap(&path, bounds::refusal(&error));
                self.tell(path, EntryKind::File, None);
            }
        }
    }

    /// Reads a file of which `head` was read already.
    fn opened(
        &mut self,
        path: String,
        mode: u32,
        head: Zeroizing<Vec<u8>>,
        source: &mut dyn Read,
        depth: usize,
    ) {
        if let Some(packing) = Packing::of(&head) {
            self.nested(packing, &path, Again::new(head.as_slice(), source), depth);
            return self.tell(path, EntryKind::File, None);
        }
        let inner = path
            .rsplit_once("!/")
            .map_or(path.as_str(), |(_, name)| name);
        let worth = bytes_worth_reading(&format!("/{inner}"), &head);
        if worth == 0 {
            // What broke off in its first bytes may have been anything.
            if head.len() < HEAD_BYTES
                && let Err(error) = source.read(&mut [0])
            {
                self.gap(&path, bounds::refusal(&error));
            }
            return self.tell(path, EntryKind::File, None);
        }
        let limit = usize::try_from(worth).unwrap_or(usize::MAX);
        let (bytes, rest) = contents(head, source, limit);
        let cut = match rest {
            Ok(cut) => cut,
            Err(error) => {
                self.gap(&path, bounds::refusal(&error));
                false
            }
        };
        let file = File { bytes, cut, mode };
        self.tell(path, EntryKind::File, Some(file));
    }

    /// Unpacks an archive that lies in another.
    fn nested(&mut self, packing: Packing, path: &str, mut source: impl Read, depth: usize) {
        if depth >= self.limits.depth_max {
            let told = format!(
                "more than {} archives within one another; this one was not opened",
                self.limits.depth_max
            );
            return self.gap(path, Refusal::new(Reason::Unsupported, told));
        }
        let prefix = format!("{path}!/");
        let inside = Inside {
            prefix: &prefix,
            depth: depth + 1,
        };
        match packing {
            Packing::Tar => self.tar(&mut Plain(source), inside),
            Packing::Zip => {
                // Its directory is at its end, so all of it is needed.
                let most = self.limits.held_max;
                let mut held = Zeroizing::new(Vec::new());
                match source.by_ref().take(most + 1).read_to_end(&mut held) {
                    Ok(count) if wide(count) > most => {
                        let told = format!(
                            "a zip of more than {} MiB within another archive",
                            most >> 20
                        );
                        self.gap(path, Refusal::new(Reason::Unsupported, told));
                    }
                    Ok(count) => self.zip(&held.as_slice(), wide(count), inside),
                    Err(error) => self.gap(path, bounds::refusal(&error)),
                }
            }
            stream => {
                let name = path.rsplit(['/', '!']).next().unwrap_or(path);
                self.stream(stream, source, name, inside);
            }
        }
    }

    /// Keeps that a place could not be read.
    pub(super) fn gap(&mut self, path: &str, refusal: Refusal) {
        self.gaps += 1;
        let told = match self.gaps.saturating_sub(self.limits.gaps_max) {
            0 => Told::Gap(path.to_owned(), refusal),
            1 => {
                let told = format!(
                    "more than {} places in it could not be read",
                    self.limits.gaps_max
                );
                Told::Gap(String::new(), Refusal::new(refusal.reason, told))
            }
            _ => return,
        };
        if !(self.each)(told) {
            self.spent.end();
        }
    }

    fn tell(&mut self, path: String, kind: EntryKind, file: Option<File>) {
        if !(self.each)(Told::Entry(Packed { path, kind, file })) {
            self.spent.end();
        }
    }
}

/// A name in an archive as text: never absolute, and nowhere up.
pub(super) fn name(bytes: &[u8]) -> String {
    let cut = bytes.get(..NAME_BYTES_MAX).unwrap_or(bytes);
    let text = String::from_utf8_lossy(cut);
    let parts = text.split('/').filter(|part| !matches!(*part, "" | "."));
    let parts = parts.map(|part| if part == ".." { "(up)" } else { part });
    // A mark of ours in a name of theirs would say that it lies in an archive.
    let parts: Vec<_> = parts
        .map(|part| {
            part.strip_suffix('!')
                .map_or(part.to_owned(), |rest| format!("{rest}_"))
        })
        .collect();
    parts.join("/")
}

/// What a compressed file is called without its compression.
fn stem(name: &str) -> &str {
    const ENDS: &[&str] = &[".gz", ".zst", ".xz", ".bz2"];
    let stem = ENDS.iter().find_map(|end| name.strip_suffix(end));
    match stem {
        Some("") | None => "content",
        Some(stem) => stem,
    }
}

/// The beginning of a file.
fn head(source: &mut (impl Read + ?Sized)) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut head = Zeroizing::new(vec![0; HEAD_BYTES]);
    let mut filled = 0;
    while filled < HEAD_BYTES {
        match source.read(&mut head[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What was read of it may still be text.
            Err(error) if filled == 0 || error.get_ref().is_some_and(|e| e.is::<Beyond>()) => {
                return Err(error);
            }
            Err(_) => break,
        }
    }
    head.truncate(filled);
    Ok(head)
}

/// `head` and what follows it, `limit` bytes at most; whether there were more, or what broke.
fn contents(
    head: Zeroizing<Vec<u8>>,
    source: &mut dyn Read,
    limit: usize,
) -> (Secret, io::Result<bool>) {
    let mut bytes = Zeroizing::new(Vec::with_capacity(PIECE.min(limit.saturating_add(1))));
    bytes.extend_from_slice(&head[..head.len().min(limit)]);
    if head.len() > limit {
        return (Secret::new(std::mem::take(&mut *bytes)), Ok(true));
    }
    let mut piece = Zeroizing::new(vec![0; PIECE]);
    let rest = loop {
        match source.read(&mut piece) {
            Ok(0) => break Ok(false),
            Ok(count) => {
                let room = (limit - bytes.len()).min(count);
                if bytes.len() + room > bytes.capacity() {
                    // A buffer that grows by itself leaves copies behind.
                    let most = limit.max(PIECE);
                    let mut wider = Zeroizing::new(Vec::with_capacity(
                        (bytes.capacity() * 2).clamp(PIECE, most),
                    ));
                    wider.extend_from_slice(&bytes);
                    bytes = wider;
                }
                bytes.extend_from_slice(&piece[..room]);
                if room < count {
                    break Ok(true);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    (Secret::new(std::mem::take(&mut *bytes)), rest)
}

/// What was read already, and what follows.
struct Again<'h, R> {
    head: &'h [u8],
    rest: R,
}

impl<'h, R> Again<'h, R> {
    fn new(head: &'h [u8], rest: R) -> Self {
        Self { head, rest }
    }
}

impl<R: Read> Read for Again<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.head.is_empty() {
            return self.rest.read(buffer);
        }
        self.head.read(buffer)
    }
}

impl<R: Read> Source for Again<'_, R> {}

/// A reader of which nothing can be passed over without reading it.
struct Plain<R>(R);

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Source for Plain<R> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_an_archive_is_never_a_way_out_of_it() {
        for (bytes, expected) in [
            (b"./etc/app/.env".as_slice(), "etc/app/.env"),
            (b"/etc/passwd", "etc/passwd"),
            (b"../../etc/passwd", "(up)/(up)/etc/passwd"),
            (b"a//b/./c/", "a/b/c"),
            (b"k\xff.pem", "k\u{fffd}.pem"),
            (b"x!/y", "x_/y"),
            (b"..", "(up)"),
            (b"", ""),
        ] {
            assert_eq!(name(bytes), expected);
        }
        assert!(name(&[b'a'; 100_000]).len() <= NAME_BYTES_MAX);
    }

    #[test]
    fn what_is_compressed_alone_is_called_without_its_compression() {
        assert_eq!(stem("dump.sql.gz"), "dump.sql");
        assert_eq!(stem("backup"), "content");
        assert_eq!(stem(".gz"), "content");
    }
}
