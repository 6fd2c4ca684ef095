//! Processes that are killed in the middle of writing, and several that write at once.
//!
//! A child is this very test program, told by an environment variable what to do.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use model::{Kind, Scope};
use store::{Change, Durability, Error, Location, Options, PassCounts, PassOutcome, Store};

use crate::world::{World, alone, credential, key, source, time};

contract![
    a_kill_at_any_point_loses_nothing_acknowledged,
    processes_that_write_at_once_neither_corrupt_nor_hang,
];

const STORE: &str = "KEYROLL_STORE_CHILD";
const SOURCE: &str = "KEYROLL_STORE_CHILD_SOURCE";
const ROUNDS: &str = "KEYROLL_STORE_CHILD_ROUNDS";

/// The child's side: nothing to do where nobody asked.
#[test]
fn child_that_writes_when_it_is_asked_to() {
    let Ok(location) = std::env::var(STORE) else {
        return;
    };
    let location: Location = location.parse().unwrap();
    let from = source(&std::env::var(SOURCE).unwrap());
    let rounds: i64 = std::env::var(ROUNDS).unwrap().parse().unwrap();
    let store = Store::open(&location, &Options::default()).unwrap();
    let tenant = model::Tenant::local();
    let first = acknowledged(&store, from.target());
    for n in first + 1..=first + rounds {
        let mut changes: Vec<_> = (0..5)
            .map(|m| Change::New(credential(&format!("{n:06}-{m}"), "x")))
            .collect();
        changes.push(Change::Changed(credential("every time", &n.to_string())));
        store
            .write(Durability::Full, |writing| {
                let pass = writing.begin_pass(&tenant, &from, &Scope::whole(), time(n))?;
                writing.apply(&tenant, &from, pass, time(n), &changes)?;
                let lines: Vec<_> = changes
                    .iter()
                    .filter_map(|change| alone(&from, n, change))
                    .collect();
                writing.assign(&tenant, time(n), &lines, &[])?;
                writing.put_setting(&tenant, from.target(), n.to_string())?;
                let size = writing.lock_evidence(&tenant)?;
                writing.evidence_append(
                    &tenant,
                    size,
                    &[n.to_string().into_bytes()],
                    &[],
                    b"head",
                )?;
                let counts = PassCounts::default();
                writing.end_pass(
                    &tenant,
                    &from,
                    pass,
                    time(n),
                    &[],
                    counts,
                    PassOutcome::Whole,
                )
            })
            .unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {n}").unwrap();
        out.flush().unwrap();
    }
}

fn acknowledged(store: &Store, name: &str) -> i64 {
    let found = store
        .read(|reading| reading.setting(&model::Tenant::local(), name))
        .unwrap();
    found.map_or(0, |bytes| {
        String::from_utf8(bytes).unwrap().parse().unwrap()
    })
}

fn child(world: &World, from: &str, rounds: i64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "crash::child_that_writes_when_it_is_asked_to",
            "--nocapture",
        ])
        .env(STORE, world.address())
        .env(SOURCE, from)
        .env(ROUNDS, rounds.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What is there is exactly what `n` rounds of each child write, and nothing half.
fn check(world: &World, children: &[(&str, i64)]) {
    let tenant = &world.tenant;
    let store = Store::open(world.location(), &Options::default()).unwrap();
    store
        .read(|reading| {
            let mut rounds = 0;
            for (name, n) in children {
                let from = source(name);
                rounds += n;
                let known = reading.known_page(tenant, &from, None, 100_000)?;
                assert_eq!(known.len() as i64, if *n == 0 { 0 } else { n * 5 + 1 });
                let passes = reading.passes(tenant, Some(&from), 100_000)?;
                assert_eq!(passes.len() as i64, *n);
                assert!(passes.iter().all(|pass| pass.finished.is_some()));
                let versions =
                    reading.versions(tenant, &key(&from, Kind::Credential, "every time"))?;
                assert_eq!(versions.len() as i64, *n);
            }
            assert_eq!(reading.evidence_size(tenant)? as i64, rounds);
            let leaves = reading.evidence_leaves(tenant, 0, 100_000)?;
            assert_eq!(leaves.len() as i64, rounds);
            let mut entries = 0;
            for shard in 0..reading.shards() {
                let all = reading.changes(tenant, shard, 0, 1_000_000)?;
                let seqs: Vec<_> = all.iter().map(|entry| entry.seq).collect();
                assert_eq!(seqs, (1..=all.len() as i64).collect::<Vec<_>>());
                entries += all.len() as i64;
            }
            assert_eq!(entries, rounds * 6);
            Ok(())
        })
        .unwrap();
    if let Location::Sqlite(path) = world.location() {
        let beside = rusqlite::Connection::open(path).unwrap();
        let sound: String = beside
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sound, "ok");
    }
}

fn a_kill_at_any_point_loses_nothing_acknowledged(world: &World) {
    let mut seed = 0x5eed_u64;
    let mut last = 0;
    for kill in 0..testkit::rounds(8, 150) {
        let mut child = child(world, "child", 1_000);
        let mut heard = last;
        // A generator of our own: the points are the same in every run.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let after = last + 1 + (seed >> 33) as i64 % 6;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines {
            let line = line.unwrap();
            let Some(n) = line.strip_prefix("acknowledged ") else {
                continue;
            };
            heard = n.parse().unwrap();
            if heard >= after {
                // Somewhere inside the rounds that follow.
                let wait = std::time::Duration::from_micros((seed >> 20) % 9_000);
                let until = std::time::Instant::now() + wait;
                while std::time::Instant::now() < until {
                    std::hint::spin_loop();
                }
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(heard > last, "kill {kill}: the child wrote nothing");
        let kept = settled(world, "child");
        assert!(
            kept >= heard,
            "kill {kill}: {heard} acknowledged, {kept} kept"
        );
        check(world, &[("child", kept)]);
        last = kept;
    }
}

/// What is kept once the dead child's last transaction has ended on the server as well.
fn settled(world: &World, name: &str) -> i64 {
    let store = Store::open(world.location(), &Options::default()).unwrap();
    store
        .write(Durability::Full, |writing| {
            writing.lock_roll(&world.tenant).and_then(|()| {
                let found = writing.setting(&world.tenant, name)?;
                Ok::<_, Error>(found.map_or(0, |bytes| {
                    String::from_utf8(bytes).unwrap().parse().unwrap()
                }))
            })
        })
        .unwrap()
}

fn processes_that_write_at_once_neither_corrupt_nor_hang(world: &World) {
    const EACH: i64 = 25;
    let names = ["one", "two", "three"];
    let children: Vec<_> = names.iter().map(|name| child(world, name, EACH)).collect();
    for mut child in children {
        // They write little; the pipe holds all of it.
        let ended = child.wait().unwrap();
        assert!(ended.success(), "{ended}");
    }
    check(world, &names.map(|name| (name, EACH)));
}
