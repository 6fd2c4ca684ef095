//! A large source, collected for real: connector, intake, spool, reconcile, store; then asked.
//!
//! `cargo bench -p engine --bench scale`, with KEYROLL_BENCH_IDENTITIES=100000 for the quick form.
//! Each identity has a credential, and both have a sighting. Every measured pass runs in a process
//! of its own, so that its peak of memory is its own. PostgreSQL is measured where
//! KEYROLL_TEST_PG names a server. A missed bar of the full form is a failure of the benchmark.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a fixture that fails is a benchmark that fails"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

mod asking;
mod child;
mod cloud;
mod stores;

use std::time::Duration;

use child::{Collected, collect};
use stores::Place;

/// As the program allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An unchanged pass over a million identities may take so long.
const SQLITE_MAX: Duration = Duration::from_secs(15);
const POSTGRES_MAX: Duration = Duration::from_secs(30);
/// By how much the peak of memory may grow when there is ten times as much.
const GROWTH_MAX: f64 = 1.5;
/// Unchanged passes; their median counts.
const PASSES: usize = 3;
const MILLION: u64 = 1_000_000;

fn main() {
    if child::run() {
        return;
    }
    let count = std::env::var("KEYROLL_BENCH_IDENTITIES").map_or(MILLION, |text| {
        text.parse().expect("a number of identities")
    });
    println!("{count} identities, each with a credential, each of them with a sighting");
    println!(
        "making the {} observations alone: {:.1} s",
        2 * count,
        cloud::time(count).as_secs_f64()
    );
    let mut missed = Vec::new();
    for (engine, bar) in [("SQLite", SQLITE_MAX), ("PostgreSQL", POSTGRES_MAX)] {
        let Some(large) = Place::make(engine) else {
            println!("{engine}: skipped, KEYROLL_TEST_PG is not set");
            continue;
        };
        let peak = passes(engine, &large, count, bar, &mut missed);
        child::ask(&large, engine, count, &mut missed);
        drop(large);
        let small = Place::make(engine).expect("there was a store before");
        let tenth = passes(engine, &small, count / 10, bar, &mut missed);
        growth(engine, count, &peak, &tenth, &mut missed);
    }
    assert!(missed.is_empty(), "missed: {missed:?}");
}

/// A first load and unchanged passes; the peaks of memory of both, in KiB.
fn passes(
    engine: &str,
    place: &Place,
    count: u64,
    bar: Duration,
    missed: &mut Vec<String>,
) -> [u64; 2] {
    let load = collect(place, count);
    load.assert(2 * count, 2 * count);
    println!(
        "{engine}, {count}: first load {:.1} s ({:.1} s of processor), {:.0} sightings/s, peak {:.0} MiB",
        load.took.as_secs_f64(),
        load.cpu.as_secs_f64(),
        2.0 * count as f64 / load.took.as_secs_f64(),
        mib(load.peak)
    );
    let mut again: Vec<Collected> = (0..PASSES).map(|_| collect(place, count)).collect();
    again.iter().for_each(|pass| pass.assert(2 * count, 0));
    again.sort_by_key(|pass| pass.took);
    let cpu = again[PASSES / 2].cpu.as_secs_f64();
    let (took, worst) = (again[PASSES / 2].took, again[PASSES - 1].took);
    let peak = again.iter().map(|pass| pass.peak).max().unwrap_or(0);
    // The bar is that of a million; what is smaller has its share of it.
    let bar = bar.mul_f64(count as f64 / MILLION as f64);
    let ratio = took.as_secs_f64() / bar.as_secs_f64();
    println!(
        "{engine}, {count}: unchanged pass {:.2} s (worst {:.2} s; {cpu:.2} s of processor), bar {:.1} s, ratio {ratio:.2}, peak {:.0} MiB",
        took.as_secs_f64(),
        worst.as_secs_f64(),
        bar.as_secs_f64(),
        mib(peak)
    );
    if ratio > 1.0 && count >= MILLION {
        missed.push(format!("{engine}: unchanged pass, ratio {ratio:.2}"));
    }
    [load.peak, peak]
}

fn growth(engine: &str, count: u64, large: &[u64; 2], tenth: &[u64; 2], missed: &mut Vec<String>) {
    for (what, (large, tenth)) in ["first load", "unchanged pass"]
        .into_iter()
        .zip(large.iter().zip(tenth))
    {
        let growth = *large as f64 / (*tenth).max(1) as f64;
        println!(
            "{engine}: {what}, peak of memory with ten times as much: {:.0} MiB to {:.0} MiB, growth {growth:.2}, bar {GROWTH_MAX}",
            mib(*tenth),
            mib(*large)
        );
        // What fits into the memory that a pass may take grows until it is full.
        if growth > GROWTH_MAX && count >= MILLION {
            missed.push(format!("{engine}: {what}, memory grows by {growth:.2}"));
        }
    }
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
