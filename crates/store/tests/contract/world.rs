//! A fresh store on one engine, and words to fill it with.

use std::collections::BTreeSet;

use model::{
    Attribute, EntityId, Key, KeyKind, Kind, Observation, Scope, SightingKey, SourceId, Tenant,
    Timestamp, Told,
};
use store::{
    Assigned, Change, Durability, Error, Location, Options, PassCounts, PassOutcome, Row, Store,
};

/// A store that goes away with the test.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) tenant: Tenant,
    pub(crate) folder: tempfile::TempDir,
    database: Option<testkit::PgDatabase>,
}

/// Undoes the step that files names in blocks.
const WITHOUT_SEARCH: &str = "DROP TABLE name_block; DROP TABLE name_page; DROP TABLE day;
  DROP TABLE fact_block;
  DROP INDEX entity_founder; DROP INDEX entity_cell_expires; DROP INDEX entity_cell_last_used;
  CREATE INDEX entity_cell_expires ON entity (tenant, cell, expires_at, id, last_used_at);
  CREATE INDEX entity_cell_last_used ON entity (tenant, cell, last_used_at, id, expires_at);";

/// Undoes the steps behind schema 6.
const WITHOUT_CHAIN: &str = "DROP TABLE account; DROP TABLE recovery_code;
  DROP TABLE invitation; DROP TABLE session; DROP TABLE device; DROP TABLE api_token;
  DROP TABLE attempt; DROP TABLE key_before; DROP TABLE link_before;
  DROP TABLE name_before; DROP INDEX entity_owner;
  CREATE INDEX entity_owner ON entity (tenant, owner) WHERE owner IS NOT NULL;
  DROP TABLE journal; DROP TABLE owner_decision;
  DROP INDEX plan_of; DROP INDEX revocation_of;";

impl World {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("state/roll.db"));
        let store = Store::open(&location, &Options::default()).unwrap();
        Self {
            store,
            tenant: Tenant::local(),
            folder,
            database: None,
        }
    }

    pub(crate) fn postgres(topic: &str) -> Option<Self> {
        let database = testkit::postgres_database(topic)?;
        on_server(
            &database.server.url,
            &format!("CREATE DATABASE {}", database.name),
        );
        let location: Location = database.url.parse().unwrap();
        let store = Store::open(&location, &Options::default()).unwrap();
        Some(Self {
            store,
            tenant: Tenant::local(),
            folder: tempfile::tempdir().unwrap(),
            database: Some(database),
        })
    }

    /// A store in a database that the caller has made; it is dropped with the world.
    pub(crate) fn of(store: Store, database: testkit::PgDatabase) -> Self {
        Self {
            store,
            tenant: Tenant::local(),
            folder: tempfile::tempdir().unwrap(),
            database: Some(database),
        }
    }

    /// Another, empty store on the same engine.
    pub(crate) fn another(&self) -> Self {
        match &self.database {
            None => Self::sqlite(),
            Some(_) => Self::postgres("another").unwrap(),
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.database.is_some()
    }

    pub(crate) fn location(&self) -> &Location {
        self.store.location()
    }

    /// What a child process opens; it holds a password.
    pub(crate) fn address(&self) -> String {
        match (&self.database, self.location()) {
            (Some(database), _) => database.url.clone(),
            (None, Location::Sqlite(path)) => path.to_str().unwrap().to_owned(),
            (None, Location::Postgres(_)) => unreachable!("a database has a name"),
        }
    }

    /// Runs SQL beside the store, as a person with a client would.
    pub(crate) fn beside(&self, sql: &str) {
        match (&self.database, self.location()) {
            (Some(database), _) => on_server(&database.url, sql),
            (None, Location::Sqlite(path)) => {
                let beside = rusqlite::Connection::open(path).unwrap();
                beside
                    .busy_timeout(std::time::Duration::from_secs(10))
                    .unwrap();
                beside.execute_batch(sql).unwrap();
            }
            (None, Location::Postgres(_)) => unreachable!("a database has a name"),
        }
    }

    /// Takes the roll back to how the schema before spots kept it.
    pub(crate) fn back_to_schema_2(&self) {
        let before = self.search_path();
        self.beside(&format!(
            "{before} {WITHOUT_CHAIN} {WITHOUT_SEARCH} DROP INDEX entity_spot_name; DROP TABLE spot;
             DROP TABLE spot_source; ALTER TABLE entity DROP COLUMN spot;
             UPDATE store_meta SET value = 2 WHERE name = 'schema';"
        ));
    }

    /// Takes the roll back to how the schema before blocks of names kept it.
    pub(crate) fn back_to_schema_3(&self) {
        let before = self.search_path();
        self.beside(&format!(
            "{before} {WITHOUT_CHAIN} {WITHOUT_SEARCH} UPDATE store_meta SET value = 3 WHERE name = 'schema';"
        ));
    }

    /// Takes the roll back to how schema 6 kept it, with all that PostgreSQL keeps beside it for
    /// questions.
    pub(crate) fn back_to_schema_6(&self) {
        let before = self.search_path();
        self.beside(&format!(
            "{before} {WITHOUT_CHAIN} UPDATE store_meta SET value = 6 WHERE name = 'schema';"
        ));
    }

    fn search_path(&self) -> &'static str {
        if self.is_postgres() {
            "SET search_path TO keyroll;"
        } else {
            ""
        }
    }

    /// How many rows a table of the store has.
    pub(crate) fn rows_of(&self, table: &str) -> usize {
        let archive = self.folder.path().join(format!("{table}.archive"));
        self.store.backup(&archive).unwrap();
        let text = std::fs::read_to_string(&archive).unwrap();
        std::fs::remove_file(archive).unwrap();
        let lines = text.lines();
        let head = format!("{{\"table\":\"{table}\",");
        lines
            .skip_while(|line| !line.starts_with(&head))
            .skip(1)
            .take_while(|line| line.starts_with('['))
            .count()
    }

    /// One pass over `source` that makes these changes, each thing an entity of its own.
    pub(crate) fn pass(&self, source: &SourceId, at: i64, changes: &[Change]) -> i64 {
        self.pass_of(&self.tenant, source, at, changes)
    }

    /// The same for any tenant.
    pub(crate) fn pass_of(
        &self,
        tenant: &Tenant,
        source: &SourceId,
        at: i64,
        changes: &[Change],
    ) -> i64 {
        self.store
            .write(Durability::Repeatable, |writing| {
                let pass = writing.begin_pass(tenant, source, &Scope::whole(), time(at))?;
                writing.apply(tenant, source, pass, time(at), changes)?;
                let lines: Vec<_> = changes
                    .iter()
                    .filter_map(|change| alone(source, at, change))
                    .collect();
                writing.assign(tenant, time(at), &lines, &[])?;
                writing.end_pass(
                    tenant,
                    source,
                    pass,
                    time(at),
                    &[],
                    PassCounts::default(),
                    PassOutcome::Whole,
                )?;
                Ok::<_, Error>(pass)
            })
            .unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(database) = &self.database {
            let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.name);
            on_server(&database.server.url, &drop);
        }
    }
}

/// Runs SQL as the superuser.
pub(crate) fn on_server(url: &str, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, driver) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(async move { driver.await.ok() });
        client.batch_execute(sql).await.unwrap();
    });
}

pub(crate) const fn time(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

pub(crate) fn source(name: &str) -> SourceId {
    SourceId::new("files", name)
}

pub(crate) fn key(source: &SourceId, kind: Kind, native: &str) -> SightingKey {
    SightingKey {
        source: source.clone(),
        kind,
        native: native.to_owned(),
    }
}

pub(crate) fn secret(value: &str) -> Key {
    Key::new(KeyKind::SecretHmac, value)
}

/// A credential called `native` with a status.
pub(crate) fn credential(native: &str, status: &str) -> Observation {
    Observation::new(Kind::Credential, native, &Scope::of("home"))
        .is(Attribute::NAME, native)
        .is(Attribute::STATUS, status)
}

pub(crate) fn identity(native: &str) -> Observation {
    Observation::new(Kind::Identity, native, &Scope::of("users")).is(Attribute::NAME, native)
}

/// A line of the roll of which little is told.
pub(crate) fn line(id: &EntityId, name: &str, at: i64) -> Row {
    Row {
        id: id.clone(),
        kind: id.kind(),
        listed: id.kind() == Kind::Identity,
        name: name.to_owned(),
        type_: "password".to_owned(),
        provider: "postgres".to_owned(),
        class: None,
        environment: None,
        status: None,
        privilege: None,
        holder: None,
        owner: None,
        owner_hint: None,
        sources: 1,
        places: 1,
        credentials: 0,
        created_at: Told::CannotTell,
        rotated_at: Told::Absent,
        last_used_at: Told::CannotTell,
        expires_at: Told::CannotTell,
        first_seen: time(at),
        missing_since: None,
    }
}

/// The line of a thing that no other source sees.
pub(crate) fn alone(source: &SourceId, at: i64, change: &Change) -> Option<Assigned> {
    let (kind, native, status, missing) = match change {
        Change::New(seen) | Change::Changed(seen) | Change::Back(seen) => {
            let status = seen
                .fact(&Attribute::STATUS)
                .is()
                .and_then(|value| value.text())
                .map(str::to_owned);
            (seen.kind, &seen.native, status, None)
        }
        Change::Missing { kind, native } => (*kind, native, None, Some(time(at))),
    };
    let member = key(source, kind, native);
    let id = EntityId::of(&member);
    Some(Assigned {
        row: Row {
            status,
            missing_since: missing,
            ..line(&id, native, 0)
        },
        sources: BTreeSet::from([member.source.clone()]),
        members: vec![member],
        aliases: Vec::new(),
    })
}

/// A line over several sightings.
pub(crate) fn together(members: &[SightingKey], aliases: &[EntityId], at: i64) -> Assigned {
    let smallest = members.iter().min().unwrap();
    Assigned {
        row: line(&EntityId::of(smallest), &smallest.native, at),
        members: members.to_vec(),
        sources: members.iter().map(|one| one.source.clone()).collect(),
        aliases: aliases.to_vec(),
    }
}

pub(crate) fn keys_of(found: &[store::Keyed]) -> BTreeSet<String> {
    found.iter().map(|one| one.key.native.clone()).collect()
}

/// A configured source called `name`.
pub(crate) fn config(name: &str) -> store::SourceConfig {
    store::SourceConfig {
        id: source(name),
        connector: "files".to_owned(),
        target: name.to_owned(),
        options: [("depth".to_owned(), "3".to_owned())].into(),
        sealed_path: Some(format!("sources/{name}")),
        added: time(1),
        kind_of_target: "real".to_owned(),
    }
}

/// A plan to revoke `entity`.
pub(crate) fn plan(entity: &EntityId) -> model::Plan {
    model::Plan::new(model::PlanBody {
        v: 1,
        tenant: Tenant::local(),
        act: model::Act::Revoke,
        subject: model::Subject {
            entity: entity.clone(),
            name: "shop\u{0}".to_owned(),
            credential: model::CredentialType::PostgresPassword,
            source: source("host"),
            native: "x".to_owned(),
            handle: [("role".to_owned(), "shop".to_owned())].into(),
            principal: "shop".to_owned(),
            seen_at: vec![(source("host"), "x".to_owned())],
            fingerprints: vec!["secret_hmac 0011.aabb".to_owned()],
        },
        steps: vec![model::Step {
            ordinal: 1,
            kind: model::StepKind::Cut,
            says: "ALTER ROLE".to_owned(),
        }],
        window: model::Window {
            denials: 5,
            over: model::Duration::seconds(5),
            first_after: model::Duration(0),
        },
        windows: Vec::new(),
        children: Vec::new(),
        survives: Vec::new(),
        consumers: Vec::new(),
        parent: None,
        generation: 1,
        created: time(1),
        by: "alice".to_owned(),
    })
}

/// Something of everything, for the tenant of the world and for `other`.
pub(crate) fn fill(world: &World) {
    fill_tenant(world, &world.tenant);
    fill_tenant(world, &"other".parse().unwrap());
}

/// Something of everything.
pub(crate) fn fill_tenant(world: &World, tenant: &Tenant) {
    let host = source("host");
    let mut changes: Vec<_> = (0..3)
        .map(|n| credential(&format!("c{n}"), &format!("s{n}")).key(secret("shared")))
        .map(Change::New)
        .collect();
    if let Change::New(first) = &mut changes[0] {
        *first = first
            .clone()
            .link(model::Relation::Holder, Kind::Identity, "i");
    }
    changes.push(Change::New(identity("i")));
    let id = EntityId::of(&key(&host, Kind::Credential, "c0"));
    let holder = EntityId::of(&key(&host, Kind::Identity, "i"));
    let plan = plan(&id);
    world
        .store
        .write(Durability::Full, |writing| {
            let pass = writing.begin_pass(tenant, &host, &Scope::whole(), time(1))?;
            writing.apply(tenant, &host, pass, time(1), &changes)?;
            let mut lines: Vec<_> = changes
                .iter()
                .filter_map(|change| alone(&host, 1, change))
                .collect();
            lines[0].row.holder = Some(holder);
            let older = EntityId::of(&key(&source("gone"), Kind::Credential, "c0"));
            lines[0].aliases.push(older);
            writing.assign(tenant, time(1), &lines, &[])?;
            let gap = model::Gap::new(&Scope::of("secret"), model::Reason::Denied, "403");
            let counts = PassCounts {
                seen: 4,
                new: 4,
                ..PassCounts::default()
            };
            writing.end_pass(
                tenant,
                &host,
                pass,
                time(2),
                &[gap],
                counts,
                PassOutcome::Partial,
            )?;
            let changed = [Change::Changed(
                credential("c0", "s0")
                    .key(secret("shared"))
                    .key(secret("own"))
                    .link(model::Relation::Holder, Kind::Identity, "i"),
            )];
            writing.apply(tenant, &host, pass, time(3), &changed)?;
            writing.put_source(tenant, &config("host"))?;
            writing.put_sealed(tenant, "sources/host", 1, &[0, 1, 2, 255])?;
            let part = store::JournalPart {
                part: "regions".to_owned(),
                about: "about".to_owned(),
                started: time(1),
                body: vec![0, 1, 2, 255],
            };
            writing.keep_part(tenant, &source("host"), &part)?;
            writing.set_owner(tenant, &id, Some("team"), "business", "alice", time(1))?;
            writing.put_mute(
                tenant,
                &model::Mute {
                    finding: model::FindingId("fnd-0".to_owned()),
                    reason: "known".to_owned(),
                    by: "alice".to_owned(),
                    at: time(1),
                    until: time(2),
                },
            )?;
            if tenant.as_str() != "other" {
                writing.put_setting(tenant, "fingerprint_key", "0123456789abcdef")?;
            }
            writing.evidence_append(
                tenant,
                0,
                &[b"leaf".to_vec()],
                &[(0, 0, vec![7; 32])],
                b"head",
            )?;
            writing.put_plan(tenant, &plan)?;
            writing.put_revocation(
                tenant,
                &store::RevocationRow {
                    plan: plan.id.clone(),
                    subject: id.clone(),
                    state: failed(),
                    step: 1,
                    next_at: Some(time(5)),
                    updated: time(4),
                    body: serde_json::json!({"attempts": 1}),
                },
            )?;
            writing.put_intent(tenant, &plan.id, 1, time(4), 1)?;
            writing.put_receipt(
                tenant,
                &model::Receipt {
                    plan: plan.id.clone(),
                    step: 1,
                    kind: model::StepKind::Cut,
                    at: time(4),
                    outcome: model::Outcome::Failed {
                        why: "503".to_owned(),
                    },
                    token: 1,
                },
            )?;
            let probe = model::Probe {
                path: model::Path::NewLogin,
                at: time(4),
                probed: model::Probed::Unclear {
                    why: "503".to_owned(),
                },
            };
            writing.put_probe(tenant, &plan.id, 1, &probe)?;
            writing.acquire(tenant, "work", "node", model::Duration::hours(1), time(4))?;
            Ok::<_, Error>(())
        })
        .unwrap();
}

/// A revocation that will be tried again.
pub(crate) fn failed() -> model::State {
    model::State::Failed {
        why: "503".to_owned(),
        next: time(5),
        tries: 1,
        from: Box::new(model::State::Requested),
    }
}
