//! Instants and durations in microseconds, as the store keeps them.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant: microseconds since 1970-01-01T00:00:00Z. Written as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// A length of time in microseconds; may be negative.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Duration(pub i64);

/// A text that is no instant.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected a time such as `2026-03-01T12:00:00Z` or a date such as `2026-03-01`, got `{given}`"
)]
pub struct TimeError {
    /// What was given, cut to 64 characters and cleaned.
    pub given: String,
}

impl Timestamp {
    /// Before every instant a source can tell.
    pub const MIN: Self = Self(i64::MIN);

    /// The instant `seconds` after the epoch; saturates.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// How long `self` is after `earlier`; negative if before.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => f.write_str(if self.0 < 0 {
                "before all time"
            } else {
                "after all time"
            }),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// Reads RFC 3339, an ISO date (midnight UTC), or a date and time without a zone (UTC).
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let given = text.trim();
        let refused = || TimeError {
            given: crate::shorten(&crate::clean(given), 64),
        };
        // In the last second there are instants that can be read and not be written again.
        let written = |at: &Self| jiff::Timestamp::from_microsecond(at.0).is_ok();
        if given.len() <= 64 {
            if let Ok(instant) = given.parse::<jiff::Timestamp>() {
                let read = Some(Self(instant.as_microsecond())).filter(written);
                return read.ok_or_else(refused);
            }
            let civil = given.parse::<jiff::civil::DateTime>().or_else(|_| {
                given
                    .parse::<jiff::civil::Date>()
                    .map(|day| day.at(0, 0, 0, 0))
            });
            if let Some(zoned) = civil
                .ok()
                .and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC).ok())
            {
                let read = Some(Self(zoned.timestamp().as_microsecond())).filter(written);
                return read.ok_or_else(refused);
            }
        }
        Err(refused())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl Duration {
    /// `n` days of 24 hours.
    pub const fn days(n: i64) -> Self {
        Self(n.saturating_mul(86_400_000_000))
    }
    /// `n` hours.
    pub const fn hours(n: i64) -> Self {
        Self(n.saturating_mul(3_600_000_000))
    }
    /// `n` minutes.
    pub const fn minutes(n: i64) -> Self {
        Self(n.saturating_mul(60_000_000))
    }
    /// `n` seconds.
    pub const fn seconds(n: i64) -> Self {
        Self(n.saturating_mul(1_000_000))
    }
    /// `n` milliseconds.
    pub const fn millis(n: i64) -> Self {
        Self(n.saturating_mul(1_000))
    }
    /// For the operating system's waits; zero if negative.
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_micros(if self.0 < 0 { 0 } else { self.0.unsigned_abs() })
    }
}

impl fmt::Display for Duration {
    /// One unit, the largest that fits: `91 d`, `3 h`, `12 min`, `5 s`, `107 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (unit, name) = match size {
            172_800_000_000.. => (86_400_000_000, "d"),
            7_200_000_000.. => (3_600_000_000, "h"),
            120_000_000.. => (60_000_000, "min"),
            1_000_000.. => (1_000_000, "s"),
            _ => (1_000, "ms"),
        };
        write!(f, "{sign}{} {name}", size / unit)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by.0))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_back_as_it_was_written() {
        for text in [
            "2026-03-01T12:00:00Z",
            "2026-03-01T12:00:00.000001Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        let day: Timestamp = "2026-03-01".parse().unwrap();
        assert_eq!(day.to_string(), "2026-03-01T00:00:00Z");
        assert_eq!(
            "2026-03-01T14:00:00+02:00"
                .parse::<Timestamp>()
                .unwrap()
                .to_string(),
            "2026-03-01T12:00:00Z"
        );
        assert_eq!(
            "2022-07-27T20:24:23"
                .parse::<Timestamp>()
                .unwrap()
                .to_string(),
            "2022-07-27T20:24:23Z"
        );
    }

    #[test]
    fn what_could_not_be_written_again_is_not_read() {
        for text in ["9999-12-30T22:00:00.5Z", "9999-12-31", "-009999-01-01"] {
            if let Ok(read) = text.parse::<Timestamp>() {
                assert_eq!(read.to_string().parse::<Timestamp>().unwrap(), read);
            }
        }
        assert!("9999-12-30T22:00:00.5Z".parse::<Timestamp>().is_err());
    }

    #[test]
    fn what_is_no_time_is_refused_with_what_was_expected() {
        let told = "tomorrow\u{1b}[31m"
            .parse::<Timestamp>()
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("2026-03-01T12:00:00Z") && !told.contains('\u{1b}'),
            "{told}"
        );
    }

    #[test]
    fn a_duration_is_shown_in_its_largest_unit() {
        assert_eq!(Duration::days(91).to_string(), "91 d");
        assert_eq!(Duration::hours(3).to_string(), "3 h");
        assert_eq!(Duration::millis(107).to_string(), "107 ms");
    }
}
