//! What stood beside the sightings at a moment: passes with their gaps, and plans.

use std::collections::{BTreeMap, BTreeSet};

use model::{Tenant, Timestamp};

use crate::engine::{Bulk, Mode, Session};
use crate::passes::LOOKED_AT_MAX;
use crate::tables::{Table, tables};
use crate::value::{Type, Value};
use crate::{Durability, Error, Store};

/// Tables whose rows say when they came to be, with which of them belong to an instant ($2).
const KEPT: [(&str, &str); 2] = [
    ("pass", "tenant = $1 AND started <= $2"),
    ("plan", "tenant = $1 AND created <= $2"),
];

impl Store {
    /// Puts into `to`, which holds none yet, the passes that had begun `until` then and the plans
    /// there were. A pass that ended later was under way. Of what could not be read, what the
    /// latest passes met is put there: nobody asks for more of it.
    ///
    /// # Errors
    /// Either store refused or broke.
    pub fn recall_passes(&self, tenant: &Tenant, until: Timestamp, to: &Self) -> Result<(), Error> {
        let of_then = [tenant.into(), until.into()];
        let mut source = self.engine().begin(Mode::Read)?;
        let mut target = to.engine().begin(Mode::Write(Durability::Repeatable))?;
        let tables = tables();
        for (name, only) in KEPT {
            let table = named(&tables, name)?;
            table.each_row_of(source.as_mut(), only, &of_then, |page| {
                table.insert(target.as_mut(), &page)
            })?;
        }
        let gaps = named(&tables, "gap")?;
        for pass in latest(source.as_mut(), &of_then)? {
            let met = met(source.as_mut(), gaps, tenant, pass)?;
            gaps.insert(target.as_mut(), &met)?;
        }
        target.run(
            "UPDATE pass SET finished = NULL, outcome = NULL, seen = 0, added = 0, changed = 0,
               missing = 0, back = 0, gaps = 0, gaps_kept = 0
             WHERE tenant = $1 AND finished > $2",
            &of_then,
        )?;
        target.commit()
    }
}

fn named<'t>(tables: &'t [Table], name: &str) -> Result<&'t Table, Error> {
    let table = tables.iter().find(|table| table.name == name);
    table.ok_or_else(|| Error::corrupt("a schema of its own"))
}

/// Source and number of the passes whose gaps are asked for: those from which it follows when
/// anything was last seen, and the latest of each part.
fn latest(session: &mut dyn Session, of_then: &[Value]) -> Result<Vec<Vec<Value>>, Error> {
    let rows = session.rows(
        "SELECT source, pass, scope, outcome FROM pass
         WHERE tenant = $1 AND finished <= $2 AND gaps_kept > 0 ORDER BY source, pass DESC",
        of_then,
    )?;
    let (mut looked_at, mut parts) = (BTreeMap::<String, usize>::new(), BTreeSet::new());
    let mut passes = Vec::new();
    for mut row in rows {
        let (source, pass) = (row.text()?, row.int()?);
        let (part, outcome) = (row.text()?, row.text()?);
        let looked_at = looked_at.entry(source.clone()).or_default();
        let near = *looked_at < LOOKED_AT_MAX;
        *looked_at += usize::from(outcome != "failed");
        if parts.insert((source.clone(), part)) || near {
            passes.push(vec![source.into(), pass.into()]);
        }
    }
    Ok(passes)
}

/// The rows of what one pass met.
fn met(
    session: &mut dyn Session,
    gaps: &Table,
    tenant: &Tenant,
    pass: Vec<Value>,
) -> Result<Vec<Vec<Value>>, Error> {
    let names: Vec<_> = gaps
        .names()
        .into_iter()
        .map(|name| format!("g.{name}"))
        .collect();
    let sql = format!(
        "SELECT {} FROM {{rows}} JOIN gap g ON g.tenant = $1 AND g.source = r.source
           AND g.pass = r.pass",
        names.join(", ")
    );
    let met = Bulk {
        sql: &sql,
        columns: &[("source", Type::Text), ("pass", Type::Int)],
    };
    let rows = session.bulk_rows(&met, &[tenant.into()], &[pass])?;
    Ok(rows.into_iter().map(crate::value::Row::values).collect())
}
