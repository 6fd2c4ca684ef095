//! How much may be unpacked, and the readers that hold to it.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use connectors::Refusal;
use model::Reason;

/// How much is unpacked of one archive, with all that lies in it.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveLimits {
    /// Entries; the rest is a gap.
    pub entries_max: u64,
    /// Unpacked bytes; the rest is a gap.
    pub bytes_max: u64,
    /// One compressed stream may give so many times its own size…
    pub ratio_max: u64,
    /// …once it has given more than this.
    pub ratio_free: u64,
    /// A whole archive, with all that lies in it, may give so many times its own size as well,
    /// once it has given more than this: many streams of few bytes each give much together.
    pub whole_free: u64,
    /// Archives within one another.
    pub depth_max: usize,
    /// A zip within another archive is held in memory; a larger one is a gap.
    pub held_max: u64,
    /// Places that could not be read; one more gap says that there are others.
    pub gaps_max: usize,
    /// About so many bytes of contents come in one answer.
    pub answer_bytes: usize,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            entries_max: 1_000_000,
            bytes_max: 16 << 30,
            ratio_max: 200,
            ratio_free: 64 << 20,
            whole_free: 1 << 30,
            depth_max: 5,
            held_max: 128 << 20,
            gaps_max: 200,
            answer_bytes: 4 << 20,
        }
    }
}

/// What has been unpacked so far.
#[derive(Debug)]
pub(super) struct Spent {
    limits: ArchiveLimits,
    bytes: Cell<u64>,
    /// The most that this archive may give.
    bytes_max: Cell<u64>,
    /// Nothing more is to be read, whatever else there is.
    over: Cell<bool>,
    closed: Arc<AtomicBool>,
}

impl Spent {
    pub(super) fn new(limits: ArchiveLimits, closed: Arc<AtomicBool>) -> Rc<Self> {
        Rc::new(Self {
            limits,
            bytes: Cell::new(0),
            bytes_max: Cell::new(limits.bytes_max),
            over: Cell::new(false),
            closed,
        })
    }

    /// Whether nothing more is to be read.
    pub(super) fn is_over(&self) -> bool {
        self.over.get() || self.closed.load(Ordering::Relaxed)
    }

    /// The archive has so many bytes.
    pub(super) fn is_of(&self, len: u64) {
        let most = len.saturating_mul(self.limits.ratio_max);
        let most = most.max(self.limits.whole_free);
        self.bytes_max.set(most.min(self.limits.bytes_max));
    }

    /// Nothing more is read from here on.
    pub(super) fn end(&self) {
        self.over.set(true);
    }

    fn take(&self, count: usize) -> io::Result<()> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Beyond::error("stopped before its end".to_owned()));
        }
        let bytes = self.bytes.get().saturating_add(wide(count));
        self.bytes.set(bytes);
        if bytes > self.bytes_max.get() {
            self.end();
            return Err(Beyond::error(format!(
                "unpacks to more than {} MiB; the rest was not read",
                self.bytes_max.get() >> 20
            )));
        }
        Ok(())
    }
}

pub(super) fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A limit that was reached, on its way through readers that know only of errors.
#[derive(Debug)]
pub(super) struct Beyond(String);

impl Beyond {
    pub(super) fn error(told: String) -> io::Error {
        io::Error::other(Self(told))
    }
}

impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Beyond {}

/// A reader that says again that it broke: some say so once, and then that they ended.
pub(super) struct Steady<R> {
    inner: R,
    broken: Option<io::ErrorKind>,
}

impl<R> Steady<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self {
            inner,
            broken: None,
        }
    }
}

impl<R: Read> Read for Steady<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(kind) = self.broken {
            return Err(kind.into());
        }
        let count = self.inner.read(buffer);
        if let Err(error) = &count
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.broken = Some(error.kind());
        }
        count
    }
}

/// Why reading ended, for a gap. The words of a library could repeat what it read.
pub(in crate::ports) fn refusal(error: &io::Error) -> Refusal {
    const CAUSES_MAX: usize = 8;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    for _ in 0..CAUSES_MAX {
        let Some(one) = cause else { break };
        if let Some(beyond) = one.downcast_ref::<Beyond>() {
            return Refusal::new(Reason::Unsupported, beyond.0.as_str());
        }
        let io = one.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof) {
            return ends_early();
        }
        // What an I/O error is made of is not its source.
        cause = match io.and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => one.source(),
        };
    }
    Refusal::new(Reason::Failed, "damaged; what lies before was read")
}

/// What is cut off.
pub(super) fn ends_early() -> Refusal {
    Refusal::new(Reason::Failed, "ends early; what lies before was read")
}

/// Reads, and passes over.
pub(super) trait Source: Read {
    /// Passes over `count` bytes.
    fn skip(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut Read::take(self, count), &mut io::sink())?;
        if skipped < count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

impl<S: Source + ?Sized> Source for &mut S {
    fn skip(&mut self, count: u64) -> io::Result<()> {
        (**self).skip(count)
    }
}

/// A part of an archive that lies there as it is.
pub(super) struct Span<'a> {
    bytes: &'a dyn rawzip::ReaderAt,
    at: u64,
    end: u64,
}

impl<'a> Span<'a> {
    pub(super) fn new(bytes: &'a dyn rawzip::ReaderAt, at: u64, end: u64) -> Self {
        Self { bytes, at, end }
    }
}

impl Read for Span<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.bytes.read_at(&mut buffer[..wanted], self.at)?;
        self.at = self.at.saturating_add(wide(count));
        Ok(count)
    }
}

impl Source for Span<'_> {
    fn skip(&mut self, count: u64) -> io::Result<()> {
        let at = self.at.saturating_add(count);
        self.at = at.min(self.end);
        if at > self.end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// Counts what is read of a compressed stream.
pub(super) struct Counted<R> {
    pub(super) inner: R,
    pub(super) count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.set(self.count.get().saturating_add(wide(count)));
        Ok(count)
    }
}

/// What a compressed stream gives, no more than it may.
pub(super) struct Bounded<R> {
    inner: R,
    /// What was read of the compressed stream.
    packed: Rc<Cell<u64>>,
    unpacked: u64,
    spent: Rc<Spent>,
}

impl<R> Bounded<R> {
    pub(super) fn new(inner: R, packed: Rc<Cell<u64>>, spent: Rc<Spent>) -> Self {
        Self {
            inner,
            packed,
            unpacked: 0,
            spent,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.spent.take(count)?;
        self.unpacked = self.unpacked.saturating_add(wide(count));
        let limits = &self.spent.limits;
        let most = self.packed.get().saturating_mul(limits.ratio_max);
        if self.unpacked > limits.ratio_free.max(most) {
            return Err(Beyond::error(format!(
                "unpacks to more than {} times its size; the rest was not read",
                limits.ratio_max
            )));
        }
        Ok(count)
    }
}

impl<R: Read> Source for Bounded<R> {}
