//! How many lines of each spot expire, and were last used, on each day: kept by delta, as spots
//! are.

use std::collections::BTreeMap;

use model::{Tenant, Timestamp};

use super::{Filter, Row};
use crate::engine::Bulk;
use crate::value::{Type, Value};
use crate::{Error, Reading, Writing};

/// What happens on a day, in the words of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Expires,
    Used,
}

impl What {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Expires => "expires",
            Self::Used => "used",
        }
    }

    /// Where a line tells it.
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Expires => "expires_at",
            Self::Used => "last_used_at",
        }
    }
}

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;

/// The day, counted from 1970, that holds `at`.
pub(super) const fn day_of(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY)
}

/// By how much the numbers of days change.
#[derive(Default)]
pub(super) struct Days(BTreeMap<(What, i64, i64), i64>);

impl Days {
    /// One line of `spot` more, or, with -1, one less.
    pub(super) fn add(&mut self, row: &Row, spot: i64, by: i64) {
        for (what, told) in [
            (What::Expires, &row.expires_at),
            (What::Used, &row.last_used_at),
        ] {
            if let Some(at) = told.is() {
                *self.0.entry((what, day_of(*at), spot)).or_default() += by;
            }
        }
    }
}

impl Writing<'_> {
    /// Adds to how many lines there are of each day; where there are none any more, nothing stays.
    pub(super) fn move_days(&mut self, tenant: &Tenant, moves: &Days) -> Result<(), Error> {
        const MOVE: Bulk = Bulk {
            sql: "INSERT INTO day (tenant, what, day, spot, n)
                  SELECT $1, r.what, r.day, r.spot, r.by FROM {rows}
                  WHERE true ON CONFLICT (tenant, what, day, spot)
                  DO UPDATE SET n = day.n + excluded.n",
            columns: &[
                ("what", Type::Text),
                ("day", Type::Int),
                ("spot", Type::Int),
                ("by", Type::Int),
            ],
        };
        const EMPTY: Bulk = Bulk {
            sql: "DELETE FROM day WHERE (tenant, what, day, spot) IN
                  (SELECT $1, r.what, r.day, r.spot FROM {rows}) AND n <= 0",
            columns: &[
                ("what", Type::Text),
                ("day", Type::Int),
                ("spot", Type::Int),
            ],
        };
        let place = |(what, day, spot): &(What, i64, i64)| -> Vec<Value> {
            vec![what.as_str().into(), (*day).into(), (*spot).into()]
        };
        let moved = moves.0.iter().filter(|(_, by)| **by != 0);
        let rows: Vec<_> = moved
            .clone()
            .map(|(at, by)| {
                let mut values = place(at);
                values.push((*by).into());
                values
            })
            .collect();
        self.bulk(&MOVE, &[tenant.into()], &rows)?;
        let fewer = moved.filter(|(_, by)| **by < 0);
        let rows: Vec<_> = fewer.map(|(at, _)| place(at)).collect();
        self.bulk(&EMPTY, &[tenant.into()], &rows)?;
        Ok(())
    }
}

impl Reading<'_> {
    /// How many lines of each cell `filter` means, of which `what` is asked to be before an
    /// instant and nothing else that cells and spots do not tell.
    pub(super) fn count_by_day(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        what: What,
        before: Timestamp,
    ) -> Result<BTreeMap<i64, u64>, Error> {
        let last = day_of(before);
        let mut counted = BTreeMap::new();
        let (spots, mut params) = filter.spots(tenant).map_or_else(
            || (String::new(), vec![tenant.into()]),
            |(sql, params)| (format!(" AND d.spot IN ({sql})"), params),
        );
        params.extend([what.as_str().into(), last.into()]);
        let sql = format!(
            "SELECT p.cell, CAST(sum(d.n) AS bigint) FROM day d
             JOIN spot p ON p.tenant = d.tenant AND p.spot = d.spot
             WHERE d.tenant = $1 AND d.what = ${} AND d.day < ${}{spots} GROUP BY p.cell",
            params.len() - 1,
            params.len(),
        );
        let days = self.rows(&sql, &params)?;
        // The last day has not passed when the instant comes.
        let column = what.column();
        let mut conditions = filter.in_cells(tenant);
        let begins = last.saturating_mul(DAY);
        conditions.and(&format!("e.{column} >= ?"), begins.into());
        conditions.and(&format!("e.{column} < ?"), before.into());
        let sql = format!(
            "SELECT e.cell, count(*) FROM entity e WHERE e.tenant = $1{} GROUP BY e.cell",
            conditions.text
        );
        let lines = self.rows(&sql, &conditions.params)?;
        for mut row in days.into_iter().chain(lines) {
            let (cell, n) = (row.int()?, row.count()?);
            *counted.entry(cell).or_default() += n;
        }
        Ok(counted)
    }
}
