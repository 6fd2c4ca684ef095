//! A roll on one of the engines, and what its log and its barrier hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{Engine, KeyPaths};
use evidence::{Leaf, LeafKind};
use model::{Secret, SourceId, Tenant};
use serde_json::Value;
use store::{Durability, Location, Options, SourceConfig, Store};

/// A roll that goes away with the test.
pub(crate) struct Ground {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) location: Location,
}

impl Ground {
    /// On SQLite, and on PostgreSQL where there is a server.
    pub(crate) fn both(topic: &str) -> Vec<Self> {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(dir.path().join("roll.db"));
        let mut both = vec![Self { dir, location }];
        if let Some(database) = testkit::postgres_database(topic) {
            on_server(
                &database.server.url,
                &format!("CREATE DATABASE {}", database.name),
            );
            both.push(Self {
                dir: tempfile::tempdir().unwrap(),
                location: database.url.parse().unwrap(),
            });
        }
        both
    }

    /// Its store, without any key.
    pub(crate) fn store(&self) -> Store {
        Store::open(&self.location, &Options::default()).unwrap()
    }

    pub(crate) fn engine(&self) -> Engine {
        open(&self.location, self.dir.path())
    }

    /// The address, with its password.
    pub(crate) fn address(&self) -> String {
        match &self.location {
            Location::Sqlite(path) => path.to_str().unwrap().to_owned(),
            Location::Postgres(url) => url.clone(),
        }
    }
}

/// The roll at `location`, as another process opens it; its key files lie in `dir`.
pub(crate) fn open(location: &Location, dir: &Path) -> Engine {
    let store = Store::open(location, &Options::default()).unwrap();
    let clock = Arc::new(engine::system_clock);
    Engine::open(store, Tenant::local(), &paths(dir), "person:test", clock).unwrap()
}

fn paths(dir: &Path) -> KeyPaths {
    KeyPaths {
        fingerprint: dir.join("fingerprint-key"),
        seal: dir.join("seal-key"),
    }
}

/// The roll at `location` once the key that lies in `from` is its own.
pub(crate) fn enrol(location: &Location, dir: &Path, from: &Path) -> Result<Engine, engine::Error> {
    let store = Store::open(location, &Options::default()).unwrap();
    let content = engine::read_key_file("key", from).unwrap().unwrap();
    let key = vault::FingerprintKey::from_file(&content).unwrap();
    let clock = Arc::new(engine::system_clock);
    Engine::enrol(
        store,
        Tenant::local(),
        &paths(dir),
        "person:test",
        clock,
        key,
    )
}

fn on_server(url: &str, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, driver) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .unwrap();
        let driven = tokio::spawn(driver);
        client.batch_execute(sql).await.unwrap();
        drop(client);
        driven.await.unwrap().unwrap();
    });
}

/// A source with a name.
pub(crate) fn source(name: &str) -> SourceConfig {
    SourceConfig {
        id: SourceId::new("stub", name),
        connector: "stub".to_owned(),
        target: name.to_owned(),
        options: [("host".to_owned(), "db.example".to_owned())].into(),
        sealed_path: None,
        added: engine::system_clock(),
        kind_of_target: "stub".to_owned(),
    }
}

/// What opens the source of that name; nobody else's word.
pub(crate) fn secret(name: &str) -> String {
    format!("opens-{name}-hX7q")
}

pub(crate) fn add(engine: &Engine, name: &str) -> SourceConfig {
    let secret = Secret::from(secret(name).as_str());
    engine.add_source(source(name), Some(&secret)).unwrap()
}

/// Every source opens with its own secret.
pub(crate) fn all_open(engine: &Engine) -> usize {
    let sources = engine.sources().unwrap();
    for one in &sources {
        let path = one.sealed_path.as_ref().unwrap();
        let sealed = engine
            .store
            .read(|reading| reading.sealed(&engine.tenant, path))
            .unwrap();
        let (version, bytes) = sealed.unwrap();
        let opened = engine
            .keys
            .open_sealed(path, u64::from(version), &bytes)
            .unwrap();
        assert_eq!(opened.expose(), secret(&one.target).as_bytes(), "{path}");
    }
    sources.len()
}

/// The bodies of all decisions, as they stand in a log that hashes to its checkpoint.
pub(crate) fn decisions(engine: &Engine) -> Vec<Value> {
    let leaves = engine
        .store
        .read(|reading| reading.evidence_leaves(&engine.tenant, 0, 10_000))
        .unwrap();
    if !leaves.is_empty() {
        assert_eq!(engine.check_evidence().unwrap(), leaves.len() as u64);
    }
    let read = leaves
        .iter()
        .map(|(_, bytes)| Leaf::from_bytes(bytes).unwrap());
    read.filter(|leaf| leaf.kind() == LeafKind::Decision)
        .map(|leaf| leaf.body().clone())
        .collect()
}

/// How many decisions of this word there are.
pub(crate) fn count(decisions: &[Value], word: &str) -> usize {
    let is = |one: &&Value| one["decision"] == word;
    decisions.iter().filter(is).count()
}

/// Somebody changes the log behind our back: nothing can be added to it any more.
pub(crate) fn break_log(engine: &Engine) {
    forge_log(&engine.store, &engine.tenant);
}

/// The same of a roll that has no key yet.
pub(crate) fn forge_log(store: &Store, tenant: &Tenant) {
    store
        .write(Durability::Full, |writing| {
            let size = writing.evidence_size(tenant)?;
            let forged = [b"x".to_vec()];
            writing.evidence_append(tenant, size, &forged, &[], b"no checkpoint")
        })
        .unwrap();
}

/// A file in the ground's own folder.
pub(crate) fn file(ground: &Ground, name: &str) -> PathBuf {
    ground.dir.path().join(name)
}
