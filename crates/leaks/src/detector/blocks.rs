//! Goes through bytes block by block and tells what is decided.

use std::ops::Range;
use std::sync::Arc;

use super::look::Look;
use super::{Detector, Place, Summary};
use crate::Match;
use crate::resolve::{Candidate, settle};
use crate::window::{BACK_MAX, CELL};

/// How far before a block something that is found in it may begin.
const BEFORE: u64 = BACK_MAX as u64 + CELL;

/// The state between blocks.
#[derive(Debug)]
pub(crate) struct Blocks<'d> {
    detector: &'d Detector,
    place: Place<'d>,
    open: Vec<Candidate>,
    lines: Lines,
    summary: Summary,
}

/// Counts lines up to a place.
#[derive(Clone, Copy, Debug)]
struct Lines {
    /// Up to here it has counted.
    at: u64,
    line: u64,
    /// Where that line begins.
    begin: u64,
}

impl Lines {
    /// Counts on to `to`; `bytes` stand at `base`.
    fn count(&mut self, bytes: &[u8], base: u64, to: u64) {
        let places = index(self.at, base).zip(index(to, base));
        let Some(part) = places.and_then(|(from, to)| bytes.get(from..to)) else {
            return;
        };
        self.line += memchr::memchr_iter(b'\n', part).count() as u64;
        if let Some(last) = memchr::memrchr(b'\n', part) {
            self.begin = self.at + last as u64 + 1;
        }
        self.at = to;
    }
}

fn index(at: u64, base: u64) -> Option<usize> {
    usize::try_from(at.checked_sub(base)?).ok()
}

impl<'d> Blocks<'d> {
    pub(crate) fn new(detector: &'d Detector, place: Place<'d>) -> Self {
        let lines = Lines {
            at: 0,
            line: 1,
            begin: 0,
        };
        Self {
            detector,
            place,
            open: Vec::new(),
            lines,
            summary: Summary::default(),
        }
    }

    /// Looks at `core` of `bytes`, whose first byte stands at `base` of the whole; what stands
    /// around the core is there for windows.
    pub(crate) fn look(
        &mut self,
        bytes: &[u8],
        base: u64,
        core: Range<usize>,
        sink: &mut dyn FnMut(Match),
    ) {
        let begin = base + core.start as u64;
        let end = base + core.end as u64;
        self.lines.count(bytes, base, begin.saturating_sub(BEFORE));
        let mut found = Look::new(self.detector, self.place, bytes, base).all(core);
        found.sort_by_key(|one| one.start);
        let mut lines = self.lines;
        for one in &mut found {
            lines.count(bytes, base, one.start);
            one.line = lines.line;
            one.column = one.start - lines.begin + 1;
        }
        // What a stream drops before the next block is counted now.
        self.lines.count(bytes, base, end.saturating_sub(BEFORE));
        self.open.append(&mut found);
        let decided = settle(&mut self.open, end.saturating_sub(BEFORE));
        self.tell(decided, sink);
    }

    /// Nothing follows: tells the rest.
    pub(crate) fn finish(mut self, sink: &mut dyn FnMut(Match)) -> Summary {
        let rest = settle(&mut self.open, u64::MAX);
        self.tell(rest, sink);
        self.summary
    }

    fn tell(&mut self, decided: Vec<Candidate>, sink: &mut dyn FnMut(Match)) {
        for one in decided {
            if one.muted {
                self.summary.muted += 1;
                continue;
            }
            let Some(rule) = self.detector.rules.get(one.rule) else {
                continue;
            };
            self.summary.matches += 1;
            sink(Match {
                rule: Arc::clone(rule),
                range: one.start..one.end,
                line: one.line,
                column: one.column,
                confidence: one.confidence,
                entropy: one.entropy,
                checksum: one.checksum,
                mode: one.mode,
                decoded: one.decoded,
                facts: one.facts,
                secret: one.secret,
            });
        }
    }
}
