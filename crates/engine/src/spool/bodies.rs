//! Observations in the order they came, in memory up to a limit and then in a file.

use std::path::{Path, PathBuf};

use super::disk;
use super::scratch::Scratch;
use crate::Error;

/// Where one body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyAt {
    pub(super) at: u64,
    pub(super) len: u32,
}

/// The bodies of a spool.
pub struct Bodies {
    dir: PathBuf,
    /// What was written so far; `None` until memory does not suffice.
    file: Option<Scratch>,
    /// What follows behind it.
    tail: Vec<u8>,
    tail_max: usize,
}

impl Bodies {
    pub(super) fn new(dir: &Path, tail_max: usize) -> Self {
        Self {
            dir: dir.to_owned(),
            file: None,
            tail: Vec::new(),
            tail_max,
        }
    }

    fn written(&self) -> u64 {
        self.file.as_ref().map_or(0, Scratch::len)
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<BodyAt, Error> {
        if !self.tail.is_empty() && self.tail.len() + bytes.len() > self.tail_max {
            self.flush()?;
        }
        let body = BodyAt {
            at: self.written() + self.tail.len() as u64,
            len: u32::try_from(bytes.len())
                .map_err(|_| Error::Unfit("expected an observation of less than 4 GiB".into()))?,
        };
        self.tail.extend_from_slice(bytes);
        Ok(body)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let written = match &mut self.file {
            Some(file) => file.append(&self.tail),
            None => Scratch::new(&self.dir).and_then(|mut file| {
                file.append(&self.tail)?;
                self.file = Some(file);
                Ok(())
            }),
        };
        written.map_err(|source| disk(&self.dir, "writing what was seen to", source))?;
        self.tail.clear();
        Ok(())
    }

    /// The bytes at `body`.
    ///
    /// # Errors
    /// [`Error::Files`] if the disk fails.
    pub fn read(&self, body: BodyAt) -> Result<Vec<u8>, Error> {
        let length = body.len as usize;
        let written = self.written();
        if let Some(from) = body.at.checked_sub(written) {
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            let bytes = self.tail.get(from..).and_then(|tail| tail.get(..length));
            return Ok(bytes.unwrap_or_default().to_vec());
        }
        let mut bytes = vec![0; length];
        if let Some(file) = &self.file {
            file.read(body.at, &mut bytes)
                .map_err(|source| disk(&self.dir, "reading what was seen from", source))?;
        }
        Ok(bytes)
    }
}
