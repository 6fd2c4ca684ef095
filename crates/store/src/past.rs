//! The roll of another moment: how each sighting stood then, and where it is put together again.
//!
//! A store keeps every version of every sighting, so what was true at a moment is read from them;
//! which sightings were one thing follows from the keys they had then, by the rules that say it
//! now. A moment is put together in a store of its own, which every question reads as it reads
//! the present.

mod around;
mod before;
mod ground;
mod kept;

use std::collections::BTreeSet;

use model::{EntityId, Observation, SightingKey, Tenant, Timestamp};

pub(crate) use before::{filed_before, fill_before, named_before};

use crate::engine::Bulk;
use crate::sightings::{KEY_COLUMNS, key_values, sighting_key};
use crate::value::{Row, Type, Value};
use crate::{Error, Reading, Writing};

/// A moment on both axes of time (decision 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What was true at this instant …
    pub at: Timestamp,
    /// … as it was known at this one.
    pub known: Timestamp,
}

impl Moment {
    /// Until when decisions and passes belong to it: what came later was neither true nor known.
    pub fn until(&self) -> Timestamp {
        self.at.min(self.known)
    }
}

/// A sighting as it stood at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stood {
    /// Its number: sightings are numbered from 1 in the order in which they came.
    pub no: i64,
    /// Which sighting.
    pub key: SightingKey,
    /// What was seen of it last.
    pub observation: Observation,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// From when what was seen was true, if that was told.
    pub valid_from: Option<Timestamp>,
    /// When it was first seen as it stood.
    pub since: Timestamp,
    /// Since when a complete pass did not find it, if that was so then and known.
    pub missing_since: Option<Timestamp>,
    pass: i64,
}

/// When a version began: when the source says so, and at the latest when it was seen.
macro_rules! begun {
    ($of:literal, $since:literal) => {
        concat!(
            "CASE WHEN ",
            $of,
            ".valid_from < ",
            $of,
            ".",
            $since,
            " THEN ",
            $of,
            ".valid_from ELSE ",
            $of,
            ".",
            $since,
            " END"
        )
    };
}

/// Sightings whose present version had begun by the moment ($2: known, $3: at).
const STANDING: Bulk = Bulk {
    sql: concat!(
        "SELECT s.no, s.source, s.kind, s.native, s.first_pass, s.first_seen, s.valid_from,
           s.since, s.missing_since, 'missing', b.body
         FROM {rows} JOIN sighting_body b ON b.tenant = $1 AND b.no = r.no
         JOIN sighting s ON s.tenant = b.tenant AND s.source = b.source AND s.kind = b.kind
           AND s.native = b.native
         WHERE s.since <= $2 AND ",
        begun!("s", "since"),
        " <= $3"
    ),
    columns: &[("no", Type::Int)],
};

/// The last version that had begun by the moment, of sightings whose present one had not.
const PAST: Bulk = Bulk {
    sql: concat!(
        "SELECT s.no, s.source, s.kind, s.native, s.first_pass, s.first_seen, p.valid_from,
           p.seen_from, p.seen_to, p.ended, p.body
         FROM {rows} JOIN sighting_past p ON p.tenant = $1 AND p.no = r.no
         JOIN sighting_body b ON b.tenant = p.tenant AND b.no = p.no
         JOIN sighting s ON s.tenant = b.tenant AND s.source = b.source AND s.kind = b.kind
           AND s.native = b.native
         WHERE p.seen_from <= $2 AND ",
        begun!("p", "seen_from"),
        " <= $3 AND NOT (s.since <= $2 AND ",
        begun!("s", "since"),
        " <= $3) AND NOT EXISTS (SELECT 1 FROM sighting_past q WHERE q.tenant = p.tenant
             AND q.no = p.no AND q.version > p.version AND q.seen_from <= $2 AND ",
        begun!("q", "seen_from"),
        " <= $3)"
    ),
    columns: &[("no", Type::Int)],
};

impl Reading<'_> {
    /// How many sightings were ever numbered.
    pub fn last_number(&mut self, tenant: &Tenant) -> Result<i64, Error> {
        let row = self.row(
            "SELECT sightings FROM roll_head WHERE tenant = $1",
            &[tenant.into()],
        )?;
        Ok(row.map(|mut row| row.int()).transpose()?.unwrap_or(0))
    }

    /// How the sightings of these numbers stood at a moment, by number; those that were not
    /// there yet, or not known, are left out. One that was missing then says since when.
    pub fn stood(
        &mut self,
        tenant: &Tenant,
        moment: Moment,
        numbers: &[i64],
    ) -> Result<Vec<Stood>, Error> {
        let asked: Vec<_> = numbers.iter().map(|no| vec![Value::from(*no)]).collect();
        let fixed = [tenant.into(), moment.known.into(), moment.at.into()];
        let mut all = Vec::with_capacity(numbers.len());
        for bulk in [&STANDING, &PAST] {
            for row in self.bulk_rows(bulk, &fixed, &asked)? {
                all.push(stood(row, moment)?);
            }
        }
        all.sort_by_key(|one| one.no);
        all.dedup_by_key(|one| one.no);
        Ok(all)
    }

    /// The numbers of sightings, in no order; those the store does not know are left out.
    pub fn numbers_of(&mut self, tenant: &Tenant, keys: &[SightingKey]) -> Result<Vec<i64>, Error> {
        const NUMBERS: Bulk = Bulk {
            sql: "SELECT s.no FROM {rows} JOIN sighting s ON s.tenant = $1
                  AND s.source = r.source AND s.kind = r.kind AND s.native = r.native",
            columns: KEY_COLUMNS,
        };
        let asked: Vec<_> = keys.iter().map(key_values).collect();
        numbers(self.bulk_rows(&NUMBERS, &[tenant.into()], &asked)?)
    }

    /// Sightings that belong to a thing which bears the id of another one, with that thing's id:
    /// at most `limit` after the last of the page before.
    pub fn joined(
        &mut self,
        tenant: &Tenant,
        after: Option<&(EntityId, SightingKey)>,
        limit: usize,
    ) -> Result<Vec<(EntityId, SightingKey)>, Error> {
        let mut params = vec![tenant.into(), limit.into()];
        let mut from = "";
        if let Some((entity, key)) = after {
            from = "AND (entity, source, kind, native) > ($3, $4, $5, $6)";
            params.push(entity.into());
            params.extend(key_values(key));
        }
        let sql = format!(
            "SELECT entity, source, kind, native FROM sighting WHERE tenant = $1 AND joined = 1
             {from} ORDER BY entity, source, kind, native LIMIT $2"
        );
        let rows = self.rows(&sql, &params)?.into_iter();
        rows.map(|mut row| Ok((row.parsed("an entity's id")?, sighting_key(&mut row)?)))
            .collect()
    }

    /// Which of these ids lead to a thing, as its id or as one that it had.
    pub fn leading(
        &mut self,
        tenant: &Tenant,
        ids: &[EntityId],
    ) -> Result<BTreeSet<EntityId>, Error> {
        const LEADING: Bulk = Bulk {
            sql: "SELECT r.id FROM {rows} WHERE EXISTS (SELECT 1 FROM alias a
                    WHERE a.tenant = $1 AND a.old = r.id)
                  OR EXISTS (SELECT 1 FROM entity e WHERE e.tenant = $1 AND e.id = r.id)",
            columns: &[("id", Type::Text)],
        };
        let asked: Vec<_> = ids.iter().map(|id| vec![Value::from(id)]).collect();
        let rows = self.bulk_rows(&LEADING, &[tenant.into()], &asked)?;
        let ids = rows.into_iter();
        ids.map(|mut row| row.parsed("an entity's id")).collect()
    }
}

impl Writing<'_> {
    /// Lets older ids resolve, each to the thing named with it.
    pub fn recall_aliases(
        &mut self,
        tenant: &Tenant,
        aliases: &[(EntityId, EntityId)],
    ) -> Result<(), Error> {
        const PUT: Bulk = Bulk {
            sql: "INSERT INTO alias (tenant, old, id) SELECT $1, r.old, r.id FROM {rows}
                  WHERE true ON CONFLICT (tenant, old) DO UPDATE SET id = excluded.id",
            columns: &[("old", Type::Text), ("id", Type::Text)],
        };
        let rows: Vec<_> = aliases
            .iter()
            .map(|(old, id)| vec![Value::from(old), Value::from(id)])
            .collect();
        self.bulk(&PUT, &[tenant.into()], &rows)?;
        Ok(())
    }
}

impl Stood {
    /// The number of the pass that first saw it.
    pub(crate) const fn pass(&self) -> i64 {
        self.pass
    }
}

fn numbers(rows: Vec<Row>) -> Result<Vec<i64>, Error> {
    rows.into_iter().map(|mut row| row.int()).collect()
}

fn stood(mut row: Row, moment: Moment) -> Result<Stood, Error> {
    let no = row.int()?;
    let key = sighting_key(&mut row)?;
    let pass = row.int()?;
    let (first_seen, valid_from, since) = (row.time()?, row.time_opt()?, row.time()?);
    let ended = row.time_opt()?;
    let went_missing = row.text()? == "missing";
    Ok(Stood {
        no,
        key,
        pass,
        first_seen,
        valid_from,
        since,
        missing_since: ended.filter(|end| went_missing && *end <= moment.until()),
        observation: row.json("an observation")?,
    })
}
