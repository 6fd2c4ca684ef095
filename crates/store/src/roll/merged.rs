//! A page read from many cells at once, each in the order asked for.

use std::collections::VecDeque;

use model::{EntityId, Tenant};

use super::filter::Where;
use super::pages::Rank;
use super::{Filter, Order, Page};
use crate::value::Value;
use crate::{Error, Reading};

/// Where more cells match, all lines are walked instead.
const CELLS_MAX: usize = 512;

/// Cells asked in one statement.
const ASKED: usize = 32;

/// Lines asked of a cell at least.
const LINES_MIN: usize = 8;

/// Stands for no cell: numbers of cells begin at 1.
const NO_CELL: i64 = -1;

/// What was read of one cell and is not on the page yet.
struct Head {
    cell: i64,
    /// The last that was read.
    read: (Rank, String),
    ahead: VecDeque<(Rank, String)>,
    /// There is no more to read.
    ended: bool,
}

impl Reading<'_> {
    /// The cells that `filter` means, unless there are too many of them.
    pub(super) fn few_cells(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
    ) -> Result<Option<Vec<i64>>, Error> {
        let mut cube = filter.cube(tenant);
        cube.params.push((CELLS_MAX + 1).into());
        let sql = format!(
            "SELECT c.cell FROM cube c WHERE c.tenant = $1 AND c.n > 0{} LIMIT ${}",
            cube.text,
            cube.params.len()
        );
        let rows = self.rows(&sql, &cube.params)?;
        if rows.len() > CELLS_MAX {
            return Ok(None);
        }
        let cells = rows.into_iter().map(|mut row| row.int());
        cells.collect::<Result<_, _>>().map(Some)
    }

    /// The first `count` lines of `cells` that meet `conditions` after the place of `page`.
    pub(super) fn merged(
        &mut self,
        cells: &[i64],
        conditions: &Where,
        page: &Page,
        count: usize,
    ) -> Result<Vec<EntityId>, Error> {
        let begin = match &page.after {
            Some(after) => page.order.place(after)?,
            None => page.order.beginning(),
        };
        let mut heads: Vec<Head> = cells
            .iter()
            .map(|cell| Head {
                cell: *cell,
                read: begin.clone(),
                ahead: VecDeque::new(),
                ended: false,
            })
            .collect();
        let mut merged = Vec::with_capacity(count);
        while merged.len() < count {
            let mut short: Vec<&mut Head> = heads
                .iter_mut()
                .filter(|head| head.ahead.is_empty() && !head.ended)
                .collect();
            // Twice what is left, shared among those that are asked.
            let lines = (2 * (count - merged.len()) / short.len().max(1)).max(LINES_MIN);
            for asked in short.chunks_mut(ASKED) {
                self.read_ahead(asked, conditions, page.order, lines)?;
            }
            heads.retain(|head| !(head.ended && head.ahead.is_empty()));
            let Some(id) = next(&mut heads) else { break };
            merged.push(id);
        }
        let ids = merged.into_iter();
        ids.map(|id| id.parse().map_err(|_| Error::corrupt("an entity's id")))
            .collect()
    }

    fn read_ahead(
        &mut self,
        heads: &mut [&mut Head],
        conditions: &Where,
        order: Order,
        lines: usize,
    ) -> Result<(), Error> {
        let mut params = conditions.params.clone();
        params.push(lines.into());
        let limit = params.len();
        let column = order.column();
        let mut parts = Vec::with_capacity(ASKED);
        // Always as many parts, so that it is always the same statement.
        for n in 0..ASKED {
            let (cell, read) = match heads.get(n) {
                Some(head) => (head.cell, head.read.clone()),
                None => (NO_CELL, order.beginning()),
            };
            params.extend([Value::from(cell), read.0.into(), read.1.into()]);
            let at = params.len();
            parts.push(format!(
                "SELECT * FROM (SELECT e.cell, {column}, e.id FROM entity e WHERE e.tenant = $1
                 AND e.cell = ${} AND ({column}, e.id) > (${}, ${at}) AND {column} IS NOT NULL{}
                 ORDER BY {column}, e.id LIMIT ${limit}) AS part{n}",
                at - 2,
                at - 1,
                conditions.text
            ));
        }
        let rows = self.rows(&parts.join(" UNION ALL "), &params)?;
        for mut row in rows {
            let cell = row.int()?;
            let rank = match order {
                Order::Name => Rank::Name(row.text()?),
                Order::Expires | Order::LastUsed => Rank::Time(row.int()?),
            };
            let line = (rank, row.text()?);
            if let Some(head) = heads.iter_mut().find(|head| head.cell == cell) {
                head.read = line.clone();
                head.ahead.push_back(line);
            }
        }
        for head in heads {
            head.ended = head.ahead.len() < lines;
        }
        Ok(())
    }
}

/// Takes the smallest of what all heads begin with.
fn next(heads: &mut [Head]) -> Option<String> {
    let smallest = heads
        .iter_mut()
        .filter(|head| !head.ahead.is_empty())
        .min_by(|a, b| a.ahead.front().cmp(&b.ahead.front()))?;
    smallest.ahead.pop_front().map(|(_, id)| id)
}
