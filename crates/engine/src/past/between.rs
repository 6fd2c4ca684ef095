//! What two moments tell otherwise: what sources saw, what became one or two, who answers for it.

use std::collections::{BTreeMap, BTreeSet};

use inventory::{Keyed, resolve};
use model::{EntityId, SightingKey, Tenant, Timestamp};
use store::{Moment, Reading};

/// What happened to a thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A source saw it for the first time.
    New,
    /// A source saw it otherwise: these attributes, or `keys`, `hints`, `links`, `scope`.
    Changed(BTreeSet<String>),
    /// A complete pass of a source did not find it.
    Missing,
    /// A source found it again.
    Back,
    /// It is one with this thing.
    Merged(EntityId),
    /// It was one with this thing and is none any more.
    Split(EntityId),
    /// One of its sightings was part of this other thing.
    Moved(EntityId),
    /// A person decided who answers for it.
    Owned,
}

/// One difference between two moments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// When we learnt it.
    pub at: Timestamp,
    /// Of which thing, by the id that it had at the later moment; what was merged, by the one
    /// that it had at the earlier.
    pub entity: EntityId,
    /// In which sighting, where one source tells of it.
    pub sighting: Option<SightingKey>,
    /// What happened.
    pub what: What,
}

/// Which thing each sighting was part of.
type Composed = BTreeMap<SightingKey, EntityId>;

/// What we learnt after the first and until the second of `window`, in the order we learnt it; at
/// most `limit`. What two lists of these moments, as known then, show otherwise of a thing itself
/// is named here.
///
/// # Errors
/// The store refused or broke.
pub fn between(
    reading: &mut Reading<'_>,
    tenant: &Tenant,
    window: (Timestamp, Timestamp),
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Difference>, store::Error> {
    let (from, to) = window;
    let seen = reading.diff(tenant, from, to, limit)?;
    let mut owned = Vec::new();
    for one in reading.owners_decided(tenant, from, to, limit)? {
        if let Some(key) = sighting_of(reading, tenant, &one.entity)? {
            owned.push((key, one.at));
        }
    }
    // Of now, what is seen otherwise with the same keys is part of what it is part of.
    let asked = seen
        .iter()
        .filter(|one| to < now || recomposes(&one.what))
        .map(|one| &one.sighting)
        .chain(owned.iter().map(|(key, _)| key));
    let seeds: BTreeSet<SightingKey> = asked.cloned().collect();
    let (before, after) = composed(reading, tenant, window, seeds)?;

    let mut differences = recomposed(&before, &after, &seen, to);
    differences.extend(seen.into_iter().map(|one| Difference {
        at: one.at,
        entity: after.get(&one.sighting).unwrap_or(&one.entity).clone(),
        sighting: Some(one.sighting),
        what: one.what.into(),
    }));
    differences.extend(owned.into_iter().filter_map(|(key, at)| {
        Some(Difference {
            at,
            entity: after.get(&key)?.clone(),
            sighting: None,
            what: What::Owned,
        })
    }));
    differences.sort();
    differences.dedup();
    differences.truncate(limit);
    Ok(differences)
}

impl From<store::What> for What {
    fn from(what: store::What) -> Self {
        match what {
            store::What::New => Self::New,
            store::What::Changed(names) => Self::Changed(names),
            store::What::Missing => Self::Missing,
            store::What::Back => Self::Back,
        }
    }
}

/// Whether it may have made things one or two.
fn recomposes(what: &store::What) -> bool {
    match what {
        store::What::New | store::What::Back => true,
        store::What::Changed(names) => names.contains("keys"),
        store::What::Missing => false,
    }
}

/// The sighting that an id is made from: it is part of whatever the id leads to.
fn sighting_of(
    reading: &mut Reading<'_>,
    tenant: &Tenant,
    id: &EntityId,
) -> Result<Option<SightingKey>, store::Error> {
    let Some(row) = reading.entity_row(tenant, id)? else {
        return Ok(None);
    };
    let mut members = reading.sightings_of(tenant, &row.id)?.into_iter();
    Ok(members
        .find(|one| EntityId::of(&one.key) == *id)
        .map(|one| one.key))
}

/// How `seeds` and all that hung together with them, at either moment, were composed at both.
fn composed(
    reading: &mut Reading<'_>,
    tenant: &Tenant,
    (from, to): (Timestamp, Timestamp),
    mut seeds: BTreeSet<SightingKey>,
) -> Result<(Composed, Composed), store::Error> {
    if seeds.is_empty() {
        return Ok(Default::default());
    }
    let mut at = |moment: Timestamp, seeds: &BTreeSet<SightingKey>| {
        let moment = Moment {
            at: moment,
            known: moment,
        };
        let seeds: Vec<_> = seeds.iter().cloned().collect();
        reading.connected(tenant, moment, &seeds)
    };
    let mut before = at(from, &seeds)?;
    seeds.extend(before.iter().map(|one| one.key.clone()));
    let after = at(to, &seeds)?;
    // What joined had others beside it before.
    let known = seeds.len();
    seeds.extend(after.iter().map(|one| one.key.clone()));
    if seeds.len() > known {
        before = at(from, &seeds)?;
    }
    Ok((groups(&before), groups(&after)))
}

fn groups(held: &[store::Keyed]) -> Composed {
    let keyed: Vec<_> = held
        .iter()
        .map(|one| Keyed {
            sighting: &one.key,
            keys: &one.keys,
        })
        .collect();
    let groups = resolve(&keyed).groups.into_iter();
    groups
        .flat_map(|group| {
            let id = group.id;
            let members = group.members.into_iter();
            members.map(move |member| (member, id.clone()))
        })
        .collect()
}

/// Things that became part of others, things that were part of others, and sightings that went
/// from one to another.
fn recomposed(
    before: &Composed,
    after: &Composed,
    seen: &[store::Difference],
    to: Timestamp,
) -> Vec<Difference> {
    let mut last: BTreeMap<&EntityId, Timestamp> = BTreeMap::new();
    for one in seen {
        let things = [before.get(&one.sighting), after.get(&one.sighting)];
        for id in things.into_iter().flatten() {
            let at = last.entry(id).or_insert(one.at);
            *at = one.at.max(*at);
        }
    }
    let learnt = |one: &EntityId, other: &EntityId| {
        let at = last.get(one).max(last.get(other));
        at.copied().unwrap_or(to)
    };
    let moved = before.iter().filter_map(|(key, was)| {
        let is = after.get(key)?;
        (is != was).then_some((key, was, is))
    });
    let mut found = Vec::new();
    let (mut gone, mut made) = (BTreeSet::new(), BTreeSet::new());
    for (key, was, is) in moved.clone() {
        let own = EntityId::of(key);
        let (entity, what) = if own == *was {
            gone.insert((was, is));
            (was, What::Merged(is.clone()))
        } else if own == *is {
            made.insert((was, is));
            (is, What::Split(was.clone()))
        } else {
            continue;
        };
        found.push(Difference {
            at: learnt(was, is),
            entity: entity.clone(),
            sighting: None,
            what,
        });
    }
    for (key, was, is) in moved {
        let own = EntityId::of(key);
        let told =
            own == *was || own == *is || gone.contains(&(was, is)) || made.contains(&(was, is));
        if !told {
            found.push(Difference {
                at: learnt(was, is),
                entity: is.clone(),
                sighting: Some(key.clone()),
                what: What::Moved(was.clone()),
            });
        }
    }
    found
}
