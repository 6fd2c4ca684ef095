//! Reading the roll: pages in an order, counts, facets.

use std::collections::BTreeMap;

use model::{Tenant, Timestamp};

use super::filter::{Way, Where};
use super::{COLUMNS, Filter, Row, row};
use crate::value::{self, Value};
use crate::{Error, Reading};

/// In which order lines come; those of equal rank by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By name, by bytes.
    #[default]
    Name,
    /// Soonest expiry first; only lines that have one.
    Expires,
    /// Longest unused first; only lines of which a last use is told.
    LastUsed,
}

/// Which lines of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// [`RollPage::next`] of the page before, in the same order.
    pub after: Option<String>,
    /// At most so many; 0 means 100.
    pub limit: usize,
    /// The order.
    pub order: Order,
}

/// A page of the roll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollPage {
    /// Its lines.
    pub rows: Vec<Row>,
    /// What to ask for the page that follows; `None` if this is the last.
    pub next: Option<String>,
}

/// The values of each facet with how many lines have them.
pub type Facets = BTreeMap<&'static str, Vec<(String, u64)>>;

/// Lines of a page at most.
const LINES_MAX: usize = 10_000;

/// Values of one facet at most, the most frequent first.
const VALUES_MAX: usize = 200;

/// Facets with their columns in the cube.
const FACETS: [(&str, &str); 8] = [
    ("kind", "kind"),
    ("class", "class"),
    ("type", "type"),
    ("provider", "provider"),
    ("environment", "environment"),
    ("status", "status"),
    ("owned", "owned"),
    ("privilege", "privilege"),
];

impl Order {
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Name => "e.name",
            Self::Expires => "e.expires_at",
            Self::LastUsed => "e.last_used_at",
        }
    }

    /// The same value in a form that no index serves.
    const fn hidden(self) -> &'static str {
        match self {
            Self::Name => "e.name || ''",
            Self::Expires => "e.expires_at + 0",
            Self::LastUsed => "e.last_used_at + 0",
        }
    }

    /// The place that a page ended at.
    pub(super) fn place(self, after: &str) -> Result<(Rank, String), Error> {
        let place: (Rank, String) =
            serde_json::from_str(after).map_err(|_| Error::Conflict { what: "the page" })?;
        match (&place.0, self) {
            (Rank::Name(_), Self::Name) | (Rank::Time(_), Self::Expires | Self::LastUsed) => {
                Ok(place)
            }
            _ => Err(Error::Conflict { what: "the page" }),
        }
    }

    /// The place before every line.
    pub(super) const fn beginning(self) -> (Rank, String) {
        let first = match self {
            Self::Name => Rank::Name(String::new()),
            Self::Expires | Self::LastUsed => Rank::Time(i64::MIN),
        };
        (first, String::new())
    }

    /// Where a line stands, as its column tells it.
    pub(super) fn read(self, cells: &mut value::Row) -> Result<Rank, Error> {
        Ok(match self {
            Self::Name => Rank::Name(cells.text()?),
            Self::Expires | Self::LastUsed => Rank::Time(cells.int()?),
        })
    }

    /// The place of a line in this order: what [`Page::after`] takes.
    pub fn place_of(self, row: &Row) -> String {
        // A word, or a number, and an id: they cannot fail to serialise.
        serde_json::to_string(&(self.rank(row), &row.id)).unwrap_or_default()
    }

    /// The place before all lines of this instant or later; of an order by time.
    pub fn from(self, at: Timestamp) -> String {
        serde_json::to_string(&(Rank::Time(at.0), "")).unwrap_or_default()
    }

    fn rank(self, row: &Row) -> Rank {
        let time = |told: &model::Told<Timestamp>| told.is().map_or(i64::MAX, |at| at.0);
        match self {
            Self::Name => Rank::Name(row.name.clone()),
            Self::Expires => Rank::Time(time(&row.expires_at)),
            Self::LastUsed => Rank::Time(time(&row.last_used_at)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub(super) enum Rank {
    Time(i64),
    Name(String),
}

impl From<Rank> for Value {
    fn from(rank: Rank) -> Self {
        match rank {
            Rank::Time(at) => at.into(),
            Rank::Name(name) => name.into(),
        }
    }
}

impl Page {
    /// The place that the lines follow.
    pub(super) fn place(&self) -> Result<(Rank, String), Error> {
        let after = self.after.as_deref();
        after.map_or_else(
            || Ok(self.order.beginning()),
            |after| self.order.place(after),
        )
    }
}

impl Reading<'_> {
    /// A page of the lines that `filter` means.
    pub fn roll(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        page: &Page,
    ) -> Result<RollPage, Error> {
        let limit = match page.limit {
            0 => 100,
            limit => limit.min(LINES_MAX),
        };
        let mut found = self.found(tenant, filter, page, limit)?;
        let rank = |row: &Row| (page.order.rank(row), row.id.clone());
        found.sort_by_cached_key(rank);
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| more).map(rank);
        let next = last.map(|(rank, id)| serde_json::to_string(&(rank, id)));
        Ok(RollPage {
            rows: found,
            next: next.transpose().map_err(Error::unreadable("a page"))?,
        })
    }

    /// One more than `limit`, so that a caller sees whether there are more.
    fn found(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
        page: &Page,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        let way = self.way(tenant, filter)?;
        let blocks = way == Way::Walk || way == Way::Cells && filter.sought().is_some();
        if blocks && let Some(rows) = self.page_by_blocks(tenant, filter, page, limit)? {
            return Ok(rows);
        }
        if matches!(way, Way::Walk | Way::Cells)
            && let Some(parts) = self.few_parts(tenant, filter, page.order)?
        {
            let conditions = filter.lines(tenant, Way::Merged, page.order);
            let ids = self.merged(&parts, &conditions, page, limit + 1, None)?;
            return self.entity_rows(tenant, &ids);
        }
        let conditions = filter.lines(tenant, way, page.order);
        self.lines(conditions, way, page, limit)
    }

    fn lines(
        &mut self,
        mut conditions: Where,
        way: Way,
        page: &Page,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        let order = page.order;
        let column = if way == Way::Walk {
            order.column()
        } else {
            order.hidden()
        };
        if order != Order::Name {
            conditions
                .text
                .push_str(&format!(" AND {} IS NOT NULL", order.column()));
        }
        if let Some(after) = &page.after {
            let (rank, id) = order.place(after)?;
            conditions.params.push(rank.into());
            conditions.params.push(id.into());
            let last = conditions.params.len();
            conditions
                .text
                .push_str(&format!(" AND ({column}, e.id) > (${}, ${last})", last - 1));
        }
        conditions.params.push((limit + 1).into());
        let sql = format!(
            "SELECT {COLUMNS} FROM entity e WHERE e.tenant = $1{} ORDER BY {column}, e.id
             LIMIT ${}",
            conditions.text,
            conditions.params.len()
        );
        let rows = self.rows(&sql, &conditions.params)?;
        rows.into_iter().map(|mut cells| row(&mut cells)).collect()
    }

    /// How many lines `filter` means.
    pub fn count(&mut self, tenant: &Tenant, filter: &Filter) -> Result<u64, Error> {
        if filter.is_counted() {
            let sum = self.sum(&filter.counts(tenant))?;
            return Ok(u64::try_from(sum).unwrap_or(0));
        }
        let counted = self.count_by_cell(tenant, filter)?;
        Ok(counted.values().sum())
    }

    fn count_by_cell(
        &mut self,
        tenant: &Tenant,
        filter: &Filter,
    ) -> Result<BTreeMap<i64, u64>, Error> {
        if let Some((what, before)) = filter.only_time() {
            return self.count_by_day(tenant, filter, what, before);
        }
        let way = self.way(tenant, filter)?;
        if matches!(way, Way::Walk | Way::Cells)
            && let Some(counted) = self.count_by_blocks(tenant, filter, way)?
        {
            return Ok(counted);
        }
        let conditions = filter.counted(tenant, way);
        // An index that has cells in order is of no use where lines are found by another.
        let cell = match way {
            Way::Walk | Way::Cells if filter.source.is_none() => "e.cell",
            _ => "e.cell + 0",
        };
        let sql = format!(
            "SELECT {cell}, count(*) FROM entity e WHERE e.tenant = $1{} GROUP BY {cell}",
            conditions.text
        );
        let rows = self.rows(&sql, &conditions.params)?;
        rows.into_iter()
            .map(|mut row| Ok((row.int()?, row.count()?)))
            .collect()
    }

    /// How many of the lines that `filter` means have each value of each facet: `kind`, `class`,
    /// `type`, `provider`, `environment`, `status`, `owned` (`yes`, `no`), `privilege`. The most
    /// frequent first, at most 200; an empty value: nothing is told.
    pub fn facets(&mut self, tenant: &Tenant, filter: &Filter) -> Result<Facets, Error> {
        if !filter.is_counted() {
            let counted = self.count_by_cell(tenant, filter)?;
            return self.facets_of(tenant, &counted);
        }
        let counts = filter.counts(tenant);
        let n = counts.n;
        let mut facets = BTreeMap::new();
        for (facet, column) in FACETS {
            let sql = format!(
                "SELECT CAST(c.{column} AS text), CAST(sum({n}) AS bigint) FROM {}
                 GROUP BY c.{column} ORDER BY sum({n}) DESC, c.{column} LIMIT {VALUES_MAX}",
                counts.from
            );
            let mut values = Vec::new();
            for mut row in self.rows(&sql, &counts.params)? {
                values.push((shown(facet, row.text()?), row.count()?));
            }
            facets.insert(facet, values);
        }
        Ok(facets)
    }

    fn facets_of(
        &mut self,
        tenant: &Tenant,
        counted: &BTreeMap<i64, u64>,
    ) -> Result<Facets, Error> {
        let rows = self.rows(
            "SELECT cell, kind, class, type, provider, environment, status, CAST(owned AS text),
               privilege FROM cube WHERE tenant = $1 AND n > 0",
            &[tenant.into()],
        )?;
        let mut sums: BTreeMap<&str, BTreeMap<String, u64>> = FACETS
            .iter()
            .map(|(facet, _)| (*facet, BTreeMap::new()))
            .collect();
        for mut row in rows {
            let Some(count) = counted.get(&row.int()?) else {
                continue;
            };
            for (facet, _) in FACETS {
                let value = shown(facet, row.text()?);
                *sums.entry(facet).or_default().entry(value).or_default() += count;
            }
        }
        let ranked = sums.into_iter().map(|(facet, values)| {
            let mut values: Vec<_> = values.into_iter().collect();
            values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            values.truncate(VALUES_MAX);
            (facet, values)
        });
        Ok(ranked.collect())
    }
}

fn shown(facet: &str, value: String) -> String {
    match (facet, value.as_str()) {
        ("owned", "1") => "yes".to_owned(),
        ("owned", _) => "no".to_owned(),
        _ => value,
    }
}
