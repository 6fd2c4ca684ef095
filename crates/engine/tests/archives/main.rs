//! Archives and container images, from the bytes on the disk to the roll.
//!
//! Archives of trees are made by the real `tar`, `gzip` and Python's `zipfile` where they are
//! there, and by the `tar` crate always. Images are made here, after the specification, and by
//! buildah, umoci and skopeo where they are there.
#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

mod hostile;
mod images;
mod tools;
mod trees;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::{Engine, KeyPaths, Machine, PassReport, Spec};
use model::{Attribute, Entity, Finding, Kind, Tenant, Verdict};
use store::{Filter, Location, Options, Page, Store};

/// A roll in a directory of its own.
struct Roll {
    engine: Engine,
    _dir: tempfile::TempDir,
}

impl Roll {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(dir.path().join("roll.db"));
        let store = Store::open(&location, &Options::default()).unwrap();
        let paths = KeyPaths::for_store(&location, None, None).unwrap();
        let clock = Arc::new(engine::system_clock);
        let engine = Engine::open(store, Tenant::local(), &paths, "person:test", clock).unwrap();
        Self { engine, _dir: dir }
    }

    fn scan(&self, path: &Path) -> PassReport {
        let spec = Spec::parse(path.to_str().unwrap(), Path::exists).unwrap();
        let machine = Machine {
            host: "host".into(),
            ..Machine::default()
        };
        let stop = Arc::new(AtomicBool::new(false));
        let mut scanned = self
            .engine
            .scan(&[spec], &machine, &stop, &mut |_| {})
            .unwrap();
        scanned.remove(0).report.unwrap()
    }

    fn of_kind(&self, kind: Kind) -> Vec<Entity> {
        let filter = Filter {
            kind: Some(kind),
            missing: Some(false),
            ..Filter::default()
        };
        let page = Page {
            limit: 1000,
            ..Page::default()
        };
        let store = &self.engine.store;
        let rows = store.read(|reading| reading.roll(&self.engine.tenant, &filter, &page));
        let ids = rows.unwrap().rows.into_iter().map(|row| row.id);
        ids.map(|id| self.engine.look(&id).unwrap().entity)
            .collect()
    }

    fn credentials(&self) -> Vec<Entity> {
        self.of_kind(Kind::Credential)
    }

    /// The findings of one rule: place and why.
    fn findings(&self, rule: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut each = |finding: Finding| {
            if let (true, Verdict::Fail(why)) = (finding.rule == rule, finding.verdict) {
                found.push((finding.place.unwrap().path, why));
            }
            Ok(())
        };
        self.engine.findings(&mut each).unwrap();
        found.sort();
        found
    }
}

/// Where a thing was seen.
fn places(entity: &Entity) -> Vec<String> {
    let facts = entity.facts.get(&Attribute::PLACE).into_iter().flatten();
    let mut places: Vec<_> = facts
        .filter_map(|fact| Some(fact.told.is()?.text()?.to_owned()))
        .collect();
    places.sort();
    places.dedup();
    places
}

/// Gaps as a person reads them: place and words.
fn gaps(report: &PassReport) -> Vec<(String, String)> {
    let gaps = report.gaps.iter();
    gaps.map(|gap| (gap.scope.to_string(), gap.told.clone()))
        .collect()
}

/// A tar of these files. A path that ends in a slash is a directory.
fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::dir());
        }
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Lines that hold a password each, spelt so that nothing of a real one is in the tree.
fn env(words: &[&str]) -> Vec<u8> {
    let lines = words.iter().enumerate();
    let text: String = lines
        .map(|(n, word)| format!("SERVICE_{n}_PASSWORD=q7Rk{word}Zt4\n"))
        .collect();
    text.into_bytes()
}
