//! What a thing hung together with at a moment: enough of the roll to tell of it alone.

use std::collections::{BTreeMap, BTreeSet};

use model::{SightingKey, Target, Tenant};

use super::{Moment, Stood, begun, numbers};
use crate::closure::{Keyed, bearer_hash, target_hash};
use crate::engine::Bulk;
use crate::sightings::own_hash;
use crate::value::{Type, Value};
use crate::{Error, Reading};

type Hash = [u8; 16];

/// Sightings looked at at once.
const BLOCK: usize = 1_000;

/// The numbers of sightings under hashes that they bear or point at.
type Filed = BTreeMap<Hash, Vec<i64>>;

/// What the roll files otherwise now than it was at the moment.
#[derive(Default)]
struct Moved {
    bearing: Filed,
    pointing: Filed,
}

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
    moved: Moved,
    found: BTreeSet<i64>,
    asked: BTreeSet<i64>,
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
        let mut around = self.at(tenant, moment)?;
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
        let mut around = self.at(tenant, moment)?;
        let seeds = self.numbers_of(tenant, seeds)?;
        let connected = around.grow(self, seeds)?.into_iter();
        let mut keyed: Vec<_> = connected.map(|one| one.keyed).collect();
        keyed.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(keyed)
    }

    fn at<'a>(&mut self, tenant: &'a Tenant, moment: Moment) -> Result<Around<'a>, Error> {
        Ok(Around {
            tenant,
            moment,
            moved: self.moved(tenant, moment)?,
            found: BTreeSet::new(),
            asked: BTreeSet::new(),
            followed: BTreeSet::new(),
        })
    }

    /// Sightings that had other keys or links at the moment than the roll files now.
    fn moved(&mut self, tenant: &Tenant, moment: Moment) -> Result<Moved, Error> {
        const OTHERWISE: &str = concat!(
            "SELECT p.no FROM sighting_past p
             JOIN sighting_body b ON b.tenant = p.tenant AND b.no = p.no
             WHERE p.tenant = $1 AND p.seen_from <= $2 AND ",
            begun!("p", "seen_from"),
            " <= $3 AND (p.seen_to > $2 OR p.valid_to > $3 OR p.ended = 'missing')
              AND (coalesce(p.body ->> 'keys', '') <> coalesce(b.body ->> 'keys', '')
                OR coalesce(p.body ->> 'links', '') <> coalesce(b.body ->> 'links', ''))"
        );
        let fixed = [tenant.into(), moment.known.into(), moment.at.into()];
        let mut all = numbers(self.rows(OTHERWISE, &fixed)?)?;
        all.sort_unstable();
        all.dedup();
        let mut moved = Moved::default();
        for block in all.chunks(BLOCK) {
            for one in self.stood(tenant, moment, block)? {
                let connected = Connected::of(&one);
                for hash in connected.keys {
                    moved.bearing.entry(hash).or_default().push(one.no);
                }
                for hash in connected.targets {
                    moved.pointing.entry(hash).or_default().push(one.no);
                }
            }
        }
        Ok(moved)
    }
}

const BEARING: Bulk = Bulk {
    sql: "SELECT h.no FROM {rows} JOIN hard_key h ON h.tenant = $1 AND h.hash = r.hash",
    columns: &[("hash", Type::Bytes)],
};
const POINTING: Bulk = Bulk {
    sql: "SELECT k.no FROM {rows} JOIN link k ON k.tenant = $1 AND k.target = r.hash",
    columns: &[("hash", Type::Bytes)],
};

impl Around<'_> {
    /// Adds these and all that was one thing with them, by keys, however many steps away;
    /// answers what connected those that were added.
    fn grow(&mut self, reading: &mut Reading<'_>, from: Vec<i64>) -> Result<Vec<Connected>, Error> {
        let mut added = Vec::new();
        let mut frontier = from;
        while !frontier.is_empty() {
            frontier.retain(|no| self.asked.insert(*no));
            let mut hashes = Vec::new();
            for block in frontier.chunks(BLOCK) {
                for one in reading.stood(self.tenant, self.moment, block)? {
                    self.found.insert(one.no);
                    let connected = Connected::of(&one);
                    let fresh = connected.keys.iter().copied();
                    hashes.extend(fresh.filter(|hash| self.followed.insert(*hash)));
                    added.push(connected);
                }
            }
            frontier = filed(reading, self.tenant, &BEARING, &hashes, &self.moved.bearing)?;
        }
        Ok(added)
    }

    /// What links led to.
    fn pointed_at(&self, reading: &mut Reading<'_>, from: &[Connected]) -> Result<Vec<i64>, Error> {
        let natives: BTreeSet<_> = from.iter().flat_map(|one| one.natives.iter()).collect();
        let natives: Vec<_> = natives.into_iter().cloned().collect();
        let hashes: BTreeSet<_> = from.iter().flat_map(|one| &one.targets).copied().collect();
        let hashes: Vec<_> = hashes.into_iter().collect();
        let mut to = reading.numbers_of(self.tenant, &natives)?;
        to.extend(filed(
            reading,
            self.tenant,
            &BEARING,
            &hashes,
            &self.moved.bearing,
        )?);
        Ok(to)
    }

    /// What had links that led to these.
    fn pointing(&self, reading: &mut Reading<'_>, to: &[Connected]) -> Result<Vec<i64>, Error> {
        let hashes: BTreeSet<_> = to
            .iter()
            .flat_map(|one| one.keys.iter().chain([&one.own]))
            .copied()
            .collect();
        let hashes: Vec<_> = hashes.into_iter().collect();
        filed(
            reading,
            self.tenant,
            &POINTING,
            &hashes,
            &self.moved.pointing,
        )
    }
}

/// The numbers of what is filed under these hashes now, and of what was then. Some of the first
/// may have come there since: how each stood says so.
fn filed(
    reading: &mut Reading<'_>,
    tenant: &Tenant,
    bulk: &Bulk<'_>,
    hashes: &[Hash],
    moved: &Filed,
) -> Result<Vec<i64>, Error> {
    let asked: Vec<_> = hashes
        .iter()
        .map(|hash| vec![Value::from(hash.as_slice())])
        .collect();
    let mut all = numbers(reading.bulk_rows(bulk, &[tenant.into()], &asked)?)?;
    all.extend(hashes.iter().filter_map(|hash| moved.get(hash)).flatten());
    all.sort_unstable();
    all.dedup();
    Ok(all)
}
