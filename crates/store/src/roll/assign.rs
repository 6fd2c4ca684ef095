//! Writing the roll: lines that differ, where sightings point, counts by delta, the feed.

use std::collections::{BTreeMap, BTreeSet};

use model::{EntityId, Tenant, Timestamp};

use super::blocks::Named;
use super::days::Days;
use super::facts::{self, Facts, Retold};
use super::names::{self, Renamed};
use super::{Assigned, Row, bounded, row, values};
use crate::engine::Bulk;
use crate::feed::Happening;
use crate::past::named_before;
use crate::sightings::key_values;
use crate::value::{Type, Value};
use crate::{Error, Writing};

/// What filters and facets ask for: one cell of the cube. An empty text: nothing is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    kind: &'static str,
    listed: bool,
    missing: bool,
    owned: bool,
    class: String,
    type_: String,
    provider: String,
    environment: String,
    status: String,
    privilege: String,
}

impl Cell {
    fn of(row: &Row) -> Self {
        let word = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            kind: row.kind.as_str(),
            listed: row.listed,
            missing: row.missing_since.is_some(),
            owned: row.owner.is_some(),
            class: word(&row.class),
            type_: row.type_.clone(),
            provider: row.provider.clone(),
            environment: word(&row.environment),
            status: word(&row.status),
            privilege: word(&row.privilege),
        }
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.kind.into(),
            self.listed.into(),
            self.missing.into(),
            self.owned.into(),
            (&self.class).into(),
            (&self.type_).into(),
            (&self.provider).into(),
            (&self.environment).into(),
            (&self.status).into(),
            (&self.privilege).into(),
        ]
    }
}

/// A line as it stands.
struct Old {
    row: Row,
    cell: i64,
    spot: i64,
    founder: i64,
}

/// A line as it is to stand.
struct Line<'a> {
    row: Row,
    one: &'a Assigned,
    cell: i64,
    spot: i64,
}

impl Writing<'_> {
    /// Writes lines of the roll that differ from what is there, points sightings at them, lets
    /// older ids resolve to them, and takes `emptied` off the roll: entities without members.
    ///
    /// Each line that changes is one entry of the change feed, written in this transaction.
    ///
    /// # Errors
    /// [`Error::Conflict`] if a line has no member the store knows.
    pub fn assign(
        &mut self,
        tenant: &Tenant,
        now: Timestamp,
        assigned: &[Assigned],
        emptied: &[EntityId],
    ) -> Result<(), Error> {
        self.lock_roll(tenant)?;
        let lines = self.placed(tenant, assigned)?;
        let staying: BTreeSet<_> = lines.iter().map(|line| &line.row.id).collect();
        let leaving: BTreeSet<_> = emptied
            .iter()
            .chain(assigned.iter().flat_map(|one| &one.aliases))
            .filter(|id| !staying.contains(id))
            .collect();
        let asked: Vec<_> = staying.iter().chain(&leaving).copied().cloned().collect();
        let old = self.standing_lines(tenant, &asked)?;

        let mut feed = Vec::new();
        let mut written = Vec::new();
        for line in &lines {
            let before = old.get(&line.row.id);
            if before.is_none_or(|old| old.row != line.row || old.spot != line.spot) {
                let what = happened(before.map(|old| &old.row), &line.row);
                feed.push((line.row.id.clone(), what));
                written.push(line);
            }
        }
        let gone: Vec<_> = leaving.iter().filter(|id| old.contains_key(**id)).collect();
        let aliases: BTreeSet<_> = assigned.iter().flat_map(|one| &one.aliases).collect();
        for id in &gone {
            let merged = aliases.contains(**id);
            let what = if merged {
                Happening::Merged
            } else {
                Happening::Gone
            };
            feed.push(((**id).clone(), what));
        }
        let left: Vec<_> = written
            .iter()
            .map(|line| &line.row.id)
            .chain(gone.iter().map(|id| **id))
            .filter_map(|id| old.get(id))
            .collect();
        let moves = Moves::of(&written, &left);
        let founders = self.write_lines(tenant, &written)?;
        let renamed = renamed(&written, &left, &founders);
        let retold = retold(&written, &left, &founders);
        self.point_sightings(tenant, &lines)?;
        self.take_off(tenant, &gone.iter().map(|id| **id).collect::<Vec<_>>())?;
        self.write_aliases(tenant, &lines)?;
        self.move_counts(tenant, &moves.cells)?;
        self.move_spots(tenant, &moves.spots)?;
        self.move_days(tenant, &moves.days)?;
        let bore = left.iter().map(|old| (old.row.name.as_str(), old.founder));
        let bear: BTreeSet<_> = written
            .iter()
            .filter_map(|line| Some((line.row.name.as_str(), *founders.get(&line.row.id)?)))
            .collect();
        let no_more = bore.filter(|one| !bear.contains(one));
        named_before(self.session.as_mut(), &tenant.into(), no_more)?;
        names::write(self.session.as_mut(), &tenant.into(), renamed)?;
        facts::write(self.session.as_mut(), &tenant.into(), retold)?;
        self.append_feed(tenant, now, feed)
    }

    /// The lines in the order of their ids, with the numbers of their cells and spots.
    fn placed<'a>(
        &mut self,
        tenant: &Tenant,
        assigned: &'a [Assigned],
    ) -> Result<Vec<Line<'a>>, Error> {
        let mut rows: Vec<_> = assigned
            .iter()
            .map(|one| (bounded(&one.row), one))
            .collect();
        rows.sort_by(|a, b| a.0.id.cmp(&b.0.id));
        let cells = self.cells(tenant, rows.iter().map(|(row, _)| Cell::of(row)))?;
        let wanted = rows
            .iter()
            .map(|(row, one)| (cells[&Cell::of(row)], &one.sources))
            .collect();
        let spots = self.spots(tenant, &wanted)?;
        let lines = rows.into_iter().map(|(row, one)| {
            let cell = cells[&Cell::of(&row)];
            let spot = spots[&(cell, &one.sources)];
            Line {
                row,
                one,
                cell,
                spot,
            }
        });
        Ok(lines.collect())
    }

    fn standing_lines(
        &mut self,
        tenant: &Tenant,
        ids: &[EntityId],
    ) -> Result<BTreeMap<EntityId, Old>, Error> {
        const LINES: Bulk = Bulk {
            sql: "SELECT e.id, e.kind, e.listed, e.name, e.type, e.provider, e.class,
                    e.environment, e.status, e.privilege, e.holder, e.owner, e.owner_hint,
                    e.sources, e.places, e.credentials, e.created_at, e.rotated_at,
                    e.last_used_at, e.expires_at, e.absent, e.first_seen, e.missing_since, e.cell,
                    e.spot, e.founder
                  FROM {rows} JOIN entity e ON e.tenant = $1 AND e.id = r.id",
            columns: &[("id", Type::Text)],
        };
        let asked: Vec<_> = ids.iter().map(|id| vec![Value::from(id)]).collect();
        let mut lines = BTreeMap::new();
        for mut cells in self.bulk_rows(&LINES, &[tenant.into()], &asked)? {
            let row = row(&mut cells)?;
            let old = Old {
                cell: cells.int()?,
                spot: cells.int()?,
                founder: cells.int()?,
                row,
            };
            lines.insert(old.row.id.clone(), old);
        }
        Ok(lines)
    }

    /// The number of each cell; cells that are not there yet are made, empty.
    fn cells(
        &mut self,
        tenant: &Tenant,
        wanted: impl Iterator<Item = Cell>,
    ) -> Result<BTreeMap<Cell, i64>, Error> {
        const FIND: Bulk = Bulk {
            sql: "SELECT r.n, c.cell FROM {rows} JOIN cube c ON c.tenant = $1 AND c.kind = r.kind
                    AND c.listed = r.listed AND c.missing = r.missing AND c.class = r.class
                    AND c.type = r.type AND c.provider = r.provider
                    AND c.environment = r.environment AND c.status = r.status
                    AND c.owned = r.owned AND c.privilege = r.privilege",
            columns: CELL_COLUMNS,
        };
        const MAKE: Bulk = Bulk {
            sql: "INSERT INTO cube (tenant, cell, kind, listed, missing, owned, class, type,
                    provider, environment, status, privilege, n)
                  SELECT $1, r.n, r.kind, r.listed, r.missing, r.owned, r.class, r.type,
                    r.provider, r.environment, r.status, r.privilege, 0 FROM {rows}",
            columns: CELL_COLUMNS,
        };
        let wanted: BTreeSet<_> = wanted.collect();
        let wanted: Vec<_> = wanted.into_iter().collect();
        let numbered = |n: i64, cell: &Cell| {
            let mut values = vec![Value::from(n)];
            values.extend(cell.values());
            values
        };
        let asked: Vec<_> = (0..)
            .zip(&wanted)
            .map(|(n, cell)| numbered(n, cell))
            .collect();
        let mut numbers = vec![None; wanted.len()];
        for mut cells in self.bulk_rows(&FIND, &[tenant.into()], &asked)? {
            let n = usize::try_from(cells.int()?).unwrap_or(usize::MAX);
            if let Some(number) = numbers.get_mut(n) {
                *number = Some(cells.int()?);
            }
        }
        let unknown = numbers.iter().filter(|number| number.is_none()).count();
        let mut next = self.take_numbers(tenant, "cells", unknown)?;
        let mut made = Vec::with_capacity(unknown);
        let mut cells = BTreeMap::new();
        for (cell, number) in wanted.into_iter().zip(numbers) {
            let number = number.unwrap_or_else(|| {
                made.push(numbered(next, &cell));
                next += 1;
                next - 1
            });
            cells.insert(cell, number);
        }
        self.bulk(&MAKE, &[tenant.into()], &made)?;
        Ok(cells)
    }

    /// Answers the number of the founder of each.
    fn write_lines(
        &mut self,
        tenant: &Tenant,
        written: &[&Line<'_>],
    ) -> Result<BTreeMap<EntityId, i64>, Error> {
        let mut lines = Vec::with_capacity(written.len());
        for line in written {
            let founder = line.one.members.iter().min().ok_or(NO_MEMBER)?;
            let mut cells = values(&line.row);
            cells.extend([line.cell.into(), line.spot.into()]);
            cells.extend(key_values(founder));
            lines.push(cells);
        }
        let mut founders = BTreeMap::new();
        for mut row in self.bulk_rows(&LINE, &[tenant.into()], &lines)? {
            founders.insert(row.parsed("an entity's id")?, row.int()?);
        }
        if founders.len() < lines.len() {
            return Err(NO_MEMBER);
        }
        Ok(founders)
    }

    /// Every member names its entity; all but the smallest say that they joined it.
    fn point_sightings(&mut self, tenant: &Tenant, lines: &[Line<'_>]) -> Result<(), Error> {
        const POINT: Bulk = Bulk {
            sql: "UPDATE sighting SET entity = r.entity, joined = r.joined FROM {rows}
                  WHERE sighting.tenant = $1 AND sighting.source = r.source
                    AND sighting.kind = r.kind AND sighting.native = r.native
                    AND (sighting.entity <> r.entity OR sighting.joined <> r.joined)",
            columns: &[
                ("source", Type::Text),
                ("kind", Type::Text),
                ("native", Type::Text),
                ("entity", Type::Text),
                ("joined", Type::Int),
            ],
        };
        let mut pointed = BTreeMap::new();
        for line in lines {
            let founder = line.one.members.iter().min();
            for member in &line.one.members {
                pointed.insert(member, (&line.row.id, founder != Some(member)));
            }
        }
        let rows: Vec<_> = pointed
            .into_iter()
            .map(|(member, (id, joined))| {
                let mut values = key_values(member);
                values.extend([id.into(), joined.into()]);
                values
            })
            .collect();
        self.bulk(&POINT, &[tenant.into()], &rows)?;
        Ok(())
    }

    fn take_off(&mut self, tenant: &Tenant, gone: &[&EntityId]) -> Result<(), Error> {
        const GONE: Bulk = Bulk {
            sql: "DELETE FROM entity WHERE (tenant, id) IN (SELECT $1, r.id FROM {rows})",
            columns: &[("id", Type::Text)],
        };
        let rows: Vec<_> = gone.iter().map(|id| vec![Value::from(*id)]).collect();
        self.bulk(&GONE, &[tenant.into()], &rows)?;
        Ok(())
    }

    /// Older ids resolve in one step: what pointed at an older id points at the new one.
    fn write_aliases(&mut self, tenant: &Tenant, lines: &[Line<'_>]) -> Result<(), Error> {
        const PASSED_ON: Bulk = Bulk {
            sql: "UPDATE alias SET id = r.id FROM {rows}
                  WHERE alias.tenant = $1 AND alias.id = r.old",
            columns: ALIAS_COLUMNS,
        };
        const PUT: Bulk = Bulk {
            sql: "INSERT INTO alias (tenant, old, id) SELECT $1, r.old, r.id FROM {rows}
                  WHERE true ON CONFLICT (tenant, old) DO UPDATE SET id = excluded.id
                  WHERE alias.id <> excluded.id",
            columns: ALIAS_COLUMNS,
        };
        // An id that is in use again stands for itself.
        const OWN: Bulk = Bulk {
            sql: "DELETE FROM alias WHERE (tenant, old) IN (SELECT $1, r.id FROM {rows})",
            columns: &[("id", Type::Text)],
        };
        let mut aliases = BTreeMap::new();
        for line in lines {
            let id = &line.row.id;
            for old in line.one.aliases.iter().filter(|old| *old != id) {
                aliases.insert(old, id);
            }
        }
        let rows: Vec<_> = aliases
            .iter()
            .map(|(old, id)| vec![Value::from(*old), Value::from(*id)])
            .collect();
        let own: Vec<_> = lines
            .iter()
            .map(|line| vec![Value::from(&line.row.id)])
            .collect();
        self.bulk(&PASSED_ON, &[tenant.into()], &rows)?;
        self.bulk(&PUT, &[tenant.into()], &rows)?;
        self.bulk(&OWN, &[tenant.into()], &own)?;
        Ok(())
    }

    fn move_counts(&mut self, tenant: &Tenant, moves: &BTreeMap<i64, i64>) -> Result<(), Error> {
        const MOVE: Bulk = Bulk {
            sql: "UPDATE cube SET n = n + r.by FROM {rows}
                  WHERE cube.tenant = $1 AND cube.cell = r.cell",
            columns: &[("cell", Type::Int), ("by", Type::Int)],
        };
        const EMPTY: Bulk = Bulk {
            sql: "DELETE FROM cube WHERE (tenant, cell) IN (SELECT $1, r.cell FROM {rows})
                  AND n <= 0",
            columns: &[("cell", Type::Int)],
        };
        let moved = moves.iter().filter(|(_, by)| **by != 0);
        let rows: Vec<_> = moved
            .map(|(cell, by)| vec![(*cell).into(), (*by).into()])
            .collect();
        self.bulk(&MOVE, &[tenant.into()], &rows)?;
        let fewer = moves.iter().filter(|(_, by)| **by <= 0);
        let rows: Vec<_> = fewer.map(|(cell, _)| vec![(*cell).into()]).collect();
        self.bulk(&EMPTY, &[tenant.into()], &rows)?;
        Ok(())
    }
}

/// What blocks of names are to say of lines that were written, and of those that `left`.
fn renamed(written: &[&Line<'_>], left: &[&Old], founders: &BTreeMap<EntityId, i64>) -> Renamed {
    let before: BTreeMap<_, _> = left
        .iter()
        .map(|old| (old.founder, (old.spot, &old.row.name)))
        .collect();
    let mut renamed: Renamed = before.keys().map(|founder| (*founder, None)).collect();
    for line in written {
        let Some(founder) = founders.get(&line.row.id) else {
            continue;
        };
        if before.get(founder) == Some(&(line.spot, &line.row.name)) {
            renamed.remove(founder);
            continue;
        }
        let named = Named {
            spot: line.spot,
            name: line.row.name.clone(),
        };
        renamed.insert(*founder, Some(named));
    }
    renamed
}

/// The same of blocks of facts.
fn retold(written: &[&Line<'_>], left: &[&Old], founders: &BTreeMap<EntityId, i64>) -> Retold {
    let before: BTreeMap<_, _> = left
        .iter()
        .map(|old| (old.founder, Facts::of(&old.row, old.spot)))
        .collect();
    let mut retold: Retold = before.keys().map(|founder| (*founder, None)).collect();
    for line in written {
        if let Some(founder) = founders.get(&line.row.id) {
            retold.insert(*founder, Facts::of(&line.row, line.spot));
        }
    }
    retold.retain(|founder, facts| before.get(founder).unwrap_or(&None) != facts);
    retold
}

/// By how much the numbers of lines of cells, of spots and of days change.
#[derive(Default)]
struct Moves {
    cells: BTreeMap<i64, i64>,
    spots: BTreeMap<i64, i64>,
    days: Days,
}

impl Moves {
    fn of(written: &[&Line<'_>], left: &[&Old]) -> Self {
        let mut moves = Self::default();
        for line in written {
            *moves.cells.entry(line.cell).or_default() += 1;
            *moves.spots.entry(line.spot).or_default() += 1;
            moves.days.add(&line.row, line.spot, 1);
        }
        for old in left {
            *moves.cells.entry(old.cell).or_default() -= 1;
            *moves.spots.entry(old.spot).or_default() -= 1;
            moves.days.add(&old.row, old.spot, -1);
        }
        moves
    }
}

const NO_MEMBER: Error = Error::Conflict {
    what: "a line of the roll without a sighting",
};

fn happened(before: Option<&Row>, after: &Row) -> Happening {
    match before {
        None => Happening::New,
        Some(before) => match (before.missing_since, after.missing_since) {
            (None, Some(_)) => Happening::Missing,
            (Some(_), None) => Happening::Back,
            _ => Happening::Changed,
        },
    }
}

const ALIAS_COLUMNS: &[(&str, Type)] = &[("old", Type::Text), ("id", Type::Text)];

const CELL_COLUMNS: &[(&str, Type)] = &[
    ("n", Type::Int),
    ("kind", Type::Text),
    ("listed", Type::Int),
    ("missing", Type::Int),
    ("owned", Type::Int),
    ("class", Type::Text),
    ("type", Type::Text),
    ("provider", Type::Text),
    ("environment", Type::Text),
    ("status", Type::Text),
    ("privilege", Type::Text),
];

/// The columns of [`values`], then the cell and the spot, then the smallest member.
const LINE: Bulk = Bulk {
    sql: "INSERT INTO entity (tenant, founder, id, kind, listed, name, type, provider, class,
            environment, status, privilege, holder, owner, owner_hint, sources, places,
            credentials, created_at, rotated_at, last_used_at, expires_at, absent, first_seen,
            missing_since, cell, spot)
          SELECT $1, s.no, r.id, r.kind, r.listed, r.name, r.type, r.provider, r.class,
            r.environment, r.status, r.privilege, r.holder, r.owner, r.owner_hint, r.sources,
            r.places, r.credentials, r.created_at, r.rotated_at, r.last_used_at, r.expires_at,
            r.absent, r.first_seen, r.missing_since, r.cell, r.spot
          FROM {rows} JOIN sighting s ON s.tenant = $1 AND s.source = r.f_source
            AND s.kind = r.f_kind AND s.native = r.f_native
          WHERE true ON CONFLICT (tenant, id) DO UPDATE SET founder = excluded.founder,
            kind = excluded.kind, listed = excluded.listed, name = excluded.name,
            type = excluded.type, provider = excluded.provider, class = excluded.class,
            environment = excluded.environment, status = excluded.status,
            privilege = excluded.privilege, holder = excluded.holder, owner = excluded.owner,
            owner_hint = excluded.owner_hint, sources = excluded.sources,
            places = excluded.places, credentials = excluded.credentials,
            created_at = excluded.created_at, rotated_at = excluded.rotated_at,
            last_used_at = excluded.last_used_at, expires_at = excluded.expires_at,
            absent = excluded.absent, first_seen = excluded.first_seen,
            missing_since = excluded.missing_since, cell = excluded.cell,
            spot = excluded.spot
          RETURNING entity.id, entity.founder",
    columns: &[
        ("id", Type::Text),
        ("kind", Type::Text),
        ("listed", Type::Int),
        ("name", Type::Text),
        ("type", Type::Text),
        ("provider", Type::Text),
        ("class", Type::Text),
        ("environment", Type::Text),
        ("status", Type::Text),
        ("privilege", Type::Text),
        ("holder", Type::Text),
        ("owner", Type::Text),
        ("owner_hint", Type::Text),
        ("sources", Type::Int),
        ("places", Type::Int),
        ("credentials", Type::Int),
        ("created_at", Type::Int),
        ("rotated_at", Type::Int),
        ("last_used_at", Type::Int),
        ("expires_at", Type::Int),
        ("absent", Type::Int),
        ("first_seen", Type::Int),
        ("missing_since", Type::Int),
        ("cell", Type::Int),
        ("spot", Type::Int),
        ("f_source", Type::Text),
        ("f_kind", Type::Text),
        ("f_native", Type::Text),
    ],
};
