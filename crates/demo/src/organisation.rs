//! The organisation, and what passes over its sources saw in two years.

use model::{
    Attribute, Collection, Duration, Gap, Observation, Reason, Scope, SourceId, Timestamp,
};

use crate::chance::Chance;
use crate::life::{Life, ago};
use crate::systems;

/// When its sources were read, in days before now.
const READ: [i64; 8] = [720, 540, 360, 180, 90, 30, 7, 0];

/// A thing of a source.
pub(crate) struct Thing {
    pub(crate) seen: Observation,
    pub(crate) life: Life,
}

/// A source of the organisation.
pub(crate) struct Source {
    pub(crate) id: SourceId,
    pub(crate) things: Vec<Thing>,
    pub(crate) gaps: Vec<Gap>,
}

impl Source {
    pub(crate) fn new(connector: &str, target: &str) -> Self {
        Self {
            id: SourceId::new(connector, target),
            things: Vec::new(),
            gaps: Vec::new(),
        }
    }

    pub(crate) fn see(&mut self, life: Life, seen: Observation) {
        self.things.push(Thing { seen, life });
    }

    pub(crate) fn gap(&mut self, scope: &[&str], reason: Reason, told: &str, needs: Option<&str>) {
        let scope = Scope(scope.iter().map(|part| (*part).to_owned()).collect());
        let mut gap = Gap::new(&scope, reason, told);
        gap.needs = needs.map(str::to_owned);
        self.gaps.push(gap);
    }
}

/// A made-up organisation as it is `now`.
pub struct Organisation {
    sources: Vec<Source>,
    now: Timestamp,
}

impl Organisation {
    /// One of about so many `identities`. With `hostile` some bear names that are markup, formulas
    /// or paths, for whoever tries what shows them.
    #[must_use]
    pub fn made_up(seed: u64, identities: usize, hostile: bool, now: Timestamp) -> Self {
        let mut chance = Chance::new(seed);
        let mut systems = systems::Systems::new(now);
        systems.ledger_export();
        if hostile {
            systems.hostile(&mut chance);
        }
        for n in 0..identities {
            systems.one_more(&mut chance, n);
        }
        Self {
            sources: systems.into_sources(),
            now,
        }
    }

    /// What each pass saw, in the order in which they were: oldest first.
    pub fn passes(&self) -> impl Iterator<Item = Collection> + '_ {
        READ.into_iter().flat_map(move |days| {
            let sources = self.sources.iter().zip(1..);
            sources.map(move |(source, nth)| self.pass(source, days, nth))
        })
    }

    /// The sources, by the names they have on the roll.
    pub fn sources(&self) -> impl Iterator<Item = &SourceId> {
        self.sources.iter().map(|source| &source.id)
    }

    fn pass(&self, source: &Source, days: i64, nth: i64) -> Collection {
        let started = ago(self.now, days) - Duration::minutes(60 - 7 * nth);
        let mut pass = Collection::new(source.id.clone(), Scope::whole(), started);
        pass.finished = Timestamp(started.0 + Duration::minutes(2).0);
        let there = source.things.iter().filter(|thing| {
            thing.life.born > days && thing.life.gone.is_none_or(|gone| gone < days)
        });
        pass.observations = there.map(|thing| as_of(thing, started, self.now)).collect();
        pass.gaps.clone_from(&source.gaps);
        pass
    }
}

/// The thing as it was told then. What happened later was not told yet; in its place stands the
/// first day, so that a thing which is used all the time has few versions.
fn as_of(thing: &Thing, then: Timestamp, now: Timestamp) -> Observation {
    let mut seen = thing.seen.clone();
    for attribute in [Attribute::LAST_USED_AT, Attribute::ROTATED_AT] {
        let told = seen.fact(&attribute).is().and_then(|value| value.time());
        if told.is_some_and(|at| at > then) {
            seen = seen.is(attribute, ago(now, thing.life.born));
        }
    }
    seen
}
