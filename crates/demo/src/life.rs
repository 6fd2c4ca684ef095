//! What is told of most things: where they belong, since when they are, when they were last used.

use model::{Attribute, Duration, Observation, Timestamp};

use crate::chance::Chance;

pub(crate) const TEAMS: [&str; 10] = [
    "payments", "checkout", "identity", "data", "search", "platform", "mobile", "risk", "support",
    "ledger",
];
pub(crate) const PARTS: [&str; 12] = [
    "api", "worker", "sync", "export", "deploy", "ingest", "cron", "gateway", "reports", "backup",
    "webhook", "index",
];
const ENVIRONMENTS: [&str; 4] = ["production", "production", "staging", "development"];
/// How old the oldest things are, in days.
const OLDEST: i64 = 900;

/// When a thing was there, in days before now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) born: i64,
    /// Since when it is not there any more.
    pub(crate) gone: Option<i64>,
}

/// So many days before `now`; after it, where they are fewer than none.
pub(crate) fn ago(now: Timestamp, days: i64) -> Timestamp {
    now - Duration::days(days)
}

impl Life {
    /// That of something which was always there.
    pub(crate) const ALWAYS: Self = Self {
        born: 10_000,
        gone: None,
    };

    pub(crate) fn by(chance: &mut Chance) -> Self {
        let born = 5 + chance.below(OLDEST);
        let gone = chance.often(6).then(|| chance.below(born));
        Self { born, gone }
    }

    /// Tells of `seen` what sources tell of most things.
    pub(crate) fn tell(
        self,
        chance: &mut Chance,
        team: &str,
        now: Timestamp,
        seen: Observation,
    ) -> Observation {
        let quiet = match chance.often(22) {
            true => 91 + chance.below(400),
            false => chance.below(30),
        };
        let seen = seen
            .is(Attribute::ENVIRONMENT, chance.pick(&ENVIRONMENTS))
            .is(Attribute::CREATED_AT, ago(now, self.born));
        let seen = match chance.below(100) {
            0..8 => seen.told::<Timestamp>(Attribute::LAST_USED_AT, model::Told::Absent),
            8..18 => seen,
            _ => seen.is(Attribute::LAST_USED_AT, ago(now, quiet.min(self.born))),
        };
        match chance.often(55) {
            true => seen.is(Attribute::OWNER_HINT, format!("team-{team}")),
            false => seen,
        }
    }
}
