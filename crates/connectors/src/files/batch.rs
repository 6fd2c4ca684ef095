//! Files that are read and wait to be looked at: many at once, by as many as the engine has.
//!
//! **Invariant:** what comes of them, and in which order, does not depend on how many look. Held
//! by `what_is_seen_does_not_depend_on_how_many_look`.

use super::search::seen_in;
use crate::context::of_each;
use crate::formats::{self, FileAt, Seen, as_utf8};
use crate::{Detector, File, Workers};

/// So many bytes wait at most, and one more file.
const BYTES_MAX: usize = 4 << 20;
/// So many files.
const FILES_MAX: usize = 512;

/// What waits, in the order of the walk.
#[derive(Debug, Default)]
pub(super) struct Batch {
    waiting: Vec<Waiting>,
    bytes: usize,
}

/// One thing that waits.
#[derive(Debug)]
pub(super) enum Waiting {
    /// A file to be looked at.
    File(ReadFile),
    /// All files of a directory were handed in: what they hold can be put together.
    Settle,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct ReadFile {
    pub(super) path: String,
    pub(super) file: File,
    /// Whether a format knows it by its name.
    pub(super) known: bool,
    /// Whether rules search it, beside formats.
    pub(super) searched: bool,
}

impl Batch {
    /// Takes one more; whether there are enough now.
    pub(super) fn take(&mut self, one: Waiting) -> bool {
        if let Waiting::File(one) = &one {
            self.bytes += one.file.bytes.len();
        }
        self.waiting.push(one);
        self.bytes >= BYTES_MAX || self.waiting.len() >= FILES_MAX
    }

    /// All that waits, each file with what is in it.
    pub(super) fn look(
        &mut self,
        workers: Option<&dyn Workers>,
        detector: Option<&dyn Detector>,
    ) -> Vec<(Waiting, Option<Seen>)> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let files: Vec<&ReadFile> = waiting
            .iter()
            .filter_map(|one| match one {
                Waiting::File(one) => Some(one),
                Waiting::Settle => None,
            })
            .collect();
        let mut seen = of_each(workers, &files, |one| one.look(detector)).into_iter();
        let with_seen = |one| match one {
            Waiting::File(_) => {
                let seen = seen.next();
                (one, seen)
            }
            Waiting::Settle => (one, None),
        };
        waiting.into_iter().map(with_seen).collect()
    }
}

impl ReadFile {
    /// What formats and rules see in it.
    fn look(&self, detector: Option<&dyn Detector>) -> Seen {
        let bytes = self.file.bytes.expose();
        match self.searched {
            true => seen_in(detector, &self.path, bytes),
            false => formats::read_all(&FileAt {
                path: &self.path,
                bytes: &as_utf8(bytes),
            }),
        }
    }
}
