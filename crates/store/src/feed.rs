//! The change feed: what happened to which entity, gapless and in commit order per shard (ST-3).

use std::collections::BTreeMap;

use model::{EntityId, Tenant, Timestamp};

use crate::engine::Bulk;
use crate::value::Type;
use crate::{Error, Reading, Writing};

/// Entries of each shard that are kept; a reader further behind has to rebuild from the roll.
pub const FEED_KEPT: i64 = 131_072;

/// Old entries that one write takes away at most from a shard (ST-8).
const TRIMMED_MAX: i64 = 4_096;

/// What happened to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happening {
    /// It came onto the roll.
    New,
    /// Its line changed.
    Changed,
    /// No source finds it any more.
    Missing,
    /// A source finds it again.
    Back,
    /// It is one with another; its id resolves to that one.
    Merged,
    /// Its sightings belong to others.
    Gone,
}

impl Happening {
    const ALL: [Self; 6] = [
        Self::New,
        Self::Changed,
        Self::Missing,
        Self::Back,
        Self::Merged,
        Self::Gone,
    ];

    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Back => "back",
            Self::Merged => "merged",
            Self::Gone => "gone",
        }
    }
}

/// One entry of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    /// From 1 in its shard, without a hole.
    pub seq: i64,
    /// When, as the writer was told.
    pub at: Timestamp,
    /// To which entity.
    pub entity: EntityId,
    /// What.
    pub what: Happening,
}

/// The shard of an entity: FNV-1a of its id.
fn shard_of(entity: &EntityId, shards: u32) -> u32 {
    let hash = entity.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash % shards.max(1)
}

impl Reading<'_> {
    /// How many shards the feed has: fixed when the store was made.
    pub const fn shards(&self) -> u32 {
        self.shards
    }

    /// The entries of a shard after `after`, in order.
    ///
    /// # Errors
    /// [`Error::BehindRetention`] if some of them are gone.
    pub fn changes(
        &mut self,
        tenant: &Tenant,
        shard: u32,
        after: i64,
        limit: usize,
    ) -> Result<Vec<FeedEntry>, Error> {
        let head = self.row(
            "SELECT floor FROM feed_head WHERE tenant = $1 AND shard = $2",
            &[tenant.into(), shard.into()],
        )?;
        let floor = head.map(|mut row| row.int()).transpose()?.unwrap_or(0);
        if after < floor {
            return Err(Error::BehindRetention {
                shard,
                asked: after,
                floor,
            });
        }
        let rows = self.rows(
            "SELECT seq, at, entity, what FROM feed
             WHERE tenant = $1 AND shard = $2 AND seq > $3 ORDER BY seq LIMIT $4",
            &[tenant.into(), shard.into(), after.into(), limit.into()],
        )?;
        let entries = rows.into_iter().map(|mut row| {
            Ok(FeedEntry {
                seq: row.int()?,
                at: row.time()?,
                entity: row.parsed("an entity's id")?,
                what: happening(&row.text()?)?,
            })
        });
        entries.collect()
    }

    /// The number of the last entry of a shard; 0 if there was none.
    pub fn feed_end(&mut self, tenant: &Tenant, shard: u32) -> Result<i64, Error> {
        let head = self.row(
            "SELECT seq FROM feed_head WHERE tenant = $1 AND shard = $2",
            &[tenant.into(), shard.into()],
        )?;
        Ok(head.map(|mut row| row.int()).transpose()?.unwrap_or(0))
    }
}

fn happening(word: &str) -> Result<Happening, Error> {
    Happening::ALL
        .into_iter()
        .find(|one| one.as_str() == word)
        .ok_or_else(|| Error::corrupt("what happened"))
}

impl Writing<'_> {
    /// Appends to the feed. Heads are locked in ascending order, so that two writers never wait
    /// for one another in a circle; they stay locked until the transaction ends, so that numbers
    /// become visible in their order.
    pub(crate) fn append_feed(
        &mut self,
        tenant: &Tenant,
        at: Timestamp,
        happened: Vec<(EntityId, Happening)>,
    ) -> Result<(), Error> {
        const ENTRY: Bulk = Bulk {
            sql: "INSERT INTO feed (tenant, shard, seq, at, entity, what)
                  SELECT $1, r.shard, r.seq, CAST($2 AS bigint), r.entity, r.what FROM {rows}",
            columns: &[
                ("shard", Type::Int),
                ("seq", Type::Int),
                ("entity", Type::Text),
                ("what", Type::Text),
            ],
        };
        let mut by_shard: BTreeMap<u32, Vec<(EntityId, Happening)>> = BTreeMap::new();
        for one in happened {
            by_shard
                .entry(shard_of(&one.0, self.shards))
                .or_default()
                .push(one);
        }
        let mut rows = Vec::new();
        for (shard, mut entries) in by_shard {
            entries.sort();
            let head = self.row(
                "INSERT INTO feed_head (tenant, shard, seq, floor) VALUES ($1, $2, $3, 0)
                 ON CONFLICT (tenant, shard) DO UPDATE SET seq = feed_head.seq + excluded.seq
                 RETURNING seq, floor",
                &[tenant.into(), shard.into(), entries.len().into()],
            )?;
            let mut head = head.ok_or_else(|| Error::corrupt("a shard without a head"))?;
            let (last, floor) = (head.int()?, head.int()?);
            let first = last - i64::try_from(entries.len()).unwrap_or(0) + 1;
            for (seq, (entity, what)) in (first..).zip(entries) {
                rows.push(vec![
                    shard.into(),
                    seq.into(),
                    (&entity).into(),
                    what.as_str().into(),
                ]);
            }
            self.trim_feed(tenant, shard, last, floor)?;
        }
        self.bulk(&ENTRY, &[tenant.into(), at.into()], &rows)?;
        Ok(())
    }

    fn trim_feed(
        &mut self,
        tenant: &Tenant,
        shard: u32,
        last: i64,
        floor: i64,
    ) -> Result<(), Error> {
        let over = last - FEED_KEPT - floor;
        if over < TRIMMED_MAX {
            return Ok(());
        }
        // A writer that adds more than a slice takes more than a slice away, or it never ends.
        let to = floor + over;
        let params = [tenant.into(), shard.into(), to.into()];
        self.run(
            "DELETE FROM feed WHERE tenant = $1 AND shard = $2 AND seq <= $3",
            &params,
        )?;
        self.run(
            "UPDATE feed_head SET floor = $3 WHERE tenant = $1 AND shard = $2",
            &params,
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_spread_over_all_shards() {
        let mut counts = [0_u32; 16];
        for n in 0..1_600 {
            let key = model::SightingKey {
                source: model::SourceId::new("files", "host"),
                kind: model::Kind::Credential,
                native: n.to_string(),
            };
            counts[shard_of(&EntityId::of(&key), 16) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (50..200).contains(count)),
            "{counts:?}"
        );
    }
}
