//! Lines whose names hold a text, found in the blocks of names.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memmem::Finder;
use model::{EntityId, Tenant};

use super::blocks::{Packed, Page as Grams, text, unpack};
use super::filter::{FEW, Filter, Way};
use super::names::{self, numbered};
use super::pages::Rank;
use super::{Order, Page, Row};
use crate::engine::Bulk;
use crate::value::{Type, Value};
use crate::{Error, Reading};

/// Pages read at once.
const PAGES: i64 = 16;
/// Blocks read at once.
const READ: i64 = 256;

/// Founders and spots are counted out one by one; numbers beyond these never were.
const NUMBERS_MAX: usize = 1 << 31;
const SPOTS_MAX: usize = 1 << 24;

/// What a search came to.
#[derive(Default)]
struct Hits {
    /// How many lines of the spot of each number hold the text.
    by_spot: Vec<u64>,
    founders: Numbers,
    /// The first of their names, as many as were asked for.
    first: BTreeSet<String>,
    /// The last of them, once there are so many.
    last: Option<String>,
}

/// Numbers of founders or of spots, a bit each: both are counted out without holes.
#[derive(Default)]
pub(super) struct Numbers(Vec<u64>);

impl Numbers {
    fn place(number: i64) -> Option<(usize, u64)> {
        let number = usize::try_from(number).ok()?;
        Some((number / 64, 1 << (number % 64)))
    }

    fn add(&mut self, number: i64) -> Result<(), Error> {
        let place = Self::place(number).filter(|(at, _)| *at < NUMBERS_MAX / 64);
        let (at, bit) = place.ok_or_else(|| Error::corrupt("a number that was counted out"))?;
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= bit;
        Ok(())
    }

    pub(super) fn holds(&self, number: i64) -> bool {
        let word = |at: usize| self.0.get(at).copied().unwrap_or(0);
        Self::place(number).is_some_and(|(at, bit)| word(at) & bit != 0)
    }

    fn each(&self) -> impl Iterator<Item = i64> {
        let words = (0_i64..).zip(&self.0);
        words.flat_map(|(at, word)| {
            let bits = (0..64).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| at * 64 + bit)
        })
    }
}

/// A search on its way.
struct Search<'s> {
    finder: Finder<'s>,
    /// The spots that are meant, unless all are.
    spots: Option<Numbers>,
    /// The first names that are asked for: not before which, and how many.
    from: &'s str,
    count: usize,
    /// A block, and its names in small letters.
    raw: Vec<u8>,
    names: Vec<u8>,
    hits: Hits,
}

impl<'s> Search<'s> {
    fn block(&mut self, number: i64, bytes: &[u8]) -> Result<(), Error> {
        unpack(bytes, &mut self.raw)?;
        let block = Packed::of(number, &self.raw)?;
        self.names.clear();
        self.names.extend_from_slice(block.names);
        self.names.make_ascii_lowercase();
        let mut heads = block.heads.iter();
        let mut at = 0;
        while let Some(found) = self.finder.find(self.names.get(at..).unwrap_or_default()) {
            // No text holds the mark between names, so that what was found stands in one of them.
            let Some(hit) = heads.find(|head| head.end >= at + found) else {
                break;
            };
            at = hit.end + 1;
            if self
                .spots
                .as_ref()
                .is_none_or(|spots| spots.holds(hit.spot))
            {
                self.hits.add(hit.founder, hit.spot)?;
                if self.count > 0 {
                    let first = (self.from, self.count);
                    self.hits.keep(block.name(hit), first)?;
                }
            }
        }
        Ok(())
    }
}

impl Hits {
    fn add(&mut self, founder: i64, spot: i64) -> Result<(), Error> {
        let at = usize::try_from(spot).ok().filter(|at| *at < SPOTS_MAX);
        let at = at.ok_or_else(|| Error::corrupt("a block of names"))?;
        if self.by_spot.len() <= at {
            self.by_spot.resize(at + 1, 0);
        }
        self.by_spot[at] += 1;
        self.founders.add(founder)
    }

    /// Keeps `name` while it is among the first `count` not before `from`.
    fn keep(&mut self, name: &[u8], (from, count): (&str, usize)) -> Result<(), Error> {
        let is_late = |last: &String| name >= last.as_bytes();
        if name < from.as_bytes() || self.last.as_ref().is_some_and(is_late) {
            return Ok(());
        }
        self.first.insert(text(name)?.to_owned());
        if self.first.len() > count {
            self.first.pop_last();
        }
        if self.first.len() == count {
            self.last = self.first.last().cloned();
        }
        Ok(())
    }

    fn are_few(&self) -> bool {
        self.by_spot.iter().sum::<u64>() <= FEW.unsigned_abs()
    }
}

impl Reading<'_> {
    /// The lines of a page of those that hold the text that is looked for, and more than are on
    /// it; `None` where so many hold it, and so much else is asked, that they are better walked.
    pub(super) fn page_by_text(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        page: &Page,
        limit: usize,
    ) -> Result<Option<Vec<Row>>, Error> {
        let Some(text) = filter.sought() else {
            return Ok(None);
        };
        // One name more than there are lines: the first may have ended the page before.
        let by_name = page.order == Order::Name && filter.asks_no_line();
        let (rank, id) = page.place()?;
        let (from, count) = match &rank {
            Rank::Name(from) if by_name => (from.as_str(), limit + 2),
            _ => ("", 0),
        };
        let hits = self.hits(tenant, filter, text, (from, count))?;
        let (sql, asked) = if by_name {
            (
                "{rows} JOIN entity e ON e.tenant = $1 AND e.name = r.asked",
                hits.first.into_iter().map(Value::from).collect(),
            )
        } else if hits.are_few() {
            (
                "{rows} JOIN entity e ON e.tenant = $1 AND e.founder = r.asked",
                hits.founders.each().map(Value::from).collect::<Vec<_>>(),
            )
        } else if page.order == Order::Name {
            return Ok(None);
        } else {
            return self.page_by_time(tenant, filter, page, limit, &hits);
        };
        let found = self.places(tenant, filter, page.order, (sql, asked))?;
        let after = page.after.is_some().then_some((rank, id));
        let mut found: Vec<_> = found
            .into_iter()
            .filter(|place| after.as_ref().is_none_or(|after| place > after))
            .collect();
        found.sort();
        found.truncate(limit + 1);
        let ids = found.into_iter().map(|(_, id)| id.parse());
        let ids = ids.collect::<Result<Vec<EntityId>, _>>();
        let ids = ids.map_err(|_| Error::corrupt("an entity's id"))?;
        self.entity_rows(tenant, &ids).map(Some)
    }

    /// The same in the order of a time, of the cells that hold the text.
    fn page_by_time(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        page: &Page,
        limit: usize,
        hits: &Hits,
    ) -> Result<Option<Vec<Row>>, Error> {
        let cells = self.cells_of(tenant, hits)?;
        let untold = Filter {
            text: None,
            ..filter.clone()
        };
        let Some(mut parts) = self.few_parts(tenant, &untold, page.order)? else {
            return Ok(None);
        };
        parts.retain(|cell| cells.contains_key(&cell));
        let conditions = untold.lines(tenant, Way::Merged, page.order);
        let founders = Some(&hits.founders);
        let ids = self.merged(&parts, &conditions, page, limit + 1, founders)?;
        self.entity_rows(tenant, &ids).map(Some)
    }

    /// How many lines of each cell were found.
    fn cells_of(&mut self, tenant: &Tenant, hits: &Hits) -> Result<BTreeMap<i64, u64>, Error> {
        const CELLS: Bulk = Bulk {
            sql: "SELECT p.spot, p.cell FROM {rows} JOIN spot p ON p.tenant = $1
                  AND p.spot = r.spot",
            columns: &[("spot", Type::Int)],
        };
        let found = hits.by_spot.iter().enumerate().filter(|(_, n)| **n > 0);
        let spots: Vec<_> = found.map(|(spot, _)| vec![spot.into()]).collect();
        let mut cells = BTreeMap::new();
        for mut row in self.bulk_rows(&CELLS, &[tenant.into()], &spots)? {
            let (spot, cell) = (row.int()?, row.int()?);
            let at = usize::try_from(spot).unwrap_or(usize::MAX);
            *cells.entry(cell).or_default() += hits.by_spot.get(at).unwrap_or(&0);
        }
        Ok(cells)
    }

    /// Where the lines that `asked` leads to and that `filter` means stand in `order`.
    fn places(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        order: Order,
        (from, asked): (&str, Vec<Value>),
    ) -> Result<Vec<(Rank, String)>, Error> {
        let conditions = filter.counted(tenant, Way::Text);
        let column = order.column();
        let sql = format!(
            "SELECT {column}, e.id FROM {from} WHERE {column} IS NOT NULL{}",
            conditions.text
        );
        let kind = match asked.first() {
            Some(Value::Int(_)) => Type::Int,
            _ => Type::Text,
        };
        let bulk = Bulk {
            sql: &sql,
            columns: &[("asked", kind)],
        };
        let asked: Vec<_> = asked.into_iter().map(|value| vec![value]).collect();
        let rows = self.bulk_rows(&bulk, &conditions.params, &asked)?;
        rows.into_iter()
            .map(|mut row| Ok((order.read(&mut row)?, row.text()?)))
            .collect()
    }

    /// How many lines of each cell hold the text that is looked for and are meant; `None` where
    /// that is better counted line by line.
    pub(super) fn count_by_text(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
    ) -> Result<Option<BTreeMap<i64, u64>>, Error> {
        let Some(text) = filter.sought() else {
            return Ok(None);
        };
        let hits = self.hits(tenant, filter, text, ("", 0))?;
        if filter.asks_no_line() {
            return self.cells_of(tenant, &hits).map(Some);
        }
        if !hits.are_few() {
            return Ok(None);
        }
        let conditions = filter.counted(tenant, Way::Text);
        let sql = format!(
            "SELECT e.cell FROM {{rows}} JOIN entity e ON e.tenant = $1 AND e.founder = r.founder
             WHERE true{}",
            conditions.text
        );
        let bulk = Bulk {
            sql: &sql,
            columns: &[("founder", Type::Int)],
        };
        let founders = hits.founders.each().map(|founder| vec![founder.into()]);
        let asked: Vec<_> = founders.collect();
        let mut cells = BTreeMap::new();
        for mut row in self.bulk_rows(&bulk, &conditions.params, &asked)? {
            *cells.entry(row.int()?).or_default() += 1;
        }
        Ok(Some(cells))
    }

    /// What of `filter` its text, and what spots tell, let through; and the first `count` names
    /// of it not before `from`.
    fn hits(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        text: &str,
        (from, count): (&str, usize),
    ) -> Result<Hits, Error> {
        let text = text.to_ascii_lowercase();
        let spots = match filter.spots(tenant) {
            None => None,
            Some((sql, params)) => {
                let mut numbers = Numbers::default();
                for mut row in self.rows(&sql, &params)? {
                    numbers.add(row.int()?)?;
                }
                Some(numbers)
            }
        };
        let mut search = Search {
            finder: Finder::new(&text),
            spots,
            from,
            count,
            raw: Vec::new(),
            names: Vec::new(),
            hits: Hits::default(),
        };
        let tenant = Value::from(tenant);
        if text.len() < 3 {
            self.blocks_between(&tenant, i64::MIN, i64::MAX, &mut search)?;
        } else {
            self.blocks_that_may(&tenant, &text, &mut search)?;
        }
        Ok(search.hits)
    }

    /// Searches the blocks that have all grams of `text`.
    fn blocks_that_may(
        &mut self,
        tenant: &Value,
        text: &str,
        search: &mut Search<'_>,
    ) -> Result<(), Error> {
        let mut after = i64::MIN;
        loop {
            let rows = self.rows(
                "SELECT page, grams FROM name_page WHERE tenant = $1 AND page > $2
                 ORDER BY page LIMIT $3",
                &[tenant.clone(), after.into(), PAGES.into()],
            )?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut asked = BTreeSet::new();
            for mut row in rows {
                after = row.int()?;
                asked.extend(Grams::of(row.bytes()?)?.may_hold(after, text));
            }
            let (Some(first), Some(last)) = (asked.first(), asked.last()) else {
                continue;
            };
            // Where most are wanted, reading them all in a row costs less than asking for each.
            if 2 * asked.len() as i64 > last - first {
                self.blocks_between(tenant, *first, *last, search)?;
            } else {
                let rows = numbered(self.session.as_mut(), tenant, &names::BLOCKS, &asked)?;
                for mut row in rows {
                    search.block(row.int()?, &row.bytes()?)?;
                }
            }
        }
    }

    fn blocks_between(
        &mut self,
        tenant: &Value,
        first: i64,
        last: i64,
        search: &mut Search<'_>,
    ) -> Result<(), Error> {
        let mut next = first;
        while next <= last {
            let rows = self.rows(
                "SELECT block, lines FROM name_block WHERE tenant = $1 AND block >= $2
                 AND block <= $3 ORDER BY block LIMIT $4",
                &[tenant.clone(), next.into(), last.into(), READ.into()],
            )?;
            if rows.is_empty() {
                return Ok(());
            }
            for mut row in rows {
                let number = row.int()?;
                search.block(number, &row.bytes()?)?;
                next = number.saturating_add(1);
            }
        }
        Ok(())
    }
}
