//! Archives of this machine, unpacked in memory alone.
//!
//! **Invariant:** nothing is ever written, no link in an archive is followed and no name in it
//! becomes a path of this machine. Whatever an archive says of itself, what is unpacked of it is
//! bounded: bytes, ratio, entries, depth, names. Held by the tests below and by the fuzz targets
//! `tar` and `zip`.

mod bounds;
mod decoder;
mod tar;
mod unpack;
mod zip;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use connectors::{Packed, Refusal, Unpacked};
use model::Reason;
use rawzip::ReaderAt;

pub use bounds::ArchiveLimits;
pub(super) use bounds::refusal;
pub(super) use decoder::unpacked;
use unpack::{Told, Unpacking};

/// Entries without content that come in one answer at most.
const ANSWER_ENTRIES: usize = 4096;
/// Answers that are unpacked ahead of whoever searches them.
const AHEAD: usize = 1;

/// An archive that is being unpacked by a thread of its own, so that the next entries are
/// unpacked while others are searched.
#[derive(Debug)]
pub(super) struct Archive {
    /// How many entries were handed out.
    pub(super) at: u64,
    ahead: Receiver<Unpacked>,
    /// Told to the thread when nobody wants more.
    closed: Arc<AtomicBool>,
}

impl Archive {
    /// Begins to unpack `bytes`, `len` of them, passing over `from` entries. `name` is the
    /// archive's own: what is compressed alone is called after it.
    pub(super) fn open(
        bytes: impl ReaderAt + Send + 'static,
        len: u64,
        name: String,
        from: u64,
        limits: ArchiveLimits,
    ) -> Result<Self, Refusal> {
        let closed = Arc::new(AtomicBool::new(false));
        let (to, ahead) = sync_channel(AHEAD);
        let seen_closed = Arc::clone(&closed);
        std::thread::Builder::new()
            .name("unpack".to_owned())
            .spawn(move || {
                let mut batch = Batch::new(to, from, limits.answer_bytes);
                unpack(&bytes, len, &name, limits, seen_closed, &mut |told| {
                    batch.take(told)
                });
                batch.end();
            })
            .map_err(|told| Refusal::new(Reason::Failed, told.to_string()))?;
        Ok(Self {
            at: from,
            ahead,
            closed,
        })
    }

    /// The next entries.
    pub(super) fn next(&mut self) -> Result<Unpacked, Refusal> {
        // A thread that is gone without its last word broke: that is never "nothing there".
        let some = self.ahead.recv().map_err(|_| {
            Refusal::new(Reason::Failed, "the archive could not be read to its end")
        })?;
        if let Some(next) = some.next {
            self.at = next;
        }
        Ok(some)
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

/// Unpacks `bytes` to their end or to a limit; what cannot be read is told as a gap.
fn unpack(
    bytes: &dyn ReaderAt,
    len: u64,
    name: &str,
    limits: ArchiveLimits,
    closed: Arc<AtomicBool>,
    each: &mut dyn FnMut(Told) -> bool,
) {
    Unpacking::new(limits, closed, each).whole(bytes, len, name);
}

/// Everything in an archive at once, for whoever tries the readers alone.
#[doc(hidden)]
pub fn unpack_all(bytes: &[u8], name: &str, limits: ArchiveLimits) -> Unpacked {
    let mut all = Unpacked::default();
    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    unpack(&bytes, len, name, limits, Arc::default(), &mut |told| {
        match told {
            Told::Entry(entry) => all.entries.push(entry),
            Told::Gap(path, refusal) => all.gaps.push((path, refusal)),
        }
        true
    });
    all
}

/// Entries on their way to whoever asked.
struct Batch {
    to: SyncSender<Unpacked>,
    /// Entries still to be passed over.
    skip: u64,
    at: u64,
    bytes: usize,
    answer_bytes: usize,
    waiting: Unpacked,
}

impl Batch {
    fn new(to: SyncSender<Unpacked>, from: u64, answer_bytes: usize) -> Self {
        Self {
            to,
            skip: from,
            at: from,
            bytes: 0,
            answer_bytes,
            waiting: Unpacked::default(),
        }
    }

    /// `false` where nobody wants more.
    fn take(&mut self, told: Told) -> bool {
        match told {
            Told::Entry(_) if self.skip > 0 => {
                self.skip -= 1;
                return true;
            }
            Told::Entry(entry) => {
                self.at += 1;
                self.bytes += size(&entry);
                self.waiting.entries.push(entry);
            }
            Told::Gap(path, refusal) => self.waiting.gaps.push((path, refusal)),
        }
        if self.bytes < self.answer_bytes && self.waiting.entries.len() < ANSWER_ENTRIES {
            return true;
        }
        self.bytes = 0;
        let mut some = std::mem::take(&mut self.waiting);
        some.next = Some(self.at);
        self.to.send(some).is_ok()
    }

    fn end(self) {
        // Nobody who asks any more is no error.
        let _ = self.to.send(self.waiting);
    }
}

fn size(entry: &Packed) -> usize {
    entry.file.as_ref().map_or(0, |file| file.bytes.len())
}

#[cfg(test)]
mod tests;
