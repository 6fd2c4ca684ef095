//! The lines that a page begins with, as blocks tell them: by name or by a time.

use std::collections::BTreeMap;

use super::Order;
use super::blocks::text;
use super::facts::{Times, place};
use super::filter::FEW;
use super::pages::Rank;
use crate::Error;

/// The founders of the first lines in an order, by their rank. Those of the rank that a page begins
/// at may have been on the page before: they are kept, and not counted.
#[derive(Default)]
pub(super) struct First {
    pub(super) order: Order,
    from: Option<Rank>,
    /// How many lines are wanted; none where the order does not matter.
    count: usize,
    ranked: BTreeMap<Rank, Vec<i64>>,
    /// How many of them there are, those at `from` left aside.
    held: usize,
    /// Lines behind this rank are not among the first; `None` until there are enough.
    last: Option<Rank>,
}

impl First {
    /// The first `count` lines behind the rank `from`, and those of this rank.
    pub(super) const fn of(order: Order, from: Rank, count: usize) -> Self {
        Self {
            order,
            from: Some(from),
            count,
            ranked: BTreeMap::new(),
            held: 0,
            last: None,
        }
    }

    /// Whether the times of lines say which come first.
    pub(super) const fn goes_by_time(&self) -> bool {
        self.count > 0 && !matches!(self.order, Order::Name)
    }

    /// Whether their names do.
    pub(super) const fn goes_by_name(&self) -> bool {
        self.count > 0 && matches!(self.order, Order::Name)
    }

    /// A line that was found; one without a time has no place in an order that goes by it.
    pub(super) fn take(&mut self, founder: i64, name: &[u8], times: &Times) -> Result<(), Error> {
        if self.count == 0 {
            return Ok(());
        }
        if self.order == Order::Name {
            let is_out = |rank: &Option<Rank>, out: fn(&[u8], &[u8]) -> bool| matches!(rank, Some(Rank::Name(rank)) if out(name, rank.as_bytes()));
            if is_out(&self.from, |name, from| name < from)
                || is_out(&self.last, |name, last| name > last)
            {
                return Ok(());
            }
            self.keep(Rank::Name(text(name)?.to_owned()), founder);
        } else if let Some(at) = times.get(usize::from(place(founder))).copied().flatten() {
            let rank = Rank::Time(at);
            let is_early = self.from.as_ref().is_some_and(|from| rank < *from);
            if !is_early && self.last.as_ref().is_none_or(|last| rank <= *last) {
                self.keep(rank, founder);
            }
        }
        Ok(())
    }

    fn keep(&mut self, rank: Rank, founder: i64) {
        if self.from.as_ref() != Some(&rank) {
            self.held += 1;
        }
        self.ranked.entry(rank).or_default().push(founder);
        while let Some(last) = self.ranked.last_entry() {
            let (is_from, length) = (self.from.as_ref() == Some(last.key()), last.get().len());
            if is_from || self.held < self.count {
                return;
            }
            if self.held - length < self.count {
                // Without those of the last rank there were too few.
                self.last = Some(last.key().clone());
                return;
            }
            last.remove();
            self.held -= length;
        }
    }

    /// The founders of the first lines; `None` where more share their ranks than are sorted, or
    /// where the order did not matter.
    pub(super) fn founders(&mut self) -> Option<Vec<i64>> {
        let few = self.ranked.values().map(Vec::len).sum::<usize>() as u64 <= FEW.unsigned_abs();
        (self.count > 0 && few).then(|| {
            std::mem::take(&mut self.ranked)
                .into_values()
                .flatten()
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roll::blocks::LINES;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_lines_are_those_that_sorting_all_would_begin_with(
            ranks in proptest::collection::vec(0..12_i64, 0..128),
            from in 0..12_i64, count in 1..20_usize, is_by_name in any::<bool>(),
        ) {
            let name = |rank: i64| format!("n{rank:02}");
            let (order, begin) = if is_by_name {
                (Order::Name, Rank::Name(name(from)))
            } else {
                (Order::Expires, Rank::Time(from))
            };
            let mut times = [None; LINES as usize];
            for (time, rank) in times.iter_mut().zip(&ranks) {
                *time = (*rank != 7).then_some(*rank);
            }
            let mut first = First::of(order, begin, count);
            for (founder, rank) in (0..).zip(&ranks) {
                first.take(founder, name(*rank).as_bytes(), &times).unwrap();
            }
            let taken = first.founders().unwrap();
            let mut all: Vec<(i64, i64)> = ranks.iter().copied().zip(0..).collect();
            all.retain(|(rank, _)| *rank >= from && (is_by_name || *rank != 7));
            all.sort_unstable();
            let behind: Vec<i64> = all.iter().map(|(rank, _)| *rank).filter(|rank| *rank > from).collect();
            let last = behind.get(count - 1).copied().unwrap_or(i64::MAX);
            let mut expected: Vec<i64> = all.iter().filter(|(rank, _)| *rank <= last).map(|(_, founder)| *founder).collect();
            let mut taken = taken;
            taken.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(taken, expected);
        }
    }
}
