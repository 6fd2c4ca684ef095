//! The roll at another moment: what was true then, as it was known then (decision 12, CL-8).

use std::collections::BTreeMap;

use engine::Looked;
use inventory::{assemble, summarise};
use model::{
    Attribute, Entity, EntityId, Kind, Row, Sighting, SightingKey, SourceId, Target, Timestamp,
    Version,
};

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
    let owners = roll.read(|reading, tenant| reading.owners(tenant))?;
    let owner = |id: &EntityId| {
        let owned = owners
            .iter()
            .find(|owned| owned.entity == *id && owned.at <= then.known);
        owned.and_then(|owned| owned.owner.clone())
    };
    let mut rows: Vec<Row> = things
        .iter()
        .filter(|(id, _)| kind.is_none_or(|kind| id.kind() == kind))
        .map(|(id, members)| Row {
            owner: owner(id),
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

/// Puts one thing back to what it was then.
///
/// # Errors
/// Nothing of it was true then, or known; the store refused or broke.
pub(crate) fn turn_back(roll: &Roll, then: Then, thing: &mut Looked) -> Result<(), Error> {
    let sightings = roll.read(|reading, tenant| {
        let mut sightings = Vec::new();
        for member in &thing.entity.members {
            let key = &member.sighting;
            let versions = reading.versions(tenant, key)?;
            if let Some(version) = versions
                .into_iter()
                .rev()
                .find(|version| then.holds(version))
            {
                let entity = thing.entity.id.clone();
                sightings.push(then.sighting(
                    key.clone(),
                    entity,
                    version.observation,
                    version.seen_from,
                ));
            }
        }
        Ok(sightings)
    })?;
    if sightings.is_empty() {
        let told = format!(
            "nothing is known of `{}` {}",
            thing.row.name,
            then.told(Timestamp::MIN)
        );
        return Err(Error::failed(told).hint("`keyroll why ID` says when it was first seen"));
    }
    thing.entity = assemble(&thing.entity.id, thing.entity.aliases.clone(), sightings);
    thing.row = line_of(&thing.entity, &thing.row);
    Ok(())
}

/// The line of one thing as it was then.
fn line_of(entity: &Entity, now: &Row) -> Row {
    let text = |attribute| entity.text(&attribute).map(str::to_owned);
    Row {
        name: entity.name().to_owned(),
        type_: text(Attribute::TYPE).unwrap_or_default(),
        environment: text(Attribute::ENVIRONMENT),
        status: text(Attribute::STATUS),
        privilege: text(Attribute::PRIVILEGE),
        owner_hint: text(Attribute::OWNER_HINT),
        created_at: entity.time(&Attribute::CREATED_AT),
        rotated_at: entity.time(&Attribute::ROTATED_AT),
        last_used_at: entity.time(&Attribute::LAST_USED_AT),
        expires_at: entity.time(&Attribute::EXPIRES_AT),
        first_seen: entity.first_seen,
        missing_since: None,
        ..now.clone()
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
