//! Lines whose names hold a text, and what facts are asked for, found in blocks.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memmem::Finder;
use model::{EntityId, Tenant};

use super::blocks::{Head, LINES, Packed, Page as Grams, unpack};
use super::facts::{Times, Told, founder, is_among};
use super::filter::{FEW, Filter, Way, Where};
use super::first::First;
use super::names::numbered;
use super::pages::Rank;
use super::{Order, Page, Row};
use crate::engine::Bulk;
use crate::value::{self, Type, Value};
use crate::{Error, Reading};

/// Pages read at once.
const PAGES: i64 = 16;
/// Lines that are tried one by one, before blocks are searched: a text that one in forty names
/// holds fills a page of a hundred from them.
const WALKED: i64 = 4_000;

/// Founders and spots are counted out one by one; numbers beyond these never were.
const NUMBERS_MAX: usize = 1 << 31;
const SPOTS_MAX: usize = 1 << 24;

/// What a search came to.
#[derive(Default)]
struct Hits {
    /// How many lines of the spot of each number hold the text.
    by_spot: Vec<u64>,
    founders: Numbers,
    /// Those that a page begins with.
    first: First,
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
    filter: &'s Filter,
    /// Whether owners or times are asked for, or the order goes by a time.
    facts: bool,
    /// The spots that are meant, unless all are.
    spots: Option<Numbers>,
    order: Order,
    /// A block, and the same in small letters.
    raw: Vec<u8>,
    small: Vec<u8>,
    /// The facts of its lines, and their times.
    raw_facts: Vec<u8>,
    times: Times,
    hits: Hits,
}

impl Search<'_> {
    /// One block, as [`Self::columns`] read it.
    fn block(&mut self, row: &mut value::Row) -> Result<(), Error> {
        let (number, bytes) = (row.int()?, row.bytes()?);
        let mut meet = u128::MAX;
        if self.facts {
            let facts = row.bytes()?;
            let told = Told::read(&facts, &mut self.raw_facts)?;
            meet = told.meets(self.filter);
            if meet == 0 {
                return Ok(());
            }
            told.times(self.order, &mut self.times);
        }
        unpack(&bytes, &mut self.raw)?;
        if let Some(finder) = &self.finder {
            self.small.clear();
            self.small.extend_from_slice(&self.raw);
            self.small.make_ascii_lowercase();
            // Most blocks hold a rare text nowhere: their heads are not read.
            if finder.find(&self.small).is_none() {
                return Ok(());
            }
        }
        let block = Packed::of(number, &self.raw)?;
        let (spots, times) = (self.spots.as_ref(), &self.times);
        let is_meant = |head: &Head| {
            is_among(head.founder, meet) && spots.is_none_or(|spots| spots.holds(head.spot))
        };
        let hits = &mut self.hits;
        let Some(finder) = &self.finder else {
            for head in block.heads.iter().filter(|head| is_meant(head)) {
                hits.take(&block, head, times)?;
            }
            return Ok(());
        };
        let begin = self.small.len() - block.names.len();
        let names = self.small.get(begin..).unwrap_or_default();
        let mut heads = block.heads.iter();
        let mut at = 0;
        while let Some(found) = finder.find(names.get(at..).unwrap_or_default()) {
            // No text holds the mark between names, so that what was found stands in one of them.
            let Some(hit) = heads.find(|head| head.end >= at + found) else {
                break;
            };
            at = hit.end + 1;
            if is_meant(hit) {
                hits.take(&block, hit, times)?;
            }
        }
        Ok(())
    }

    /// The facts of one block where no name is asked for.
    fn facts_alone(&mut self, block: i64, facts: &[u8]) -> Result<(), Error> {
        let told = Told::read(facts, &mut self.raw_facts)?;
        let meet = told.meets(self.filter);
        if meet == 0 {
            return Ok(());
        }
        told.times(self.order, &mut self.times);
        for (line, spot) in told.spots_of(meet) {
            if self.spots.as_ref().is_none_or(|spots| spots.holds(spot)) {
                let founder = founder(block, line);
                self.hits.count(spot)?;
                self.hits.founders.add(founder)?;
                self.hits.first.take(founder, b"", &self.times)?;
            }
        }
        Ok(())
    }

    /// What is read of a block, and from where: one without facts holds nothing that meets any.
    const fn columns(&self) -> (&'static str, &'static str) {
        if self.facts {
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
    /// A line that was found.
    fn take(&mut self, block: &Packed<'_>, head: &Head, times: &Times) -> Result<(), Error> {
        self.count(head.spot)?;
        self.founders.add(head.founder)?;
        self.first.take(head.founder, block.name(head), times)
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

    fn are_few(&self) -> bool {
        self.by_spot.iter().sum::<u64>() <= FEW.unsigned_abs()
    }
}

fn id_of(text: &str) -> Result<EntityId, Error> {
    let id = text.parse();
    id.map_err(|_| Error::corrupt("an entity's id"))
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
        let text = filter.sought();
        // A time alone is met by many of the first lines; two of them may not be.
        let times = filter.expires_before.is_some() && filter.unused_since.is_some();
        let told = filter.blocks_tell();
        if text.is_none() && !(told && (filter.owner.is_some() || times)) {
            return Ok(None);
        }
        let place = page.place()?;
        if told && let Some(rows) = self.page_by_walk(tenant, filter, page, limit)? {
            return Ok(Some(rows));
        }
        // One more than are on the page: that tells whether there is another.
        let count = if told { limit + 1 } else { 0 };
        let first = First::of(page.order, place.0.clone(), count);
        let mut hits = self.hits(tenant, filter, text, first)?;
        let asked: Vec<i64> = match hits.first.founders() {
            Some(first) if told => first,
            _ if hits.are_few() => hits.founders.each().collect(),
            _ if page.order == Order::Name && !told => return Ok(None),
            _ => return self.page_by_cells(tenant, filter, page, limit, &hits),
        };
        let mut found = self.places(tenant, filter, page.order, asked)?;
        if page.after.is_some() {
            found.retain(|line| *line > place);
        }
        found.sort();
        found.truncate(limit + 1);
        let ids = found.iter().map(|(_, id)| id_of(id));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        self.entity_rows(tenant, &ids).map(Some)
    }

    /// The same, where so many lines match that the first of [`WALKED`] in the order asked for fill
    /// the page; `None` where they do not.
    fn page_by_walk(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        page: &Page,
        limit: usize,
    ) -> Result<Option<Vec<Row>>, Error> {
        let (rank, id) = page.place()?;
        let column = page.order.column();
        let mut conditions = filter.counted(tenant, Way::Text);
        let mut walked = Where::of(tenant);
        std::mem::swap(&mut walked.params, &mut conditions.params);
        if page.order == Order::Name
            && let Some(owner) = &filter.owner
        {
            walked.and("e.owner = ?", owner.into());
        }
        let at = walked.params.len();
        let last = [rank.into(), id.into(), WALKED.into(), (limit + 1).into()];
        walked.params.extend(last);
        let sql = format!(
            "SELECT e.id FROM (SELECT * FROM entity e WHERE e.tenant = $1{} AND {column} IS NOT NULL
             AND ({column}, e.id) > (${}, ${}) ORDER BY {column}, e.id LIMIT ${}) AS e
             WHERE e.tenant = $1{} ORDER BY {column}, e.id LIMIT ${}",
            walked.text,
            at + 1,
            at + 2,
            at + 3,
            conditions.text,
            at + 4
        );
        let rows = self.rows(&sql, &walked.params)?;
        if rows.len() <= limit {
            return Ok(None);
        }
        let ids = rows.into_iter().map(|mut row| id_of(&row.text()?));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        self.entity_rows(tenant, &ids).map(Some)
    }

    /// The same, read cell by cell of those that hold what was found: where a page begins with more
    /// lines of one rank than are sorted, an index tells which of them come first.
    fn page_by_cells(
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
        let Some(mut parts) = self.few_cells(tenant, &untold)? else {
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

    /// Where the lines of these founders that `filter` means stand in `order`. SQLite keeps to the
    /// order of a `CROSS JOIN`: by what it guesses of conditions it would read every line first, and
    /// look for what is asked among them.
    fn places(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        order: Order,
        founders: Vec<i64>,
    ) -> Result<Vec<(Rank, String)>, Error> {
        let conditions = filter.counted(tenant, Way::Text);
        let column = order.column();
        let sql = format!(
            "SELECT {column}, e.id FROM {{rows}} CROSS JOIN entity e WHERE e.tenant = $1
             AND e.founder = r.founder AND {column} IS NOT NULL{}",
            conditions.text
        );
        let bulk = Bulk {
            sql: &sql,
            columns: &[("founder", Type::Int)],
        };
        let asked: Vec<_> = founders.into_iter().map(|one| vec![one.into()]).collect();
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
            None if way != Way::Walk || !filter.blocks_tell() => return Ok(None),
            text => self.hits(tenant, filter, text, First::default())?,
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

    /// What of `filter` its text, and what spots and facts tell, let through; with the lines that a
    /// page begins with.
    fn hits(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        text: Option<&str>,
        first: First,
    ) -> Result<Hits, Error> {
        let text = text.map(str::to_ascii_lowercase);
        let spots = self.wanted_spots(tenant, filter)?;
        let mut search = Search {
            finder: text.as_deref().map(Finder::new),
            filter,
            facts: filter.asks_facts() || first.goes_by_time(),
            spots,
            order: first.order,
            raw: Vec::new(),
            small: Vec::new(),
            raw_facts: Vec::new(),
            times: [None; LINES as usize],
            hits: Hits {
                first,
                ..Hits::default()
            },
        };
        let tenant = Value::from(tenant);
        match text.as_deref() {
            Some(text) if text.len() >= 3 => self.blocks_that_may(&tenant, text, &mut search)?,
            None if !search.hits.first.goes_by_name() => self.facts(&tenant, &mut search)?,
            _ => self.blocks_between(&tenant, i64::MIN, i64::MAX, &mut search)?,
        }
        Ok(search.hits)
    }

    /// Searches what blocks of facts tell, names left aside.
    fn facts(&mut self, tenant: &Value, search: &mut Search<'_>) -> Result<(), Error> {
        let sql = "SELECT block, facts FROM fact_block WHERE tenant = $1";
        self.each(sql, std::slice::from_ref(tenant), |mut row| {
            let block = row.int()?;
            search.facts_alone(block, &row.bytes()?)
        })
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
             AND b.block >= $2 AND b.block <= $3"
        );
        let params = [tenant.clone(), first.into(), last.into()];
        self.each(&sql, &params, |mut row| search.block(&mut row))
    }
}
