//! The roll: one line for each thing, as lists, filters and facets read it.

mod assign;
mod blocks;
mod days;
mod facts;
mod filter;
mod first;
mod holders;
mod merged;
mod names;
mod owners;
mod pages;
mod search;
mod spots;

use std::collections::BTreeSet;

use model::{EntityId, Kind, SightingKey, SourceId, Tenant, Timestamp, Told};

use crate::engine::Bulk;
use crate::value::{self, Type, Value};
use crate::{Error, Reading};

pub(crate) use facts::fill as fill_facts;
pub use filter::Filter;
pub use model::Row;
pub(crate) use names::fill as fill_names;
pub use pages::{Facets, Order, Page, RollPage};

/// A line of the roll with the sightings it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The line. Its id is that of the smallest member.
    pub row: Row,
    /// Every sighting of it; at least one.
    pub members: Vec<SightingKey>,
    /// Every source that has a sighting of it.
    pub sources: BTreeSet<SourceId>,
    /// Ids it had before; they go on resolving.
    pub aliases: Vec<EntityId>,
}

/// The columns of a line, in the order of [`row`] and [`values`].
pub(crate) const COLUMNS: &str = "e.id, e.kind, e.listed, e.name, e.type, e.provider, e.class,
  e.environment, e.status, e.privilege, e.holder, e.owner, e.owner_hint, e.sources, e.places,
  e.credentials, e.created_at, e.rotated_at, e.last_used_at, e.expires_at, e.absent, e.first_seen,
  e.missing_since";

/// Lines an answer to [`Reading::find`] may hold.
const FOUND_MAX: usize = 50;

/// More lines of one name than are worth comparing.
const NAMESAKES_MAX: usize = 200;

/// Letters of an id that are enough to look for it.
const PREFIX_MIN: usize = 6;

impl Reading<'_> {
    /// The line of a thing, found by any id it has or had.
    pub fn entity_row(&mut self, tenant: &Tenant, id: &EntityId) -> Result<Option<Row>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM entity e WHERE e.tenant = $1 AND e.id = $2");
        if let Some(mut cells) = self.row(&sql, &[tenant.into(), id.into()])? {
            return row(&mut cells).map(Some);
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM alias a JOIN entity e ON e.tenant = a.tenant AND e.id = a.id
             WHERE a.tenant = $1 AND a.old = $2"
        );
        let found = self.row(&sql, &[tenant.into(), id.into()])?;
        found.map(|mut cells| row(&mut cells)).transpose()
    }

    /// The lines of things, by their present ids; those that are not there are left out.
    pub fn entity_rows(&mut self, tenant: &Tenant, ids: &[EntityId]) -> Result<Vec<Row>, Error> {
        const ROWS: Bulk = Bulk {
            sql: "SELECT e.id, e.kind, e.listed, e.name, e.type, e.provider, e.class,
                    e.environment, e.status, e.privilege, e.holder, e.owner, e.owner_hint,
                    e.sources, e.places, e.credentials, e.created_at, e.rotated_at,
                    e.last_used_at, e.expires_at, e.absent, e.first_seen, e.missing_since
                  FROM {rows} JOIN entity e ON e.tenant = $1 AND e.id = r.id",
            columns: &[("id", Type::Text)],
        };
        let asked: Vec<_> = ids.iter().map(|id| vec![Value::from(id)]).collect();
        let rows = self.bulk_rows(&ROWS, &[tenant.into()], &asked)?;
        rows.into_iter().map(|mut cells| row(&mut cells)).collect()
    }

    /// The lines of `kind` that are not missing, whose environment is told and that bear one of
    /// `names`, by id. None at all where there are more than 200: what so many bear
    /// says nothing of what it is for.
    pub fn namesakes(
        &mut self,
        tenant: &Tenant,
        kind: Kind,
        names: &[String],
    ) -> Result<Vec<Row>, Error> {
        const ROWS: Bulk = Bulk {
            sql: "SELECT e.id, e.kind, e.listed, e.name, e.type, e.provider, e.class,
                    e.environment, e.status, e.privilege, e.holder, e.owner, e.owner_hint,
                    e.sources, e.places, e.credentials, e.created_at, e.rotated_at,
                    e.last_used_at, e.expires_at, e.absent, e.first_seen, e.missing_since
                  FROM {rows} JOIN entity e ON e.tenant = $1 AND e.name = r.name
                  WHERE e.kind = $2 AND e.environment IS NOT NULL AND e.missing_since IS NULL
                  LIMIT $3",
            columns: &[("name", Type::Text)],
        };
        let asked: Vec<_> = names
            .iter()
            .map(|name| vec![Value::from(cut_name(name))])
            .collect();
        let fixed = [
            tenant.into(),
            kind.as_str().into(),
            (NAMESAKES_MAX + 1).into(),
        ];
        let rows = self.bulk_rows(&ROWS, &fixed, &asked)?;
        if rows.len() > NAMESAKES_MAX {
            return Ok(Vec::new());
        }
        let rows = rows.into_iter().map(|mut cells| row(&mut cells));
        let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
        rows.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(rows)
    }

    /// The things a person may mean by `text`: a whole id, the beginning of one (6 letters or
    /// more), or an exact name. At most 50, by id.
    pub fn find(&mut self, tenant: &Tenant, text: &str) -> Result<Vec<EntityId>, Error> {
        if let Ok(id) = text.parse::<EntityId>() {
            return Ok(self
                .entity_row(tenant, &id)?
                .into_iter()
                .map(|row| row.id)
                .collect());
        }
        let mut found = Vec::new();
        let tail = text.split_once('-').map_or(text, |(_, tail)| tail);
        if text.len() <= 28 && tail.len() >= PREFIX_MIN {
            let params = [
                tenant.into(),
                text.into(),
                format!("{text}~").into(),
                FOUND_MAX.into(),
            ];
            found = self.rows(
                "SELECT id FROM entity WHERE tenant = $1 AND id >= $2 AND id < $3
                 UNION SELECT id FROM alias WHERE tenant = $1 AND old >= $2 AND old < $3
                 ORDER BY id LIMIT $4",
                &params,
            )?;
        }
        if found.is_empty() {
            found = self.rows(
                "SELECT id FROM entity WHERE tenant = $1 AND name = $2 ORDER BY id LIMIT $3",
                &[tenant.into(), cut_name(text).into(), FOUND_MAX.into()],
            )?;
        }
        let ids = found.into_iter();
        ids.map(|mut cells| cells.parsed("an entity's id"))
            .collect()
    }

    /// The ids a thing had before.
    pub fn aliases(&mut self, tenant: &Tenant, id: &EntityId) -> Result<Vec<EntityId>, Error> {
        let rows = self.rows(
            "SELECT old FROM alias WHERE tenant = $1 AND id = $2 ORDER BY old",
            &[tenant.into(), id.into()],
        )?;
        let ids = rows.into_iter();
        ids.map(|mut cells| cells.parsed("an entity's id"))
            .collect()
    }

    /// Every id that the thing called `text` has or had, `text` among them; what is no id of a
    /// thing stands for itself.
    pub fn ids_of(&mut self, tenant: &Tenant, text: &str) -> Result<BTreeSet<String>, Error> {
        let mut ids = BTreeSet::from([text.to_owned()]);
        if let Ok(id) = text.parse()
            && let Some(row) = self.entity_row(tenant, &id)?
        {
            let had = self.aliases(tenant, &row.id)?;
            ids.extend(had.iter().map(|id| id.as_str().to_owned()));
            ids.insert(row.id.as_str().to_owned());
        }
        Ok(ids)
    }

    /// The credentials an identity holds, by name; at most 10,000.
    pub fn credentials_of(
        &mut self,
        tenant: &Tenant,
        identity: &EntityId,
    ) -> Result<Vec<Row>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM entity e WHERE e.tenant = $1 AND e.holder = $2
             AND e.kind = 'credential' ORDER BY e.name || '', e.id LIMIT 10000"
        );
        let rows = self.rows(&sql, &[tenant.into(), identity.into()])?;
        rows.into_iter().map(|mut cells| row(&mut cells)).collect()
    }
}

pub(crate) fn row(cells: &mut value::Row) -> Result<Row, Error> {
    let mut row = Row {
        id: cells.parsed("an entity's id")?,
        kind: cells.parsed("a kind")?,
        listed: cells.flag()?,
        name: cells.text()?,
        type_: cells.text()?,
        provider: cells.text()?,
        class: cells.text_opt()?,
        environment: cells.text_opt()?,
        status: cells.text_opt()?,
        privilege: cells.text_opt()?,
        holder: cells.parsed_opt("an entity's id")?,
        owner: cells.text_opt()?,
        owner_hint: cells.text_opt()?,
        sources: cells.count32()?,
        places: cells.count32()?,
        credentials: cells.count32()?,
        created_at: Told::or_cannot_tell(cells.time_opt()?),
        rotated_at: Told::or_cannot_tell(cells.time_opt()?),
        last_used_at: Told::or_cannot_tell(cells.time_opt()?),
        expires_at: Told::or_cannot_tell(cells.time_opt()?),
        first_seen: Timestamp::MIN,
        missing_since: None,
    };
    let absent = cells.int()?;
    for (n, told) in [
        &mut row.created_at,
        &mut row.rotated_at,
        &mut row.last_used_at,
        &mut row.expires_at,
    ]
    .into_iter()
    .enumerate()
    {
        if absent & (1 << n) != 0 {
            *told = Told::Absent;
        }
    }
    row.first_seen = cells.time()?;
    row.missing_since = cells.time_opt()?;
    Ok(row)
}

/// The values of a line in the order of [`COLUMNS`].
fn values(row: &Row) -> Vec<Value> {
    let told = [
        row.created_at.clone(),
        row.rotated_at.clone(),
        row.last_used_at.clone(),
        row.expires_at.clone(),
    ];
    let absent: i64 = (0..4)
        .filter(|n| told[*n] == Told::Absent)
        .map(|n| 1 << n)
        .sum();
    let mut values = vec![
        (&row.id).into(),
        row.kind.into(),
        row.listed.into(),
        (&row.name).into(),
        (&row.type_).into(),
        (&row.provider).into(),
        row.class.as_deref().into(),
        row.environment.as_deref().into(),
        row.status.as_deref().into(),
        row.privilege.as_deref().into(),
        row.holder.as_ref().into(),
        row.owner.as_deref().into(),
        row.owner_hint.as_deref().into(),
        row.sources.into(),
        row.places.into(),
        row.credentials.into(),
    ];
    values.extend(told.iter().map(|told| told.is().copied().into()));
    values.extend([
        absent.into(),
        row.first_seen.into(),
        row.missing_since.into(),
    ]);
    values
}

/// Longest name, in bytes: an index must hold it.
const NAME_MAX: usize = 512;

/// Longest text of another column, in bytes: eight of them make a key of the cube.
const WORD_MAX: usize = 128;

/// `row` with its texts cut to what an index can hold.
fn bounded(row: &Row) -> Row {
    let mut row = row.clone();
    row.name = cut_name(&row.name).to_owned();
    for text in [&mut row.type_, &mut row.provider] {
        *text = cut(text, WORD_MAX).to_owned();
    }
    for text in [
        &mut row.class,
        &mut row.environment,
        &mut row.status,
        &mut row.privilege,
        &mut row.owner,
        &mut row.owner_hint,
    ] {
        *text = text.as_deref().map(|text| cut(text, WORD_MAX).to_owned());
    }
    row
}

/// A name as lines bear it.
pub(crate) fn cut_name(name: &str) -> &str {
    cut(name, NAME_MAX)
}

/// The longest beginning of `text` that has at most `bytes_max` bytes.
fn cut(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max)
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}
