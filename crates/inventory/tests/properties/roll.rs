//! A roll in memory: the least that a store has to do around the pure functions.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use inventory::{Change, Held, Known, OutOfOrder, PassRead, Seen, assemble, merge, order, place};
use model::{
    Collection, Entity, EntityId, Gap, Observation, Sighting, SightingKey, SourceId, Timestamp,
};

/// What one pass came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) seen: u64,
    pub(crate) new: u64,
    pub(crate) changed: u64,
    pub(crate) back: u64,
    pub(crate) missing: u64,
}

/// One sighting as the roll keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) observation: Observation,
    pub(crate) first_seen: Timestamp,
    pub(crate) since: Timestamp,
    pub(crate) missing_since: Option<Timestamp>,
    pub(crate) entity: EntityId,
}

/// A roll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roll {
    pub(crate) kept: BTreeMap<SightingKey, Kept>,
    pub(crate) aliases: BTreeMap<EntityId, EntityId>,
    pub(crate) gaps: BTreeMap<SourceId, Vec<Gap>>,
    /// Every id that ever was one of a thing.
    pub(crate) ever: BTreeSet<EntityId>,
}

#[derive(Debug)]
struct Unsorted;

impl From<OutOfOrder> for Unsorted {
    fn from(_: OutOfOrder) -> Self {
        Self
    }
}

impl From<Infallible> for Unsorted {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl Roll {
    /// The roll after `collections`, one after the other.
    pub(crate) fn of<'a>(collections: impl IntoIterator<Item = &'a Collection>) -> Self {
        let mut roll = Self::default();
        for collection in collections {
            roll.take(collection);
        }
        roll
    }

    /// Takes one pass.
    pub(crate) fn take(&mut self, collection: &Collection) -> Counts {
        let source = &collection.source;
        let pass = PassRead {
            scope: collection.scope.clone(),
            gaps: collection.gaps.clone(),
            started: collection.started,
        };
        let known = self.known(source);
        let seen = seen(collection);
        let mut changes = merge(
            known.into_iter().map(Ok::<_, Unsorted>),
            seen.into_iter().map(Ok),
            &pass,
        );
        let all: Vec<_> = changes.by_ref().collect::<Result<_, _>>().unwrap();
        let mut counts = Counts {
            seen: changes.seen(),
            ..Counts::default()
        };
        self.gaps.insert(source.clone(), collection.gaps.clone());
        // Small batches: what has to be seen together must be found by following keys.
        for batch in all.chunks(2) {
            // A key that goes away may have stood between others: who bore it is asked before.
            let touched: Vec<_> = batch.iter().map(|change| name(source, change)).collect();
            let known: Vec<_> = touched
                .iter()
                .filter(|key| self.kept.contains_key(key))
                .cloned()
                .collect();
            let mut seeds = self.closure(&known);
            for (key, change) in touched.into_iter().zip(batch) {
                self.apply(&key, pass.started, change, &mut counts);
                seeds.insert(key);
            }
            let seeds: Vec<_> = seeds.into_iter().collect();
            self.settle(&seeds);
        }
        counts
    }

    fn known(&self, source: &SourceId) -> Vec<Known> {
        let of_source = self.kept.iter().filter(|(key, _)| key.source == *source);
        let mut known: Vec<_> = of_source
            .map(|(key, kept)| Known {
                kind: key.kind,
                native: key.native.clone(),
                scope: kept.observation.scope.clone(),
                hash: Observation::hash(&kept.observation.to_bytes()),
                missing: kept.missing_since.is_some(),
            })
            .collect();
        known.sort_by(|a, b| order(a.kind, &a.native, b.kind, &b.native));
        known
    }

    fn apply(
        &mut self,
        key: &SightingKey,
        started: Timestamp,
        change: &Change<Observation>,
        counts: &mut Counts,
    ) {
        let seen = match change {
            Change::New(seen) | Change::Changed(seen) | Change::Back(seen) => Some(&seen.body),
            Change::Missing { .. } => None,
        };
        match change {
            Change::New(_) => counts.new += 1,
            Change::Changed(_) => counts.changed += 1,
            Change::Back(_) => counts.back += 1,
            Change::Missing { .. } => counts.missing += 1,
        }
        match (self.kept.get_mut(key), seen) {
            (Some(kept), Some(seen)) => {
                if kept.observation != *seen {
                    kept.since = started;
                }
                kept.observation = seen.clone();
                kept.missing_since = None;
            }
            (Some(kept), None) => kept.missing_since = Some(started),
            (None, Some(seen)) => {
                let kept = Kept {
                    observation: seen.clone(),
                    first_seen: started,
                    since: started,
                    missing_since: None,
                    entity: EntityId::of(key),
                };
                self.kept.insert(key.clone(), kept);
            }
            (None, None) => panic!("a thing nobody knows went missing"),
        }
    }

    /// Everything connected with `seeds` by keys or by belonging together so far.
    fn closure(&self, seeds: &[SightingKey]) -> BTreeSet<SightingKey> {
        let mut reached: BTreeSet<SightingKey> = seeds.iter().cloned().collect();
        let mut open: Vec<SightingKey> = seeds.to_vec();
        while let Some(at) = open.pop() {
            let here = &self.kept[&at];
            for (key, kept) in &self.kept {
                let shares = !kept.observation.keys.is_disjoint(&here.observation.keys);
                let near = kept.entity == here.entity || (key.kind == at.kind && shares);
                if near && reached.insert(key.clone()) {
                    open.push(key.clone());
                }
            }
        }
        reached
    }

    fn settle(&mut self, seeds: &[SightingKey]) {
        let held: Vec<_> = self
            .closure(seeds)
            .into_iter()
            .map(|sighting| Held {
                keys: self.kept[&sighting].observation.keys.clone(),
                entity: self
                    .ever
                    .contains(&self.kept[&sighting].entity)
                    .then(|| self.kept[&sighting].entity.clone()),
                sighting,
            })
            .collect();
        let placement = place(&held);
        for thing in placement.things {
            for member in &thing.members {
                self.kept.get_mut(member).unwrap().entity = thing.id.clone();
            }
            self.aliases.remove(&thing.id);
            for alias in thing.aliases {
                self.aliases.insert(alias, thing.id.clone());
            }
            self.ever.insert(thing.id);
        }
    }

    /// Where an id leads today.
    pub(crate) fn find(&self, id: &EntityId) -> Option<&EntityId> {
        self.kept
            .values()
            .map(|kept| &kept.entity)
            .find(|entity| *entity == id)
            .or_else(|| self.aliases.get(id).and_then(|to| self.find(to)))
    }

    /// Every thing, in full. Aliases are left out: they tell of the way, not of the end.
    pub(crate) fn things(&self) -> Vec<Entity> {
        let mut by_entity: BTreeMap<&EntityId, Vec<Sighting>> = BTreeMap::new();
        for (key, kept) in &self.kept {
            by_entity.entry(&kept.entity).or_default().push(Sighting {
                key: key.clone(),
                observation: kept.observation.clone(),
                entity: kept.entity.clone(),
                first_seen: kept.first_seen,
                since: kept.since,
                last_seen: kept.since,
                missing_since: kept.missing_since,
            });
        }
        by_entity
            .into_iter()
            .map(|(id, sightings)| assemble(id, Vec::new(), sightings))
            .collect()
    }

    /// Which sightings belong together.
    pub(crate) fn groups(&self) -> BTreeSet<BTreeSet<SightingKey>> {
        let mut groups: BTreeMap<&EntityId, BTreeSet<SightingKey>> = BTreeMap::new();
        for (key, kept) in &self.kept {
            groups.entry(&kept.entity).or_default().insert(key.clone());
        }
        groups.into_values().collect()
    }

    /// The sightings that are missing.
    pub(crate) fn missing(&self) -> BTreeSet<SightingKey> {
        let gone = self
            .kept
            .iter()
            .filter(|(_, kept)| kept.missing_since.is_some());
        gone.map(|(key, _)| key.clone()).collect()
    }
}

fn name(source: &SourceId, change: &Change<Observation>) -> SightingKey {
    let (kind, native) = match change {
        Change::New(seen) | Change::Changed(seen) | Change::Back(seen) => (seen.kind, &seen.native),
        Change::Missing { kind, native } => (*kind, native),
    };
    SightingKey {
        source: source.clone(),
        kind,
        native: native.clone(),
    }
}

fn seen(collection: &Collection) -> Vec<Seen<Observation>> {
    let mut seen: Vec<_> = collection
        .observations
        .iter()
        .map(|observation| Seen {
            kind: observation.kind,
            native: observation.native.clone(),
            hash: Observation::hash(&observation.to_bytes()),
            body: observation.clone(),
        })
        .collect();
    seen.sort_by(|a, b| order(a.kind, &a.native, b.kind, &b.native));
    seen
}
