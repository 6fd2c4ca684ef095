//! The roll at another moment: what was true then, as it was known then (decision 12, CL-8).

use std::collections::{BTreeMap, BTreeSet};

use engine::Looked;
use inventory::{assemble, summarise};
use model::{
    Entity, EntityId, Kind, Row, Sighting, SightingKey, SourceId, Target, Tenant, Timestamp,
    Version,
};
use store::{Owned, Reading};

use crate::arguments::Moment;
use crate::error::Error;
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::clock;

/// Sightings held at once; a past moment is put together in memory.
const SIGHTINGS_MAX: usize = 500_000;
/// Sightings read at a time.
const PAGE: usize = 5_000;

/// A moment on both axes of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Then {
    /// What was true at this instant …
    pub(crate) at: Timestamp,
    /// … as it was known at this one.
    pub(crate) known: Timestamp,
}

impl Then {
    /// The moment that was asked for; `None` is now.
    pub(crate) fn asked(moment: &Moment, settings: &Settings) -> Option<Self> {
        match (moment.as_of, moment.known_at) {
            (None, None) => None,
            (Some(at), known) => Some(Self {
                at,
                known: known.unwrap_or(settings.now),
            }),
            (None, Some(known)) => Some(Self { at: known, known }),
        }
    }

    /// What a page or list says of its moment.
    pub(crate) fn told(&self, now: Timestamp) -> String {
        if self.known == now {
            format!("as of {}, as known now", clock(self.at))
        } else {
            format!(
                "as of {}, as known at {}",
                clock(self.at),
                clock(self.known)
            )
        }
    }

    /// Whether a version was true then, as known then. An unknown beginning counts from when it
    /// was first seen; an end that was not known yet is none.
    fn holds(&self, version: &Version) -> bool {
        let begin = version.valid_from.unwrap_or(version.seen_from);
        let ended = version.seen_to.is_some_and(|seen| seen <= self.known);
        let end = version.valid_to.filter(|_| ended);
        version.seen_from <= self.known && begin <= self.at && end.is_none_or(|end| self.at < end)
    }

    fn sighting(
        &self,
        key: SightingKey,
        entity: EntityId,
        observation: model::Observation,
        seen_from: Timestamp,
    ) -> Sighting {
        Sighting {
            key,
            observation,
            entity,
            first_seen: seen_from,
            since: seen_from,
            last_seen: self.known.min(self.at).max(seen_from),
            missing_since: None,
        }
    }
}

/// The lines of the roll then, by name.
///
/// # Errors
/// The store refused or broke; there is too much for one answer.
pub(crate) fn lines(roll: &Roll, then: Then, kind: Option<Kind>) -> Result<Vec<Row>, Error> {
    let mut things = BTreeMap::<EntityId, Vec<Sighting>>::new();
    let mut bearers = BTreeMap::new();
    let mut natives = BTreeMap::new();
    let (mut after, mut held) = (0, 0);
    loop {
        let page = roll.read(|reading, tenant| {
            reading.as_of(tenant, then.at, then.known, None, after, PAGE)
        })?;
        let Some(last) = page.last() else { break };
        after = last.cursor;
        held += page.len();
        if held > SIGHTINGS_MAX {
            let told = format!("more than {SIGHTINGS_MAX} sightings were true then");
            return Err(Error::failed(told).hint("`keyroll get ID --as-of …` looks at one thing"));
        }
        for one in page {
            for key in &one.observation.keys {
                bearers.insert((one.key.kind, key.clone()), one.entity.clone());
            }
            natives.insert(one.key.clone(), one.entity.clone());
            let sighting =
                then.sighting(one.key, one.entity.clone(), one.observation, one.seen_from);
            things.entry(one.entity).or_default().push(sighting);
        }
    }
    let find = |source: &SourceId, target: &Target| match target {
        Target::Bearer { kind, key } => bearers.get(&(*kind, key.clone())).cloned(),
        Target::Native { kind, native } => {
            let key = SightingKey {
                source: source.clone(),
                kind: *kind,
                native: native.clone(),
            };
            natives.get(&key).cloned()
        }
    };
    let owners = Owners::at(roll, then)?;
    let mut rows: Vec<Row> = things
        .iter()
        .filter(|(id, _)| kind.is_none_or(|kind| id.kind() == kind))
        .map(|(id, members)| Row {
            owner: owners.of(members.iter().map(|one| EntityId::of(&one.key))),
            ..summarise(id, members, 0, &find)
        })
        .collect();
    count_credentials(&mut rows);
    rows.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(rows)
}

fn count_credentials(rows: &mut [Row]) {
    let mut held = BTreeMap::<EntityId, u32>::new();
    for holder in rows.iter().filter_map(Row::credential_of).cloned() {
        *held.entry(holder).or_default() += 1;
    }
    for row in rows {
        row.credentials = held.get(&row.id).copied().unwrap_or(0);
    }
}

/// Puts one thing back to what it was then: what it said, whose it was, who answered for it.
///
/// # Errors
/// Nothing of it was true then, or known; the store refused or broke.
pub(crate) fn turn_back(roll: &Roll, then: Then, thing: &mut Looked) -> Result<(), Error> {
    let back = roll.read(|reading, tenant| {
        let row = turned(reading, tenant, then, &mut thing.entity)?;
        let holder = row.as_ref().and_then(|row| row.holder.clone());
        thing.holder = None;
        if let Some(id) = holder {
            let (aliases, members) = (
                reading.aliases(tenant, &id)?,
                reading.sightings_of(tenant, &id)?,
            );
            let mut held_by = assemble(&id, aliases, members);
            let was = turned(reading, tenant, then, &mut held_by)?;
            thing.holder = was.map(|_| held_by);
        }
        Ok(row)
    })?;
    let Some(row) = back else {
        let told = format!(
            "nothing is known of `{}` {}",
            thing.row.name,
            then.told(Timestamp::MIN)
        );
        return Err(Error::failed(told).hint("`keyroll why ID` says when it was first seen"));
    };
    let owner = |of: &Entity| {
        let members = of
            .members
            .iter()
            .map(|member| EntityId::of(&member.sighting));
        Owners::of_one(roll, then, members.collect())
    };
    let holders = thing.holder.as_ref().map(owner).transpose()?.flatten();
    thing.row = Row {
        owner: owner(&thing.entity)?,
        ..row
    };
    thing.owner = thing.row.owner.clone().or(holders);
    Ok(())
}

/// Which of `rows` were there then, each as it was.
///
/// # Errors
/// The store refused or broke.
pub(crate) fn turn_rows_back(roll: &Roll, then: Then, rows: Vec<Row>) -> Result<Vec<Row>, Error> {
    roll.read(|reading, tenant| {
        let mut back = Vec::new();
        for row in rows {
            let members = reading.sightings_of(tenant, &row.id)?;
            let mut entity = assemble(&row.id, Vec::new(), members);
            back.extend(turned(reading, tenant, then, &mut entity)?);
        }
        Ok(back)
    })
}

/// Makes `entity` what it was then, and tells its line; none where nothing of it was true.
///
/// Which sightings are one thing is told as it is known now.
fn turned(
    reading: &mut Reading<'_>,
    tenant: &Tenant,
    then: Then,
    entity: &mut Entity,
) -> Result<Option<Row>, store::Error> {
    let mut sightings = Vec::new();
    for member in &entity.members {
        let key = &member.sighting;
        let versions = reading.versions(tenant, key)?.into_iter().rev();
        if let Some(version) = versions.into_iter().find(|version| then.holds(version)) {
            sightings.push(then.sighting(
                key.clone(),
                entity.id.clone(),
                version.observation,
                version.seen_from,
            ));
        }
    }
    if sightings.is_empty() {
        return Ok(None);
    }
    let targets: Vec<(SourceId, Target)> = sightings
        .iter()
        .flat_map(|one| {
            let links = one.observation.links.iter();
            links.map(|link| (one.key.source.clone(), link.to.clone()))
        })
        .collect();
    let found = reading.resolve(tenant, &targets)?;
    let find = |source: &SourceId, target: &Target| {
        let at = targets
            .iter()
            .position(|one| one.0 == *source && one.1 == *target)?;
        found.get(at).cloned().flatten()
    };
    let row = summarise(&entity.id, &sightings, 0, &find);
    *entity = assemble(&entity.id, entity.aliases.clone(), sightings);
    Ok(Some(row))
}

/// Who answered for what at a moment, by the id of each sighting.
struct Owners(BTreeMap<EntityId, Vec<Owned>>);

impl Owners {
    /// As it was decided by then; what was decided later was neither true nor known.
    fn at(roll: &Roll, then: Then) -> Result<Self, Error> {
        let by = then.at.min(then.known);
        let mut owners = BTreeMap::<_, Vec<Owned>>::new();
        for one in roll.read(|reading, tenant| reading.owners_at(tenant, by, None))? {
            owners.entry(one.entity.clone()).or_default().push(one);
        }
        Ok(Self(owners))
    }

    /// Whoever answered for the thing that is made of the sightings with these ids.
    fn of(&self, members: impl Iterator<Item = EntityId>) -> Option<String> {
        let decided = members.filter_map(|id| self.0.get(&id));
        engine::owner_that_counts(decided.flatten().cloned().collect())
    }

    /// The same of one thing alone.
    fn of_one(
        roll: &Roll,
        then: Then,
        members: BTreeSet<EntityId>,
    ) -> Result<Option<String>, Error> {
        let by = then.at.min(then.known);
        let decided = roll.read(|reading, tenant| {
            let mut decided = Vec::new();
            for id in &members {
                decided.extend(reading.owners_at(tenant, by, Some(id))?);
            }
            Ok(decided)
        })?;
        Ok(engine::owner_that_counts(decided))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Observation, Scope};

    fn version(valid: (Option<i64>, Option<i64>), seen: (i64, Option<i64>)) -> Version {
        Version {
            valid_from: valid.0.map(Timestamp),
            valid_to: valid.1.map(Timestamp),
            seen_from: Timestamp(seen.0),
            seen_to: seen.1.map(Timestamp),
            observation: Observation::new(Kind::Identity, "x", &Scope::whole()),
        }
    }

    fn then(at: i64, known: i64) -> Then {
        Then {
            at: Timestamp(at),
            known: Timestamp(known),
        }
    }

    #[test]
    fn what_was_learnt_later_is_not_known_before() {
        let created_early = version((Some(10), None), (50, None));
        assert!(
            then(20, 60).holds(&created_early),
            "true at 20 as known at 60"
        );
        assert!(!then(20, 40).holds(&created_early), "nobody knew at 40");
        assert!(!then(5, 60).holds(&created_early), "not there yet at 5");
    }

    #[test]
    fn an_end_counts_once_it_is_known() {
        let ended = version((None, Some(80)), (50, Some(80)));
        assert!(!then(90, 100).holds(&ended));
        assert!(then(90, 70).holds(&ended), "at 70 its end was not known");
        assert!(then(60, 100).holds(&ended));
        assert!(
            !then(40, 100).holds(&ended),
            "an unknown beginning counts from the first sight"
        );
    }
}
