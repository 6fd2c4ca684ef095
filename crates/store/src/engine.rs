//! The seam to an engine: everything above it is written once.
//!
//! An engine opens sessions; a session runs SQL in one transaction. `$1, $2 …` are parameters.
//! A [`Bulk`] statement names the columns of rows that come with it and says `{rows}` where
//! they stand: PostgreSQL gets arrays by `unnest`, SQLite runs the prepared statement once a
//! row. Its text is the same for both.

pub(crate) mod nul;
mod pool;
pub(crate) mod postgres;
pub(crate) mod sqlite;
pub(crate) mod sslmode;
mod tls;
mod wire;

use crate::query::Statement;
use crate::value::{Row, Type, Value};
use crate::{Durability, Error, QueryLimits, Table};

/// Which of the two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One consistent view; nothing can be written.
    Read,
    Write(Durability),
}

/// A statement that many rows go through.
pub(crate) struct Bulk<'b> {
    /// `{rows}` stands for a table `r` with [`Self::columns`].
    pub(crate) sql: &'b str,
    pub(crate) columns: &'b [(&'b str, Type)],
}

pub(crate) trait Engine: Send + Sync {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Session + '_>, Error>;
    /// Runs a caller's read-only query over the documented views.
    fn query(
        &self,
        tenant: &str,
        sql: &Statement<'_>,
        limits: &QueryLimits,
    ) -> Result<Table, Error>;
    /// What only this engine needs after the shared migrations: the views of [`Engine::query`].
    fn after_migration(&self, session: &mut dyn Session) -> Result<(), Error>;
    /// What this engine wants after much was written, beside any transaction.
    fn after_load(&self) -> Result<(), Error>;
}

/// One transaction. Dropped without [`Session::finish`] it rolls back.
/// Takes a row; its error ends what it is taken from.
pub(crate) type Take<'t> = dyn FnMut(Row) -> Result<(), Error> + 't;

pub(crate) trait Session {
    fn dialect(&self) -> Dialect;
    fn rows(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error>;
    /// Hands over each row as it comes, none kept: an answer of many may be of any size.
    fn each(&mut self, sql: &str, params: &[Value], take: &mut Take<'_>) -> Result<(), Error>;
    /// Answers how many rows were written.
    fn run(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error>;
    /// `fixed` are `$1 …`; the columns of `rows` follow.
    fn bulk(&mut self, bulk: &Bulk, fixed: &[Value], rows: &[Vec<Value>]) -> Result<u64, Error>;
    fn bulk_rows(
        &mut self,
        bulk: &Bulk,
        fixed: &[Value],
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, Error>;
    /// Several statements of ours, without parameters.
    fn script(&mut self, sql: &str) -> Result<(), Error>;
    /// Keeps two processes from migrating at once.
    fn lock_migrations(&mut self) -> Result<(), Error>;
    fn commit(self: Box<Self>) -> Result<(), Error>;
}

impl Bulk<'_> {
    /// The text for one engine; `fixed` parameters come before the columns.
    fn text(&self, dialect: Dialect, fixed: usize) -> String {
        let names = self.columns.iter().enumerate();
        let rows = match dialect {
            Dialect::Sqlite => {
                let columns: Vec<_> = names
                    .map(|(n, (name, _))| format!("${} AS {name}", fixed + n + 1))
                    .collect();
                format!("(SELECT {})", columns.join(", "))
            }
            Dialect::Postgres => {
                let arrays: Vec<_> = names
                    .map(|(n, (_, kind))| format!("${}::{}[]", fixed + n + 1, kind.postgres()))
                    .collect();
                format!("unnest({})", arrays.join(", "))
            }
        };
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        let alias = match dialect {
            Dialect::Sqlite => "r".to_owned(),
            Dialect::Postgres => format!("r({})", names.join(", ")),
        };
        self.sql.replace("{rows}", &format!("{rows} AS {alias}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bulk_statement_is_one_text_for_both_engines() {
        let bulk = Bulk {
            sql: "INSERT INTO t (tenant, a, b) SELECT $1, r.a, r.b FROM {rows}",
            columns: &[("a", Type::Text), ("b", Type::Int)],
        };
        assert_eq!(
            bulk.text(Dialect::Sqlite, 1),
            "INSERT INTO t (tenant, a, b) SELECT $1, r.a, r.b FROM (SELECT $2 AS a, $3 AS b) AS r"
        );
        assert_eq!(
            bulk.text(Dialect::Postgres, 1),
            "INSERT INTO t (tenant, a, b) SELECT $1, r.a, r.b FROM unnest($2::text[], $3::bigint[]) AS r(a, b)"
        );
    }
}
