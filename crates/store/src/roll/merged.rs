//! A page read from many parts at once, each in the order asked for: from cells, or from the
//! spots of one source.

use std::collections::VecDeque;

use model::{EntityId, Tenant};

use super::filter::{Counts, Where};
use super::pages::Rank;
use super::search::Numbers;
use super::{Filter, Order, Page};
use crate::value::Value;
use crate::{Error, Reading};

/// Where more parts match, all lines are walked instead.
const PARTS_MAX: usize = 512;

/// Parts asked in one statement.
const ASKED: usize = 32;

/// Lines asked of a part at least.
const LINES_MIN: usize = 8;

/// Stands for no part: numbers begin at 1.
const NO_PART: i64 = -1;

/// A part that holds few of the lines that are wanted is read in longer and longer pieces.
const LONGER_MAX: usize = 64;

/// The parts that hold what is asked for.
pub(super) struct Parts {
    /// The column of a line that tells its part.
    column: &'static str,
    numbers: Vec<i64>,
}

impl Parts {
    /// Leaves out the parts that `wanted` says nothing is wanted of.
    pub(super) fn retain(&mut self, wanted: impl Fn(i64) -> bool) {
        self.numbers.retain(|number| wanted(*number));
    }
}

/// What was read of one part and is not on the page yet.
struct Head {
    part: i64,
    /// The last that was read.
    read: (Rank, String),
    ahead: VecDeque<(Rank, String)>,
    /// There is no more to read.
    ended: bool,
}

impl Reading<'_> {
    /// The parts that `filter` means, unless there are too many of them. Spots lie in the order
    /// of names alone.
    pub(super) fn few_parts(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        order: Order,
    ) -> Result<Option<Parts>, Error> {
        let mut counts = filter.counts(tenant);
        if order != Order::Name {
            (counts.number, counts.column) = ("c.cell", "e.cell");
        }
        self.few_of(filter, counts)
    }

    /// The cells that `filter` means, unless there are too many of them.
    pub(super) fn few_cells(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
    ) -> Result<Option<Parts>, Error> {
        let mut counts = filter.counts(tenant);
        (counts.number, counts.column) = ("c.cell", "e.cell");
        self.few_of(filter, counts)
    }

    fn few_of(&mut self, filter: &Filter, mut counts: Counts) -> Result<Option<Parts>, Error> {
        filter.only_cells_that_may_match(&mut counts);
        counts.params.push((PARTS_MAX + 1).into());
        let sql = format!(
            "SELECT DISTINCT {} FROM {} LIMIT ${}",
            counts.number,
            counts.from,
            counts.params.len()
        );
        let rows = self.rows(&sql, &counts.params)?;
        if rows.len() > PARTS_MAX {
            return Ok(None);
        }
        let numbers = rows.into_iter().map(|mut row| row.int());
        Ok(Some(Parts {
            column: counts.column,
            numbers: numbers.collect::<Result<_, _>>()?,
        }))
    }

    /// The first `count` lines of `parts` that meet `conditions` after the place of `page`; of
    /// those alone whose founders are `among` some, if some are given.
    pub(super) fn merged(
        &mut self,
        parts: &Parts,
        conditions: &Where,
        page: &Page,
        count: usize,
        among: Option<&Numbers>,
    ) -> Result<Vec<EntityId>, Error> {
        let begin = page.place()?;
        let mut heads: Vec<Head> = parts
            .numbers
            .iter()
            .map(|part| Head {
                part: *part,
                read: begin.clone(),
                ahead: VecDeque::new(),
                ended: false,
            })
            .collect();
        let mut merged = Vec::with_capacity(count);
        let mut longer = 1;
        while merged.len() < count {
            let mut short: Vec<&mut Head> = heads
                .iter_mut()
                .filter(|head| head.ahead.is_empty() && !head.ended)
                .collect();
            // Twice what is left, shared among those that are asked.
            let lines = (2 * (count - merged.len()) / short.len().max(1)).max(LINES_MIN);
            for asked in short.chunks_mut(ASKED) {
                let asking = (parts.column, page.order, lines * longer, among);
                self.read_ahead(asked, conditions, asking)?;
            }
            if heads
                .iter()
                .any(|head| head.ahead.is_empty() && !head.ended)
            {
                longer = (longer * 2).min(LONGER_MAX);
                continue;
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
        (part, order, lines, among): (&str, Order, usize, Option<&Numbers>),
    ) -> Result<(), Error> {
        let mut params = conditions.params.clone();
        params.push(lines.into());
        let limit = params.len();
        let column = order.column();
        // Where no founder is asked for, none is read: not every index tells it.
        let founder = if among.is_some() { "e.founder" } else { "0" };
        let mut asked = Vec::with_capacity(ASKED);
        // Always as many parts, so that it is always the same statement.
        for n in 0..ASKED {
            let (number, read) = match heads.get(n) {
                Some(head) => (head.part, head.read.clone()),
                None => (NO_PART, order.beginning()),
            };
            params.extend([Value::from(number), read.0.into(), read.1.into()]);
            let at = params.len();
            asked.push(format!(
                "SELECT * FROM (SELECT {part}, {column}, e.id, {founder} FROM entity e WHERE e.tenant = $1
                 AND {part} = ${} AND ({column}, e.id) > (${}, ${at}) AND {column} IS NOT NULL{}
                 ORDER BY {column}, e.id LIMIT ${limit}) AS part{n}",
                at - 2,
                at - 1,
                conditions.text
            ));
        }
        let rows = self.rows(&asked.join(" UNION ALL "), &params)?;
        let mut read = vec![0; heads.len()];
        for mut row in rows {
            let number = row.int()?;
            let line = (order.read(&mut row)?, row.text()?);
            let founder = row.int()?;
            let mut heads = heads.iter_mut().zip(&mut read);
            if let Some((head, read)) = heads.find(|(head, _)| head.part == number) {
                *read += 1;
                head.read = line.clone();
                if among.is_none_or(|among| among.holds(founder)) {
                    head.ahead.push_back(line);
                }
            }
        }
        for (head, read) in heads.iter_mut().zip(read) {
            head.ended = read < lines;
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
