//! Scans what comes in pieces, with bounded memory.

use crate::detector::{Blocks, Place, Summary};
use crate::ignore::LINE_BYTES_MAX;
use crate::window::{AHEAD_MAX, BACK_MAX, BLOCK, CELL};
use crate::{Detector, Match};

/// What has to be at hand before and behind a block, so that every window in it is whole.
const BEFORE: usize = BACK_MAX + CELL as usize + LINE_BYTES_MAX;
const BEHIND: usize = AHEAD_MAX + CELL as usize + LINE_BYTES_MAX + 64 * 1024;

/// A scan of something too large to hold: a file of many gigabytes, a pipe.
///
/// Finds exactly what [`Detector::scan`] finds in the whole, and holds a little more than one
/// block of a megabyte.
#[derive(Debug)]
pub struct Stream<'d> {
    blocks: Blocks<'d>,
    buffer: Vec<u8>,
    /// Where `buffer[0]` stands in the whole.
    base: u64,
    /// How much of `buffer` was looked at.
    done: usize,
}

impl Detector {
    /// Begins a scan of what will be pushed.
    pub fn stream<'d>(&'d self, path: Option<&'d str>) -> Stream<'d> {
        Stream {
            blocks: Blocks::new(
                self,
                Place {
                    path,
                    ..Place::default()
                },
            ),
            buffer: Vec::new(),
            base: 0,
            done: 0,
        }
    }
}

impl Stream<'_> {
    /// Takes the next bytes; `sink` is told what is decided by now.
    pub fn push(&mut self, mut bytes: &[u8], sink: &mut dyn FnMut(Match)) {
        while !bytes.is_empty() {
            let room = (self.done + BLOCK + BEHIND).saturating_sub(self.buffer.len());
            let (now, later) = bytes.split_at(bytes.len().min(room.max(1)));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() >= self.done + BLOCK + BEHIND {
                self.block(self.done + BLOCK, sink);
            }
        }
    }

    /// Nothing follows.
    pub fn finish(mut self, sink: &mut dyn FnMut(Match)) -> Summary {
        while self.done < self.buffer.len() {
            let to = self.buffer.len().min(self.done + BLOCK);
            self.block(to, sink);
        }
        self.blocks.finish(sink)
    }

    fn block(&mut self, to: usize, sink: &mut dyn FnMut(Match)) {
        self.blocks
            .look(&self.buffer, self.base, self.done..to, sink);
        let cut = to.saturating_sub(BEFORE);
        self.buffer.drain(..cut);
        self.base += cut as u64;
        self.done = to - cut;
    }
}
