//! How many leaves a second go through the engine's ledger into the store, by size of batch.
//!
//! Counted is everything: writing the leaf, hashing, tiles, one signature and one durable
//! transaction a batch. `cargo bench -p engine --bench ledger`; PostgreSQL is measured where
//! KEYROLL_TEST_PG names a server. A missed bar is a failure of the benchmark.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a benchmark that fails"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

#[path = "scale/stores.rs"]
mod stores;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use engine::{Engine, KeyPaths, Ledger, system_clock};
use evidence::LeafKind;
use model::{Tenant, Timestamp};
use serde_json::json;
use store::{Durability, Location, Options, Store};

/// Leaves a second.
const BAR: f64 = 20_000.0;
/// Batches with the number of leaves that are measured; the bar holds for those of a thousand.
const BATCHES: [(u32, u32); 5] = [
    (1, 1_000),
    (16, 8_000),
    (128, 40_000),
    (1_000, 100_000),
    (4_000, 100_000),
];
const BARRED: u32 = 1_000;

fn main() {
    let mut missed = Vec::new();
    for engine in ["SQLite", "PostgreSQL"] {
        let Some(place) = stores::Place::make(engine) else {
            println!("{engine}: skipped, KEYROLL_TEST_PG is not set");
            continue;
        };
        let opened = open(&place);
        for (batch, count) in BATCHES {
            let rate = append(&opened, batch, count);
            let ratio = rate / BAR;
            println!(
                "{engine}: batches of {batch}: {rate:.0} leaves/s, bar {BAR:.0} for batches of {BARRED}, ratio {ratio:.2}"
            );
            if batch == BARRED && ratio < 1.0 {
                missed.push(engine);
            }
        }
        assert!(opened.check_evidence().unwrap() > 0);
    }
    assert!(missed.is_empty(), "missed on {missed:?}");
}

fn open(place: &stores::Place) -> Engine {
    let location: Location = place.location().parse().unwrap();
    let store = Store::open(&location, &Options::default()).unwrap();
    let key = place.key_file();
    let key = Path::new(&key);
    let (fingerprint, seal) = (
        key.with_extension("fingerprint"),
        key.with_extension("seal"),
    );
    let paths = KeyPaths::for_store(&location, Some(fingerprint), Some(seal)).unwrap();
    let clock = Arc::new(system_clock);
    Engine::open(store, Tenant::local(), &paths, "person:bench", clock).unwrap()
}

fn append(engine: &Engine, batch: u32, count: u32) -> f64 {
    let began = Instant::now();
    for first in (0..count).step_by(batch as usize) {
        let leaves: Vec<_> = (first..count.min(first + batch)).map(leaf).collect();
        engine
            .store
            .write(Durability::Full, |writing| {
                engine.ledger.record(writing, &leaves)
            })
            .unwrap();
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// A leaf as a probe of a revoked credential writes it.
fn leaf(n: u32) -> evidence::Leaf {
    let body = json!({
        "plan": "pln-0a1b2c3d4e5f6g7h", "probe": { "path": "new_login", "at": 1_770_000_000 + n,
            "probed": { "denied": { "code": "28P01" } } },
    });
    let at = Timestamp::from_seconds(1_770_000_000 + i64::from(n));
    let subject = format!("crd-{:024}", n % 1_000);
    Ledger::leaf(LeafKind::Probe, at, "node:1", &subject, &body).unwrap()
}
