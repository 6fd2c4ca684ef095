//! History on both axes of time: what was true, and what we knew (decision 12, ST-15).

use std::collections::{BTreeMap, BTreeSet};

use model::{EntityId, Observation, SightingKey, Tenant, Timestamp, Version};

use crate::engine::Bulk;
use crate::sightings::sighting_key;
use crate::value::{Row, Type};
use crate::{Error, Reading};

/// What happened to a sighting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It was seen for the first time.
    New,
    /// It was seen otherwise: these attributes, or `keys`, `hints`, `links`, `scope`.
    Changed(BTreeSet<String>),
    /// A complete pass did not find it.
    Missing,
    /// It was found again.
    Back,
}

/// One difference between two instants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// When we learnt it.
    pub at: Timestamp,
    /// Of which thing.
    pub entity: EntityId,
    /// In which sighting.
    pub sighting: SightingKey,
    /// What happened.
    pub what: What,
}

impl Reading<'_> {
    /// The history of a sighting, oldest version first.
    pub fn versions(&mut self, tenant: &Tenant, key: &SightingKey) -> Result<Vec<Version>, Error> {
        let rows = self.rows(
            "SELECT valid_from, valid_to, seen_from, seen_to, body FROM sighting_version
             WHERE tenant = $1 AND no = (SELECT s.no FROM sighting s WHERE s.tenant = $1
               AND s.source = $2 AND s.kind = $3 AND s.native = $4)
             ORDER BY version",
            &[
                tenant.into(),
                (&key.source).into(),
                key.kind.into(),
                (&key.native).into(),
            ],
        )?;
        let versions = rows.into_iter().map(|mut row| {
            Ok(Version {
                valid_from: row.time_opt()?,
                valid_to: row.time_opt()?,
                seen_from: row.time()?,
                seen_to: row.time_opt()?,
                observation: row.json("an observation")?,
            })
        });
        versions.collect()
    }

    /// What we learnt after `from` and until `to`, in the order we learnt it; at most `limit`.
    pub fn diff(
        &mut self,
        tenant: &Tenant,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Difference>, Error> {
        let window = [tenant.into(), from.into(), to.into(), limit.into()];
        let begun = self.rows(
            "SELECT no, version, seen_from, entity, source, kind, native FROM sighting_version
             WHERE tenant = $1 AND seen_from > $2 AND seen_from <= $3
             ORDER BY seen_from, no, version LIMIT $4",
            &window,
        )?;
        let lost = self.rows(
            "SELECT no, version, seen_to, entity, source, kind, native FROM sighting_version
             WHERE tenant = $1 AND seen_to > $2 AND seen_to <= $3 AND ended = 'missing'
             ORDER BY seen_to, no, version LIMIT $4",
            &window,
        )?;
        let begun: Vec<_> = begun.into_iter().map(event).collect::<Result<_, _>>()?;
        let bodies = self.bodies(tenant, &begun)?;
        let mut differences = Vec::with_capacity(begun.len() + lost.len());
        for event in begun {
            let what =
                match (event.version, bodies.get(&(event.no, event.version - 1))) {
                    (1, _) | (_, None) => What::New,
                    (_, Some((_, true))) => What::Back,
                    (_, Some((before, false))) => {
                        let after = bodies.get(&(event.no, event.version));
                        What::Changed(after.map_or_else(BTreeSet::new, |(after, _)| {
                            changed_between(before, after)
                        }))
                    }
                };
            differences.push(event.difference(what));
        }
        for row in lost {
            differences.push(event(row)?.difference(What::Missing));
        }
        differences.sort();
        differences.truncate(limit);
        Ok(differences)
    }

    /// The versions that began, and those before them, with whether they ended by going missing.
    fn bodies(&mut self, tenant: &Tenant, begun: &[Event]) -> Result<Bodies, Error> {
        const CURRENT: Bulk = Bulk {
            sql: "SELECT v.no, v.version, v.ended, v.body
                  FROM {rows} JOIN sighting_version v ON v.tenant = $1 AND v.no = r.no
                    AND v.version = r.version",
            columns: &[("no", Type::Int), ("version", Type::Int)],
        };
        let mut asked = Vec::new();
        for event in begun.iter().filter(|event| event.version > 1) {
            asked.push(vec![event.no.into(), event.version.into()]);
            asked.push(vec![event.no.into(), (event.version - 1).into()]);
        }
        let mut bodies = BTreeMap::new();
        for mut row in self.bulk_rows(&CURRENT, &[tenant.into()], &asked)? {
            let key = (row.int()?, row.int()?);
            let missing = row.text_opt()?.as_deref() == Some("missing");
            bodies.insert(key, (row.json("an observation")?, missing));
        }
        Ok(bodies)
    }
}

/// What versions say, by number and version, and whether they ended by going missing.
type Bodies = BTreeMap<(i64, i64), (Observation, bool)>;

/// A version that began or ended in a window.
struct Event {
    no: i64,
    version: i64,
    at: Timestamp,
    entity: EntityId,
    sighting: SightingKey,
}

impl Event {
    fn difference(self, what: What) -> Difference {
        Difference {
            at: self.at,
            entity: self.entity,
            sighting: self.sighting,
            what,
        }
    }
}

fn event(mut row: Row) -> Result<Event, Error> {
    Ok(Event {
        no: row.int()?,
        version: row.int()?,
        at: row.time()?,
        entity: row.parsed("an entity's id")?,
        sighting: sighting_key(&mut row)?,
    })
}

fn changed_between(before: &Observation, after: &Observation) -> BTreeSet<String> {
    let attributes = before.facts.keys().chain(after.facts.keys());
    let mut changed: BTreeSet<String> = attributes
        .filter(|name| before.facts.get(*name) != after.facts.get(*name))
        .map(|name| name.as_str().to_owned())
        .collect();
    let others = [
        ("keys", before.keys != after.keys),
        ("hints", before.hints != after.hints),
        ("links", before.links != after.links),
        ("scope", before.scope != after.scope),
    ];
    changed.extend(
        others
            .iter()
            .filter(|(_, differs)| *differs)
            .map(|(name, _)| (*name).to_owned()),
    );
    changed
}
