//! Of matches that overlap, the most specific stays.

use std::cmp::Reverse;

use model::Secret;

use crate::found::{Checksum, Confidence, Fact, Mode};

/// A match before it is known whether another one stands above it. Places are absolute.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) rule: usize,
    pub(crate) specificity: u8,
    pub(crate) confidence: Confidence,
    pub(crate) checksum: Checksum,
    pub(crate) mode: Mode,
    pub(crate) entropy: f64,
    pub(crate) decoded: bool,
    /// A comment on its line, or an allow-list, says that it is known.
    pub(crate) muted: bool,
    pub(crate) facts: Vec<Fact>,
    pub(crate) secret: Secret,
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// Matches that overlap in a chain longer than this are cut into several groups.
const CHAIN_BYTES_MAX: u64 = 1024 * 1024;

/// Takes out of `open` what is decided, in order, when nothing new will begin before `limit`.
///
/// Groups are cut at places that depend on the matches alone, so it is the same whatever the
/// blocks were.
pub(crate) fn settle(open: &mut Vec<Candidate>, limit: u64) -> Vec<Candidate> {
    open.sort_by_key(|one| (one.start, one.end, one.rule));
    let mut cuts = Vec::new();
    let (mut first, mut end) = (0, 0);
    for (at, one) in open.iter().enumerate() {
        if at > first && (one.start >= end || one.end - open[first].start > CHAIN_BYTES_MAX) {
            if one.start >= limit && end > limit {
                break;
            }
            cuts.push(at);
            first = at;
            end = one.end;
        }
        end = end.max(one.end);
    }
    if end <= limit {
        cuts.push(open.len());
    }
    let Some(cut) = cuts.last().copied() else {
        return Vec::new();
    };
    let rest = open.split_off(cut);
    let decided = std::mem::replace(open, rest);
    let mut out = Vec::new();
    let mut group = Vec::new();
    for (at, one) in decided.into_iter().enumerate() {
        if cuts.contains_sorted(at) {
            choose(&mut group, &mut out);
        }
        group.push(one);
    }
    choose(&mut group, &mut out);
    out
}

trait Sorted {
    fn contains_sorted(&self, at: usize) -> bool;
}

impl Sorted for Vec<usize> {
    fn contains_sorted(&self, at: usize) -> bool {
        self.binary_search(&at).is_ok()
    }
}

/// Moves the best of `group` into `out`, in order of place; what overlaps a better one is dropped.
fn choose(group: &mut Vec<Candidate>, out: &mut Vec<Candidate>) {
    group.sort_by_key(|one| {
        let valid = one.checksum == Checksum::Valid;
        (
            Reverse((one.specificity, valid, one.end - one.start)),
            one.start,
            one.rule,
        )
    });
    let mut chosen: Vec<Candidate> = Vec::new();
    for one in group.drain(..) {
        // Chosen ones do not overlap, so by place only the neighbours can touch it.
        let at = chosen.partition_point(|other| other.start < one.start);
        let before = at
            .checked_sub(1)
            .is_none_or(|at| chosen[at].end <= one.start);
        let behind = chosen.get(at).is_none_or(|next| next.start >= one.end);
        if before && behind {
            chosen.insert(at, one);
        }
    }
    out.append(&mut chosen);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(start: u64, end: u64, specificity: u8) -> Candidate {
        Candidate {
            start,
            end,
            rule: 0,
            specificity,
            confidence: Confidence::Low,
            checksum: Checksum::Absent,
            mode: Mode::Unmarked,
            entropy: 0.0,
            decoded: false,
            muted: false,
            facts: Vec::new(),
            secret: Secret::from(""),
            line: 1,
            column: 1,
        }
    }

    fn places(found: &[Candidate]) -> Vec<(u64, u64)> {
        found.iter().map(|one| (one.start, one.end)).collect()
    }

    #[test]
    fn the_more_specific_of_two_that_overlap_stays_and_neighbours_do_not_touch() {
        let mut open = vec![
            candidate(0, 20, 2),
            candidate(5, 15, 7),
            candidate(20, 30, 2),
        ];
        assert_eq!(places(&settle(&mut open, u64::MAX)), [(5, 15), (20, 30)]);
    }

    #[test]
    fn what_may_still_be_overlapped_waits() {
        let mut open = vec![candidate(0, 10, 2), candidate(90, 110, 2)];
        assert_eq!(places(&settle(&mut open, 100)), [(0, 10)]);
        open.push(candidate(105, 120, 7));
        assert_eq!(places(&settle(&mut open, u64::MAX)), [(105, 120)]);
    }
}
