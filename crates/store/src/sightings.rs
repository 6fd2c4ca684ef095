//! Sightings: what a pass is compared with; what it changes is written in `changes.rs`.

mod changes;
mod recall;

pub(crate) use changes::{HANGING_LINK, Hangs};

use model::{EntityId, Kind, Observation, Scope, Sighting, SightingKey, SourceId, Tenant};

use crate::closure::native_hash;
use crate::engine::Bulk;
use crate::value::{Row, Type, Value};
use crate::{Error, Reading};

/// What the store knows of one sighting: enough to tell whether a pass changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What it is.
    pub kind: Kind,
    /// What its source calls it.
    pub native: String,
    /// In which part of the source it was last seen.
    pub scope: Scope,
    /// [`Observation::hash`] of what was last seen.
    pub hash: [u8; 16],
    /// Whether a complete pass did not find it.
    pub missing: bool,
    /// The thing it is a sighting of.
    pub entity: EntityId,
}

/// What a pass found out about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Never seen before.
    New(Observation),
    /// Seen otherwise than before.
    Changed(Observation),
    /// It was missing and is seen again, as it was or otherwise.
    Back(Observation),
    /// A complete pass did not find it.
    Missing {
        /// What it is.
        kind: Kind,
        /// What its source calls it.
        native: String,
    },
}

impl Change {
    fn key(&self) -> (&'static str, &str) {
        match self {
            Self::New(seen) | Self::Changed(seen) | Self::Back(seen) => {
                (seen.kind.as_str(), &seen.native)
            }
            Self::Missing { kind, native } => (kind.as_str(), native),
        }
    }
}

/// Columns that name a sighting in a bulk statement.
pub(crate) const KEY_COLUMNS: &[(&str, Type)] = &[
    ("source", Type::Text),
    ("kind", Type::Text),
    ("native", Type::Text),
];

pub(crate) fn key_values(key: &SightingKey) -> Vec<Value> {
    vec![(&key.source).into(), key.kind.into(), (&key.native).into()]
}

pub(crate) fn sighting_key(row: &mut Row) -> Result<SightingKey, Error> {
    Ok(SightingKey {
        source: row.parsed("a source's id")?,
        kind: row.parsed("a kind")?,
        native: row.text()?,
    })
}

impl Reading<'_> {
    /// What is known of a source, ordered by kind (as a word) and native id, both by bytes.
    ///
    /// At most `limit` after `after`: pages of a fixed size stream any number in fixed memory.
    pub fn known_page(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        after: Option<(Kind, &str)>,
        limit: usize,
    ) -> Result<Vec<Known>, Error> {
        let (kind, native) = after.map_or(("", ""), |(kind, native)| (kind.as_str(), native));
        let rows = self.rows(
            "SELECT kind, native, scope, hash, missing_since, entity FROM sighting
             WHERE tenant = $1 AND source = $2 AND (kind, native) > ($3, $4)
             ORDER BY kind, native LIMIT $5",
            &[
                tenant.into(),
                source.into(),
                kind.into(),
                native.into(),
                limit.into(),
            ],
        )?;
        let mut known = Vec::with_capacity(rows.len());
        // Neighbours mostly lie in one scope: its text is read once.
        let mut last = (String::new(), Scope::whole());
        for mut row in rows {
            let (kind, native, scope) = (row.parsed("a kind")?, row.text()?, row.text()?);
            if last.0 != scope {
                let parsed = serde_json::from_str(&scope).map_err(Error::unreadable("a scope"))?;
                last = (scope, parsed);
            }
            known.push(Known {
                kind,
                native,
                scope: last.1.clone(),
                hash: row.array()?,
                missing: row.int_opt()?.is_some(),
                entity: row.parsed("an entity's id")?,
            });
        }
        Ok(known)
    }

    /// Every sighting of a thing, by key.
    pub fn sightings_of(
        &mut self,
        tenant: &Tenant,
        entity: &EntityId,
    ) -> Result<Vec<Sighting>, Error> {
        let keys = self.members_of(tenant, std::slice::from_ref(entity))?;
        let keys: Vec<_> = keys.into_iter().map(|(_, key)| key).collect();
        self.sightings(tenant, &keys)
    }

    /// Sightings by their keys; those the store does not know are left out. Ordered by key.
    pub fn sightings(
        &mut self,
        tenant: &Tenant,
        keys: &[SightingKey],
    ) -> Result<Vec<Sighting>, Error> {
        const SIGHTINGS: Bulk = Bulk {
            sql: "SELECT s.source, s.kind, s.native, s.entity, s.first_seen, s.since,
                    s.missing_since, b.body
                  FROM {rows} JOIN sighting s ON s.tenant = $1 AND s.source = r.source
                    AND s.kind = r.kind AND s.native = r.native
                  JOIN sighting_body b ON b.tenant = s.tenant AND b.no = s.no",
            columns: KEY_COLUMNS,
        };
        let asked: Vec<_> = keys.iter().map(key_values).collect();
        let rows = self.bulk_rows(&SIGHTINGS, &[tenant.into()], &asked)?;
        let mut sightings = Vec::with_capacity(rows.len());
        for mut row in rows {
            let key = sighting_key(&mut row)?;
            let entity = row.parsed("an entity's id")?;
            let (first_seen, since) = (row.time()?, row.time()?);
            let missing_since = row.time_opt()?;
            let observation: Observation = row.json("an observation")?;
            let last_seen = self.last_seen(
                tenant,
                &key.source,
                &observation.scope,
                since,
                missing_since,
            )?;
            sightings.push(Sighting {
                key,
                observation,
                entity,
                first_seen,
                since,
                last_seen,
                missing_since,
            });
        }
        sightings.sort_by(|a, b| a.key.cmp(&b.key));
        sightings.dedup_by(|a, b| a.key == b.key);
        Ok(sightings)
    }

    /// The members of entities that exist, each with its entity.
    pub(crate) fn members_of(
        &mut self,
        tenant: &Tenant,
        entities: &[EntityId],
    ) -> Result<Vec<(EntityId, SightingKey)>, Error> {
        const FOUNDERS: Bulk = Bulk {
            sql: "SELECT e.id, b.source, b.kind, b.native
                  FROM {rows} JOIN entity e ON e.tenant = $1 AND e.id = r.id
                  JOIN sighting_body b ON b.tenant = e.tenant AND b.no = e.founder",
            columns: &[("id", Type::Text)],
        };
        const JOINED: Bulk = Bulk {
            sql: "SELECT s.entity, s.source, s.kind, s.native
                  FROM {rows} JOIN sighting s ON s.tenant = $1 AND s.entity = r.id
                    AND s.joined = 1",
            columns: &[("id", Type::Text)],
        };
        let asked: Vec<_> = entities.iter().map(|id| vec![id.into()]).collect();
        let mut members = Vec::new();
        for bulk in [&FOUNDERS, &JOINED] {
            for mut row in self.bulk_rows(bulk, &[tenant.into()], &asked)? {
                members.push((row.parsed("an entity's id")?, sighting_key(&mut row)?));
            }
        }
        members.sort();
        Ok(members)
    }
}

/// The hash under which links from the same source find a sighting.
pub(crate) fn own_hash(key: &SightingKey) -> [u8; 16] {
    native_hash(&key.source, key.kind, &key.native)
}
