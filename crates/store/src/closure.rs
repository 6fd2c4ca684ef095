//! What hangs together: by hard keys, by links, by belonging to one entity.

use std::collections::{BTreeMap, BTreeSet};

use model::{EntityId, Key, Kind, Relation, SightingKey, SourceId, Target, Tenant};
use serde::Deserialize;

use crate::engine::Bulk;
use crate::sightings::{KEY_COLUMNS, key_values, own_hash, sighting_key};
use crate::value::{Row, Type};
use crate::{Error, Reading};

/// A sighting with what connects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// Which sighting.
    pub key: SightingKey,
    /// Its hard keys.
    pub keys: BTreeSet<Key>,
    /// The thing it belongs to; `None` until it was assigned to one that exists.
    pub entity: Option<EntityId>,
}

/// The part of an observation that connects it; the rest is passed over.
#[derive(Deserialize)]
struct Keys {
    #[serde(default)]
    keys: BTreeSet<Key>,
}

/// Where a hard key of things of one kind is filed.
pub(crate) fn bearer_hash(kind: Kind, key: &Key) -> [u8; 16] {
    let word = serde_json::to_string(&key.kind).unwrap_or_default();
    filed(&["bearer", kind.as_str(), &word, &key.value])
}

/// Where a thing of one source is filed.
pub(crate) fn native_hash(source: &SourceId, kind: Kind, native: &str) -> [u8; 16] {
    filed(&["native", source.as_str(), kind.as_str(), native])
}

/// Where what a link of `source` points at is filed.
pub(crate) fn target_hash(source: &SourceId, target: &Target) -> [u8; 16] {
    match target {
        Target::Native { kind, native } => native_hash(source, *kind, native),
        Target::Bearer { kind, key } => bearer_hash(*kind, key),
    }
}

/// The hash of parts, whatever letters are in them.
pub(crate) fn filed(parts: &[&str]) -> [u8; 16] {
    let mut bytes = Vec::with_capacity(128);
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    model::Observation::hash(&bytes)
}

/// Sightings found so far.
#[derive(Default)]
struct Found {
    by_key: BTreeMap<SightingKey, Keyed>,
    asked_hashes: BTreeSet<[u8; 16]>,
    asked_entities: BTreeSet<EntityId>,
    /// Those whose connections were not followed yet.
    fresh: Vec<SightingKey>,
}

impl Found {
    fn add(&mut self, mut row: Row, max: usize) -> Result<(), Error> {
        let key = sighting_key(&mut row)?;
        if self.by_key.contains_key(&key) {
            return Ok(());
        }
        if self.by_key.len() >= max {
            return Err(Error::TooConnected { max });
        }
        let entity = row.parsed_opt("an entity's id")?;
        let keys = row.json::<Keys>("an observation")?.keys;
        self.fresh.push(key.clone());
        let found = Keyed {
            key: key.clone(),
            keys,
            entity,
        };
        self.by_key.insert(key, found);
        Ok(())
    }
}

impl Reading<'_> {
    /// All sightings that hang together with `seeds`: by hard keys that sightings of one kind
    /// share, however many steps away, and by belonging to one entity. The seeds are among them.
    /// Ordered by key.
    ///
    /// # Errors
    /// [`Error::TooConnected`] if there are more than `max`.
    pub fn closure(
        &mut self,
        tenant: &Tenant,
        seeds: &[SightingKey],
        max: usize,
    ) -> Result<Vec<Keyed>, Error> {
        let mut found = Found::default();
        self.read_keyed(tenant, seeds, max, &mut found)?;
        while !found.fresh.is_empty() {
            let fresh = std::mem::take(&mut found.fresh);
            let mut hashes = Vec::new();
            let mut entities = Vec::new();
            for key in &fresh {
                let Some(keyed) = found.by_key.get(key) else {
                    continue;
                };
                for key in &keyed.keys {
                    let hash = bearer_hash(keyed.key.kind, key);
                    if found.asked_hashes.insert(hash) {
                        hashes.push(hash);
                    }
                }
                if let Some(entity) = &keyed.entity
                    && found.asked_entities.insert(entity.clone())
                {
                    entities.push(entity.clone());
                }
            }
            let mut next = self.bearers(tenant, &hashes)?;
            next.extend(
                self.members_of(tenant, &entities)?
                    .into_iter()
                    .map(|(_, key)| key),
            );
            next.retain(|key| !found.by_key.contains_key(key));
            next.sort();
            next.dedup();
            self.read_keyed(tenant, &next, max, &mut found)?;
        }
        Ok(found.by_key.into_values().collect())
    }

    fn read_keyed(
        &mut self,
        tenant: &Tenant,
        keys: &[SightingKey],
        max: usize,
        found: &mut Found,
    ) -> Result<(), Error> {
        const KEYED: Bulk = Bulk {
            sql: "SELECT s.source, s.kind, s.native, e.id, b.body
                  FROM {rows} JOIN sighting s ON s.tenant = $1 AND s.source = r.source
                    AND s.kind = r.kind AND s.native = r.native
                  JOIN sighting_body b ON b.tenant = s.tenant AND b.no = s.no
                  LEFT JOIN entity e ON e.tenant = s.tenant AND e.id = s.entity",
            columns: KEY_COLUMNS,
        };
        let asked: Vec<_> = keys.iter().map(key_values).collect();
        for row in self.bulk_rows(&KEYED, &[tenant.into()], &asked)? {
            found.add(row, max)?;
        }
        Ok(())
    }

    fn bearers(&mut self, tenant: &Tenant, hashes: &[[u8; 16]]) -> Result<Vec<SightingKey>, Error> {
        const BEARERS: Bulk = Bulk {
            sql: "SELECT b.source, b.kind, b.native
                  FROM {rows} JOIN hard_key h ON h.tenant = $1 AND h.hash = r.hash
                  JOIN sighting_body b ON b.tenant = h.tenant AND b.no = h.no",
            columns: &[("hash", Type::Bytes)],
        };
        let asked: Vec<_> = hashes
            .iter()
            .map(|hash| vec![hash.as_slice().into()])
            .collect();
        let rows = self.bulk_rows(&BEARERS, &[tenant.into()], &asked)?;
        rows.into_iter()
            .map(|mut row| sighting_key(&mut row))
            .collect()
    }

    /// The entities that link targets stand for, in the order asked; `None` where nothing is
    /// there. Where several bear a key, the one with the smallest id.
    ///
    /// A sighting that was not assigned yet stands for the entity it would be alone.
    pub fn resolve(
        &mut self,
        tenant: &Tenant,
        targets: &[(SourceId, Target)],
    ) -> Result<Vec<Option<EntityId>>, Error> {
        const NATIVES: Bulk = Bulk {
            sql: "SELECT r.n, s.entity FROM {rows} JOIN sighting s ON s.tenant = $1
                  AND s.source = r.source AND s.kind = r.kind AND s.native = r.native",
            columns: &[
                ("n", Type::Int),
                ("source", Type::Text),
                ("kind", Type::Text),
                ("native", Type::Text),
            ],
        };
        const BEARERS: Bulk = Bulk {
            sql: "SELECT r.n, min(s.entity) FROM {rows}
                  JOIN hard_key h ON h.tenant = $1 AND h.hash = r.hash
                  JOIN sighting_body b ON b.tenant = h.tenant AND b.no = h.no
                  JOIN sighting s ON s.tenant = b.tenant AND s.source = b.source
                    AND s.kind = b.kind AND s.native = b.native
                  GROUP BY r.n",
            columns: &[("n", Type::Int), ("hash", Type::Bytes)],
        };
        let (mut natives, mut bearers) = (Vec::new(), Vec::new());
        for (n, (source, target)) in targets.iter().enumerate() {
            match target {
                Target::Native { kind, native } => {
                    natives.push(vec![n.into(), source.into(), (*kind).into(), native.into()])
                }
                Target::Bearer { kind, key } => {
                    bearers.push(vec![n.into(), bearer_hash(*kind, key).as_slice().into()]);
                }
            }
        }
        let mut resolved = vec![None; targets.len()];
        let mut rows = self.bulk_rows(&NATIVES, &[tenant.into()], &natives)?;
        rows.extend(self.bulk_rows(&BEARERS, &[tenant.into()], &bearers)?);
        for mut row in rows {
            let n = usize::try_from(row.int()?).unwrap_or(usize::MAX);
            if let Some(place) = resolved.get_mut(n) {
                *place = Some(row.parsed("an entity's id")?);
            }
        }
        Ok(resolved)
    }

    /// Entities with links that point at these sightings, by native id or by hard key: what is
    /// said of them may change with these. Ordered, each once.
    pub fn linked_to(
        &mut self,
        tenant: &Tenant,
        sightings: &[Keyed],
    ) -> Result<Vec<EntityId>, Error> {
        let mut linked: Vec<_> = self
            .links_to(tenant, sightings)?
            .into_iter()
            .map(|(entity, _)| entity)
            .collect();
        linked.sort();
        linked.dedup();
        Ok(linked)
    }

    /// What points at a thing, and how. Ordered, each once.
    pub fn incoming(
        &mut self,
        tenant: &Tenant,
        entity: &EntityId,
    ) -> Result<Vec<(EntityId, Relation)>, Error> {
        let members = self.members_of(tenant, std::slice::from_ref(entity))?;
        let members: Vec<_> = members.into_iter().map(|(_, key)| key).collect();
        let mut found = Found::default();
        self.read_keyed(tenant, &members, usize::MAX, &mut found)?;
        let sightings: Vec<_> = found.by_key.into_values().collect();
        let mut incoming = self.links_to(tenant, &sightings)?;
        incoming.sort();
        incoming.dedup();
        Ok(incoming)
    }

    fn links_to(
        &mut self,
        tenant: &Tenant,
        sightings: &[Keyed],
    ) -> Result<Vec<(EntityId, Relation)>, Error> {
        const LINKED: Bulk = Bulk {
            sql: "SELECT s.entity, k.relation
                  FROM {rows} JOIN link k ON k.tenant = $1 AND k.target = r.target
                  JOIN sighting_body b ON b.tenant = k.tenant AND b.no = k.no
                  JOIN sighting s ON s.tenant = b.tenant AND s.source = b.source
                    AND s.kind = b.kind AND s.native = b.native",
            columns: &[("target", Type::Bytes)],
        };
        let mut hashes = BTreeSet::new();
        for sighting in sightings {
            hashes.insert(own_hash(&sighting.key));
            let kind = sighting.key.kind;
            hashes.extend(sighting.keys.iter().map(|key| bearer_hash(kind, key)));
        }
        let asked: Vec<_> = hashes
            .iter()
            .map(|hash| vec![hash.as_slice().into()])
            .collect();
        let rows = self.bulk_rows(&LINKED, &[tenant.into()], &asked)?;
        rows.into_iter()
            .map(|mut row| {
                let entity = row.parsed("an entity's id")?;
                let relation = relation(&row.text()?)?;
                Ok((entity, relation))
            })
            .collect()
    }
}

fn relation(word: &str) -> Result<Relation, Error> {
    Relation::ALL
        .into_iter()
        .find(|one| one.as_str() == word)
        .ok_or_else(|| Error::corrupt("a relation"))
}
