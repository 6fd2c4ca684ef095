//! Keys and hashes: sorted in memory, written as runs, merged.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

use model::Kind;

use super::bodies::BodyAt;
use super::scratch::Scratch;
use super::{KINDS, Spooled, disk, order, rank};
use crate::Error;

/// Rank of the kind, length of the native id, hash, place and length of the body.
const HEAD: usize = 1 + 2 + 16 + 8 + 4;

/// What is kept in memory for each entry beside its bytes.
const PLACE: usize = std::mem::size_of::<usize>();

/// Entries as they come.
pub(super) struct Keys {
    dir: PathBuf,
    memory_max: usize,
    /// Entries one after the other: head, native id.
    arena: Vec<u8>,
    /// Where each of them begins.
    places: Vec<usize>,
    /// Whether the arena is in order as it is.
    in_order: bool,
    runs: Vec<Run>,
    file: Option<Scratch>,
    count: u64,
}

/// A part of the file that is in order.
#[derive(Debug)]
struct Run {
    at: u64,
    len: u64,
    last: (u8, Vec<u8>),
}

impl Keys {
    pub(super) fn new(dir: &Path, memory_max: usize) -> Self {
        Self {
            dir: dir.to_owned(),
            memory_max,
            arena: Vec::new(),
            places: Vec::new(),
            in_order: true,
            runs: Vec::new(),
            file: None,
            count: 0,
        }
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    #[cfg(test)]
    pub(super) fn run_count(mut self) -> usize {
        self.write_run().unwrap();
        self.runs.len()
    }

    pub(super) fn push(
        &mut self,
        kind: Kind,
        native: &str,
        hash: [u8; 16],
        body: BodyAt,
    ) -> Result<(), Error> {
        let size = HEAD + native.len();
        let held = self.arena.len() + self.places.len() * PLACE;
        if !self.places.is_empty() && held + size + PLACE > self.memory_max {
            self.write_run()?;
        }
        let key = (rank(kind), native.as_bytes());
        if let Some(last) = self.places.last() {
            self.in_order &= order(key_at(&self.arena, *last), key) != Ordering::Greater;
        }
        self.places.push(self.arena.len());
        self.arena.push(key.0);
        let length = u16::try_from(native.len()).unwrap_or(u16::MAX);
        self.arena.extend_from_slice(&length.to_le_bytes());
        self.arena.extend_from_slice(&hash);
        self.arena.extend_from_slice(&body.at.to_le_bytes());
        self.arena.extend_from_slice(&body.len.to_le_bytes());
        self.arena.extend_from_slice(native.as_bytes());
        self.count += 1;
        Ok(())
    }

    fn sort(&mut self) {
        if !self.in_order {
            let arena = &self.arena;
            self.places
                .sort_unstable_by(|a, b| order(key_at(arena, *a), key_at(arena, *b)));
        }
    }

    fn write_run(&mut self) -> Result<(), Error> {
        self.sort();
        let (Some(first), Some(last)) = (self.places.first(), self.places.last()) else {
            return Ok(());
        };
        let first = key_at(&self.arena, *first);
        let last = key_at(&self.arena, *last);
        let last = (last.0, last.1.to_vec());
        let at = self.file.as_ref().map_or(0, Scratch::len);
        // A run that begins where the one before it ended only makes that one longer.
        let goes_on = self
            .runs
            .last()
            .is_some_and(|run| order((run.last.0, &run.last.1), first) != Ordering::Greater);
        self.append()
            .map_err(|source| disk(&self.dir, "writing what was seen to", source))?;
        let len = self.arena.len() as u64;
        match self.runs.last_mut().filter(|_| goes_on) {
            Some(run) => {
                run.len += len;
                run.last = last;
            }
            None => self.runs.push(Run { at, len, last }),
        }
        self.arena.clear();
        self.places.clear();
        self.in_order = true;
        Ok(())
    }

    fn append(&mut self) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(Scratch::new(&self.dir)?),
        };
        if self.in_order {
            return file.append(&self.arena);
        }
        let mut chunk = Vec::with_capacity(CHUNK);
        for place in &self.places {
            let (_, native) = key_at(&self.arena, *place);
            chunk.extend_from_slice(&self.arena[*place..*place + HEAD + native.len()]);
            if chunk.len() >= CHUNK {
                file.append(&chunk)?;
                chunk.clear();
            }
        }
        file.append(&chunk)
    }

    pub(super) fn sorted(mut self) -> Result<Entries, Error> {
        if self.file.is_none() {
            self.sort();
            return Ok(Entries::Memory {
                arena: self.arena,
                places: self.places.into_iter(),
            });
        }
        self.write_run()?;
        let share = self.memory_max / self.runs.len().max(1);
        let mut readers: Vec<_> = self
            .runs
            .iter()
            .map(|run| RunReader {
                at: run.at,
                end: run.at + run.len,
                buffer: Vec::new(),
                read: 0,
                buffer_max: share.clamp(4 * 1024, CHUNK),
            })
            .collect();
        let file = self.file;
        let mut heap = BinaryHeap::with_capacity(readers.len());
        for (run, reader) in readers.iter_mut().enumerate() {
            if let Some(next) = reader.next(file.as_ref(), &self.dir)? {
                heap.push(Reverse(Head { next, run }));
            }
        }
        Ok(Entries::Files(Box::new(Files {
            dir: self.dir,
            file,
            readers,
            heap,
        })))
    }
}

/// As much as is written or read at once.
const CHUNK: usize = 256 * 1024;

/// Rank and native id of the entry at `place`.
fn key_at(arena: &[u8], place: usize) -> (u8, &[u8]) {
    let length = usize::from(u16::from_le_bytes([arena[place + 1], arena[place + 2]]));
    let native = place + HEAD;
    (arena[place], &arena[native..native + length])
}

/// Reads the entry that `bytes` begins with, which are at least as long as it.
fn entry(bytes: &[u8]) -> Spooled {
    let (rank, native) = key_at(bytes, 0);
    let mut hash = [0; 16];
    hash.copy_from_slice(&bytes[3..19]);
    let mut at = [0; 8];
    at.copy_from_slice(&bytes[19..27]);
    let mut len = [0; 4];
    len.copy_from_slice(&bytes[27..31]);
    Spooled {
        kind: KINDS[usize::from(rank) % KINDS.len()],
        native: String::from_utf8_lossy(native).into_owned(),
        hash,
        body: BodyAt {
            at: u64::from_le_bytes(at),
            len: u32::from_le_bytes(len),
        },
    }
}

/// Every entry, in order.
pub enum Entries {
    /// None was ever written.
    #[doc(hidden)]
    Memory {
        /// Entries.
        arena: Vec<u8>,
        /// Where they begin, in order.
        places: std::vec::IntoIter<usize>,
    },
    /// All were written.
    #[doc(hidden)]
    Files(Box<Files>),
}

/// Runs that are merged.
pub struct Files {
    dir: PathBuf,
    file: Option<Scratch>,
    readers: Vec<RunReader>,
    heap: BinaryHeap<Reverse<Head>>,
}

struct RunReader {
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    read: usize,
    buffer_max: usize,
}

impl RunReader {
    fn next(&mut self, file: Option<&Scratch>, dir: &Path) -> Result<Option<Spooled>, Error> {
        let read = |source| disk(dir, "reading what was seen from", source);
        if !self.fill(file, HEAD).map_err(read)? {
            return Ok(None);
        }
        let rest = &self.buffer[self.read..];
        let size = HEAD + usize::from(u16::from_le_bytes([rest[1], rest[2]]));
        if !self.fill(file, size).map_err(read)? {
            return Ok(None);
        }
        let entry = entry(&self.buffer[self.read..self.read + size]);
        self.read += size;
        Ok(Some(entry))
    }

    /// Sees to it that `wanted` bytes are in the buffer; `false` at the end of the run.
    fn fill(&mut self, file: Option<&Scratch>, wanted: usize) -> std::io::Result<bool> {
        let left = self.buffer.len() - self.read;
        if left >= wanted {
            return Ok(true);
        }
        let more = (self.end - self.at).min((self.buffer_max.max(wanted) - left) as u64);
        let more = usize::try_from(more).unwrap_or(0);
        self.buffer.drain(..self.read);
        self.read = 0;
        self.buffer.resize(left + more, 0);
        if let Some(file) = file {
            file.read(self.at, &mut self.buffer[left..])?;
        }
        self.at += more as u64;
        Ok(self.buffer.len() >= wanted)
    }
}

/// The next entry of one run.
struct Head {
    next: Spooled,
    run: usize,
}

impl Head {
    fn key(&self) -> (u8, &[u8]) {
        (rank(self.next.kind), self.next.native.as_bytes())
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Head {}
impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        order(self.key(), other.key()).then_with(|| self.run.cmp(&other.run))
    }
}

impl Files {
    fn step(&mut self) -> Result<Option<Spooled>, Error> {
        let Some(mut head) = self.heap.peek_mut() else {
            return Ok(None);
        };
        let run = head.0.run;
        match self.readers[run].next(self.file.as_ref(), &self.dir)? {
            Some(next) => Ok(Some(std::mem::replace(&mut head.0.next, next))),
            None => Ok(Some(
                std::collections::binary_heap::PeekMut::pop(head).0.next,
            )),
        }
    }
}

impl Iterator for Entries {
    type Item = Result<Spooled, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Memory { arena, places } => places.next().map(|place| Ok(entry(&arena[place..]))),
            Self::Files(files) => files.step().transpose(),
        }
    }
}
