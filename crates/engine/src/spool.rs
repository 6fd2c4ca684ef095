//! What a pass saw, put in the order of the roll, in bounded memory.
//!
//! A pass may see ten million things in any order; the roll is compared in the order of its
//! keys. Keys and hashes (a hundred bytes a thing) are sorted in memory up to a limit, then in
//! runs on disk; bodies are written once in the order they come and read again only where
//! something changed. What comes sorted already is never sorted, and makes one run.
//!
//! Both files have no name from the moment they exist: they are gone when the process is.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use model::{Kind, Native, Observation};

use crate::Error;

mod bodies;
mod runs;
mod scratch;

pub use bodies::{Bodies, BodyAt};
pub use runs::Entries;

/// The order in which kinds are brought into the roll: what is pointed at comes before what
/// points at it, so that most links lead somewhere as soon as they are read.
pub const KINDS: [Kind; 6] = [
    Kind::Owner,
    Kind::Resource,
    Kind::Identity,
    Kind::Credential,
    Kind::Grant,
    Kind::Use,
];

/// The longest native id, in bytes.
pub const NATIVE_MAX: usize = 1024;

/// Takes what a pass sees, one thing after the other.
pub struct Spool {
    keys: runs::Keys,
    bodies: Bodies,
}

/// One thing that was seen; its body is still where it was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spooled {
    /// What it is.
    pub kind: Kind,
    /// What the source calls it.
    pub native: Native,
    /// Hash of the observation.
    pub hash: [u8; 16],
    /// Where the observation is.
    pub body: BodyAt,
}

impl Spool {
    /// An empty spool that holds about `memory_max` bytes in memory and the rest in `dir`.
    pub fn new(dir: &Path, memory_max: usize) -> Self {
        let half = (memory_max / 2).max(64 * 1024);
        Self {
            keys: runs::Keys::new(dir, half),
            bodies: Bodies::new(dir, half),
        }
    }

    /// Puts one observation down.
    ///
    /// # Errors
    /// [`Error::Unfit`] if its native id is empty or longer than [`NATIVE_MAX`], or if the disk
    /// is full; [`Error::Files`] if the disk fails otherwise.
    pub fn push(&mut self, seen: &Observation) -> Result<(), Error> {
        if seen.native.is_empty() || seen.native.len() > NATIVE_MAX {
            return Err(Error::Unfit(format!(
                "expected a native id of 1 to {NATIVE_MAX} bytes, got {} bytes: `{}`",
                seen.native.len(),
                model::shorten(&model::clean(&seen.native), 80)
            )));
        }
        let bytes = seen.to_bytes();
        let hash = Observation::hash(&bytes);
        let body = self.bodies.push(&bytes)?;
        self.keys.push(seen.kind, &seen.native, hash, body)
    }

    /// How many observations were put down.
    pub const fn len(&self) -> u64 {
        self.keys.count()
    }

    /// Whether none was.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything that was put down, in order, and where the bodies are.
    ///
    /// # Errors
    /// As [`Spool::push`].
    pub fn sorted(self) -> Result<(Peekable<Entries>, Bodies), Error> {
        Ok((self.keys.sorted()?.peekable(), self.bodies))
    }
}

/// The entries of one kind; the rest stays where it is.
pub struct OfKind<'a> {
    /// All of them.
    pub entries: &'a mut Peekable<Entries>,
    /// Which kind.
    pub kind: Kind,
}

impl Iterator for OfKind<'_> {
    type Item = Result<Spooled, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next_if(|next| match next {
            Ok(entry) => entry.kind == self.kind,
            Err(_) => true,
        })
    }
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Owner => 0,
        Kind::Resource => 1,
        Kind::Identity => 2,
        Kind::Credential => 3,
        Kind::Grant => 4,
        Kind::Use => 5,
    }
}

fn order(a: (u8, &[u8]), b: (u8, &[u8])) -> Ordering {
    a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1))
}

/// A failed write to or read from `dir`, in words that say what to do.
fn disk(dir: &Path, doing: &'static str, source: std::io::Error) -> Error {
    if matches!(
        source.kind(),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
    ) {
        return Error::Unfit(format!(
            "no room left in `{}` for what this pass saw; make room there and try again",
            dir.display()
        ));
    }
    Error::Files {
        doing,
        path: PathBuf::from(dir),
        source,
    }
}

#[cfg(test)]
mod tests;
