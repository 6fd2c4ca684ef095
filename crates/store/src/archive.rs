//! Backup, restore, and the way from one engine to the other: one portable archive for both.
//!
//! An archive is lines of JSON: a header, each table's name and columns followed by its rows in
//! the order of their key, and a last line with the number of rows and the SHA-256 of all before.
//! Bytes are hex. What is sealed stays sealed: neither the fingerprint key nor the seal key is in
//! it, and the header says which fingerprint key it needs.
//!
//! **Invariant:** an archive that was cut or altered anywhere is refused before anything is
//! written. Held by `an_archive_altered_anywhere_is_refused`.

mod read;
mod write;

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engine::{Mode, Session};
use crate::migrate;
use crate::store::Store;
use crate::tables::{Table, tables_of};
use crate::value::Value;
use crate::{Durability, Error, Location, Options, SCHEMA};

/// Name and version of the format.
const FORMAT: &str = "keyroll-archive/1";

/// Tables that an archive leaves out: the roll itself tells what is in them.
const TOLD_BY_THE_ROLL: [&str; 3] = ["name_block", "name_page", "fact_block"];
/// Tables that an archive leaves out: whoever restores it lets nobody in who was in before.
const LET_IN_HERE: [&str; 4] = ["invitation", "session", "device", "attempt"];

/// The tables that an archive of `schema` holds.
fn archived(schema: u32) -> impl Iterator<Item = Table> {
    let tables = tables_of(schema).into_iter();
    tables.filter(|table| {
        let name = table.name.as_str();
        !TOLD_BY_THE_ROLL.contains(&name) && !LET_IN_HERE.contains(&name)
    })
}

/// What was written into an archive, read from one, or copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archived {
    /// Whose rolls.
    pub tenants: Vec<String>,
    /// How many rows of all tables.
    pub rows: u64,
    /// Ids of the fingerprint keys it needs; they do not travel with it.
    pub fingerprint_keys: Vec<String>,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    schema: u32,
    shards: u32,
    tenants: Vec<String>,
    fingerprint_keys: Vec<String>,
    keys_travel: bool,
}

/// The line before a table's rows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableLine {
    table: String,
    columns: Vec<String>,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    rows: u64,
    sha256: String,
}

/// How many rows `bytes` hold as an archive, read as a restore reads it first: for fuzzing.
pub fn archive_rows(bytes: &[u8]) -> Result<u64, Error> {
    let mut rows = 0;
    read::whole(bytes, |_, page| {
        rows += page.len() as u64;
        Ok(())
    })?;
    Ok(rows)
}

impl Store {
    /// Writes the whole store, every tenant, into a new file of mode 0600 at `to`.
    ///
    /// It is one consistent view. Until it is whole it lies beside under another name.
    pub fn backup(&self, to: &Path) -> Result<Archived, Error> {
        if to.exists() {
            let there = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            return Err(Error::file("write the archive", to)(there));
        }
        let mut name = to.file_name().unwrap_or_default().to_owned();
        name.push(format!(".part-{}", std::process::id()));
        let part = to.with_file_name(name);
        let written = self.write_archive(&part).and_then(|archived| {
            std::fs::rename(&part, to).map_err(Error::file("write the archive", to))?;
            let folder = crate::files::folder_of(to);
            File::open(&folder)
                .and_then(|folder| folder.sync_all())
                .map_err(Error::file("write the archive", to))?;
            Ok(archived)
        });
        if written.is_err() {
            // It may not even be there.
            std::fs::remove_file(&part).ok();
        }
        written
    }

    fn write_archive(&self, path: &Path) -> Result<Archived, Error> {
        let refused = || Error::file("write the archive", path);
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(refused())?;
        let mut session = self.engine().begin(Mode::Read)?;
        let mut archive = write::Archive::new(BufWriter::new(file), path);
        let header = header(session.as_mut(), self.shards())?;
        archive.line(&header)?;
        let mut rows = 0;
        for table in archived(SCHEMA) {
            archive.line(&TableLine {
                table: table.name.clone(),
                columns: table.names().into_iter().map(str::to_owned).collect(),
            })?;
            table.each_row(session.as_mut(), |page| {
                rows += page.len() as u64;
                page.iter().try_for_each(|row| archive.row(row))
            })?;
        }
        let mut file = archive.end(rows)?;
        file.flush().map_err(refused())?;
        file.get_ref().sync_all().map_err(refused())?;
        Ok(Archived {
            tenants: header.tenants,
            rows,
            fingerprint_keys: header.fingerprint_keys,
        })
    }

    /// Fills the empty store at `to`, which is made if it is not there, from the archive `from`.
    /// One of an older schema needs a place where no store is yet.
    ///
    /// # Errors
    /// [`Error::Archive`] if it was cut, altered, or written by a newer schema, and
    /// [`Error::NotEmpty`] if there is a roll: nothing is written then.
    pub fn restore(from: &Path, to: &Location) -> Result<Archived, Error> {
        let open = || File::open(from).map_err(Error::file("read the archive", from));
        // Read to its end before anything is opened for writing.
        let header = read::whole(BufReader::new(open()?), |_, _| Ok(()))?;
        // An older roll goes into a store of its own schema, and is brought on there.
        let store = Self::made(to, header.schema)?;
        if store.shards() != header.shards {
            return Err(Error::Archive {
                why: format!(
                    "its feed has {} shards, the store's {}",
                    header.shards,
                    store.shards()
                ),
            });
        }
        let mut session = store.fillable(header.schema)?;
        let mut rows = 0;
        read::whole(BufReader::new(open()?), |table, page| {
            rows += page.len() as u64;
            table.insert(session.as_mut(), page)
        })?;
        migrate::fill_blocks(session.as_mut(), &(1..=header.schema))?;
        session.commit()?;
        Self::open(to, &Options::default())?;
        Ok(Archived {
            tenants: header.tenants,
            rows,
            fingerprint_keys: header.fingerprint_keys,
        })
    }

    /// Copies the whole store, every tenant, into `other`, which is empty; all or nothing.
    pub fn copy_to(&self, other: &Self) -> Result<Archived, Error> {
        if self.shards() != other.shards() {
            return Err(Error::Archive {
                why: "the two stores have feeds of different shards".to_owned(),
            });
        }
        let mut source = self.engine().begin(Mode::Read)?;
        let mut target = other.fillable(SCHEMA)?;
        let header = header(source.as_mut(), self.shards())?;
        let mut rows = 0;
        for table in archived(SCHEMA) {
            table.each_row(source.as_mut(), |page| {
                rows += page.len() as u64;
                table.insert(target.as_mut(), &page)
            })?;
        }
        migrate::fill_blocks(target.as_mut(), &(1..=SCHEMA))?;
        target.commit()?;
        Ok(Archived {
            tenants: header.tenants,
            rows,
            fingerprint_keys: header.fingerprint_keys,
        })
    }

    /// A transaction on this store, which holds no roll and is at `schema`.
    fn fillable(&self, schema: u32) -> Result<Box<dyn Session + '_>, Error> {
        let mut session = self.engine().begin(Mode::Write(Durability::Full))?;
        session.lock_migrations()?;
        let found = migrate::version(session.as_mut())?;
        for table in tables_of(found) {
            if !table.is_empty(session.as_mut())? {
                return Err(Error::NotEmpty {
                    at: self.location().to_string(),
                });
            }
        }
        if found != schema {
            return Err(Error::Archive {
                why: format!(
                    "it was written by schema {schema}, and the store is at schema {found} \
                     already: restore it where no store is yet"
                ),
            });
        }
        Ok(session)
    }
}

fn header(session: &mut dyn Session, shards: u32) -> Result<Header, Error> {
    let mut tenants = std::collections::BTreeSet::new();
    for table in archived(SCHEMA) {
        let sql = format!("SELECT DISTINCT tenant FROM {}", table.name);
        for mut row in session.rows(&sql, &[])? {
            tenants.insert(row.text()?);
        }
    }
    let keys = session.rows(
        "SELECT value FROM setting WHERE name = 'fingerprint_key' ORDER BY tenant",
        &[],
    )?;
    let keys = keys.into_iter().map(|mut row| row.bytes());
    let keys = keys.map(|key| key.map(|key| String::from_utf8_lossy(&key).into_owned()));
    Ok(Header {
        format: FORMAT.to_owned(),
        schema: SCHEMA,
        shards,
        tenants: tenants.into_iter().collect(),
        fingerprint_keys: keys.collect::<Result<_, _>>()?,
        keys_travel: false,
    })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}

/// A value as an archive holds it, and back by the type of its column.
fn written(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Int(number) => (*number).into(),
        Value::Text(text) | Value::Json(text) => text.as_str().into(),
        Value::Bytes(bytes) => hex(bytes).into(),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    let bytes = digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    bytes
        .collect::<Option<Vec<_>>>()
        .filter(|_| text.len().is_multiple_of(2))
}

/// The known table that a line announces, with the columns in our order.
fn announced(line: &TableLine, schema: u32) -> Option<Table> {
    archived(schema).find(|table| table.name == line.table && table.names() == line.columns)
}
