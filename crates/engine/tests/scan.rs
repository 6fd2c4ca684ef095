//! From files and servers to the roll: what is found, what belongs together, what is decided.
#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::{Engine, KeyPaths, Machine, Ownership, Spec};
use model::{Attribute, Kind, Tenant, Timestamp};
use store::{Filter, Location, Options, Page, PassOutcome, Row, Store};
use testkit::PgServer;

fn engine_at(dir: &Path) -> Engine {
    let location = Location::Sqlite(dir.join("roll.db"));
    let store = Store::open(&location, &Options::default()).unwrap();
    let paths = KeyPaths::for_store(&location, None, None).unwrap();
    Engine::open(
        store,
        Tenant::local(),
        &paths,
        "person:test",
        Arc::new(engine::system_clock),
    )
    .unwrap()
}

fn machine() -> Machine {
    Machine {
        host: "host".into(),
        kind_of_target: "real".into(),
        ..Machine::default()
    }
}

fn scan(engine: &Engine, spec: &str) -> engine::PassReport {
    let spec = Spec::parse(spec, Path::exists).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut scanned = engine
        .scan(&[spec], &machine(), &stop, &mut |_| {})
        .unwrap();
    scanned.remove(0).report.unwrap()
}

fn rows(engine: &Engine, filter: &Filter) -> Vec<Row> {
    let page = Page {
        limit: 1000,
        ..Page::default()
    };
    engine
        .store
        .read(|reading| reading.roll(&engine.tenant, filter, &page))
        .unwrap()
        .rows
}

/// A fresh login role with a password, on the real server.
fn role(
    server: &PgServer,
) -> (
    String,
    String,
    tokio::runtime::Runtime,
    tokio_postgres::Client,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let client = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&server.url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client
    });
    let (name, password) = (testkit::fresh_name("scan"), testkit::fresh_name("pw"));
    runtime
        .block_on(client.batch_execute(&format!("create role {name} login password '{password}'")))
        .unwrap();
    (name, password, runtime, client)
}

#[test]
fn a_password_in_a_file_is_its_roles_whichever_is_read_first() {
    let Some(server) = testkit::postgres() else {
        return;
    };
    let (name, password, runtime, client) = role(&server);
    let files = tempfile::tempdir().unwrap();
    let env = format!(
        "DATABASE_URL={}\n",
        server.url_for(&name, &password, "postgres")
    );
    std::fs::write(files.path().join(".env"), env).unwrap();
    let folder = files.path().to_str().unwrap().to_owned();

    let mut outcomes = Vec::new();
    for order in [
        [folder.as_str(), server.url.as_str()],
        [server.url.as_str(), folder.as_str()],
    ] {
        let home = tempfile::tempdir().unwrap();
        let engine = engine_at(home.path());
        for spec in order {
            scan(&engine, spec);
        }
        let holder = engine.find(&name).unwrap();
        let filter = Filter {
            holder: Some(holder),
            ..Filter::default()
        };
        let credentials = rows(&engine, &filter);
        assert_eq!(
            credentials.len(),
            1,
            "the password in the file and the role's are one: {credentials:#?}"
        );
        let looked = engine.look(&credentials[0].id).unwrap();
        let sources: BTreeSet<_> = looked
            .entity
            .members
            .iter()
            .map(|member| member.sighting.source.connector().to_owned())
            .collect();
        assert_eq!(
            sources,
            ["files".to_owned(), "postgres_roles".to_owned()].into()
        );
        let findings = engine.findings_of(&looked, &[]).unwrap();
        assert!(
            findings
                .iter()
                .any(|f| f.rule == "open-secret" && f.verdict.as_str() == "fail"),
            "{findings:#?}"
        );
        outcomes.push(looked.holder.unwrap().name().to_owned());
    }
    assert_eq!(outcomes[0], outcomes[1]);
    runtime
        .block_on(client.batch_execute(&format!("drop role {name}")))
        .unwrap();
}

#[test]
fn a_password_that_the_role_no_longer_has_is_not_called_open() {
    let Some(server) = testkit::postgres() else {
        return;
    };
    let (name, _, runtime, client) = role(&server);
    let files = tempfile::tempdir().unwrap();
    let env = format!(
        "DATABASE_URL={}\n",
        server.url_for(&name, "an-older-password", "postgres")
    );
    std::fs::write(files.path().join(".env"), env).unwrap();
    let home = tempfile::tempdir().unwrap();
    let engine = engine_at(home.path());
    scan(&engine, &server.url);
    scan(&engine, files.path().to_str().unwrap());
    let holder = engine.find(&name).unwrap();
    let credentials = rows(
        &engine,
        &Filter {
            holder: Some(holder),
            ..Filter::default()
        },
    );
    assert_eq!(
        credentials.len(),
        2,
        "the old one in the file, the new one at the server: {credentials:#?}"
    );
    for row in &credentials {
        let findings = engine
            .findings_of(&engine.look(&row.id).unwrap(), &[])
            .unwrap();
        assert!(
            !findings
                .iter()
                .any(|f| f.rule == "open-secret" && f.verdict.as_str() == "fail"),
            "{findings:#?}"
        );
    }
    runtime
        .block_on(client.batch_execute(&format!("drop role {name}")))
        .unwrap();
}

#[test]
fn collecting_twice_writes_one_pass_and_nothing_else() {
    let files = tempfile::tempdir().unwrap();
    std::fs::write(
        files.path().join(".env"),
        "API_TOKEN=kx83hs72kdhw82hsk29sh\n",
    )
    .unwrap();
    let home = tempfile::tempdir().unwrap();
    let engine = engine_at(home.path());
    let first = scan(&engine, files.path().to_str().unwrap());
    assert_eq!((first.counts.new, first.outcome), (1, PassOutcome::Whole));
    let second = scan(&engine, files.path().to_str().unwrap());
    assert_eq!(
        (second.counts.new, second.counts.changed, second.counts.seen),
        (0, 0, 1)
    );
    assert_eq!(second.pass, first.pass + 1);
}

#[test]
fn a_server_that_cannot_be_reached_is_a_gap_and_removes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let engine = engine_at(home.path());
    // Bound and never accepted by anybody: the port is ours, and nobody answers.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let report = scan(
        &engine,
        &format!("postgres://ann:hunter2pass@127.0.0.1:{port}/postgres"),
    );
    assert_eq!(report.outcome, PassOutcome::Failed);
    assert!(!report.gaps.is_empty());
    assert!(!format!("{report:?}").contains("hunter2pass"));
}

#[test]
fn two_that_open_a_new_store_at_once_share_its_keys() {
    let home = tempfile::tempdir().unwrap();
    let opened: Vec<_> = std::thread::scope(|scope| {
        let open = || {
            let engine = engine_at(home.path());
            (
                engine.keys.fingerprint_key.clone(),
                engine.ledger.public_key().to_owned(),
            )
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(
        opened.iter().collect::<BTreeSet<_>>().len(),
        1,
        "{opened:?}"
    );
}

#[test]
fn without_the_log_nothing_is_decided() {
    let files = tempfile::tempdir().unwrap();
    std::fs::write(
        files.path().join(".env"),
        "API_TOKEN=kx83hs72kdhw82hsk29sh\n",
    )
    .unwrap();
    let home = tempfile::tempdir().unwrap();
    let engine = engine_at(home.path());
    scan(&engine, files.path().to_str().unwrap());
    let id = rows(
        &engine,
        &Filter {
            kind: Some(Kind::Credential),
            ..Filter::default()
        },
    )[0]
    .id
    .clone();
    engine
        .set_owner(&id, Some("team-shop"), Ownership::System)
        .unwrap();
    let finding = |nth: usize| {
        let looked = engine.look(&id).unwrap();
        engine.findings_of(&looked, &[]).unwrap().swap_remove(nth)
    };
    let muted = finding(0);
    let until = engine.now() + model::Duration::hours(24);
    engine.mute(&muted, "known", until).unwrap();
    let size = engine.check_evidence().unwrap();
    assert_eq!(size, 2);

    // Somebody changes the log behind our back: its last tile no longer hashes to the checkpoint.
    engine
        .store
        .write(store::Durability::Full, |writing| {
            let note = writing.evidence_checkpoint(&engine.tenant)?.unwrap();
            writing.evidence_append(
                &engine.tenant,
                size,
                &[b"forged".to_vec()],
                &[(0, 0, vec![7; 96])],
                &note,
            )
        })
        .unwrap();
    let told = engine
        .set_owner(&id, Some("mallory"), Ownership::System)
        .unwrap_err();
    assert!(told.to_string().contains("evidence"), "{told}");
    let owner = engine.look(&id).unwrap().owner;
    assert_eq!(owner.as_deref(), Some("team-shop"), "no log, no act");
    let mutes = || engine.store.read(|reading| reading.mutes(&engine.tenant));
    let before = mutes().unwrap();
    assert_eq!(before.len(), 1);
    assert!(
        engine
            .mute(&muted, "for longer", until + model::Duration::hours(24))
            .is_err()
    );
    assert!(engine.unmute(muted.id.as_str()).is_err());
    assert_eq!(mutes().unwrap(), before);
    assert!(engine.check_evidence().is_err());
}

#[test]
fn a_pushed_collection_is_on_the_roll_and_a_broken_one_leaves_its_part_and_a_gap() {
    let home = tempfile::tempdir().unwrap();
    let engine = engine_at(home.path());
    let seen = |native: &str| serde_json::json!({ "kind": "identity", "native": native, "facts": { "name": { "is": native } } });
    let whole = serde_json::json!({
        "format": "keyroll-collection/1", "source": "jenkins:ci", "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:01:00Z", "observations": [seen("a"), seen("b")], "gaps": []
    });
    let report = engine.push(whole.to_string().as_bytes()).unwrap();
    assert_eq!((report.counts.new, report.outcome), (2, PassOutcome::Whole));

    let later = whole
        .to_string()
        .replace("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    let cut = later.replace("\"b\"", "\"c\"");
    let cut = &cut[..cut.find("\"gaps\"").unwrap()];
    let report = engine.push(cut.as_bytes()).unwrap();
    assert_eq!(
        (report.outcome, report.counts.missing),
        (PassOutcome::Partial, 0),
        "{report:?}"
    );
    assert_eq!(
        rows(
            &engine,
            &Filter {
                missing: Some(false),
                ..Filter::default()
            }
        )
        .len(),
        3,
        "b is not called missing"
    );

    let older = whole
        .to_string()
        .replace("2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z");
    assert!(
        engine
            .push(older.as_bytes())
            .unwrap_err()
            .to_string()
            .contains("in their order")
    );
    let tomorrow = whole
        .to_string()
        .replace("2026-01-01T00:00:00Z", "2226-01-01T00:00:00Z");
    assert!(engine.push(tomorrow.as_bytes()).is_err());
}

#[test]
fn a_scanner_that_is_not_enrolled_is_kept_and_marked_unmatchable() {
    let home = tempfile::tempdir().unwrap();
    let engine = engine_at(home.path());
    let key = format!("{}.{}", "ab".repeat(8), "0".repeat(64));
    let pushed = serde_json::json!({
        "format": "keyroll-collection/1", "source": "files:elsewhere", "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:01:00Z", "scanner": { "name": "elsewhere", "fingerprint_key": "ab".repeat(8) },
        "observations": [{ "kind": "credential", "native": "/srv/.env#A@0", "scope": ["/", "srv"],
            "keys": [{ "kind": "secret_hmac", "value": key }], "facts": { "type": { "is": "api_token" } } }]
    });
    engine.push(pushed.to_string().as_bytes()).unwrap();
    let row = rows(&engine, &Filter::default()).remove(0);
    let entity = engine.look(&row.id).unwrap().entity;
    assert_eq!(
        entity
            .fact(&Attribute::MATCHABLE)
            .is()
            .and_then(|value| value.flag()),
        Some(false)
    );
}

#[test]
fn what_was_known_on_a_day_stays_known() {
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join(".env");
    std::fs::write(&file, "API_TOKEN=kx83hs72kdhw82hsk29sh\n").unwrap();
    let home = tempfile::tempdir().unwrap();
    let engine = engine_at(home.path());
    scan(&engine, files.path().to_str().unwrap());
    let before: Timestamp = engine.now();
    std::fs::write(&file, "API_TOKEN=9dk2ns82jsn2kd82nsk2m\n").unwrap();
    scan(&engine, files.path().to_str().unwrap());
    let row = rows(
        &engine,
        &Filter {
            missing: Some(true),
            ..Filter::default()
        },
    );
    assert_eq!(row.len(), 1, "the old token is missing, not forgotten");
    let at = engine
        .store
        .read(|reading| reading.diff(&engine.tenant, before, engine.now(), 100))
        .unwrap();
    assert_eq!(at.len(), 2, "one token went, one came: {at:#?}");
}

#[test]
fn a_directory_whose_path_is_longer_than_an_id_is_still_a_source() {
    let dir = tempfile::tempdir().unwrap();
    let mut deep = dir.path().to_owned();
    let mut other = deep.clone();
    for name in ["a", "b", "c", "d"] {
        deep.push(name.repeat(200));
        other.push(name.repeat(200));
    }
    other.set_file_name("e".repeat(200));
    let home = tempfile::tempdir().unwrap();
    let engine = engine_at(home.path());
    for at in [&deep, &other] {
        std::fs::create_dir_all(at).unwrap();
        std::fs::write(at.join(".env"), "API_TOKEN=kx83hs72kdhw82hsk29sh\n").unwrap();
        scan(&engine, at.to_str().unwrap());
        scan(&engine, at.to_str().unwrap());
    }
    let passes = engine
        .store
        .read(|reading| reading.passes(&engine.tenant, None, 10))
        .unwrap();
    let mut ids: Vec<_> = passes.iter().map(|pass| pass.source.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((passes.len(), ids.len()), (4, 2), "{ids:?}");
    assert!(ids.iter().all(|id| id.len() <= 512 && id.contains('#')));
}
