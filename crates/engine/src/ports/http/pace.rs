//! How fast questions go out, and how long to wait before one goes out again.

use std::time::{Duration, Instant};

use super::budget::Budget;

/// Evenly spaced questions: AWS counts those of the whole account, and other programs ask too.
pub(super) struct Pace {
    apart: Duration,
    next: Option<Instant>,
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            apart: Duration::from_secs(1) / per_second.max(1),
            next: None,
        }
    }

    /// When the next question may go out; it is taken to go out then.
    pub(super) fn next(&mut self, now: Instant) -> Instant {
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.apart);
        at
    }

    /// What is left of a budget lasts until it begins anew: few questions are spread, and after
    /// the last one nothing is asked before that.
    pub(super) fn spread(&mut self, now: Instant, budget: Budget) {
        /// More questions than these are not spread: most passes end before.
        const FEW: u64 = 100;
        if budget.left >= FEW {
            return;
        }
        let anew = budget.anew.min(ANEW_MAX);
        let each = u32::try_from(budget.left.max(1)).unwrap_or(u32::MAX);
        let at = now + anew / each;
        self.next = Some(self.next.map_or(at, |next| next.max(at)));
    }
}

/// No budget is waited for longer: those of an hour are the longest in use.
const ANEW_MAX: Duration = Duration::from_secs(3600);

/// No interface is waited for longer, whatever it asks for.
const TOLD_MAX: Duration = Duration::from_secs(60);

/// The pause after the `attempt`th try, from 1: doubled each time, at most five seconds, and
/// anything down to half of that by chance, so that many who were throttled do not return at once.
/// Never less than what the interface itself `told`, up to a minute.
pub(super) fn pause_before(attempt: u32, told: Option<Duration>) -> Duration {
    let most = Duration::from_millis(200)
        .saturating_mul(1 << attempt.min(8))
        .min(Duration::from_secs(5));
    let mut chance = [0];
    // Without chance the pause is the whole one.
    let part = aws_lc_rs::rand::fill(&mut chance).map_or(255, |()| u32::from(chance[0]));
    let pause = most / 2 + most / 2 * part / 255;
    told.map_or(pause, |told| pause.max(told.min(TOLD_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_spaced_evenly_and_never_owed() {
        let mut pace = Pace::new(10);
        let start = Instant::now();
        assert_eq!(pace.next(start), start);
        assert_eq!(pace.next(start), start + Duration::from_millis(100));
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.next(later), later);
        assert_eq!(pace.next(later), later + Duration::from_millis(100));
    }

    #[test]
    fn what_is_left_of_a_budget_is_spread_and_nothing_is_asked_after_it() {
        let budget = |left, seconds| Budget {
            left,
            anew: Duration::from_secs(seconds),
        };
        let start = Instant::now();
        let after = |budget| {
            let mut pace = Pace::new(10);
            pace.next(start);
            pace.spread(start, budget);
            pace.next(start) - start
        };
        assert_eq!(after(budget(4000, 3000)), Duration::from_millis(100));
        assert_eq!(after(budget(50, 100)), Duration::from_secs(2));
        assert_eq!(
            after(budget(99, 1)),
            Duration::from_millis(100),
            "no faster than is allowed"
        );
        assert_eq!(after(budget(0, 30)), Duration::from_secs(30));
        assert_eq!(after(budget(0, 86_400)), ANEW_MAX);
    }

    #[test]
    fn a_pause_grows_to_five_seconds_and_no_further() {
        for (attempt, most) in [(1, 400), (2, 800), (3, 1600), (20, 5000)] {
            let pause = pause_before(attempt, None);
            let most = Duration::from_millis(most);
            assert!(pause >= most / 2 && pause <= most, "{attempt}: {pause:?}");
        }
        let told = |seconds| pause_before(1, Some(Duration::from_secs(seconds)));
        assert_eq!(told(7), Duration::from_secs(7));
        assert_eq!(told(86_400), TOLD_MAX);
    }
}
