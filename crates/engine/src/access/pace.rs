//! How fast somebody may try: a budget that comes back with time. Pure.

use model::{Duration, Timestamp};
use store::Attempt;

/// A budget of attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// One comes back every so often.
    pub(crate) each: Duration,
    /// So many may be saved.
    pub(crate) most: i64,
}

/// Of an address from which nobody is known: several people may sit behind it.
pub(crate) const ADDRESS: Budget = Budget {
    each: Duration::seconds(20),
    most: 20,
};
/// Of a browser that the account has signed in from before: nobody else spends it.
pub(crate) const DEVICE: Budget = Budget {
    each: Duration::seconds(30),
    most: 10,
};
/// Of second factors of one account, from browsers that are not known, by those who have its
/// password: a code is one of a million, three of which work.
pub(crate) const CODE: Budget = Budget {
    each: Duration::minutes(2),
    most: 5,
};

impl Budget {
    /// One more attempt at `now`: what is kept of them, and after how many seconds to come again
    /// if it may not be made.
    pub(crate) fn spend(
        self,
        before: Option<Attempt>,
        bucket: &str,
        now: Timestamp,
    ) -> (Attempt, Option<u32>) {
        let (spent, untold) = before.map_or((0, 0), |one| {
            let back = now.since(one.at).0.max(0);
            (one.spent.saturating_sub(back).max(0), one.untold)
        });
        let over = spent + self.each.0 - self.most * self.each.0;
        let may = over <= 0;
        let attempt = Attempt {
            bucket: bucket.to_owned(),
            spent: if may { spent + self.each.0 } else { spent },
            at: now,
            untold: untold + u64::from(!may),
        };
        let seconds = u32::try_from(over.max(0).div_euclid(1_000_000) + 1).unwrap_or(u32::MAX);
        (attempt, (!may).then_some(seconds))
    }

    /// The attempt was right: it is given back.
    pub(crate) fn refund(self, mut attempt: Attempt) -> Attempt {
        attempt.spent = attempt.spent.saturating_sub(self.each.0).max(0);
        attempt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_waited_for_and_comes_back() {
        let at = |seconds: i64| Timestamp::from_seconds(1_000 + seconds);
        let mut kept = None;
        for _ in 0..CODE.most {
            let (attempt, wait) = CODE.spend(kept, "b", at(0));
            assert_eq!(wait, None);
            kept = Some(attempt);
        }
        let (kept, wait) = CODE.spend(kept, "b", at(0));
        assert_eq!((wait, kept.untold), (Some(121), 1));
        // Whoever asks too early makes it no later.
        let (kept, wait) = CODE.spend(Some(kept), "b", at(60));
        assert_eq!((wait, kept.untold), (Some(61), 2));
        let (kept, wait) = CODE.spend(Some(kept), "b", at(120));
        assert_eq!(wait, None);
        let refunded = CODE.refund(kept);
        assert_eq!(CODE.spend(Some(refunded), "b", at(120)).1, None);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_back() {
        let at = Timestamp::from_seconds;
        let mut kept = None;
        for _ in 0..CODE.most {
            kept = Some(CODE.spend(kept, "b", at(1_000)).0);
        }
        assert!(CODE.spend(kept, "b", at(10)).1.is_some());
    }
}
