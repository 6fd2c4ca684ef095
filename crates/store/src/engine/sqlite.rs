//! SQLite: one writer, a few readers, write-ahead log, in one file that is ours alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, params_from_iter};

use super::pool::{Held, Pool};
use super::{Bulk, Dialect, Engine, Mode, Session, Take};
use crate::query::Statement;
use crate::value::{Row, Value};
use crate::{Durability, Error, Options, QueryLimits, Table};

/// `KEYR`: tells our files from others'.
pub(crate) const APPLICATION_ID: i64 = 0x4b45_5952;

/// A page as SQLite makes it; the first one comes whole or not at all.
const PAGE_BYTES: u64 = 4096;

/// Readers at once; more wait.
const READERS_MAX: usize = 4;

/// Counts what plans are made from; looks at a sample, however much there is.
pub(crate) const ANALYZE: &str = "PRAGMA analysis_limit = 400; ANALYZE";

/// Statements each connection keeps prepared.
const PREPARED_MAX: usize = 128;

pub(crate) struct Sqlite {
    path: PathBuf,
    writer: Pool<Connection>,
    readers: Pool<Connection>,
    read_only: bool,
    busy_wait: Duration,
}

impl Sqlite {
    /// Opens the file at `path`, which is there and ours alone.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let wait = options.busy_wait;
        let connect = |read_only: bool| {
            let path = path.to_path_buf();
            Box::new(move || connect(&path, read_only, wait))
        };
        let opened = Self {
            path: path.to_path_buf(),
            writer: Pool::new(1, wait, connect(options.read_only)),
            readers: Pool::new(READERS_MAX, wait, connect(true)),
            read_only: options.read_only,
            busy_wait: wait,
        };
        opened.claim()?;
        Ok(opened)
    }

    /// Refuses a file of another program; marks an empty one as ours.
    fn claim(&self) -> Result<(), Error> {
        // SQLite fills a first page that was cut off with nothing, and would begin anew.
        let bytes = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        if (1..PAGE_BYTES).contains(&bytes) {
            let path = self.path.clone();
            return Err(Error::CutOff { path, bytes });
        }
        let writer = self.writer.hold()?;
        let refused = |error| unopened(&self.path, error, self.busy_wait);
        let (id, pages) = marks(&writer).map_err(refused)?;
        if id != APPLICATION_ID && (id != 0 || pages > 0) {
            // Between the two looks another process may have made it ours.
            let (got, _) = marks(&writer).map_err(refused)?;
            if got != APPLICATION_ID {
                let (path, expected) = (self.path.clone(), APPLICATION_ID);
                return Err(Error::NotOurs {
                    path,
                    expected,
                    got,
                });
            }
        }
        // Already as it should be: whoever only opens it waits for no writer.
        let journal: String = writer
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .map_err(refused)?;
        if self.read_only || (id == APPLICATION_ID && journal == "wal") {
            return Ok(());
        }
        // The mark is written with the first page, so no file of ours is ever without it.
        let claim = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA journal_mode = WAL;");
        retried(self.busy_wait, || writer.execute_batch(&claim)).map_err(refused)
    }

    fn failed(&self, doing: &str, error: rusqlite::Error) -> Error {
        failed(doing, error, self.busy_wait)
    }
}

/// The application id and how many pages there are.
fn marks(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let id = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let pages = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    Ok((id, pages))
}

/// Tries again while another process holds the file in a way the busy handler does not wait for:
/// switching to the write-ahead log.
fn retried(wait: Duration, mut each: impl FnMut() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let deadline = std::time::Instant::now() + wait;
    loop {
        match each() {
            Err(error) if is_busy(&error) && std::time::Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
    )
}

fn connect(path: &Path, read_only: bool, wait: Duration) -> Result<Connection, Error> {
    let mode = if read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    };
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    // Symbolic links in the directory are the operator's; the file itself must be none.
    let path = crate::files::canonical(path)?;
    let refused = |error| unopened(&path, error, wait);
    let connection = Connection::open_with_flags(&path, flags).map_err(refused)?;
    connection.busy_timeout(wait).map_err(refused)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
    let cache_kib = if read_only { 16_384 } else { 65_536 };
    connection
        .execute_batch(&format!(
            "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{cache_kib};
             PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 16384;
             PRAGMA journal_size_limit = 67108864;"
        ))
        .map_err(refused)?;
    Ok(connection)
}

/// Why a file was not opened: often because nothing can be written beside it.
fn unopened(path: &Path, error: rusqlite::Error, wait: Duration) -> Error {
    let cannot = [
        rusqlite::ErrorCode::CannotOpen,
        rusqlite::ErrorCode::ReadOnly,
    ];
    let folder = path.parent().unwrap_or(path);
    match rustix::fs::access(folder, rustix::fs::Access::WRITE_OK) {
        Err(source)
            if error
                .sqlite_error_code()
                .is_some_and(|one| cannot.contains(&one)) =>
        {
            Error::Unwritable {
                path: folder.to_path_buf(),
                source: source.into(),
            }
        }
        _ => failed("open the file", error, wait),
    }
}

/// In words of the store; a full disk and a busy file are named.
pub(crate) fn failed(doing: &str, error: rusqlite::Error, wait: Duration) -> Error {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => Error::Full,
        Some(rusqlite::ErrorCode::ReadOnly) => Error::ReadOnly,
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            Error::Busy {
                waited_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            }
        }
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            Error::Corrupt {
                what: "a file",
                source: Some(error.into()),
            }
        }
        _ => Error::Engine {
            doing: doing.to_owned(),
            source: error.into(),
        },
    }
}

impl Engine for Sqlite {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Session + '_>, Error> {
        let writes = matches!(mode, Mode::Write(_));
        if writes && self.read_only {
            return Err(Error::ReadOnly);
        }
        let pool = if writes { &self.writer } else { &self.readers };
        let connection = pool.hold()?;
        let start = match mode {
            Mode::Read => "BEGIN DEFERRED",
            Mode::Write(Durability::Full) => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            Mode::Write(Durability::Repeatable) => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        };
        connection
            .execute_batch(start)
            .map_err(|error| self.failed("begin a transaction", error))?;
        Ok(Box::new(SqliteSession {
            connection,
            wait: self.busy_wait,
            open: true,
        }))
    }

    fn query(
        &self,
        tenant: &str,
        sql: &Statement<'_>,
        limits: &QueryLimits,
    ) -> Result<Table, Error> {
        let connection = connect(&self.path, true, self.busy_wait)?;
        crate::query::sqlite::run(connection, tenant, sql, limits)
    }

    fn after_migration(&self, _: &mut dyn Session) -> Result<(), Error> {
        Ok(())
    }

    fn after_load(&self) -> Result<(), Error> {
        let mut session = self.begin(Mode::Write(Durability::Repeatable))?;
        session.script(ANALYZE)?;
        session.commit()
    }
}

struct SqliteSession<'p> {
    connection: Held<'p, Connection>,
    wait: Duration,
    open: bool,
}

impl SqliteSession<'_> {
    fn failed(&self, sql: &str, error: rusqlite::Error) -> Error {
        failed(&format!("run `{}`", first_words(sql)), error, self.wait)
    }
}

/// Enough of a statement to find it; ours hold no values.
pub(crate) fn first_words(sql: &str) -> String {
    let words: Vec<_> = sql.split_whitespace().take(6).collect();
    words.join(" ")
}

impl Session for SqliteSession<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn rows(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let mut found = Vec::new();
        let read = self
            .connection
            .prepare_cached(&numbered(sql))
            .and_then(|mut statement| append(&mut statement, params.iter(), &mut found));
        read.map(|()| found)
            .map_err(|error| self.failed(sql, error))
    }

    fn each(&mut self, sql: &str, params: &[Value], take: &mut Take<'_>) -> Result<(), Error> {
        let mut taken = Ok(());
        let read = self
            .connection
            .prepare_cached(&numbered(sql))
            .and_then(|mut statement| {
                let columns = statement.column_count();
                let mut rows = statement.query(params_from_iter(params))?;
                while let Some(row) = rows.next()? {
                    taken = take(read_one(row, columns)?);
                    if taken.is_err() {
                        break;
                    }
                }
                Ok(())
            });
        read.map_err(|error| self.failed(sql, error))?;
        taken
    }

    fn run(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let ran = self
            .connection
            .prepare_cached(&numbered(sql))
            .and_then(|mut statement| statement.execute(params_from_iter(params)));
        ran.map(|count| count as u64)
            .map_err(|error| self.failed(sql, error))
    }

    fn bulk(&mut self, bulk: &Bulk, fixed: &[Value], rows: &[Vec<Value>]) -> Result<u64, Error> {
        let sql = numbered(&bulk.text(Dialect::Sqlite, fixed.len())).into_owned();
        let mut written = 0;
        let ran = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                for row in rows {
                    written += statement.execute(params_from_iter(fixed.iter().chain(row)))? as u64;
                }
                Ok(())
            });
        ran.map(|()| written)
            .map_err(|error| self.failed(bulk.sql, error))
    }

    fn bulk_rows(
        &mut self,
        bulk: &Bulk,
        fixed: &[Value],
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, Error> {
        let sql = numbered(&bulk.text(Dialect::Sqlite, fixed.len())).into_owned();
        let mut found = Vec::new();
        let read = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                for row in rows {
                    append(&mut statement, fixed.iter().chain(row), &mut found)?;
                }
                Ok(())
            });
        read.map(|()| found)
            .map_err(|error| self.failed(bulk.sql, error))
    }

    fn script(&mut self, sql: &str) -> Result<(), Error> {
        self.connection
            .execute_batch(sql)
            .map_err(|error| self.failed(sql, error))
    }

    fn lock_migrations(&mut self) -> Result<(), Error> {
        // `BEGIN IMMEDIATE` is the lock.
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), Error> {
        let done = self.connection.execute_batch("COMMIT");
        done.map_err(|error| self.failed("COMMIT", error))?;
        self.open = false;
        Ok(())
    }
}

impl Drop for SqliteSession<'_> {
    fn drop(&mut self) {
        if self.open && self.connection.execute_batch("ROLLBACK").is_err() {
            // A full disk has rolled back already; whatever else it is, a new connection is sound.
            self.connection.discard();
        }
    }
}

/// `$4` is the fourth parameter on PostgreSQL; SQLite would take it for a name and number names
/// as they come. There the fourth parameter is `?4`.
fn numbered(sql: &str) -> std::borrow::Cow<'_, str> {
    let mut parts = sql.split('$');
    let Some(head) = parts.next().filter(|head| head.len() < sql.len()) else {
        return sql.into();
    };
    let mut text = head.to_owned();
    for part in parts {
        let is_number = part.starts_with(|letter: char| letter.is_ascii_digit());
        text.push(if is_number { '?' } else { '$' });
        text.push_str(part);
    }
    text.into()
}

/// Reads all rows of a statement into `found`.
fn append<'v>(
    statement: &mut CachedStatement<'_>,
    params: impl Iterator<Item = &'v Value>,
    found: &mut Vec<Row>,
) -> rusqlite::Result<()> {
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        found.push(read_one(row, columns)?);
    }
    Ok(())
}

fn read_one(row: &rusqlite::Row<'_>, columns: usize) -> rusqlite::Result<Row> {
    let values = (0..columns).map(|n| row.get_ref(n).map(value));
    values.collect::<Result<_, _>>().map(Row::new)
}

fn value(held: ValueRef<'_>) -> Value {
    match held {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        // No column of ours is real; a sum that overflowed would be.
        ValueRef::Real(number) => Value::Text(number.to_string()),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) | Self::Json(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use model::{Kind, Observation, Scope, SourceId, Tenant, Timestamp};

    use crate::engine::Mode;
    use crate::{Change, Durability, Error, Location, Options, Store};

    /// `max_page_count` makes the engine meet what it meets on a disk without room.
    #[test]
    fn a_full_disk_is_named_and_leaves_the_store_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roll.db");
        let store = Store::open(&Location::Sqlite(path.clone()), &Options::default()).unwrap();
        let (tenant, host) = (Tenant::local(), SourceId::new("files", "host"));
        let apply = |from: usize, count: usize| {
            let seen: Vec<_> = (from..from + count)
                .map(|n| format!("{n:05} {}", "x".repeat(200)))
                .map(|native| Observation::new(Kind::Credential, native, &Scope::whole()))
                .map(Change::New)
                .collect();
            store.write(Durability::Full, |writing| {
                writing.apply(&tenant, &host, 1, Timestamp(1), &seen)
            })
        };
        let known = || {
            let page = store.read(|reading| reading.known_page(&tenant, &host, None, 100_000));
            page.unwrap().len()
        };
        apply(0, 10).unwrap();
        let mut session = store.engine().begin(Mode::Write(Durability::Full)).unwrap();
        let mut pages = session.rows("PRAGMA page_count", &[]).unwrap();
        let limit = pages[0].int().unwrap() + 4;
        session
            .script(&format!("PRAGMA max_page_count = {limit}"))
            .unwrap();
        session.commit().unwrap();

        let told = apply(10, 5_000);
        assert!(matches!(told, Err(Error::Full)), "{told:?}");
        assert_eq!(known(), 10);
        let beside = rusqlite::Connection::open(&path).unwrap();
        let sound: String = beside
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sound, "ok");
        // With room again it goes on.
        let mut session = store.engine().begin(Mode::Read).unwrap();
        assert!(session.rows("SELECT 1", &[]).is_ok());
        drop(session);
        let mut session = store.engine().begin(Mode::Write(Durability::Full)).unwrap();
        session.script("PRAGMA max_page_count = 1000000").unwrap();
        session.commit().unwrap();
        apply(10, 5_000).unwrap();
        assert_eq!(known(), 5_010);
    }
}
