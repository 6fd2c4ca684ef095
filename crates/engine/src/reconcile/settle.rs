//! One batch of changes, with everything that hangs together with it, in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use inventory::{Held, Placed, Placement, place, summarise};
use model::{
    EntityId, Key, Kind, Relation, Sighting, SightingKey, SourceId, Target, Tenant, Timestamp,
};
use store::{Assigned, Change, Durability, Keyed, Owned, Row, Writing};

use super::{Run, subject};
use crate::Error;

/// As many sightings may hang together by hard keys. Beyond that a key names no one thing, and
/// resolving would take the memory of the whole roll.
pub(super) const CONNECTED_MAX: usize = 250_000;

/// Writes batches of changes of one pass.
pub(super) struct Settling<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) started: Timestamp,
}

/// Writes what follows from sightings that are there: which are one thing, and its lines.
pub(crate) struct Placing<'a> {
    /// Whose roll.
    pub(crate) tenant: &'a Tenant,
    /// When it is written.
    pub(crate) now: Timestamp,
    /// Whether people may have decided about things that are new to this roll.
    pub(crate) recalls: bool,
}

/// What hangs together with a batch, as it is composed from now on.
struct Composed {
    /// The sightings that changed, with the keys they had before.
    before: Vec<Keyed>,
    held: Vec<Held>,
    placement: Placement,
    /// Things that must be summarised again, by their place in the placement.
    dirty: Vec<usize>,
}

impl Settling<'_> {
    /// Writes `changes` and all that follows from them.
    pub(super) fn settle(&self, changes: &[Change]) -> Result<(), Error> {
        let run = self.run;
        run.store.write(Durability::Repeatable, |writing| {
            writing.fence(run.tenant, run.lease)?;
            writing.lock_roll(run.tenant)?;
            let touched: BTreeSet<SightingKey> =
                changes.iter().map(|change| self.key_of(change)).collect();
            // A key that goes away may have stood between others: who bore it is asked before.
            let known: Vec<_> = changes
                .iter()
                .filter(|change| matches!(change, Change::Changed(_) | Change::Back(_)))
                .map(|change| self.key_of(change))
                .collect();
            let placing = Placing {
                tenant: run.tenant,
                now: run.now,
                recalls: false,
            };
            let before = placing.closure(writing, known)?;
            writing.apply(run.tenant, run.source, run.pass, self.started, changes)?;
            placing.place(writing, before, &touched)
        })
    }

    fn key_of(&self, change: &Change) -> SightingKey {
        let (kind, native) = subject(change);
        SightingKey {
            source: self.run.source.clone(),
            kind,
            native: native.to_owned(),
        }
    }
}

impl Placing<'_> {
    /// Writes all that follows from `touched` being as they are now, where `before` hung together
    /// with them when they were otherwise.
    pub(crate) fn place(
        &self,
        writing: &mut Writing<'_>,
        before: Vec<Keyed>,
        touched: &BTreeSet<SightingKey>,
    ) -> Result<(), Error> {
        let mut seeds: BTreeSet<SightingKey> = before.iter().map(|one| one.key.clone()).collect();
        seeds.extend(touched.iter().cloned());
        let held = self.closure(writing, seeds.into_iter().collect())?;
        let composed = compose(before, held, touched);
        let (lines, held_by) = self.lines(writing, &composed, touched)?;
        writing.assign(self.tenant, self.now, &lines, &composed.placement.emptied)?;
        writing.count_credentials(self.tenant, self.now, &held_by)?;
        Ok(())
    }

    fn closure(
        &self,
        writing: &mut Writing<'_>,
        seeds: Vec<SightingKey>,
    ) -> Result<Vec<Keyed>, Error> {
        if seeds.is_empty() {
            return Ok(Vec::new());
        }
        Ok(writing.closure(self.tenant, &seeds, CONNECTED_MAX)?)
    }

    /// The lines of everything composed or told otherwise now, and of what points at it; and by
    /// how much that changes how many credentials each identity holds.
    fn lines(
        &self,
        writing: &mut Writing<'_>,
        composed: &Composed,
        touched: &BTreeSet<SightingKey>,
    ) -> Result<(Vec<Assigned>, BTreeMap<EntityId, i64>), Error> {
        let ids = composed.ids();
        let by_thing = self.sightings(writing, composed, &ids, touched)?;
        let holders = Holders::find(writing, self.tenant, composed, &ids, &by_thing)?;
        let things: BTreeMap<&EntityId, &Placed> =
            composed.dirty().map(|thing| (&thing.id, thing)).collect();
        let aliases = things.values().flat_map(|thing| &thing.aliases);
        let asked: BTreeSet<&EntityId> = by_thing
            .keys()
            .chain(&composed.placement.emptied)
            .chain(aliases)
            .collect();
        let asked: Vec<_> = asked.into_iter().cloned().collect();
        let mut old: BTreeMap<EntityId, Row> = BTreeMap::new();
        for row in writing.entity_rows(self.tenant, &asked)? {
            old.insert(row.id.clone(), row);
        }
        let mut held_by: BTreeMap<EntityId, i64> = BTreeMap::new();
        for holder in old.values().filter_map(Row::credential_of) {
            *held_by.entry(holder.clone()).or_default() -= 1;
        }
        let owners = self.owners(writing, composed)?;
        let mut lines = Vec::with_capacity(by_thing.len());
        for (id, sightings) in &by_thing {
            let thing = things.get(id);
            let aliases = thing.map(|thing| thing.aliases.clone()).unwrap_or_default();
            let find = |source: &SourceId, target: &Target| holders.of(source, target);
            let before = old.get(id);
            let credentials = before.map_or(0, |row| row.credentials);
            let mut row = summarise(id, sightings, credentials, &find);
            row.owner = match owners.get(id) {
                Some(decided) => decided.clone(),
                None => before.and_then(|row| row.owner.clone()),
            };
            if let Some(holder) = row.credential_of() {
                *held_by.entry(holder.clone()).or_default() += 1;
            }
            lines.push(Assigned {
                row,
                members: members(thing.copied(), sightings),
                sources: sightings.iter().map(|one| one.key.source.clone()).collect(),
                aliases,
            });
        }
        held_by.retain(|_, by| *by != 0);
        Ok((lines, held_by))
    }

    /// Who owns the things that are composed of others than before: what a person decided about
    /// a part holds for the whole. Things of which no part was on the roll are left out.
    fn owners(
        &self,
        writing: &mut Writing<'_>,
        composed: &Composed,
    ) -> Result<BTreeMap<EntityId, Option<String>>, Error> {
        let known: BTreeSet<&SightingKey> = composed
            .held
            .iter()
            .filter(|held| self.recalls || held.entity.is_some())
            .map(|held| &held.sighting)
            .collect();
        let mut parts: BTreeMap<EntityId, &EntityId> = BTreeMap::new();
        for thing in composed.dirty().filter(|thing| thing.recomposed) {
            for member in thing.members.iter().filter(|member| known.contains(member)) {
                parts.insert(EntityId::of(member), &thing.id);
            }
        }
        let mut owners: BTreeMap<EntityId, Option<String>> =
            parts.values().map(|id| ((*id).clone(), None)).collect();
        let asked: Vec<_> = parts.keys().cloned().collect();
        let mut decided: BTreeMap<&EntityId, Vec<Owned>> = BTreeMap::new();
        for one in writing.owners_among(self.tenant, &asked)? {
            if let Some(id) = parts.get(&one.entity) {
                decided.entry(id).or_default().push(one);
            }
        }
        for (id, decisions) in decided {
            owners.insert(id.clone(), owner(decisions));
        }
        Ok(owners)
    }

    /// The sightings of each thing whose line is to be written.
    fn sightings(
        &self,
        writing: &mut Writing<'_>,
        composed: &Composed,
        ids: &BTreeMap<&SightingKey, &EntityId>,
        touched: &BTreeSet<SightingKey>,
    ) -> Result<BTreeMap<EntityId, Vec<Sighting>>, Error> {
        let members: Vec<SightingKey> = composed
            .dirty()
            .flat_map(|thing| thing.members.iter().cloned())
            .collect();
        let mut by_thing: BTreeMap<EntityId, Vec<Sighting>> = BTreeMap::new();
        for sighting in writing.sightings(self.tenant, &members)? {
            if let Some(id) = ids.get(&sighting.key) {
                by_thing.entry((*id).clone()).or_default().push(sighting);
            }
        }
        for entity in self.pointing(writing, composed, touched)? {
            let sightings = writing.sightings_of(self.tenant, &entity)?;
            if !sightings.is_empty() {
                by_thing.insert(entity, sightings);
            }
        }
        Ok(by_thing)
    }

    /// Things that say of themselves what depends on the composition of others: their links
    /// lead somewhere else now.
    fn pointing(
        &self,
        writing: &mut Writing<'_>,
        composed: &Composed,
        touched: &BTreeSet<SightingKey>,
    ) -> Result<Vec<EntityId>, Error> {
        let mut moved: BTreeSet<&SightingKey> = touched.iter().collect();
        for thing in composed.dirty().filter(|thing| thing.recomposed) {
            moved.extend(&thing.members);
        }
        let mut moved: Vec<Keyed> = composed
            .held
            .iter()
            .filter(|held| moved.contains(&held.sighting))
            .map(|held| Keyed {
                key: held.sighting.clone(),
                keys: held.keys.clone(),
                entity: held.entity.clone(),
            })
            .collect();
        // What pointed at a key that is gone leads nowhere now.
        moved.extend(composed.before.iter().cloned());
        let dirty: BTreeSet<&EntityId> = composed.dirty().map(|thing| &thing.id).collect();
        let emptied: BTreeSet<&EntityId> = composed.placement.emptied.iter().collect();
        let mut pointing = writing.linked_to(self.tenant, &moved)?;
        pointing.retain(|id| !dirty.contains(id) && !emptied.contains(id));
        Ok(pointing)
    }
}

fn compose(before: Vec<Keyed>, held: Vec<Keyed>, touched: &BTreeSet<SightingKey>) -> Composed {
    let held: Vec<Held> = held
        .into_iter()
        .map(|one| Held {
            sighting: one.key,
            keys: one.keys,
            entity: one.entity,
        })
        .collect();
    let placement = place(&held);
    let dirty = placement
        .things
        .iter()
        .enumerate()
        .filter(|(_, thing)| {
            thing.recomposed || thing.members.iter().any(|member| touched.contains(member))
        })
        .map(|(place, _)| place)
        .collect();
    Composed {
        before: before
            .into_iter()
            .filter(|one| touched.contains(&one.key))
            .collect(),
        held,
        placement,
        dirty,
    }
}

impl Composed {
    fn dirty(&self) -> impl Iterator<Item = &Placed> {
        self.dirty
            .iter()
            .filter_map(|place| self.placement.things.get(*place))
    }

    /// Which thing each sighting belongs to from now on.
    fn ids(&self) -> BTreeMap<&SightingKey, &EntityId> {
        let things = self.placement.things.iter();
        things
            .flat_map(|thing| thing.members.iter().map(|member| (member, &thing.id)))
            .collect()
    }
}

/// The decision that counts: one about the business before one about the system, then the last.
pub fn owner(decisions: Vec<Owned>) -> Option<String> {
    let weight = |one: &Owned| (one.kind == "business", one.at, one.owner.clone());
    let last = decisions.into_iter().max_by_key(weight);
    last.and_then(|decision| decision.owner)
}

/// The members to write down: all where they changed, else the smallest, which names the thing.
fn members(thing: Option<&Placed>, sightings: &[Sighting]) -> Vec<SightingKey> {
    match thing.filter(|thing| thing.recomposed) {
        Some(thing) => thing.members.clone(),
        None => sightings
            .iter()
            .map(|one| &one.key)
            .min()
            .cloned()
            .into_iter()
            .collect(),
    }
}

/// Where the links to holders lead, what this transaction has not written yet included.
pub(super) struct Holders<'a> {
    here: BTreeMap<&'a SightingKey, &'a EntityId>,
    bearers: BTreeMap<(Kind, &'a Key), &'a EntityId>,
    elsewhere: BTreeMap<(SourceId, Target), EntityId>,
}

impl<'a> Holders<'a> {
    fn find(
        writing: &mut Writing<'_>,
        tenant: &Tenant,
        composed: &'a Composed,
        ids: &BTreeMap<&'a SightingKey, &'a EntityId>,
        by_thing: &BTreeMap<EntityId, Vec<Sighting>>,
    ) -> Result<Self, Error> {
        let mut bearers: BTreeMap<(Kind, &Key), &EntityId> = BTreeMap::new();
        for held in &composed.held {
            let Some(&id) = ids.get(&held.sighting) else {
                continue;
            };
            for key in &held.keys {
                // Where several bear a key, the smallest id: as the store has it.
                let bearer = bearers.entry((held.sighting.kind, key)).or_insert(id);
                *bearer = id.min(bearer);
            }
        }
        let mut found = Self {
            here: ids.clone(),
            bearers,
            elsewhere: BTreeMap::new(),
        };
        let asked: BTreeSet<(SourceId, Target)> = by_thing
            .values()
            .flatten()
            .flat_map(|sighting| {
                let links = sighting.observation.links.iter();
                let relation = Relation::of_holder(sighting.key.kind);
                links
                    .filter(move |link| Some(link.relation) == relation)
                    .map(|link| (sighting.key.source.clone(), link.to.clone()))
            })
            .filter(|(source, target)| found.of(source, target).is_none())
            .collect();
        let asked: Vec<_> = asked.into_iter().collect();
        let resolved = writing.resolve(tenant, &asked)?;
        for (asked, entity) in asked.into_iter().zip(resolved) {
            if let Some(entity) = entity {
                found.elsewhere.insert(asked, entity);
            }
        }
        Ok(found)
    }

    fn of(&self, source: &SourceId, target: &Target) -> Option<EntityId> {
        let here = match target {
            Target::Native { kind, native } => {
                let key = SightingKey {
                    source: source.clone(),
                    kind: *kind,
                    native: native.clone(),
                };
                self.here.get(&key).copied()
            }
            Target::Bearer { kind, key } => self.bearers.get(&(*kind, key)).copied(),
        };
        here.cloned().or_else(|| {
            let asked = (source.clone(), target.clone());
            self.elsewhere.get(&asked).cloned()
        })
    }
}
