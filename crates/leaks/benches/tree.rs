//! How many megabytes of a source tree are scanned in one CPU second.
//!
//! The tree is that of `KEYROLL_BENCH_TREE`, by default the sources that cargo has fetched for
//! this workspace's lock file: pinned packages of a public registry.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a benchmark that fails"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads files and clocks"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use leaks::{Detector, What};

/// A smaller tree says little.
const BYTES_MIN: u64 = 300_000_000;
const ROUNDS: usize = 3;

fn main() {
    let begun = Instant::now();
    let detector = Detector::new().unwrap();
    println!(
        "rules {}, built in {:.1?}",
        detector.rules().count(),
        begun.elapsed()
    );
    let Some(tree) = tree() else {
        println!("skipped: no tree (set `KEYROLL_BENCH_TREE`)");
        return;
    };
    let mut files = Vec::new();
    collect(&tree, &mut files);
    let bytes: u64 = files.iter().map(|(_, length)| length).sum();
    println!("tree: {} files, {} MB", files.len(), bytes / 1_000_000);
    if bytes < BYTES_MIN {
        println!("note: less than {} MB", BYTES_MIN / 1_000_000);
    }
    let mut rates = Vec::new();
    let mut found = BTreeMap::new();
    for _ in 0..ROUNDS {
        found.clear();
        let begun = cpu_seconds();
        for (path, _) in &files {
            let text = std::fs::read(path).unwrap_or_default();
            detector.scan(&text, None, &mut |one| {
                if one.rule.what != What::Identifier {
                    *found.entry(one.rule.id.clone()).or_insert(0) += 1;
                }
            });
        }
        rates.push(bytes as f64 / 1e6 / (cpu_seconds() - begun));
    }
    rates.sort_by(f64::total_cmp);
    println!(
        "{:.0} MB per CPU second (median of {ROUNDS}, reading included)",
        rates[ROUNDS / 2]
    );
    println!(
        "matches without identifiers: {}",
        found.values().sum::<u64>()
    );
    for (rule, count) in found {
        println!("  {count:6}  {rule}");
    }
}

fn tree() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("KEYROLL_BENCH_TREE") {
        return Some(PathBuf::from(named));
    }
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    Some(home.join("registry/src")).filter(|path| path.is_dir())
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, u64)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            collect(&entry.path(), files);
        } else if kind.is_file() {
            let length = entry.metadata().map_or(0, |data| data.len());
            files.push((entry.path(), length));
        }
    }
}

/// What this process has used of all processors, in user and system mode.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |at: usize| -> f64 { behind.split_whitespace().nth(at).unwrap().parse().unwrap() };
    // proc(5): fields 14 and 15, in ticks of a hundredth of a second.
    (ticks(11) + ticks(12)) / 100.0
}
