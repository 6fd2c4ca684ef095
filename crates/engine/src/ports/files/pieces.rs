//! A file of any size, piece by piece, unpacked where it is one compressed stream.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use connectors::{Packing, Piece, Refusal};
use model::{Reason, Secret};

use crate::ports::archive;

/// Unpacked bytes in one answer.
const PIECE: usize = 1 << 20;
/// Enough of a file to tell what it is packed in.
const HEAD: usize = 512;

/// A file that is being read.
pub(super) struct Pieces {
    stream: Box<dyn Read + Send>,
    /// Unpacked bytes that were told.
    at: u64,
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Pieces {
    /// Opens `file`, and passes over its first `from` unpacked bytes.
    pub(super) fn open(mut file: File, from: u64) -> Result<Self, Refusal> {
        let failed = |error: io::Error| archive::refusal(&error);
        let mut head = Vec::with_capacity(HEAD);
        let wanted = u64::try_from(HEAD).unwrap_or(u64::MAX);
        Read::take(&mut file, wanted)
            .read_to_end(&mut head)
            .map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut stream: Box<dyn Read + Send> = match Packing::of(&head) {
            None => Box::new(file),
            Some(packing) => archive::unpacked(packing, file).ok_or_else(|| {
                Refusal::new(Reason::Unsupported, "an archive; unpack it, then read it")
            })?,
        };
        let passed = io::copy(&mut Read::take(&mut stream, from), &mut io::sink());
        if passed.map_err(failed)? < from {
            return Err(Refusal::new(Reason::Failed, "shorter than it was"));
        }
        Ok(Self { stream, at: from })
    }

    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// What follows; what was read before the stream broke comes with why it did.
    pub(super) fn next(&mut self) -> Piece {
        let mut bytes = Vec::with_capacity(PIECE);
        let wanted = u64::try_from(PIECE).unwrap_or(u64::MAX);
        let read = Read::take(&mut self.stream, wanted).read_to_end(&mut bytes);
        let full = bytes.len() == PIECE;
        self.at = self
            .at
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Piece {
            next: (full && read.is_ok()).then_some(self.at),
            refused: read.err().map(|error| archive::refusal(&error)),
            bytes: Secret::new(bytes),
        }
    }
}
