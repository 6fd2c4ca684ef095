//! What a thing hung together with at a moment: enough of the roll to tell of it alone.

use std::collections::BTreeSet;

use model::{SightingKey, Target, Tenant};

use super::{Moment, Stood, numbers};
use crate::closure::{Keyed, bearer_hash, target_hash};
use crate::engine::Bulk;
use crate::sightings::own_hash;
use crate::value::{Type, Value};
use crate::{Error, Reading};

type Hash = [u8; 16];

/// Sightings looked at at once.
const BLOCK: usize = 1_000;

/// What connected a sighting.
struct Connected {
    keyed: Keyed,
    own: Hash,
    keys: Vec<Hash>,
    targets: Vec<Hash>,
    natives: Vec<SightingKey>,
}

impl Connected {
    fn of(one: &Stood) -> Self {
        let kind = one.key.kind;
        let links = &one.observation.links;
        let native = |target: &Target| match target {
            Target::Native { kind, native } => Some(SightingKey {
                source: one.key.source.clone(),
                kind: *kind,
                native: native.clone(),
            }),
            Target::Bearer { .. } => None,
        };
        Self {
            keyed: Keyed {
                key: one.key.clone(),
                keys: one.observation.keys.clone(),
                entity: None,
            },
            own: own_hash(&one.key),
            keys: one
                .observation
                .keys
                .iter()
                .map(|key| bearer_hash(kind, key))
                .collect(),
            targets: links
                .iter()
                .map(|link| target_hash(&one.key.source, &link.to))
                .collect(),
            natives: links.iter().filter_map(|link| native(&link.to)).collect(),
        }
    }
}

/// Sightings found so far.
struct Around<'a> {
    tenant: &'a Tenant,
    moment: Moment,
    found: BTreeSet<i64>,
    followed: BTreeSet<Hash>,
}

impl Reading<'_> {
    /// The numbers of all sightings that stood at a moment and are needed to tell of the things
    /// that `seeds` were part of: those that were one thing with them, what these pointed at and
    /// what pointed at them, and where that pointed in turn.
    ///
    /// # Errors
    /// The store refused or broke.
    pub fn around(
        &mut self,
        tenant: &Tenant,
        moment: Moment,
        seeds: &[SightingKey],
    ) -> Result<BTreeSet<i64>, Error> {
        let mut around = Around::at(tenant, moment);
        let seeds = self.numbers_of(tenant, seeds)?;
        let things = around.grow(self, seeds)?;
        let mut next = around.pointed_at(self, &things)?;
        next.extend(around.pointing(self, &things)?);
        let beside = around.grow(self, next)?;
        let next = around.pointed_at(self, &beside)?;
        around.grow(self, next)?;
        Ok(around.found)
    }

    /// All sightings that hung together with `seeds` at a moment, by hard keys that sightings of
    /// one kind shared, however many steps away; the seeds that stood then are among them. None
    /// says to which thing it belonged. Ordered by key.
    ///
    /// # Errors
    /// The store refused or broke.
    pub fn connected(
        &mut self,
        tenant: &Tenant,
        moment: Moment,
        seeds: &[SightingKey],
    ) -> Result<Vec<Keyed>, Error> {
        let mut around = Around::at(tenant, moment);
        let seeds = self.numbers_of(tenant, seeds)?;
        let connected = around.grow(self, seeds)?.into_iter();
        let mut keyed: Vec<_> = connected.map(|one| one.keyed).collect();
        keyed.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(keyed)
    }

    /// The numbers of all sightings that stood at a moment and were one thing with those of the
    /// numbers `from`, which are among them.
    ///
    /// # Errors
    /// The store refused or broke.
    pub fn with_their_things(
        &mut self,
        tenant: &Tenant,
        moment: Moment,
        from: Vec<i64>,
    ) -> Result<BTreeSet<i64>, Error> {
        let mut around = Around::at(tenant, moment);
        around.grow(self, from)?;
        Ok(around.found)
    }
}

/// Where sightings are filed, and where they were before.
const BEARING: [Bulk; 2] = [
    Bulk {
        sql: "SELECT h.no FROM {rows} JOIN hard_key h ON h.tenant = $1 AND h.hash = r.hash",
        columns: &[("hash", Type::Bytes)],
    },
    Bulk {
        sql: "SELECT h.no FROM {rows} JOIN key_before h ON h.tenant = $1 AND h.hash = r.hash",
        columns: &[("hash", Type::Bytes)],
    },
];
const POINTING: [Bulk; 2] = [
    Bulk {
        sql: "SELECT k.no FROM {rows} JOIN link k ON k.tenant = $1 AND k.target = r.hash",
        columns: &[("hash", Type::Bytes)],
    },
    Bulk {
        sql: "SELECT k.no FROM {rows} JOIN link_before k ON k.tenant = $1 AND k.target = r.hash",
        columns: &[("hash", Type::Bytes)],
    },
];

impl<'a> Around<'a> {
    const fn at(tenant: &'a Tenant, moment: Moment) -> Self {
        Self {
            tenant,
            moment,
            found: BTreeSet::new(),
            followed: BTreeSet::new(),
        }
    }

    /// Adds these and all that was one thing with them, by keys, however many steps away;
    /// answers what connected those that were added.
    fn grow(&mut self, reading: &mut Reading<'_>, from: Vec<i64>) -> Result<Vec<Connected>, Error> {
        let mut added = Vec::new();
        let mut next = self.stood(reading, &from)?;
        while !next.is_empty() {
            let mut hashes = Vec::new();
            for (no, connected) in next {
                if self.found.insert(no) {
                    let keys = connected.keys.iter().copied();
                    hashes.extend(keys.filter(|hash| self.followed.insert(*hash)));
                    added.push(connected);
                }
            }
            let filed = filed(reading, self.tenant, &BEARING, &hashes)?;
            next = self.stood(reading, &filed)?;
            next.retain(|(_, one)| one.keys.iter().any(|key| self.followed.contains(key)));
        }
        Ok(added)
    }

    /// What connected those of these that stood then and were not found yet.
    fn stood(
        &self,
        reading: &mut Reading<'_>,
        numbers: &[i64],
    ) -> Result<Vec<(i64, Connected)>, Error> {
        let fresh = numbers.iter().filter(|no| !self.found.contains(no));
        let fresh: Vec<_> = fresh.copied().collect();
        let mut all = Vec::new();
        for block in fresh.chunks(BLOCK) {
            let stood = reading.stood(self.tenant, self.moment, block)?;
            all.extend(stood.iter().map(|one| (one.no, Connected::of(one))));
        }
        Ok(all)
    }

    /// What links led to.
    fn pointed_at(&self, reading: &mut Reading<'_>, from: &[Connected]) -> Result<Vec<i64>, Error> {
        let natives: BTreeSet<_> = from.iter().flat_map(|one| one.natives.iter()).collect();
        let natives: Vec<_> = natives.into_iter().cloned().collect();
        let hashes = from.iter().flat_map(|one| &one.targets).copied().collect();
        let mut to = reading.numbers_of(self.tenant, &natives)?;
        to.extend(self.filed_so(reading, &BEARING, &hashes, |one| &one.keys)?);
        Ok(to)
    }

    /// What had links that led to these.
    fn pointing(&self, reading: &mut Reading<'_>, to: &[Connected]) -> Result<Vec<i64>, Error> {
        let hashes = to.iter().flat_map(|one| one.keys.iter().chain([&one.own]));
        let hashes = hashes.copied().collect();
        self.filed_so(reading, &POINTING, &hashes, |one| &one.targets)
    }

    /// What stood filed under one of `hashes` then, by those that `by` names.
    fn filed_so(
        &self,
        reading: &mut Reading<'_>,
        bulks: &[Bulk<'_>],
        hashes: &BTreeSet<Hash>,
        by: fn(&Connected) -> &Vec<Hash>,
    ) -> Result<Vec<i64>, Error> {
        let asked: Vec<_> = hashes.iter().copied().collect();
        let filed = filed(reading, self.tenant, bulks, &asked)?;
        let stood = self.stood(reading, &filed)?.into_iter();
        let so = stood.filter(|(_, one)| by(one).iter().any(|hash| hashes.contains(hash)));
        Ok(so.map(|(no, _)| no).collect())
    }
}

/// The numbers of what is filed under these hashes now, and of what once was. Some may have been
/// there before, or come since: how each stood says so.
fn filed(
    reading: &mut Reading<'_>,
    tenant: &Tenant,
    bulks: &[Bulk<'_>],
    hashes: &[Hash],
) -> Result<Vec<i64>, Error> {
    let asked: Vec<_> = hashes
        .iter()
        .map(|hash| vec![Value::from(hash.as_slice())])
        .collect();
    let mut all = Vec::new();
    for bulk in bulks {
        all.extend(numbers(reading.bulk_rows(
            bulk,
            &[tenant.into()],
            &asked,
        )?)?);
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}
