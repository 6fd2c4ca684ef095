//! The history of git repositories of this machine, read by no git.
//!
//! **Invariant:** nothing that a repository says of itself is obeyed. Of its configuration only
//! the object format is read; no hook, filter, include, attribute or alternate takes effect, and
//! nothing outside of the named directory is opened (CL-11). Held by the tests below, against
//! repositories made by the real git.

mod blame;
mod history;
mod index;
mod people;
mod repository;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

use connectors::{Answer, Blobs, Change, LineAt, Port, Question, Refusal, Written};
use model::Reason;

use history::History;
pub use index::index_paths;
use repository::Repository;

/// How much one pass may ask of a repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GitLimits {
    /// More commits than this are not walked; the rest is a gap.
    commits_max: usize,
    /// A content larger than this is not read; that is a gap where it is text.
    blob_bytes_max: u64,
    /// About so many bytes of contents come in one answer.
    answer_bytes: usize,
}

impl Default for GitLimits {
    fn default() -> Self {
        Self {
            commits_max: 2_000_000,
            blob_bytes_max: 16 << 20,
            answer_bytes: 4 << 20,
        }
    }
}

/// Answers questions about the histories of repositories at or below its root.
#[derive(Debug)]
pub(crate) struct GitPort {
    root: PathBuf,
    limits: GitLimits,
    stop: Arc<AtomicBool>,
    reading: Option<Reading>,
}

/// A history that is being read ahead by a thread of its own, so that contents are unpacked
/// while others are searched.
#[derive(Debug)]
struct Reading {
    dir: String,
    /// The change that is read; none where it is the whole history.
    change: Option<Change>,
    /// How many contents were handed out.
    at: u64,
    ahead: Receiver<Result<Blobs, Refusal>>,
}

impl GitPort {
    /// A port to the repository at `root`.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            root,
            limits: GitLimits::default(),
            stop: Arc::default(),
            reading: None,
        }
    }

    /// Stopped by whoever sets `stop`.
    #[must_use]
    pub(crate) fn stopped_by(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    fn next(&mut self, dir: &str, change: Option<&Change>, from: u64) -> Result<Blobs, Refusal> {
        if self.stop.load(Ordering::Relaxed) {
            let mut refusal = Refusal::new(Reason::Failed, "stopped");
            refusal.stop = true;
            return Err(refusal);
        }
        let going_on = self.reading.as_ref().is_some_and(|reading| {
            reading.dir == dir && reading.change.as_ref() == change && reading.at == from
        });
        if !going_on {
            self.reading = Some(self.begin(dir, change, from)?);
        }
        let Some(reading) = &mut self.reading else {
            return Ok(Blobs::default());
        };
        // A reader that is gone without its last word broke: that is never "nothing there".
        let gone = || {
            Refusal::new(
                Reason::Failed,
                "the repository could not be read to its end",
            )
        };
        let blobs = reading.ahead.recv().map_err(|_| gone())??;
        if let Some(next) = blobs.next {
            reading.at = next;
        }
        Ok(blobs)
    }

    fn begin(&self, dir: &str, change: Option<&Change>, from: u64) -> Result<Reading, Refusal> {
        let repository = match change {
            Some(_) => Repository::of_work_tree(&self.root, dir)?,
            None => Repository::find(&self.root, dir)?,
        };
        let change = change.cloned();
        let wanted = change.clone();
        let (limits, stop) = (self.limits, Arc::clone(&self.stop));
        let (to, ahead) = sync_channel(2);
        std::thread::Builder::new()
            .name("git".to_owned())
            .spawn(move || History::tell(&repository, wanted.as_ref(), limits, &stop, from, &to))
            .map_err(|told| Refusal::new(Reason::Failed, told.to_string()))?;
        Ok(Reading {
            dir: dir.to_owned(),
            change,
            at: from,
            ahead,
        })
    }
}

/// Who wrote lines of files in the repository at `dir`, which lies at or below `root`.
pub(super) fn blame(
    root: &Path,
    dir: &str,
    lines: &[LineAt],
    stop: &AtomicBool,
) -> Result<Vec<Option<Written>>, Refusal> {
    let repository = Repository::of_work_tree(root, dir)?;
    blame::written(&repository, GitLimits::default(), stop, lines)
}

impl Port for GitPort {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        match question {
            Question::Git { dir, from } => self.next(dir, None, *from).map(Answer::Blobs),
            Question::GitChange { dir, change, from } => {
                self.next(dir, Some(change), *from).map(Answer::Blobs)
            }
            _ => Err(Refusal::new(
                Reason::Unsupported,
                "a port to histories answers nothing else",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
