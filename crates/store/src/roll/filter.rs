//! Filters: what they ask, and the cheapest way to the lines that answer.

use model::{EntityId, Kind, SourceId, Tenant, Timestamp};

use super::Order;
use super::days::What;
use crate::value::Value;
use crate::{Error, Reading};

/// Which lines of the roll are meant; what is not set asks nothing.
///
/// For the words an empty text asks for lines of which nothing is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// What they are.
    pub kind: Option<Kind>,
    /// Identities and loose credentials, or the others.
    pub listed: Option<bool>,
    /// Those that no source finds any more, or those that one does.
    pub missing: Option<bool>,
    /// Those with a confirmed owner, or those without.
    pub owned: Option<bool>,
    /// The word of a [`model::Class`].
    pub class: Option<String>,
    /// Type in its provider's words.
    pub type_: Option<String>,
    /// Provider.
    pub provider: Option<String>,
    /// Environment.
    pub environment: Option<String>,
    /// Status.
    pub status: Option<String>,
    /// Privilege.
    pub privilege: Option<String>,
    /// Confirmed owner.
    pub owner: Option<String>,
    /// Whose credentials.
    pub holder: Option<EntityId>,
    /// Seen by this source.
    pub source: Option<SourceId>,
    /// The name holds this text; letters A to Z count as a to z. Never a pattern.
    pub text: Option<String>,
    /// They expire before this instant.
    pub expires_before: Option<Timestamp>,
    /// They were last used before this instant; those never used or of which nothing is told
    /// are not among them.
    pub unused_since: Option<Timestamp>,
}

/// The conditions of a statement with their parameters.
pub(super) struct Where {
    pub(super) text: String,
    pub(super) params: Vec<Value>,
}

impl Where {
    pub(super) fn of(tenant: &Tenant) -> Self {
        Self {
            text: String::new(),
            params: vec![tenant.into()],
        }
    }

    /// `?` in `condition` is the next parameter.
    pub(super) fn and(&mut self, condition: &str, value: Value) {
        self.params.push(value);
        let number = format!("${}", self.params.len());
        self.text.push_str(" AND ");
        self.text.push_str(&condition.replace('?', &number));
    }
}

/// By which index lines are found. The others of a filter's conditions are then tested on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In the order asked for, until a page is full: right where many lines match in many cells.
    Walk,
    /// Each cell in the order asked for, merged, until a page is full.
    Merged,
    /// Cell by cell of the cube, then sorted.
    Cells,
    Owner,
    Holder,
    Expires,
    LastUsed,
    /// Those that blocks of names lead to.
    Text,
}

/// Where the numbers of lines are kept that a filter can be answered from: by cell, or, of one
/// source, by spot.
pub(super) struct Counts {
    /// The tables and the conditions.
    pub(super) from: String,
    pub(super) params: Vec<Value>,
    /// How many lines there are of one row.
    pub(super) n: &'static str,
    /// The number of a row,
    pub(super) number: &'static str,
    /// and where a line tells it.
    pub(super) column: &'static str,
}

/// So few lines are found by an index of their own and sorted; more are walked in order.
pub(super) const FEW: i64 = 10_000;

impl Filter {
    /// The counts of the lines that meet what cells and spots tell.
    pub(super) fn counts(&self, tenant: &Tenant) -> Counts {
        let mut found = Where::of(tenant);
        let (from, n, number, column) = match &self.source {
            None => (
                "cube c WHERE c.tenant = $1 AND c.n > 0",
                "c.n",
                "c.cell",
                "e.cell",
            ),
            Some(source) => {
                found.params.push(source.into());
                (
                    "spot_source q JOIN spot p ON p.tenant = q.tenant AND p.spot = q.spot
                     JOIN cube c ON c.tenant = p.tenant AND c.cell = p.cell
                     WHERE q.tenant = $1 AND q.source = $2",
                    "p.n",
                    "p.spot",
                    "e.spot",
                )
            }
        };
        self.add_cell_conditions(&mut found);
        Counts {
            from: format!("{from}{}", found.text),
            params: found.params,
            n,
            number,
            column,
        }
    }

    /// Conditions on a cell `c`.
    fn add_cell_conditions(&self, found: &mut Where) {
        let flags = [
            ("listed", self.listed),
            ("missing", self.missing),
            ("owned", self.owned),
        ];
        for (column, wanted) in flags {
            if let Some(wanted) = wanted {
                found.and(&format!("c.{column} = ?"), wanted.into());
            }
        }
        if let Some(kind) = self.kind {
            found.and("c.kind = ?", kind.into());
        }
        for (column, wanted) in self.words() {
            if let Some(wanted) = wanted {
                found.and(&format!("c.{column} = ?"), wanted.into());
            }
        }
    }

    /// Leaves out cells in which no line can match: looking for one would read all of them.
    pub(super) fn only_cells_that_may_match(&self, counts: &mut Counts) {
        if self.owner.is_some() {
            counts.from.push_str(" AND c.owned = 1");
        }
        for (column, before) in [
            ("expires_at", self.expires_before),
            ("last_used_at", self.unused_since),
        ] {
            if let Some(before) = before {
                counts.params.push(before.into());
                counts.from.push_str(&format!(
                    " AND EXISTS (SELECT 1 FROM entity x WHERE x.tenant = $1 AND x.cell = c.cell
                     AND x.{column} < ${})",
                    counts.params.len()
                ));
            }
        }
    }

    const fn words(&self) -> [(&'static str, Option<&String>); 6] {
        [
            ("class", self.class.as_ref()),
            ("type", self.type_.as_ref()),
            ("provider", self.provider.as_ref()),
            ("environment", self.environment.as_ref()),
            ("status", self.status.as_ref()),
            ("privilege", self.privilege.as_ref()),
        ]
    }

    /// Whether counts by cell and by spot alone answer counts and facets.
    pub(super) const fn is_counted(&self) -> bool {
        self.asks_no_line() && self.text.is_none()
    }

    /// What is looked for in names.
    pub(super) fn sought(&self) -> Option<&str> {
        self.text.as_deref().filter(|text| !text.is_empty())
    }

    /// Whether spots and names tell all that is asked.
    pub(super) const fn asks_no_line(&self) -> bool {
        self.owner.is_none()
            && self.holder.is_none()
            && self.expires_before.is_none()
            && self.unused_since.is_none()
    }

    /// Whether something is asked that blocks of facts tell.
    pub(super) const fn asks_facts(&self) -> bool {
        self.owner.is_some() || self.expires_before.is_some() || self.unused_since.is_some()
    }

    /// Whether spots, names and facts of blocks tell all that is asked.
    pub(super) const fn blocks_tell(&self) -> bool {
        self.holder.is_none()
    }

    /// The one time that is asked for besides what spots tell, if that is all.
    pub(super) fn only_time(&self) -> Option<(What, Timestamp)> {
        if self.owner.is_some() || self.holder.is_some() || self.sought().is_some() {
            return None;
        }
        match (self.expires_before, self.unused_since) {
            (Some(before), None) => Some((What::Expires, before)),
            (None, Some(before)) => Some((What::Used, before)),
            _ => None,
        }
    }

    /// A statement that tells the spots that are meant; `None`: all are.
    pub(super) fn spots(&self, tenant: &Tenant) -> Option<(String, Vec<Value>)> {
        let mut found = Where::of(tenant);
        self.add_cell_conditions(&mut found);
        let seen = match &self.source {
            None if found.text.is_empty() => return None,
            None => String::new(),
            Some(source) => {
                found.params.push(source.into());
                format!(
                    " AND EXISTS (SELECT 1 FROM spot_source q WHERE q.tenant = $1
                      AND q.spot = p.spot AND q.source = ${})",
                    found.params.len()
                )
            }
        };
        let sql = format!(
            "SELECT p.spot FROM spot p JOIN cube c ON c.tenant = p.tenant AND c.cell = p.cell
             WHERE p.tenant = $1{}{seen}",
            found.text
        );
        Some((sql, found.params))
    }

    /// Every condition on a line `e`. Only that of `way`, and what bounds `order`, is written so
    /// that an index serves it.
    pub(super) fn lines(&self, tenant: &Tenant, way: Way, order: Order) -> Where {
        let mut found = Where::of(tenant);
        match way {
            Way::Merged => {}
            Way::Cells => self.add_counted_conditions(&mut found),
            _ => self.add_line_conditions(&mut found),
        }
        // Each cell, and by name each spot, is asked for by itself.
        if way != Way::Cells && !(way == Way::Merged && order == Order::Name) {
            self.add_source_condition(&mut found);
        }
        self.add_other_conditions(&mut found, |ours| {
            way == ours
                || (way == Way::Merged && order == Order::Expires && ours == Way::Expires)
                || (way == Way::Merged && order == Order::LastUsed && ours == Way::LastUsed)
        });
        found
    }

    /// Conditions under which lines are counted, by cell.
    pub(super) fn counted(&self, tenant: &Tenant, way: Way) -> Where {
        let mut found = Where::of(tenant);
        if matches!(way, Way::Walk | Way::Cells) {
            self.add_counted_conditions(&mut found);
        } else {
            self.add_line_conditions(&mut found);
            self.add_source_condition(&mut found);
        }
        self.add_other_conditions(&mut found, |ours| {
            way == ours || way != Way::Text && matches!(ours, Way::Expires | Way::LastUsed)
        });
        found
    }

    /// Conditions on lines whose cell and spot tell whether they are meant, by an index that
    /// begins with the cell and tells the spot.
    pub(super) fn in_cells(&self, tenant: &Tenant) -> Where {
        let mut found = Where::of(tenant);
        let cells = "e.cell IN (SELECT c.cell FROM cube c WHERE c.tenant = $1 AND c.n > 0";
        found.text.push_str(&format!(" AND {cells}"));
        self.add_cell_conditions(&mut found);
        found.text.push(')');
        self.add_source_condition(&mut found);
        found
    }

    /// Lines of the cells, or of the spots, that are meant.
    fn add_counted_conditions(&self, found: &mut Where) {
        if let Some(source) = &self.source {
            found.and(
                "e.spot IN (SELECT p.spot FROM spot_source q
                 JOIN spot p ON p.tenant = q.tenant AND p.spot = q.spot
                 JOIN cube c ON c.tenant = p.tenant AND c.cell = p.cell
                 WHERE q.tenant = $1 AND q.source = ?",
                source.into(),
            );
        } else {
            let cells = "e.cell IN (SELECT c.cell FROM cube c WHERE c.tenant = $1 AND c.n > 0";
            found.text.push_str(&format!(" AND {cells}"));
        }
        self.add_cell_conditions(found);
        found.text.push(')');
    }

    /// Lines that the source sees, tested on each.
    fn add_source_condition(&self, found: &mut Where) {
        if let Some(source) = &self.source {
            found.and(
                "e.spot + 0 IN (SELECT q.spot FROM spot_source q WHERE q.tenant = $1
                 AND q.source = ?)",
                source.into(),
            );
        }
    }

    /// What no cell tells; `is_served` says for which of it an index is to be used.
    fn add_other_conditions(&self, found: &mut Where, is_served: impl Fn(Way) -> bool) {
        let served = |ours: Way, plain: &str, hidden: &str| -> String {
            if is_served(ours) { plain } else { hidden }.to_owned()
        };
        if let Some(owner) = &self.owner {
            found.and(
                &served(Way::Owner, "e.owner = ?", "e.owner || '' = ?"),
                owner.into(),
            );
        }
        if let Some(holder) = &self.holder {
            found.and(
                &served(Way::Holder, "e.holder = ?", "e.holder || '' = ?"),
                holder.into(),
            );
        }
        if let Some(before) = self.expires_before {
            found.and(
                &served(Way::Expires, "e.expires_at < ?", "e.expires_at + 0 < ?"),
                before.into(),
            );
        }
        if let Some(before) = self.unused_since {
            found.and(
                &served(
                    Way::LastUsed,
                    "e.last_used_at < ?",
                    "e.last_used_at + 0 < ?",
                ),
                before.into(),
            );
        }
        if let Some(text) = self.sought() {
            let pattern = format!("%{}%", escaped(&text.to_ascii_lowercase()));
            found.and("lower(e.name) LIKE ? ESCAPE '!'", pattern.into());
        }
    }

    fn add_line_conditions(&self, found: &mut Where) {
        if let Some(kind) = self.kind {
            found.and("e.kind = ?", kind.into());
        }
        if let Some(listed) = self.listed {
            found.and("e.listed = ?", listed.into());
        }
        if let Some(missing) = self.missing {
            found.and("(e.missing_since IS NOT NULL) = (? = 1)", missing.into());
        }
        if let Some(owned) = self.owned {
            found.and("(e.owner IS NOT NULL) = (? = 1)", owned.into());
        }
        for (column, wanted) in self.words() {
            if let Some(wanted) = wanted {
                found.and(&format!("coalesce(e.{column}, '') = ?"), wanted.into());
            }
        }
    }
}

/// `text` in which nothing is a wildcard of `LIKE … ESCAPE '!'`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '!') {
            out.push('!');
        }
        out.push(letter);
    }
    out
}

impl Reading<'_> {
    /// The cheapest way to what `filter` asks: by the index that leaves fewest lines.
    pub(super) fn way(&mut self, tenant: &Tenant, filter: &Filter) -> Result<Way, Error> {
        let total = self.sum(&filter.counts(tenant))?;
        let mut best = (total, Way::Cells);
        let candidates: [(Way, Option<Value>, &str); 4] = [
            (
                Way::Holder,
                filter.holder.as_ref().map(Value::from),
                "entity WHERE tenant = $1 AND holder = $2",
            ),
            (
                Way::Owner,
                filter.owner.as_ref().map(Value::from),
                "entity WHERE tenant = $1 AND owner = $2",
            ),
            (
                Way::Expires,
                filter.expires_before.map(Value::from),
                "entity WHERE tenant = $1 AND expires_at < $2",
            ),
            (
                Way::LastUsed,
                filter.unused_since.map(Value::from),
                "entity WHERE tenant = $1 AND last_used_at < $2",
            ),
        ];
        for (way, value, from) in candidates {
            let Some(value) = value.filter(|_| best.0 > 0) else {
                continue;
            };
            let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {from} LIMIT $3) AS few");
            let params = [tenant.into(), value, (FEW + 1).into()];
            if let Some(mut row) = self.row(&sql, &params)? {
                let count = row.int()?;
                if count < best.0 {
                    best = (count, way);
                }
            }
        }
        Ok(if best.0 > FEW { Way::Walk } else { best.1 })
    }

    pub(super) fn sum(&mut self, counts: &Counts) -> Result<i64, Error> {
        let sql = format!(
            "SELECT CAST(coalesce(sum({}), 0) AS bigint) FROM {}",
            counts.n, counts.from
        );
        let row = self.row(&sql, &counts.params)?;
        Ok(row.map(|mut row| row.int()).transpose()?.unwrap_or(0))
    }
}
