//! The tables that hold a roll, as the schema itself names them.

use crate::Error;
use crate::engine::Session;
use crate::migrate;
use crate::value::{Row, Type, Value};

/// Rows read at once.
const PAGE_ROWS: usize = 2_000;

/// A table with its columns and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<(String, Type)>,
    key: Vec<usize>,
}

/// Every table of the schema, in its order, with the columns that later steps added.
pub(crate) fn tables() -> Vec<Table> {
    tables_of(migrate::SCHEMA)
}

/// The tables as they were at an older schema.
pub(crate) fn tables_of(schema: u32) -> Vec<Table> {
    let mut tables: Vec<Table> = migrate::scripts(schema)
        .flat_map(|script| script.split("CREATE TABLE ").skip(1))
        .filter_map(read)
        .collect();
    for (name, added) in migrate::scripts(schema).flat_map(added) {
        if let Some(table) = tables.iter_mut().find(|table| table.name == name) {
            table.columns.extend(added);
        }
    }
    tables
}

/// `ALTER TABLE name ADD COLUMN column {type} …;`
fn added(script: &str) -> impl Iterator<Item = (&str, Option<(String, Type)>)> {
    let altered = script.split("ALTER TABLE ").skip(1);
    altered.filter_map(|text| {
        let (name, text) = text.split_once(" ADD COLUMN ")?;
        Some((name, column(text)))
    })
}

/// `name {type} …`
fn column(text: &str) -> Option<(String, Type)> {
    let (name, kind) = text.trim().split_once(" {")?;
    let kind = match kind.split_once('}')?.0 {
        "int" => Type::Int,
        "text" => Type::Text,
        "json" => Type::Json,
        "bytes" => Type::Bytes,
        _ => return None,
    };
    Some((name.to_owned(), kind))
}

/// `name ( column {type} …, … PRIMARY KEY (a, b) )`.
fn read(text: &str) -> Option<Table> {
    let (name, rest) = text.split_once(" (")?;
    let (columns, key) = rest.split_once("PRIMARY KEY (")?;
    let key = key.split_once(')')?.0;
    let mut table = Table {
        name: name.to_owned(),
        columns: Vec::new(),
        key: Vec::new(),
    };
    table.columns = columns.split(',').filter_map(column).collect();
    for part in key.split(',') {
        let at = table
            .columns
            .iter()
            .position(|(name, _)| name == part.trim());
        table.key.push(at?);
    }
    Some(table)
}

impl Table {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Gives every row to `each`, in the order of the key, in memory that does not grow.
    pub(crate) fn each_row(
        &self,
        session: &mut dyn Session,
        each: impl FnMut(Vec<Vec<Value>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.each_row_of(session, "1 = 1", &[], each)
    }

    /// The same of the rows of which `only` holds, a condition over the parameters `fixed`.
    pub(crate) fn each_row_of(
        &self,
        session: &mut dyn Session,
        only: &str,
        fixed: &[Value],
        mut each: impl FnMut(Vec<Vec<Value>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let key: Vec<_> = self
            .key
            .iter()
            .map(|at| self.columns[*at].0.as_str())
            .collect();
        let key = key.join(", ");
        let places = (1..=self.key.len()).map(|n| format!("${}", fixed.len() + n));
        let places: Vec<_> = places.collect();
        let (name, names) = (&self.name, self.names().join(", "));
        let first =
            format!("SELECT {names} FROM {name} WHERE {only} ORDER BY {key} LIMIT {PAGE_ROWS}");
        let later = format!(
            "SELECT {names} FROM {name} WHERE {only} AND ({key}) > ({})
             ORDER BY {key} LIMIT {PAGE_ROWS}",
            places.join(", ")
        );
        let mut rows = session.rows(&first, fixed)?;
        while !rows.is_empty() {
            let page: Vec<_> = rows.into_iter().map(Row::values).collect();
            let mut params = fixed.to_vec();
            if let Some(row) = page.last() {
                params.extend(self.key.iter().filter_map(|at| row.get(*at).cloned()));
            }
            each(page)?;
            rows = session.rows(&later, &params)?;
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self, session: &mut dyn Session) -> Result<bool, Error> {
        let sql = format!("SELECT 1 FROM {} LIMIT 1", self.name);
        Ok(session.rows(&sql, &[])?.is_empty())
    }

    /// Adds rows that are not there yet; their values stand in the order of the columns.
    pub(crate) fn insert(
        &self,
        session: &mut dyn Session,
        rows: &[Vec<Value>],
    ) -> Result<(), Error> {
        let names = self.names();
        let from: Vec<_> = names.iter().map(|name| format!("r.{name}")).collect();
        let sql = format!(
            "INSERT INTO {} ({}) SELECT {} FROM {{rows}}",
            self.name,
            names.join(", "),
            from.join(", ")
        );
        let columns: Vec<_> = names
            .into_iter()
            .zip(self.columns.iter().map(|column| column.1))
            .collect();
        let bulk = crate::engine::Bulk {
            sql: &sql,
            columns: &columns,
        };
        session.bulk(&bulk, &[], rows)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_read_with_its_key_and_starts_with_the_tenant() {
        let tables = tables();
        let made = migrate::scripts(migrate::SCHEMA)
            .map(|script| script.matches("CREATE TABLE ").count())
            .sum::<usize>();
        assert_eq!(tables.len(), made);
        assert!(tables.len() > 20, "{tables:?}");
        for table in &tables {
            assert_eq!(
                table.columns[0],
                ("tenant".to_owned(), Type::Text),
                "{table:?}"
            );
            assert_eq!(table.key[0], 0, "{table:?}");
        }
        let sighting = tables
            .iter()
            .find(|table| table.name == "sighting")
            .unwrap();
        assert_eq!(sighting.key, [0, 1, 2, 3]);
        assert!(sighting.columns.contains(&("hash".to_owned(), Type::Bytes)));
        let typed = tables
            .iter()
            .map(|table| table.columns.len())
            .sum::<usize>();
        let scripts: String = migrate::scripts(migrate::SCHEMA).collect();
        let tokens = ["{int}", "{text}", "{json}", "{bytes}"];
        let told = tokens.map(|token| scripts.matches(token).count());
        assert_eq!(
            typed,
            told.iter().sum::<usize>(),
            "a column was passed over"
        );
    }
}
