//! Keeping the blocks of names as the roll is, so that text is found in them.

use std::collections::{BTreeMap, BTreeSet};

use super::blocks::{Block, Named, Packed, Page, block_of, packed, page_of, unpack};
use crate::Error;
use crate::engine::{Bulk, Session};
use crate::value::{Row, Type, Value};

/// What the line of each founder says now; `None` where there is no line any more.
pub(super) type Renamed = BTreeMap<i64, Option<Named>>;

/// Lines of older stores that are filed at once.
const FILED: usize = 4_096;

/// Puts `renamed` into the blocks, and what they hold into the pages.
pub(super) fn write(
    session: &mut dyn Session,
    tenant: &Value,
    renamed: Renamed,
) -> Result<(), Error> {
    const PUT: Bulk = Bulk {
        sql: "INSERT INTO name_block (tenant, block, lines) SELECT $1, r.block, r.lines
              FROM {rows} WHERE true ON CONFLICT (tenant, block)
              DO UPDATE SET lines = excluded.lines",
        columns: &[("block", Type::Int), ("lines", Type::Bytes)],
    };
    const EMPTY: Bulk = Bulk {
        sql: "DELETE FROM name_block WHERE (tenant, block) IN (SELECT $1, r.block FROM {rows})",
        columns: &[("block", Type::Int)],
    };
    let asked = renamed.keys().map(|founder| block_of(*founder)).collect();
    let mut blocks = standing(session, tenant, &asked)?;
    let mut retold = BTreeSet::new();
    for (founder, line) in renamed {
        let number = block_of(founder);
        let block = blocks.entry(number).or_default();
        let before = block.get(&founder).map(|line| &line.name);
        if before != line.as_ref().map(|line| &line.name) {
            retold.insert(number);
        }
        match line {
            Some(line) => block.insert(founder, line),
            None => block.remove(&founder),
        };
    }
    let (empty, held): (Vec<_>, Vec<_>) = blocks.iter().partition(|(_, block)| block.is_empty());
    let rows: Vec<_> = held
        .into_iter()
        .map(|(number, block)| vec![(*number).into(), Value::Bytes(packed(block))])
        .collect();
    session.bulk(&PUT, std::slice::from_ref(tenant), &rows)?;
    let rows: Vec<_> = empty
        .into_iter()
        .map(|(number, _)| vec![(*number).into()])
        .collect();
    session.bulk(&EMPTY, std::slice::from_ref(tenant), &rows)?;
    retell(session, tenant, &blocks, &retold)
}

/// The blocks of these numbers that there are.
fn standing(
    session: &mut dyn Session,
    tenant: &Value,
    numbers: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, Block>, Error> {
    let mut blocks = BTreeMap::new();
    let mut raw = Vec::new();
    for mut row in numbered(session, tenant, &BLOCKS, numbers)? {
        let number = row.int()?;
        unpack(&row.bytes()?, &mut raw)?;
        blocks.insert(number, Packed::of(number, &raw)?.unpacked()?);
    }
    Ok(blocks)
}

const BLOCKS: Bulk = Bulk {
    sql: "SELECT b.block, b.lines FROM {rows} JOIN name_block b ON b.tenant = $1
          AND b.block = r.number",
    columns: &[("number", Type::Int)],
};

pub(super) fn numbered(
    session: &mut dyn Session,
    tenant: &Value,
    bulk: &Bulk<'_>,
    numbers: &BTreeSet<i64>,
) -> Result<Vec<Row>, Error> {
    let rows: Vec<_> = numbers
        .iter()
        .map(|number| vec![(*number).into()])
        .collect();
    session.bulk_rows(bulk, std::slice::from_ref(tenant), &rows)
}

/// Writes into the pages what the blocks `retold` hold.
fn retell(
    session: &mut dyn Session,
    tenant: &Value,
    blocks: &BTreeMap<i64, Block>,
    retold: &BTreeSet<i64>,
) -> Result<(), Error> {
    const PAGES: Bulk = Bulk {
        sql: "SELECT p.page, p.grams FROM {rows} JOIN name_page p ON p.tenant = $1
              AND p.page = r.number",
        columns: &[("number", Type::Int)],
    };
    const PUT: Bulk = Bulk {
        sql: "INSERT INTO name_page (tenant, page, grams) SELECT $1, r.page, r.grams
              FROM {rows} WHERE true ON CONFLICT (tenant, page)
              DO UPDATE SET grams = excluded.grams",
        columns: &[("page", Type::Int), ("grams", Type::Bytes)],
    };
    let asked = retold.iter().map(|block| page_of(*block)).collect();
    let mut pages = BTreeMap::new();
    for mut row in numbered(session, tenant, &PAGES, &asked)? {
        pages.insert(row.int()?, Page::of(row.bytes()?)?);
    }
    for number in retold {
        let page = pages.entry(page_of(*number)).or_insert_with(Page::empty);
        page.set(*number, blocks.get(number).unwrap_or(&Block::new()));
    }
    let rows: Vec<_> = pages
        .iter()
        .map(|(number, page)| vec![(*number).into(), page.bytes().into()])
        .collect();
    session.bulk(&PUT, std::slice::from_ref(tenant), &rows)?;
    Ok(())
}

/// Files the lines of a store that has none in blocks yet.
pub(crate) fn fill(session: &mut dyn Session) -> Result<(), Error> {
    let tenants = session.rows("SELECT tenant FROM roll_head ORDER BY tenant", &[])?;
    for mut row in tenants {
        let tenant = Value::from(row.text()?);
        let mut after = i64::MIN;
        loop {
            let lines = session.rows(
                "SELECT founder, spot, name FROM entity WHERE tenant = $1 AND founder > $2
                 ORDER BY founder LIMIT $3",
                &[tenant.clone(), after.into(), FILED.into()],
            )?;
            let mut filed = Renamed::new();
            for mut row in lines {
                after = row.int()?;
                let (spot, name) = (row.int()?, row.text()?);
                filed.insert(after, Some(Named { spot, name }));
            }
            if filed.is_empty() {
                break;
            }
            write(session, &tenant, filed)?;
        }
    }
    Ok(())
}
