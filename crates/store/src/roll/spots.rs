//! Spots: the entities of one cell that the same sources see. Counted by delta, as cells are.

use std::collections::{BTreeMap, BTreeSet};

use model::{SourceId, Tenant};

use crate::closure::filed;
use crate::engine::Bulk;
use crate::value::{Type, Value};
use crate::{Error, Writing};

/// Where a line belongs: the number of its cell, and who sees it.
pub(super) type Place<'a> = (i64, &'a BTreeSet<SourceId>);

/// What tells one set of sources from every other: one by its id, several by their hash.
fn seen_by(sources: &BTreeSet<SourceId>) -> String {
    match (sources.first(), sources.len()) {
        (Some(only), 1) => format!("one:{}", only.as_str()),
        _ => {
            let names: Vec<_> = sources.iter().map(SourceId::as_str).collect();
            let digits = filed(&names).map(|byte| format!("{byte:02x}"));
            format!("all:{}", digits.concat())
        }
    }
}

impl Writing<'_> {
    /// The number of each spot; spots that are not there yet are made, empty.
    pub(super) fn spots<'a>(
        &mut self,
        tenant: &Tenant,
        wanted: &BTreeSet<Place<'a>>,
    ) -> Result<BTreeMap<Place<'a>, i64>, Error> {
        const FIND: Bulk = Bulk {
            sql: "SELECT r.n, p.spot FROM {rows} JOIN spot p ON p.tenant = $1 AND p.cell = r.cell
                    AND p.seen_by = r.seen_by",
            columns: SPOT_COLUMNS,
        };
        const MAKE: Bulk = Bulk {
            sql: "INSERT INTO spot (tenant, spot, cell, seen_by, n)
                  SELECT $1, r.n, r.cell, r.seen_by, 0 FROM {rows}",
            columns: SPOT_COLUMNS,
        };
        const SOURCES: Bulk = Bulk {
            sql: "INSERT INTO spot_source (tenant, spot, source)
                  SELECT $1, r.spot, r.source FROM {rows}",
            columns: &[("spot", Type::Int), ("source", Type::Text)],
        };
        let numbered = |n: i64, (cell, sources): &Place<'_>| {
            vec![n.into(), (*cell).into(), seen_by(sources).into()]
        };
        let asked: Vec<_> = (0..)
            .zip(wanted)
            .map(|(n, place)| numbered(n, place))
            .collect();
        let mut known = BTreeMap::new();
        for mut row in self.bulk_rows(&FIND, &[tenant.into()], &asked)? {
            known.insert(row.int()?, row.int()?);
        }
        let unknown = wanted.len() - known.len();
        if unknown == 0 {
            return Ok(placed(wanted, &known));
        }
        let mut next = self.take_numbers(tenant, "cells", unknown)?;
        let (mut made, mut sources) = (Vec::new(), Vec::new());
        for (n, place) in (0..).zip(wanted) {
            if known.contains_key(&n) {
                continue;
            }
            made.push(numbered(next, place));
            let seen_by = place.1.iter();
            sources.extend(seen_by.map(|source| vec![Value::from(next), source.into()]));
            known.insert(n, next);
            next += 1;
        }
        self.bulk(&MAKE, &[tenant.into()], &made)?;
        self.bulk(&SOURCES, &[tenant.into()], &sources)?;
        Ok(placed(wanted, &known))
    }

    /// Adds to how many entities spots hold; one that holds none any more is gone.
    pub(super) fn move_spots(
        &mut self,
        tenant: &Tenant,
        moves: &BTreeMap<i64, i64>,
    ) -> Result<(), Error> {
        const MOVE: Bulk = Bulk {
            sql: "UPDATE spot SET n = n + r.by FROM {rows}
                  WHERE spot.tenant = $1 AND spot.spot = r.spot RETURNING spot.spot, spot.n",
            columns: &[("spot", Type::Int), ("by", Type::Int)],
        };
        const EMPTY: [&str; 2] = [
            "DELETE FROM spot_source WHERE (tenant, spot) IN (SELECT $1, r.spot FROM {rows})",
            "DELETE FROM spot WHERE (tenant, spot) IN (SELECT $1, r.spot FROM {rows})",
        ];
        let rows: Vec<_> = moves
            .iter()
            .map(|(spot, by)| vec![(*spot).into(), (*by).into()])
            .collect();
        let mut empty = Vec::new();
        for mut row in self.bulk_rows(&MOVE, &[tenant.into()], &rows)? {
            let spot = row.int()?;
            if row.int()? <= 0 {
                empty.push(vec![Value::from(spot)]);
            }
        }
        for sql in EMPTY {
            let columns = &[("spot", Type::Int)];
            self.bulk(&Bulk { sql, columns }, &[tenant.into()], &empty)?;
        }
        Ok(())
    }
}

fn placed<'a>(
    wanted: &BTreeSet<Place<'a>>,
    numbers: &BTreeMap<i64, i64>,
) -> BTreeMap<Place<'a>, i64> {
    let places = (0..).zip(wanted);
    places
        .filter_map(|(n, place)| Some((*place, *numbers.get(&n)?)))
        .collect()
}

const SPOT_COLUMNS: &[(&str, Type)] = &[
    ("n", Type::Int),
    ("cell", Type::Int),
    ("seen_by", Type::Text),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_sets_of_sources_are_told_alike() {
        let sets = [
            vec!["a"],
            vec!["b"],
            vec!["a", "b"],
            vec!["ab"],
            vec!["a", "b", "c"],
            vec![],
        ];
        let told: BTreeSet<_> = sets
            .iter()
            .map(|names| {
                seen_by(
                    &names
                        .iter()
                        .map(|name| SourceId::new("files", name))
                        .collect(),
                )
            })
            .collect();
        assert_eq!(told.len(), sets.len());
    }
}
