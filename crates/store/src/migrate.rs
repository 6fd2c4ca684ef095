//! The schema, in numbered steps that each run once, under a lock.
//!
//! A step only adds (expand); what a later step takes away, no program of the step before may
//! still need (contract), so that nodes can be upgraded one after another.
//!
//! **Invariant:** a store written by a newer schema is refused, naming both versions. Held by
//! `a_newer_schema_is_refused_by_name`.

use crate::engine::{Dialect, Engine, Mode, Session};
use crate::past::fill_before;
use crate::roll::{fill_facts, fill_names};
use crate::value::Value;
use crate::{Durability, Error};

/// The step this program knows last.
pub const SCHEMA: u32 = 11;

/// Number of shards of the change feed; written into a store when it is made (decision 14).
pub(crate) const SHARDS: u32 = 16;

const STEPS: [(u32, &[&str]); 11] = [
    (
        1,
        &[
            include_str!("schema/0001_first.sql"),
            include_str!("schema/0001_views.sql"),
        ],
    ),
    (2, &[include_str!("schema/0002_lists.sql")]),
    (3, &[include_str!("schema/0003_spots.sql")]),
    (4, &[include_str!("schema/0004_search.sql")]),
    (5, &[include_str!("schema/0005_facts.sql")]),
    (6, &[include_str!("schema/0006_grants.sql")]),
    (7, &[include_str!("schema/0007_chain.sql")]),
    (8, &[include_str!("schema/0008_journal.sql")]),
    (9, &[include_str!("schema/0009_owned.sql")]),
    (10, &[include_str!("schema/0010_before.sql")]),
    (11, &[include_str!("schema/0011_access.sql")]),
];

/// The step before which no line was filed in blocks of names.
const SEARCH: u32 = 4;
/// The step before which none was filed in blocks of facts.
const FACTS: u32 = 5;
/// The step before which nobody noted where a sighting was filed before.
const BEFORE: u32 = 10;

/// Files lines in the blocks that came with the steps `wanted`, which no archive holds.
pub(crate) fn fill_blocks(
    session: &mut dyn Session,
    wanted: &std::ops::RangeInclusive<u32>,
) -> Result<(), Error> {
    if wanted.contains(&SEARCH) {
        fill_names(session)?;
    }
    if wanted.contains(&FACTS) {
        fill_facts(session)?;
    }
    Ok(())
}

/// The text of every step up to `schema`, in order.
pub(crate) fn scripts(schema: u32) -> impl Iterator<Item = &'static str> {
    STEPS
        .iter()
        .filter(move |(number, _)| *number <= schema)
        .flat_map(|(_, scripts)| scripts.iter().copied())
}

/// What tells a store's version; made before any step.
const GROUND: &str = "
CREATE TABLE IF NOT EXISTS store_meta (
  name {text} NOT NULL, value {int} NOT NULL, PRIMARY KEY (name)
){end}";

/// Brings a store to [`SCHEMA`], or says why it cannot be used. Answers its number of shards.
pub(crate) fn migrate(engine: &dyn Engine, read_only: bool) -> Result<u32, Error> {
    migrate_to(engine, read_only, SCHEMA)
}

/// Makes the store that an archive of an older schema is put into; one that is further on stays
/// as it is.
pub(crate) fn make(engine: &dyn Engine, schema: u32) -> Result<u32, Error> {
    migrate_to(engine, false, schema)
}

fn migrate_to(engine: &dyn Engine, read_only: bool, schema: u32) -> Result<u32, Error> {
    if let Some((found, shards)) = look(engine)?
        && found >= schema
    {
        return Ok(shards);
    }
    if read_only {
        let found = look(engine)?.map_or(0, |(found, _)| found);
        return Err(Error::Older {
            found,
            known: SCHEMA,
        });
    }
    let mut session = engine.begin(Mode::Write(Durability::Full))?;
    session.lock_migrations()?;
    let dialect = session.dialect();
    if dialect == Dialect::Postgres {
        session.script("CREATE SCHEMA IF NOT EXISTS keyroll")?;
    }
    session.script(&rendered(GROUND, dialect)?)?;
    let found = version(session.as_mut())?;
    refuse_newer(found)?;
    if found == 0 {
        put(session.as_mut(), "shards", SHARDS)?;
    }
    let wanted = found + 1..=schema;
    for (number, scripts) in STEPS.iter().filter(|(number, _)| wanted.contains(number)) {
        for script in *scripts {
            session.script(&rendered(script, dialect)?)?;
        }
        put(session.as_mut(), "schema", *number)?;
    }
    fill_blocks(session.as_mut(), &wanted)?;
    if wanted.contains(&BEFORE) {
        fill_before(session.as_mut())?;
    }
    if schema == SCHEMA {
        engine.after_migration(session.as_mut())?;
    }
    let shards = meta(session.as_mut(), "shards")?.unwrap_or(SHARDS);
    session.commit()?;
    Ok(shards)
}

/// Version and shards of a store that has them.
fn look(engine: &dyn Engine) -> Result<Option<(u32, u32)>, Error> {
    let mut session = engine.begin(Mode::Read)?;
    if !has_ground(session.as_mut())? {
        return Ok(None);
    }
    let found = version(session.as_mut())?;
    refuse_newer(found)?;
    let shards = meta(session.as_mut(), "shards")?.unwrap_or(SHARDS);
    Ok(Some((found, shards)))
}

pub(crate) fn has_ground(session: &mut dyn Session) -> Result<bool, Error> {
    let sql = match session.dialect() {
        Dialect::Sqlite => {
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'store_meta'"
        }
        Dialect::Postgres => {
            "SELECT count(*) FROM pg_catalog.pg_tables
             WHERE schemaname = 'keyroll' AND tablename = 'store_meta'"
        }
    };
    match session.rows(sql, &[])?.first_mut() {
        Some(row) => Ok(row.int()? > 0),
        None => Ok(false),
    }
}

const fn refuse_newer(found: u32) -> Result<(), Error> {
    if found > SCHEMA {
        return Err(Error::Newer {
            found,
            known: SCHEMA,
        });
    }
    Ok(())
}

pub(crate) fn version(session: &mut dyn Session) -> Result<u32, Error> {
    Ok(meta(session, "schema")?.unwrap_or(0))
}

fn meta(session: &mut dyn Session, name: &str) -> Result<Option<u32>, Error> {
    let mut rows = session.rows(
        "SELECT value FROM store_meta WHERE name = $1",
        &[name.into()],
    )?;
    rows.first_mut().map(|row| row.count32()).transpose()
}

fn put(session: &mut dyn Session, name: &str, value: u32) -> Result<(), Error> {
    session.run(
        "INSERT INTO store_meta (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        &[name.into(), Value::from(value)],
    )?;
    Ok(())
}

/// Instants that both engines can write as text: the years 1 to 9999.
const ISO: (i64, i64) = (-62_135_596_800_000_000, 253_402_300_799_999_999);

/// `script` with its tokens filled in for one engine.
pub(crate) fn rendered(script: &str, dialect: Dialect) -> Result<String, Error> {
    let mut out = String::with_capacity(script.len() * 2);
    let mut rest = script;
    while let Some((before, tail)) = rest.split_once('{') {
        let unknown = || Error::corrupt("a schema of its own");
        let (token, after) = tail.split_once('}').ok_or_else(unknown)?;
        out.push_str(before);
        let (word, argument) = token.split_once(' ').unwrap_or((token, ""));
        out.push_str(&filled(word, argument, dialect).ok_or_else(unknown)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn filled(word: &str, argument: &str, dialect: Dialect) -> Option<String> {
    let sqlite = dialect == Dialect::Sqlite;
    let plain = match (word, sqlite) {
        ("int", true) => "INTEGER",
        ("int", false) => "bigint",
        ("text" | "json", true) => "TEXT",
        ("text", false) => "text COLLATE \"C\"",
        ("json", false) => "jsonb",
        ("bytes", true) => "BLOB",
        ("bytes", false) => "bytea",
        ("end", true) => " STRICT, WITHOUT ROWID",
        ("heap", true) => " STRICT",
        ("end" | "heap", false) => "",
        _ => return with_argument(word, argument, sqlite),
    };
    Some(plain.to_owned())
}

fn with_argument(word: &str, argument: &str, sqlite: bool) -> Option<String> {
    let (low, high) = ISO;
    Some(match (word, sqlite) {
        ("iso", true) => format!(
            "CASE WHEN {argument} BETWEEN {low} AND {high} THEN
             strftime('%Y-%m-%dT%H:%M:%SZ', ({argument} - (({argument} % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END"
        ),
        ("iso", false) => format!(
            "CASE WHEN {argument} BETWEEN {low} AND {high} THEN
             to_char(timestamp '1970-01-01' + floor({argument} / 1000000.0) * interval '1 second',
             'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') END"
        ),
        // Bytes that are read whole and at speed: PostgreSQL would compress them.
        ("raw", true) => String::new(),
        ("raw", false) => {
            let (table, column) = argument.split_once(' ')?;
            format!("ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL;")
        }
        // Rows up to a page: PostgreSQL would put bytes of more than 2 KB elsewhere, each to be
        // looked up by itself.
        ("whole", true) => String::new(),
        ("whole", false) => format!("ALTER TABLE {argument} SET (toast_tuple_target = 8160);"),
        ("day", _) => format!(
            "(({argument} - (({argument} % 86400000000) + 86400000000) % 86400000000) / 86400000000)"
        ),
        // What reads it goes with it, and is made anew after the last step.
        ("drop_view", true) => format!("DROP VIEW {argument}"),
        ("drop_view", false) => format!("DROP VIEW {argument} CASCADE"),
        ("hex", true) => format!("lower(hex({argument}))"),
        ("hex", false) => format!("encode({argument}, 'hex')"),
        ("each", _) => {
            let mut parts = argument.split(' ');
            let (from, name, alias) = (parts.next()?, parts.next()?, parts.next()?);
            if sqlite {
                format!("json_each({from}, '$.{name}') AS {alias}")
            } else {
                format!(
                    "LATERAL jsonb_array_elements(coalesce({from} -> '{name}', '[]'::jsonb)) AS {alias}(value)"
                )
            }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_of_the_schema_is_known_on_both_engines() {
        for (_, scripts) in STEPS {
            for script in scripts {
                for dialect in [Dialect::Sqlite, Dialect::Postgres] {
                    let text = rendered(script, dialect).unwrap();
                    assert!(!text.contains('{') && !text.contains('}'), "{text}");
                }
            }
        }
        assert!(rendered("{unknown}", Dialect::Sqlite).is_err());
    }

    #[test]
    fn steps_are_numbered_without_a_hole_up_to_the_schema() {
        let numbers: Vec<_> = STEPS.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (1..=SCHEMA).collect::<Vec<_>>());
    }
}
