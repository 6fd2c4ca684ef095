//! Lines whose names hold a text, and what facts are asked for, found in blocks.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memmem::Finder;
use model::{EntityId, Tenant};

use super::blocks::{Head, Packed, Page as Grams, text, unpack};
use super::facts::{Told, is_among};
use super::filter::{FEW, Filter, Way};
use super::names::numbered;
use super::pages::Rank;
use super::{Order, Page, Row};
use crate::engine::Bulk;
use crate::value::{self, Type, Value};
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
    /// What names are to hold, if that is asked.
    finder: Option<Finder<'s>>,
    /// What is asked of facts, if that is anything.
    facts: Option<&'s Filter>,
    /// The spots that are meant, unless all are.
    spots: Option<Numbers>,
    /// The first names that are asked for: not before which, and how many.
    from: &'s str,
    count: usize,
    /// A block, and its names in small letters.
    raw: Vec<u8>,
    names: Vec<u8>,
    /// The facts of its lines.
    raw_facts: Vec<u8>,
    hits: Hits,
}

impl Search<'_> {
    /// One block, as [`Self::columns`] read it.
    fn block(&mut self, row: &mut value::Row) -> Result<i64, Error> {
        let (number, bytes) = (row.int()?, row.bytes()?);
        let mut meet = u128::MAX;
        if let Some(filter) = self.facts {
            meet = Told::read(&row.bytes()?, &mut self.raw_facts)?.meets(filter);
            if meet == 0 {
                return Ok(number);
            }
        }
        unpack(&bytes, &mut self.raw)?;
        let block = Packed::of(number, &self.raw)?;
        let (first, spots) = ((self.from, self.count), self.spots.as_ref());
        let is_meant = |head: &Head| {
            is_among(head.founder, meet) && spots.is_none_or(|spots| spots.holds(head.spot))
        };
        let Some(finder) = &self.finder else {
            for head in block.heads.iter().filter(|head| is_meant(head)) {
                self.hits.take(&block, head, first)?;
            }
            return Ok(number);
        };
        self.names.clear();
        self.names.extend_from_slice(block.names);
        self.names.make_ascii_lowercase();
        let mut heads = block.heads.iter();
        let mut at = 0;
        while let Some(found) = finder.find(self.names.get(at..).unwrap_or_default()) {
            // No text holds the mark between names, so that what was found stands in one of them.
            let Some(hit) = heads.find(|head| head.end >= at + found) else {
                break;
            };
            at = hit.end + 1;
            if is_meant(hit) {
                self.hits.take(&block, hit, first)?;
            }
        }
        Ok(number)
    }

    /// What is read of a block, and from where: one without facts holds nothing that meets any.
    const fn columns(&self) -> (&'static str, &'static str) {
        if self.facts.is_some() {
            (
                ", f.facts",
                "JOIN fact_block f ON f.tenant = b.tenant AND f.block = b.block",
            )
        } else {
            ("", "")
        }
    }
}

impl Hits {
    /// A line that was found; its name is kept while it is among the `first`.
    fn take(&mut self, block: &Packed<'_>, head: &Head, first: (&str, usize)) -> Result<(), Error> {
        self.add(head.founder, head.spot)?;
        if first.1 > 0 {
            self.keep(block.name(head), first)?;
        }
        Ok(())
    }

    fn add(&mut self, founder: i64, spot: i64) -> Result<(), Error> {
        self.count(spot)?;
        self.founders.add(founder)
    }

    fn count(&mut self, spot: i64) -> Result<(), Error> {
        let at = usize::try_from(spot).ok().filter(|at| *at < SPOTS_MAX);
        let at = at.ok_or_else(|| Error::corrupt("a block of names"))?;
        if self.by_spot.len() <= at {
            self.by_spot.resize(at + 1, 0);
        }
        self.by_spot[at] += 1;
        Ok(())
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
    /// The lines of a page of those that hold the text that is looked for, or that have an owner or
    /// both times and are too many to sort, and more than are on it; `None` where they are better read otherwise.
    pub(super) fn page_by_blocks(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        page: &Page,
        limit: usize,
    ) -> Result<Option<Vec<Row>>, Error> {
        let by_name = page.order == Order::Name && filter.blocks_tell();
        let text = filter.sought();
        // By name, a time alone is met by many of the first lines; two of them may not be.
        let times = filter.expires_before.is_some() && filter.unused_since.is_some();
        if text.is_none() && !(by_name && (filter.owner.is_some() || times)) {
            return Ok(None);
        }
        // One name more than there are lines: the first may have ended the page before.
        let (rank, id) = page.place()?;
        let (from, count) = match &rank {
            Rank::Name(from) if by_name => (from.as_str(), limit + 2),
            _ => ("", 0),
        };
        let hits = self.hits(tenant, filter, text, (from, count))?;
        let (sql, asked) = if by_name {
            (
                "{rows} CROSS JOIN entity e WHERE e.tenant = $1 AND e.name = r.asked",
                hits.first.into_iter().map(Value::from).collect(),
            )
        } else if hits.are_few() {
            (
                "{rows} CROSS JOIN entity e WHERE e.tenant = $1 AND e.founder = r.asked",
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

    /// Where the lines that `asked` leads to and that `filter` means stand in `order`. SQLite keeps
    /// to the order of a `CROSS JOIN`: by what it guesses of conditions it would read every line
    /// first, and look for what is asked among them.
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
            "SELECT {column}, e.id FROM {from} AND {column} IS NOT NULL{}",
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
    pub(super) fn count_by_blocks(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        way: Way,
    ) -> Result<Option<BTreeMap<i64, u64>>, Error> {
        let hits = match filter.sought() {
            Some(text) => self.hits(tenant, filter, Some(text), ("", 0))?,
            None if way == Way::Walk && filter.blocks_tell() => {
                self.hits_of_facts(tenant, filter)?
            }
            None => return Ok(None),
        };
        if filter.blocks_tell() {
            return self.cells_of(tenant, &hits).map(Some);
        }
        if !hits.are_few() {
            return Ok(None);
        }
        let conditions = filter.counted(tenant, Way::Text);
        let sql = format!(
            "SELECT e.cell FROM {{rows}} CROSS JOIN entity e
             WHERE e.tenant = $1 AND e.founder = r.founder{}",
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

    /// What of `filter` its text, and what spots and facts tell, let through; and the first `count`
    /// names of it not before `from`.
    fn hits(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        text: Option<&str>,
        (from, count): (&str, usize),
    ) -> Result<Hits, Error> {
        let text = text.map(str::to_ascii_lowercase);
        let spots = self.wanted_spots(tenant, filter)?;
        let mut search = Search {
            finder: text.as_deref().map(Finder::new),
            facts: filter.asks_facts().then_some(filter),
            spots,
            from,
            count,
            raw: Vec::new(),
            names: Vec::new(),
            raw_facts: Vec::new(),
            hits: Hits::default(),
        };
        let tenant = Value::from(tenant);
        match text.as_deref().filter(|text| text.len() >= 3) {
            None => self.blocks_between(&tenant, i64::MIN, i64::MAX, &mut search)?,
            Some(text) => self.blocks_that_may(&tenant, text, &mut search)?,
        }
        Ok(search.hits)
    }

    /// How many lines of each spot meet what `filter` asks of facts, names left aside.
    fn hits_of_facts(&mut self, tenant: &Tenant, filter: &Filter) -> Result<Hits, Error> {
        let spots = self.wanted_spots(tenant, filter)?;
        let (mut hits, mut raw) = (Hits::default(), Vec::new());
        let mut after = i64::MIN;
        loop {
            let rows = self.rows(
                "SELECT block, facts FROM fact_block WHERE tenant = $1 AND block > $2
                 ORDER BY block LIMIT $3",
                &[tenant.into(), after.into(), READ.into()],
            )?;
            if rows.is_empty() {
                return Ok(hits);
            }
            for mut row in rows {
                after = row.int()?;
                let bytes = row.bytes()?;
                let told = Told::read(&bytes, &mut raw)?;
                for spot in told.spots_of(told.meets(filter)) {
                    if spots.as_ref().is_none_or(|spots| spots.holds(spot)) {
                        hits.count(spot)?;
                    }
                }
            }
        }
    }

    /// The spots that are meant, unless all are.
    fn wanted_spots(&mut self, tenant: &Tenant, filter: &Filter) -> Result<Option<Numbers>, Error> {
        let Some((sql, params)) = filter.spots(tenant) else {
            return Ok(None);
        };
        let mut numbers = Numbers::default();
        for mut row in self.rows(&sql, &params)? {
            numbers.add(row.int()?)?;
        }
        Ok(Some(numbers))
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
                let (facts, join) = search.columns();
                let sql = format!(
                    "SELECT b.block, b.lines{facts} FROM {{rows}} JOIN name_block b
                     ON b.tenant = $1 AND b.block = r.number {join}"
                );
                let columns = &[("number", Type::Int)];
                let bulk = Bulk { sql: &sql, columns };
                for mut row in numbered(self.session.as_mut(), tenant, &bulk, &asked)? {
                    search.block(&mut row)?;
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
        let (facts, join) = search.columns();
        let sql = format!(
            "SELECT b.block, b.lines{facts} FROM name_block b {join} WHERE b.tenant = $1
             AND b.block >= $2 AND b.block <= $3 ORDER BY b.block LIMIT $4"
        );
        let mut next = first;
        while next <= last {
            let params = [tenant.clone(), next.into(), last.into(), READ.into()];
            let rows = self.rows(&sql, &params)?;
            if rows.is_empty() {
                return Ok(());
            }
            for mut row in rows {
                next = search.block(&mut row)?.saturating_add(1);
            }
        }
        Ok(())
    }
}
