//! What a large cluster costs, as kubectl prints it into files: the whole of `keyroll scan`, from
//! its start to its end, onto an empty roll and again onto the same one.
//!
//! `cargo bench -p cli --bench cluster`. The objects are made, in the proportions of a busy cluster:
//! half of them are pods. A missed bar is a failure of the benchmark.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a benchmark that fails"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

mod made;
#[path = "../peers/measure.rs"]
mod measure;

use std::path::Path;
use std::process::Command;

const KEYROLL: &str = env!("CARGO_BIN_EXE_keyroll");
/// For 100,000 objects.
const SECONDS_MAX: f64 = 10.0;
/// MB, of the whole process.
const MEMORY_MAX: f64 = 500.0;
/// Unchanged passes; their median counts.
const PASSES: usize = 3;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let exports = dir.path().join("exports");
    std::fs::create_dir(&exports).unwrap();
    let (objects, bytes) = made::write(&exports);
    println!(
        "{objects} objects of Kubernetes in {:.0} MB",
        bytes as f64 / 1e6
    );
    let mut missed = false;
    for (what, passes) in [("first load", 1), ("unchanged pass", PASSES)] {
        let costs: Vec<_> = (0..passes).map(|_| scan(dir.path(), &exports)).collect();
        let cost = measure::median(&costs);
        let (ratio, memory) = (cost.wall / SECONDS_MAX, cost.memory / MEMORY_MAX);
        println!(
            "{what}: {:.1} s ({:.1} s of processor), bar {SECONDS_MAX} s, ratio {ratio:.2}; peak {:.0} MB, bar {MEMORY_MAX} MB, ratio {memory:.2}",
            cost.wall, cost.cpu, cost.memory
        );
        missed |= ratio > 1.0 || memory > 1.0;
    }
    assert!(!missed, "a bar was missed");
}

fn scan(dir: &Path, exports: &Path) -> measure::Cost {
    let mut command = Command::new(KEYROLL);
    command
        .args(["scan", "-q", "--limit", "1"])
        .arg(format!("kubernetes:{}", exports.display()))
        .env("XDG_DATA_HOME", dir)
        .env("HOME", dir);
    measure::run(command, &dir.join("out"))
}
