//! Writing an archive: lines, and the hash of all of them.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{EndLine, hex, written};
use crate::Error;
use crate::value::Value;

pub(super) struct Archive<'p, W> {
    to: W,
    path: &'p Path,
    hash: Sha256,
}

impl<'p, W: Write> Archive<'p, W> {
    pub(super) fn new(to: W, path: &'p Path) -> Self {
        Self {
            to,
            path,
            hash: Sha256::new(),
        }
    }

    pub(super) fn line(&mut self, line: &impl Serialize) -> Result<(), Error> {
        let mut bytes = serde_json::to_vec(line).map_err(Error::unreadable("a row"))?;
        bytes.push(b'\n');
        self.hash.update(&bytes);
        self.to
            .write_all(&bytes)
            .map_err(Error::file("write the archive", self.path))
    }

    pub(super) fn row(&mut self, row: &[Value]) -> Result<(), Error> {
        let values: Vec<_> = row.iter().map(written).collect();
        self.line(&values)
    }

    /// Writes the last line and gives the file back.
    pub(super) fn end(mut self, rows: u64) -> Result<W, Error> {
        let sha256 = hex(&std::mem::take(&mut self.hash).finalize());
        self.line(&EndLine { rows, sha256 })?;
        Ok(self.to)
    }
}
