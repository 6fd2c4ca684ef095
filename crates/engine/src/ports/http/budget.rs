//! What an answer says of how much more may be asked.
//!
//! GitHub and Slack say `x-ratelimit-remaining` and `-reset`, Okta `x-rate-limit-…`, GitLab and
//! the IETF's draft `ratelimit-…`. The reset is seconds from now, or since 1970.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// How much more may be asked, and when that begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) left: u64,
    pub(super) anew: Duration,
}

/// What an answer says of when and how much to ask next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asks {
    /// How long to wait (RFC 9110, 10.2.3).
    pub(super) wait: Option<Duration>,
    pub(super) budget: Option<Budget>,
}

impl Asks {
    /// Reads the headers of an answer that came at `now`.
    pub(super) fn of(headers: &HeaderMap, now: SystemTime) -> Self {
        let number = |name: &str| -> Option<u64> {
            let text = headers.get(name)?.to_str().ok()?.trim();
            // `42.5` is told by some; `100, 100;w=60` names a quota behind the number.
            let whole = text.split(['.', ',', ';']).next()?;
            whole.trim().parse().ok()
        };
        let budgets = ["x-ratelimit", "x-rate-limit", "ratelimit"].iter();
        let budget = budgets.into_iter().find_map(|name| {
            let left = number(&format!("{name}-remaining"))?;
            let anew = until(number(&format!("{name}-reset"))?, now);
            Some(Budget { left, anew })
        });
        Self {
            wait: number(RETRY_AFTER.as_str()).map(Duration::from_secs),
            budget,
        }
    }

    /// Whether nothing may be asked until the budget begins anew.
    pub(super) fn is_spent(&self) -> bool {
        self.budget.is_some_and(|budget| budget.left == 0)
    }
}

/// From `now` to what is told: a span, or seconds since 1970.
fn until(told: u64, now: SystemTime) -> Duration {
    /// No span is longer, and no time earlier: thirty years.
    const SPAN_MAX: u64 = 1_000_000_000;
    if told < SPAN_MAX {
        return Duration::from_secs(told);
    }
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Duration::from_secs(told).saturating_sub(now)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn asks(headers: &[(&str, &str)]) -> Asks {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        });
        Asks::of(&headers.collect(), now)
    }

    #[test]
    fn each_way_to_tell_a_budget_is_understood() {
        let ten = Some(Budget {
            left: 3,
            anew: Duration::from_secs(10),
        });
        for name in ["x-ratelimit", "x-rate-limit", "RateLimit"] {
            for reset in ["10", "1800000010"] {
                let (left, anew) = (format!("{name}-remaining"), format!("{name}-reset"));
                let told = asks(&[(&left, "3"), (&anew, reset)]);
                assert_eq!(told.budget, ten, "{name} {reset}");
            }
        }
        let told = asks(&[
            ("ratelimit-remaining", "3"),
            ("ratelimit-reset", "10, 10;w=60"),
        ]);
        assert_eq!(told.budget, ten);
    }

    #[test]
    fn what_is_no_number_tells_nothing_and_a_time_gone_by_is_now() {
        assert_eq!(
            asks(&[("retry-after", "Fri, 31 Dec 1999")]),
            Asks::default()
        );
        assert_eq!(
            asks(&[("x-ratelimit-remaining", "-1"), ("x-ratelimit-reset", "1")]).budget,
            None
        );
        assert_eq!(asks(&[("x-ratelimit-remaining", "7")]).budget, None);
        let gone = asks(&[
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1700000000"),
        ]);
        assert!(gone.is_spent());
        assert_eq!(gone.budget.unwrap().anew, Duration::ZERO);
    }
}
