//! PostgreSQL: a few connections, each driven by the thread that uses it.
//!
//! **Invariant:** nothing here may be called on a thread that drives an async runtime; async
//! callers come through a blocking pool (decision 8).

use std::collections::HashMap;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

use super::pool::{Held, Pool};
use super::sqlite::first_words;
use super::sslmode::{self, SslMode};
use super::{Bulk, Dialect, Engine, Mode, Session, Take, tls};
use crate::value::{Row, Value};
use crate::{Durability, Error, Location, Options, QueryLimits, Table, query};

/// Connections at once; more wait.
const CONNECTIONS_MAX: usize = 8;

/// Rows that go into one statement as arrays.
const BULK_ROWS_MAX: usize = 8_192;

/// Statements each connection keeps prepared.
const PREPARED_MAX: usize = 256;

/// `keyroll` as a number: the advisory lock under which a schema changes.
const MIGRATION_LOCK: i64 = 0x006b_6579_726f_6c6c;

pub(crate) struct Postgres {
    pool: Pool<PgConnection>,
    read_only: bool,
    busy_wait: Duration,
}

/// A connection and the runtime that drives it, on whichever thread uses it.
pub(crate) struct PgConnection {
    runtime: Option<Runtime>,
    client: Client,
    prepared: HashMap<String, Statement>,
}

impl Postgres {
    /// Connects, so that a server which is not there is known now.
    pub(crate) fn open(url: &str, options: &Options) -> Result<Self, Error> {
        let at = Location::Postgres(url.to_owned()).to_string();
        let asked = sslmode::of(url).ok_or_else(|| Error::Location { given: at.clone() })?;
        let mut config: tokio_postgres::Config = asked
            .url
            .parse()
            .map_err(|_| Error::Location { given: at.clone() })?;
        config.ssl_mode(match asked.mode {
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
            SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
            SslMode::Require => tokio_postgres::config::SslMode::Require,
        });
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(options.busy_wait.max(Duration::from_secs(1)));
        }
        if config.get_application_name().is_none() {
            config.application_name("keyroll");
        }
        let ca_file = options.ca_file.clone().or(asked.root.map(PathBuf::from));
        let tls = match asked.mode {
            SslMode::Disable => None,
            _ => Some(tls::connector(ca_file.as_deref())?),
        };
        let wait = options.busy_wait;
        let make = move || connect(&config, tls.clone(), &at, wait);
        let opened = Self {
            pool: Pool::new(CONNECTIONS_MAX, wait, Box::new(make)),
            read_only: options.read_only,
            busy_wait: wait,
        };
        drop(opened.pool.hold()?);
        Ok(opened)
    }

    /// A connection with an open transaction. One that was lost while idle is made anew.
    fn begun(&self, start: &str) -> Result<Held<'_, PgConnection>, Error> {
        let mut connection = self.pool.hold()?;
        for attempt in 0.. {
            let begun = connection.block(|client| client.batch_execute(start));
            match begun {
                Ok(()) => break,
                Err(_) if attempt == 0 => connection.replace()?,
                Err(error) => {
                    connection.discard();
                    return Err(failed("begin a transaction", error, self.busy_wait));
                }
            }
        }
        Ok(connection)
    }
}

fn connect(
    config: &tokio_postgres::Config,
    tls: Option<tokio_postgres_rustls::MakeRustlsConnect>,
    at: &str,
    wait: Duration,
) -> Result<PgConnection, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| unreachable(at, error))?;
    // The driver ends when the client is dropped; what it met reaches us by the next call.
    let client = match tls {
        None => {
            let (client, driver) = runtime
                .block_on(config.connect(NoTls))
                .map_err(|error| unreachable(at, error))?;
            runtime.spawn(async move { driver.await.ok() });
            client
        }
        Some(tls) => {
            let (client, driver) = runtime
                .block_on(config.connect(tls))
                .map_err(|error| unreachable(at, error))?;
            runtime.spawn(async move { driver.await.ok() });
            client
        }
    };
    let settings = format!(
        "SET search_path = keyroll; SET lock_timeout = {wait}; SET TimeZone = 'UTC';
         SET client_min_messages = warning; SET idle_in_transaction_session_timeout = '10min'",
        wait = wait.as_millis().max(1)
    );
    runtime
        .block_on(client.batch_execute(&settings))
        .map_err(|error| unreachable(at, error))?;
    Ok(PgConnection {
        runtime: Some(runtime),
        client,
        prepared: HashMap::new(),
    })
}

fn unreachable(at: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unreachable {
        at: at.to_owned(),
        source: source.into(),
    }
}

/// The tables that a pass fills.
pub(crate) const LOADED: &str =
    "sighting, sighting_body, hard_key, link, entity, alias, cube, spot, spot_source,
     name_block, name_page, fact_block, day";

/// In words of the store; a full disk, a lock that was not given and a lost race are named.
pub(crate) fn failed(doing: &str, error: tokio_postgres::Error, wait: Duration) -> Error {
    let code = error.code().cloned();
    if code == Some(SqlState::DISK_FULL) {
        return Error::Full;
    }
    if code == Some(SqlState::READ_ONLY_SQL_TRANSACTION) {
        return Error::ReadOnly;
    }
    let busy = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
    ];
    if code.is_some_and(|code| busy.contains(&code)) {
        return Error::Busy {
            waited_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        };
    }
    Error::Engine {
        doing: doing.to_owned(),
        source: error.into(),
    }
}

impl PgConnection {
    /// Drives the connection until `each` has its answer.
    #[expect(clippy::unwrap_used, reason = "only `drop` takes the runtime away")]
    pub(crate) fn block<'c, T, F>(
        &'c self,
        each: impl FnOnce(&'c Client) -> F,
    ) -> Result<T, tokio_postgres::Error>
    where
        F: Future<Output = Result<T, tokio_postgres::Error>>,
    {
        self.runtime.as_ref().unwrap().block_on(each(&self.client))
    }

    fn statement(&mut self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        // Filters make statements of many forms; the server keeps each until it is dropped.
        if self.prepared.len() >= PREPARED_MAX {
            self.prepared.clear();
        }
        let statement = self.block(|client| client.prepare(sql))?;
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Drop for PgConnection {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Must not block: the last owner of a store may be anything.
            runtime.shutdown_background();
        }
    }
}

impl Engine for Postgres {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Session + '_>, Error> {
        if self.read_only && mode != Mode::Read {
            return Err(Error::ReadOnly);
        }
        let connection = self.begun(match mode {
            Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Mode::Write(Durability::Full) => "BEGIN; SET LOCAL synchronous_commit = on",
            Mode::Write(Durability::Repeatable) => "BEGIN; SET LOCAL synchronous_commit = off",
        })?;
        Ok(Box::new(PgSession {
            connection,
            wait: self.busy_wait,
            open: true,
        }))
    }

    fn query(
        &self,
        tenant: &str,
        sql: &query::Statement<'_>,
        limits: &QueryLimits,
    ) -> Result<Table, Error> {
        let mut connection = self.begun("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let answer = query::postgres::run(&connection, tenant, sql.sql, limits);
        if connection
            .block(|client| client.batch_execute("ROLLBACK"))
            .is_err()
        {
            connection.discard();
        }
        answer
    }

    fn after_migration(&self, session: &mut dyn Session) -> Result<(), Error> {
        session.script(&crate::query::postgres::views())
    }

    fn after_load(&self) -> Result<(), Error> {
        let connection = self.pool.hold()?;
        // Until a page is known to be seen by all, counts over an index fetch each of its rows.
        let sql = format!("VACUUM (ANALYZE) {LOADED}");
        let done = connection.block(|client| client.batch_execute(&sql));
        done.map_err(|error| failed("vacuum what was loaded", error, self.busy_wait))
    }
}

struct PgSession<'p> {
    connection: Held<'p, PgConnection>,
    wait: Duration,
    open: bool,
}

impl PgSession<'_> {
    fn failed(&self, sql: &str, error: tokio_postgres::Error) -> Error {
        failed(&format!("run `{}`", first_words(sql)), error, self.wait)
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement, Error> {
        let statement = self.connection.statement(sql);
        statement.map_err(|error| self.failed(sql, error))
    }

    /// The rows of a bulk statement, column by column, a slice at a time.
    fn slices(fixed: &[Value], rows: &[Vec<Value>], columns: usize) -> Vec<Vec<Param>> {
        let mut slices = Vec::new();
        for slice in rows.chunks(BULK_ROWS_MAX) {
            let mut params: Vec<_> = fixed.iter().cloned().map(Param::One).collect();
            for column in 0..columns {
                let values = slice.iter().map(|row| row[column].clone()).collect();
                params.push(Param::Many(values));
            }
            slices.push(params);
        }
        slices
    }
}

/// A parameter: one value, or a column of them.
#[derive(Debug)]
enum Param {
    One(Value),
    Many(Vec<Value>),
}

impl Param {
    fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::One(value) => value,
            Self::Many(values) => values,
        }
    }
}

fn read(rows: Vec<tokio_postgres::Row>) -> Result<Vec<Row>, tokio_postgres::Error> {
    rows.iter().map(read_one).collect()
}

fn read_one(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let values = (0..row.len()).map(|n| row.try_get::<_, Value>(n));
    values.collect::<Result<_, _>>().map(Row::new)
}

impl Session for PgSession<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn rows(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let statement = self.prepared(sql)?;
        let params: Vec<_> = params
            .iter()
            .map(|one| one as &(dyn ToSql + Sync))
            .collect();
        let rows = self
            .connection
            .block(|client| client.query(&statement, &params));
        rows.and_then(read).map_err(|error| self.failed(sql, error))
    }

    fn each(&mut self, sql: &str, params: &[Value], take: &mut Take<'_>) -> Result<(), Error> {
        let statement = self.prepared(sql)?;
        let mut taken = Ok(());
        let read = self.connection.block(|client| {
            let taken = &mut taken;
            async move {
                // The server goes on while a row is taken.
                let mut rows = pin!(client.query_raw(&statement, params).await?);
                while let Some(row) = rows.try_next().await? {
                    *taken = take(read_one(&row)?);
                    if taken.is_err() {
                        break;
                    }
                }
                Ok(())
            }
        });
        read.map_err(|error| self.failed(sql, error))?;
        taken
    }

    fn run(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let statement = self.prepared(sql)?;
        let params: Vec<_> = params
            .iter()
            .map(|one| one as &(dyn ToSql + Sync))
            .collect();
        let written = self
            .connection
            .block(|client| client.execute(&statement, &params));
        written.map_err(|error| self.failed(sql, error))
    }

    fn bulk(&mut self, bulk: &Bulk, fixed: &[Value], rows: &[Vec<Value>]) -> Result<u64, Error> {
        if rows.is_empty() {
            return Ok(0);
        }
        let statement = self.prepared(&bulk.text(Dialect::Postgres, fixed.len()))?;
        let slices = Self::slices(fixed, rows, bulk.columns.len());
        let written = self.connection.block(|client| {
            // Asked in one go and answered in order: the server works while we send.
            try_join_all(slices.iter().map(|slice| {
                let params: Vec<_> = slice.iter().map(Param::as_sql).collect();
                let statement = &statement;
                async move { client.execute(statement, &params).await }
            }))
        });
        written
            .map(|counts| counts.iter().sum())
            .map_err(|error| self.failed(bulk.sql, error))
    }

    fn bulk_rows(
        &mut self,
        bulk: &Bulk,
        fixed: &[Value],
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let statement = self.prepared(&bulk.text(Dialect::Postgres, fixed.len()))?;
        let mut found = Vec::new();
        for slice in Self::slices(fixed, rows, bulk.columns.len()) {
            let params: Vec<_> = slice.iter().map(Param::as_sql).collect();
            let rows = self
                .connection
                .block(|client| client.query(&statement, &params));
            found.extend(
                rows.and_then(read)
                    .map_err(|error| self.failed(bulk.sql, error))?,
            );
        }
        Ok(found)
    }

    fn script(&mut self, sql: &str) -> Result<(), Error> {
        let ran = self.connection.block(|client| client.batch_execute(sql));
        ran.map_err(|error| self.failed(sql, error))
    }

    fn lock_migrations(&mut self) -> Result<(), Error> {
        self.run("SELECT pg_advisory_xact_lock($1)", &[MIGRATION_LOCK.into()])?;
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), Error> {
        let done = self
            .connection
            .block(|client| client.batch_execute("COMMIT"));
        done.map_err(|error| self.failed("COMMIT", error))?;
        self.open = false;
        Ok(())
    }
}

impl Drop for PgSession<'_> {
    fn drop(&mut self) {
        if self.open
            && self
                .connection
                .block(|client| client.batch_execute("ROLLBACK"))
                .is_err()
        {
            self.connection.discard();
        }
    }
}
