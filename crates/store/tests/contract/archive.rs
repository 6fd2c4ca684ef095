//! Backup, restore, and from one engine to the other.

use std::path::{Path, PathBuf};

use store::{Error, Filter, Location, Options, Order, QueryLimits, SCHEMA, Store};

use crate::world::{World, fill};

contract![
    an_archive_of_an_older_schema_is_restored_and_brought_on,
    grants_of_an_older_schema_say_whose_they_are,
    a_store_of_an_older_schema_is_brought_on_where_it_lies,
    a_store_comes_back_from_its_backup_to_the_last_row,
    an_archive_altered_anywhere_is_refused,
    a_roll_is_never_overwritten,
    a_store_copied_to_the_other_engine_and_back_is_the_same,
];

/// All that a store holds, as its archive tells it.
fn archived(store: &Store, folder: &Path, name: &str) -> Vec<u8> {
    let path = folder.join(name);
    store.backup(&path).unwrap();
    std::fs::read(&path).unwrap()
}

fn a_store_comes_back_from_its_backup_to_the_last_row(world: &World) {
    fill(world);
    let folder = world.folder.path();
    let path = folder.join("roll.archive");
    let written = world.store.backup(&path).unwrap();
    assert!(written.rows > 40, "{written:?}");
    assert_eq!(written.tenants, ["local", "other"]);
    assert_eq!(written.fingerprint_keys, ["0123456789abcdef"]);
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        world.store.backup(&path).is_err(),
        "an archive is never overwritten"
    );

    let other = world.another();
    let restored = Store::restore(&path, other.location()).unwrap();
    assert_eq!(restored, written);
    assert_eq!(
        archived(&other.store, folder, "again"),
        std::fs::read(&path).unwrap()
    );
    let searched = |world: &World| {
        let filter = Filter {
            text: Some("C2".to_owned()),
            ..Filter::default()
        };
        let rows = crate::filters::all_pages(world, &filter, Order::Name);
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(searched(&other).len(), 1);
    assert_eq!(searched(&other), searched(world));
    // It goes on where it stood: numbers, tokens and the feed.
    crate::roll::goes_on(&other);
}

fn an_archive_altered_anywhere_is_refused(world: &World) {
    fill(world);
    let folder = world.folder.path();
    let whole = archived(&world.store, folder, "whole");
    let target = Location::Sqlite(folder.join("target.db"));
    let refuse = |bytes: &[u8], what: &str| {
        let path = folder.join("altered");
        std::fs::write(&path, bytes).unwrap();
        let told = Store::restore(&path, &target);
        assert!(
            matches!(told, Err(Error::Archive { .. })),
            "{what}: {told:?}"
        );
    };
    // Each byte in turn would take long on a big one: every 97th, and all of the last line.
    let last = whole.len() - 120;
    for at in (0..last).step_by(97).chain(last..whole.len()) {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        refuse(&altered, &format!("byte {at}"));
    }
    for end in [0, 1, whole.len() / 2, whole.len() - 1] {
        refuse(&whole[..end], &format!("cut at {end}"));
    }
    let mut lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    lines.remove(lines.len() / 2);
    refuse(&lines.concat(), "without one row");
    refuse(
        &[whole.as_slice(), b"{}\n"].concat(),
        "with something behind its end",
    );
    refuse(&vec![b'['; 4096], "no archive at all");
    let ours = format!("\"schema\":{SCHEMA}");
    let text = String::from_utf8(whole.clone()).unwrap();
    let newer = text.replacen(&ours, "\"schema\":999", 1);
    assert_ne!(newer, text);
    refuse(newer.as_bytes(), "of a newer schema");
    let Location::Sqlite(path) = &target else {
        unreachable!()
    };
    assert!(!path.exists(), "nothing was even opened");
}

fn an_archive_of_an_older_schema_is_restored_and_brought_on(world: &World) {
    // Where a store of this schema is already, even an empty one, it has no place.
    let told = Store::restore(&kept("schema3.archive"), world.location());
    assert!(
        matches!(&told, Err(Error::Archive { why }) if why.contains("where no store is yet")),
        "{told:?}"
    );
    let store = brought_on(world, "schema3.archive", 29);
    let filter = Filter {
        text: Some("database_url".to_owned()),
        ..Filter::default()
    };
    let count = store.read(|reading| reading.count(&world.tenant, &filter));
    assert_eq!(count.unwrap(), 1);
}

/// The program of schema 5 kept of a grant no word of whose it is.
fn grants_of_an_older_schema_say_whose_they_are(world: &World) {
    let store = brought_on(world, "schema5.archive", 50);
    let asked = "select g.name, i.name from grants g left join identities i on i.id = g.holder
                 order by g.name";
    let table = store.query(&world.tenant, asked, &QueryLimits::default());
    let rows = serde_json::to_value(table.unwrap().rows).unwrap();
    assert_eq!(
        rows,
        serde_json::json!([
            ["deploys", "deploy-eu"],
            ["of nobody", null],
            ["reads", "bot"]
        ])
    );
}

fn a_store_of_an_older_schema_is_brought_on_where_it_lies(world: &World) {
    world.back_to_schema_6();
    let store = Store::open(world.location(), &Options::default()).unwrap();
    for view in ["plans", "revocations"] {
        let asked = format!("select count(*) from {view}");
        let table = store.query(&world.tenant, &asked, &QueryLimits::default());
        assert_eq!(table.unwrap().rows.len(), 1, "{view}");
    }
}

/// An archive that an older program wrote.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/contract")
        .join(name)
}

/// The store that `archive` of an older schema, of so many `rows`, becomes where none is yet.
fn brought_on(world: &World, archive: &str, rows: u64) -> Store {
    let at = match world.location() {
        Location::Sqlite(path) => Location::Sqlite(path.with_file_name("new.db")),
        Location::Postgres(_) => {
            world.beside("DROP SCHEMA keyroll CASCADE");
            world.location().clone()
        }
    };
    let archived = Store::restore(&kept(archive), &at).unwrap();
    assert_eq!(archived.rows, rows);
    let store = Store::open(&at, &Options::default()).unwrap();
    assert_eq!(store.schema_version().unwrap(), SCHEMA);
    store
}

fn a_roll_is_never_overwritten(world: &World) {
    fill(world);
    let folder = world.folder.path();
    let before = archived(&world.store, folder, "before");
    let told = Store::restore(&folder.join("before"), world.location());
    assert!(matches!(told, Err(Error::NotEmpty { .. })), "{told:?}");
    let other = world.another();
    fill(&other);
    let told = other.store.copy_to(&world.store);
    assert!(matches!(told, Err(Error::NotEmpty { .. })), "{told:?}");
    assert_eq!(archived(&world.store, folder, "after"), before);
}

fn a_store_copied_to_the_other_engine_and_back_is_the_same(world: &World) {
    let Some(other) = (if world.is_postgres() {
        Some(World::sqlite())
    } else {
        World::postgres("copied")
    }) else {
        return;
    };
    fill(world);
    let folder = world.folder.path();
    world.store.copy_to(&other.store).unwrap();
    let back = world.another();
    other.store.copy_to(&back.store).unwrap();
    // PostgreSQL keeps the meaning of JSON, not the order of its names: compare on one engine.
    let direct = World::sqlite();
    let around = World::sqlite();
    let again = Store::open(back.location(), &Options::default()).unwrap();
    world.store.copy_to(&direct.store).unwrap();
    again.copy_to(&around.store).unwrap();
    assert_eq!(
        canonical(&archived(&direct.store, folder, "direct")),
        canonical(&archived(&around.store, folder, "around"))
    );
}

/// The rows of an archive with their JSON read, without the line that holds the hash.
fn canonical(archive: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(archive).unwrap();
    let mut lines: Vec<_> = text
        .lines()
        .map(|line| sorted(serde_json::from_str(line).unwrap()).to_string())
        .collect();
    lines.pop();
    lines
}

fn sorted(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::String(text) => match serde_json::from_str::<Json>(&text) {
            Ok(inner @ (Json::Object(_) | Json::Array(_))) => sorted(inner),
            _ => Json::String(text),
        },
        Json::Array(values) => values.into_iter().map(sorted).collect(),
        Json::Object(fields) => {
            let fields: std::collections::BTreeMap<_, _> = fields
                .into_iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect();
            fields.into_iter().collect()
        }
        other => other,
    }
}
