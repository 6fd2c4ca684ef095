//! Accounts of AWS, read for real over HTTP: how much of the allowed rate a pass uses, and how much
//! memory many accounts take, one after the other into one roll.
//!
//! `cargo bench -p engine --bench accounts`, with KEYROLL_BENCH_ACCOUNTS=10 for the quick form. The
//! interface is a stub of ours on this machine with a token bucket and the latency of a distant
//! service; what comes faster is throttled as AWS does it. Passes run in processes of their own.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a benchmark that fails"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

mod stub;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Engine, KeyPaths, Machine, Spec, system_clock};
use model::{Secret, SourceId, Tenant};
use store::{Location, Options, PassOutcome, SourceConfig, Store};
use stub::{Limits, Stub};

/// Questions a second that the stub allows an account: what a source asks at most if nobody says
/// otherwise.
const RATE: u32 = 20;
/// This much of it is used at least.
const USED_MIN: f64 = 0.9;
/// The most memory that a process may take for all accounts, in MiB.
const PEAK_MAX: f64 = 200.0;
const ACCOUNTS: usize = 100;

const ENDPOINT: &str = "KEYROLL_BENCH_ENDPOINT";
const COUNT: &str = "KEYROLL_BENCH_ACCOUNTS_OF_CHILD";
const PACE: &str = "KEYROLL_BENCH_PACE";

fn main() {
    if let Ok(endpoint) = std::env::var(ENDPOINT) {
        return child(&endpoint);
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load: {}", load.trim());
    let mut missed = Vec::new();
    for latency in [0, 60, 150] {
        rate(Duration::from_millis(latency), &mut missed);
    }
    let wanted = std::env::var("KEYROLL_BENCH_ACCOUNTS").ok();
    let wanted = wanted.map_or(ACCOUNTS, |text| text.parse().unwrap());
    memory(wanted, &mut missed);
    assert!(missed.is_empty(), "missed: {missed:?}");
}

/// One account behind a bucket, its answers `latency` late.
fn rate(latency: Duration, missed: &mut Vec<String>) {
    let stub = Stub::start(Limits {
        per_second: Some(RATE),
        latency,
        keys: 25,
    });
    let began = Instant::now();
    pass(stub.url(), 1, RATE);
    let all = began.elapsed().as_secs_f64();
    let told = stub.told();
    let took = told.last.duration_since(told.first).as_secs_f64();
    let used = f64::from(told.accepted) / took / f64::from(RATE);
    println!(
        "one account, 20 regions, answers {latency:?} late, {RATE} questions a second allowed: \
         {} answered in {took:.1} s ({all:.1} s in all), {} throttled, ratio {used:.2} of the rate",
        told.accepted, told.throttled
    );
    if used < USED_MIN {
        missed.push(format!("{used:.2} of the rate at {latency:?}"));
    }
}

/// Many accounts one after the other, as fast as a source may be set to.
fn memory(accounts: usize, missed: &mut Vec<String>) {
    let stub = Stub::start(Limits {
        per_second: None,
        latency: Duration::ZERO,
        keys: 5,
    });
    let began = Instant::now();
    let few = pass(stub.url(), accounts.div_ceil(10), 1000);
    let many = pass(stub.url(), accounts, 1000);
    let (few, many) = (few / 1024.0, many / 1024.0);
    println!(
        "{accounts} accounts of 20 regions: peak of memory {many:.1} MiB, ratio {:.2} of \
         {PEAK_MAX} MiB; a tenth of them: {few:.1} MiB, so it grows by {:.2}; {} questions in \
         {:.0} s",
        many / PEAK_MAX,
        many / few,
        stub.told().accepted,
        began.elapsed().as_secs_f64()
    );
    if many > PEAK_MAX {
        missed.push(format!("{many:.1} MiB"));
    }
}

/// Reads `accounts` in a process of its own: its peak of memory, in KiB.
fn pass(endpoint: &str, accounts: usize, pace: u32) -> f64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .env(ENDPOINT, endpoint)
        .env(COUNT, accounts.to_string())
        .env(PACE, pace.to_string())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}{why}");
    told.trim().parse().unwrap()
}

fn child(endpoint: &str) {
    let number = |name: &str| std::env::var(name).unwrap();
    let accounts: usize = number(COUNT).parse().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(dir.path().join("roll.db"));
    let store = Store::open(&location, &Options::default()).unwrap();
    let paths = KeyPaths::for_store(&location, None, None).unwrap();
    let clock = Arc::new(system_clock);
    let engine = Engine::open(store, Tenant::local(), &paths, "person:bench", clock).unwrap();
    let machine = Machine {
        kind_of_target: "stub".to_owned(),
        ..Machine::default()
    };
    for n in 0..accounts {
        let spec = Spec::Known(add(&engine, endpoint, n, &number(PACE)));
        let scanned = engine
            .scan(&[spec], &machine, &Arc::default(), &mut |_| {})
            .unwrap();
        let report = scanned[0].report.as_ref().unwrap();
        assert_ne!(report.outcome, PassOutcome::Failed, "{:?}", report.gaps);
        assert!(report.counts.seen > 100, "{:?}", report.counts);
    }
    println!("{}", peak());
}

fn add(engine: &Engine, endpoint: &str, n: usize, pace: &str) -> SourceId {
    let target = format!("{:012}", 100_000_000_000 + n);
    let id = SourceId::new("aws_iam", &target);
    let options = [
        ("endpoint", endpoint.to_owned()),
        ("region", "us-east-1".to_owned()),
        ("requests_per_second", pace.to_owned()),
        // The stub knows an account by the key that asks.
        ("access_key_id", format!("AKIA{target}")),
    ];
    let options: BTreeMap<String, String> = options
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let config = SourceConfig {
        id: id.clone(),
        connector: "aws_iam".to_owned(),
        target,
        options,
        sealed_path: None,
        added: engine.now(),
        kind_of_target: "stub".to_owned(),
    };
    let secret = Secret::from("no secret at all");
    engine.add_source(config, Some(&secret)).unwrap();
    id
}

/// The most memory this process ever had resident, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|text| text.parse().ok()).unwrap_or(0)
}
