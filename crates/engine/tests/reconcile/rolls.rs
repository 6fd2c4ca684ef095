//! A roll in a real store, and what a test asks of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};

use engine::reconcile::{Run, conflicts, reconcile, refresh};
use engine::spool::Spool;
use inventory::{Conflict, PassRead};
use model::{Collection, EntityId, Gap, SightingKey, SourceId, Tenant, Timestamp, Version};
use store::{
    Durability, Error, Filter, Known, Lease, Location, Options, Page, Pass, PassCounts,
    PassOutcome, Row, Store,
};

/// One tenant's roll.
pub(crate) struct Roll {
    pub(crate) store: Store,
    pub(crate) tenant: Tenant,
}

/// Everything a roll holds but its passes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    lines: BTreeMap<EntityId, Row>,
    feed_ends: Vec<i64>,
    known: Vec<Known>,
}

static TENANTS: AtomicU32 = AtomicU32::new(0);

/// Runs `claim` on a roll in SQLite and on one in PostgreSQL, if there is a server.
pub(crate) fn on_every_engine(topic: &str, claim: impl Fn(&Roll)) {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(dir.path().join("roll.db"));
    claim(&Roll::of(open(&location)));
    if let Some(database) = testkit::postgres_database(topic) {
        create(&database);
        claim(&Roll::of(open(&Location::Postgres(database.url))));
    }
}

fn open(location: &Location) -> Store {
    Store::open(location, &Options::default()).unwrap()
}

fn create(database: &testkit::PgDatabase) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(&database.server.url, tokio_postgres::NoTls)
                .await
                .unwrap();
        let connection = tokio::spawn(connection);
        let made = client
            .batch_execute(&format!("CREATE DATABASE {}", database.name))
            .await;
        made.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
    });
}

impl Roll {
    fn of(store: Store) -> Self {
        let turn = TENANTS.fetch_add(1, Ordering::Relaxed);
        Self {
            store,
            tenant: format!("t{turn}").parse().unwrap(),
        }
    }

    /// An empty roll in the same store.
    pub(crate) fn beside(&self) -> Self {
        Self::of(self.store.clone())
    }

    /// Takes one whole pass.
    pub(crate) fn take(&self, collection: &Collection) -> PassCounts {
        let (number, counts) = self.bring(collection);
        let outcome = if collection.gaps.is_empty() {
            PassOutcome::Whole
        } else {
            PassOutcome::Partial
        };
        let ended = self.store.write(Durability::Repeatable, |writing| {
            writing.end_pass(
                &self.tenant,
                &collection.source,
                number,
                collection.started,
                &collection.gaps,
                counts,
                outcome,
            )
        });
        ended.unwrap();
        counts
    }

    /// Takes what there is, and never ends the pass.
    pub(crate) fn take_and_die(&self, collection: &Collection) {
        let mut cut = collection.clone();
        cut.gaps
            .push(Gap::new(&collection.scope, model::Reason::Failed, "died"));
        self.bring(&cut);
    }

    fn bring(&self, collection: &Collection) -> (i64, PassCounts) {
        let lease = self.lease(&collection.source, "ann", 0).unwrap();
        let number = self.begin(collection);
        let counts = self.bring_under(&lease, number, collection);
        (number, counts.unwrap())
    }

    /// Begins a pass.
    pub(crate) fn begin(&self, collection: &Collection) -> i64 {
        let (source, started) = (&collection.source, collection.started);
        let began = self.store.write(Durability::Repeatable, |writing| {
            writing.begin_pass(&self.tenant, source, &collection.scope, started)
        });
        began.unwrap()
    }

    /// The lease on a source for ten seconds from `at` on, if no one else holds it then.
    pub(crate) fn lease(&self, source: &SourceId, holder: &str, at: i64) -> Option<Lease> {
        let (name, at) = (source.as_str(), Timestamp::from_seconds(at));
        let ttl = model::Duration::seconds(10);
        let acquired = self.store.acquire(&self.tenant, name, holder, ttl, at);
        acquired.unwrap()
    }

    /// Brings a collection in as pass `pass` of whoever holds `lease`.
    pub(crate) fn bring_under(
        &self,
        lease: &Lease,
        pass: i64,
        collection: &Collection,
    ) -> Result<PassCounts, engine::Error> {
        self.bring_telling(lease, pass, collection, &mut |_| {})
    }

    /// The same, saying to `tell` how far it is.
    pub(crate) fn bring_telling(
        &self,
        lease: &Lease,
        pass: i64,
        collection: &Collection,
        tell: &mut dyn FnMut(u64),
    ) -> Result<PassCounts, engine::Error> {
        let dir = tempfile::tempdir().unwrap();
        // So little memory that all but the smallest passes are sorted on disk.
        let mut spool = Spool::new(dir.path(), 0);
        for seen in &collection.observations {
            spool.push(seen).unwrap();
        }
        let read = PassRead {
            scope: collection.scope.clone(),
            gaps: collection.gaps.clone(),
            started: collection.started,
        };
        let run = Run {
            store: &self.store,
            tenant: &self.tenant,
            source: &collection.source,
            pass,
            lease,
            now: collection.started,
        };
        reconcile(&run, spool, &read, tell)
    }

    fn read<T>(&self, each: impl FnOnce(&mut store::Reading<'_>) -> Result<T, Error>) -> T {
        self.store.read(each).unwrap()
    }

    pub(crate) fn row(&self, id: &EntityId) -> Option<Row> {
        self.read(|reading| reading.entity_row(&self.tenant, id))
    }

    pub(crate) fn count(&self, filter: &Filter) -> u64 {
        self.read(|reading| reading.count(&self.tenant, filter))
    }

    pub(crate) fn passes(&self) -> Vec<Pass> {
        self.read(|reading| reading.passes(&self.tenant, None, 1_000))
    }

    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let gaps = self.read(|reading| reading.gaps(&self.tenant, None));
        gaps.into_iter().map(|one| one.gap).collect()
    }

    pub(crate) fn versions(&self, key: &SightingKey) -> Vec<Version> {
        self.read(|reading| reading.versions(&self.tenant, key))
    }

    pub(crate) fn conflicts(&self, id: &EntityId) -> Vec<Conflict> {
        self.store
            .read(|reading| Ok(conflicts(reading, &self.tenant, id).unwrap()))
            .unwrap()
    }

    /// A person says who owns a thing.
    pub(crate) fn own(&self, id: &EntityId, owner: &str) {
        self.own_at(id, Some(owner), 1);
    }

    /// A person says at a time who owns a thing, or that nobody does.
    pub(crate) fn own_at(&self, id: &EntityId, owner: Option<&str>, at: i64) {
        let at = Timestamp(at);
        let decided = self.store.write(Durability::Full, |writing| {
            writing.set_owner(&self.tenant, id, owner, "business", "ann", at)?;
            refresh(writing, &self.tenant, id, at)
        });
        decided.unwrap();
    }

    /// The credentials of an identity, in the order in which they are listed.
    pub(crate) fn held_by(&self, id: &EntityId) -> Vec<Row> {
        self.read(|reading| reading.credentials_of(&self.tenant, id))
    }

    /// Every line.
    pub(crate) fn lines(&self) -> BTreeMap<EntityId, Row> {
        let mut lines = BTreeMap::new();
        let mut page = Page {
            limit: 5_000,
            ..Page::default()
        };
        loop {
            let read = self.read(|reading| reading.roll(&self.tenant, &Filter::default(), &page));
            lines.extend(read.rows.into_iter().map(|row| (row.id.clone(), row)));
            match read.next {
                Some(next) => page.after = Some(next),
                None => return lines,
            }
        }
    }

    /// Which thing each sighting belongs to.
    pub(crate) fn belonging(&self) -> BTreeMap<SightingKey, EntityId> {
        let mut belonging = BTreeMap::new();
        let sources: BTreeSet<SourceId> =
            self.passes().into_iter().map(|pass| pass.source).collect();
        for source in sources {
            let known =
                self.read(|reading| reading.known_page(&self.tenant, &source, None, 100_000));
            for one in known {
                let key = SightingKey {
                    source: source.clone(),
                    kind: one.kind,
                    native: one.native,
                };
                belonging.insert(key, one.entity);
            }
        }
        belonging
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let shards = self.read(|reading| Ok(reading.shards()));
        let sources: BTreeSet<SourceId> =
            self.passes().into_iter().map(|pass| pass.source).collect();
        Snapshot {
            lines: self.lines(),
            feed_ends: (0..shards)
                .map(|shard| self.read(|reading| reading.feed_end(&self.tenant, shard)))
                .collect(),
            known: sources
                .iter()
                .flat_map(|source| {
                    self.read(|reading| reading.known_page(&self.tenant, source, None, 100_000))
                })
                .collect(),
        }
    }

    /// What is counted by delta is what is there.
    pub(crate) fn assert_counts_agree(&self) {
        let lines = self.lines();
        assert_eq!(self.count(&Filter::default()), lines.len() as u64);
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        let mut held: BTreeMap<&EntityId, u32> = BTreeMap::new();
        for row in lines.values() {
            *kinds.entry(row.kind.to_string()).or_default() += 1;
            if let Some(holder) = row.credential_of() {
                *held.entry(holder).or_default() += 1;
            }
        }
        let facets = self.read(|reading| reading.facets(&self.tenant, &Filter::default()));
        let told: BTreeMap<String, u64> = facets["kind"].iter().cloned().collect();
        assert_eq!(told, kinds);
        let mut by_source: BTreeMap<SourceId, BTreeSet<EntityId>> = BTreeMap::new();
        for (key, id) in self.belonging() {
            by_source.entry(key.source).or_default().insert(id);
        }
        for (source, seen) in by_source {
            let filter = Filter {
                source: Some(source),
                ..Filter::default()
            };
            assert_eq!(self.count(&filter), seen.len() as u64, "{filter:?}");
        }
        for row in lines.values() {
            assert_eq!(
                row.credentials,
                held.get(&row.id).copied().unwrap_or(0),
                "{row:?}"
            );
        }
    }
}
