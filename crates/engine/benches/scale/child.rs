//! One pass, or a round of questions, in a process of its own.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Engine, KeyPaths, Pass, system_clock};
use model::{Scope, Tenant};
use store::{Location, Options, Store};

use crate::cloud::{self, Cloud, Nothing};
use crate::{asking, stores::Place};

const ROLE: &str = "KEYROLL_BENCH_ROLE";
const STORE: &str = "KEYROLL_BENCH_STORE";
const KEYS: &str = "KEYROLL_BENCH_KEYS";
const COUNT: &str = "KEYROLL_BENCH_IDENTITIES";

/// What one pass came to.
pub(crate) struct Collected {
    pub(crate) took: Duration,
    /// Time of the processor that this process took, the server's not counted.
    pub(crate) cpu: Duration,
    /// Peak of memory, in KiB.
    pub(crate) peak: u64,
    seen: u64,
    new: u64,
    others: u64,
}

impl Collected {
    pub(crate) fn assert(&self, seen: u64, new: u64) {
        assert_eq!((self.seen, self.new, self.others), (seen, new, 0));
    }
}

/// Does what a child was started for; false in the parent.
pub(crate) fn run() -> bool {
    let Ok(role) = std::env::var(ROLE) else {
        return false;
    };
    let count: u64 = std::env::var(COUNT).unwrap().parse().unwrap();
    let engine = open();
    match role.as_str() {
        "collect" => told(&pass(&engine, count)),
        _ => asking::run(&engine, count),
    }
    true
}

fn open() -> Engine {
    let location: Location = std::env::var(STORE).unwrap().parse().unwrap();
    let store = Store::open(&location, &Options::default()).unwrap();
    let key = PathBuf::from(std::env::var(KEYS).unwrap());
    let paths = KeyPaths::for_store(
        &location,
        Some(key.with_extension("fingerprint")),
        Some(key.with_extension("seal")),
    );
    let (tenant, clock) = (Tenant::local(), Arc::new(system_clock));
    Engine::open(store, tenant, &paths.unwrap(), "person:bench", clock).unwrap()
}

fn pass(engine: &Engine, count: u64) -> Collected {
    let options = BTreeMap::from([(cloud::COUNT.to_owned(), count.to_string())]);
    let pass = Pass {
        connector: &Cloud,
        source: cloud::source(),
        scope: Scope::whole(),
        port: &mut Nothing,
        options: &options,
    };
    let began = Instant::now();
    let counts = engine.collect(pass, &mut |_| {}).unwrap().counts;
    Collected {
        took: began.elapsed(),
        cpu: cpu(),
        peak: peak(),
        seen: counts.seen,
        new: counts.new,
        others: counts.changed + counts.missing + counts.back,
    }
}

/// The most memory this process ever had resident, in KiB; 0 where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What this process took of the processor since it began, for itself and for its calls.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name before the closing bracket may hold anything; `utime` and `stime` are the twelfth
    // and the thirteenth behind it, in hundredths of a second (proc(5)).
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let fields = behind.split_whitespace().skip(11).take(2);
    Duration::from_millis(
        fields
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum::<u64>()
            * 10,
    )
}

fn told(pass: &Collected) {
    let micros = |took: Duration| u64::try_from(took.as_micros()).unwrap();
    let line = [
        micros(pass.took),
        micros(pass.cpu),
        pass.peak,
        pass.seen,
        pass.new,
        pass.others,
    ];
    println!("{}", line.map(|number| number.to_string()).join(" "));
}

fn start(place: &Place, role: &str, count: u64) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .env(ROLE, role)
        .env(STORE, place.location())
        .env(KEYS, place.key_file())
        .env(COUNT, count.to_string())
        .output()
        .unwrap();
    std::io::stderr().write_all(&output.stderr).unwrap();
    assert!(output.status.success(), "the process of `{role}` failed");
    String::from_utf8(output.stdout).unwrap()
}

/// One pass over the whole source, in a process of its own.
pub(crate) fn collect(place: &Place, count: u64) -> Collected {
    let told = start(place, "collect", count);
    let numbers: Vec<u64> = told
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    let [took, cpu, peak, seen, new, others] = numbers[..] else {
        panic!("expected six numbers, got `{told}`");
    };
    Collected {
        took: Duration::from_micros(took),
        cpu: Duration::from_micros(cpu),
        peak,
        seen,
        new,
        others,
    }
}

/// Asks what lists and facets ask; what took too long is put into `missed`.
pub(crate) fn ask(place: &Place, engine: &str, count: u64, missed: &mut Vec<String>) {
    for line in start(place, "ask", count).lines() {
        match line.strip_prefix(asking::MISSED) {
            Some(what) => missed.push(format!("{engine}: {what}")),
            None => println!("{engine}, {count}: {line}"),
        }
    }
}
