//! Small turns of phrase: numbers, times and near misses, as people read them.

use model::{Severity, Timestamp};

/// A severity by its word.
pub(crate) fn severity(text: &str) -> Option<Severity> {
    Severity::ALL
        .into_iter()
        .find(|one| one.as_str() == text.to_ascii_lowercase())
}

/// `1,234,567`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 source`, `2 sources`.
pub(crate) fn many(n: u64, one: &str, more: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { more })
}

/// `12 d ago`, `in 3 h`, `now`.
pub(crate) fn when(at: Timestamp, now: Timestamp) -> String {
    let away = now.since(at);
    match away.0 {
        -999_999..=999_999 => "now".to_owned(),
        1_000_000.. => format!("{away} ago"),
        _ => format!("in {}", at.since(now)),
    }
}

/// When something was seen, told from `now`; later than that by the clock: of a past moment is told
/// what was learnt since.
pub(crate) fn seen(at: Timestamp, now: Timestamp) -> String {
    if at > now {
        return clock(at);
    }
    when(at, now)
}

/// `2026-03-01 12:00:05 UTC`: whole seconds, for pages.
pub(crate) fn clock(at: Timestamp) -> String {
    Timestamp::from_seconds(at.seconds())
        .to_string()
        .replace('T', " ")
        .replace('Z', " UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(many(1, "gap", "gaps"), "1 gap");
        let now = Timestamp::from_seconds(1_000_000);
        assert_eq!(
            when(Timestamp::from_seconds(1_000_000 - 7200), now),
            "2 h ago"
        );
        assert_eq!(
            when(Timestamp::from_seconds(1_000_000 + 7200), now),
            "in 2 h"
        );
        assert_eq!(when(now, now), "now");
        assert_eq!(clock(Timestamp(1_500_000)), "1970-01-01 00:00:01 UTC");
    }
}
