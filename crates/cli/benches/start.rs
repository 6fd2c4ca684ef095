//! How long `keyroll --version` takes from its start to its end, and how large the binary is.
//!
//! `cargo bench -p cli --bench start`. Runs take turns with `/bin/true`, which shows what starting
//! any process costs here. A missed bar is a failure of the benchmark.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a benchmark that fails"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const KEYROLL: &str = env!("CARGO_BIN_EXE_keyroll");
/// How often each is started; the median counts.
const RUNS: usize = 101;
const START_MAX: Duration = Duration::from_millis(10);
const BYTES_MAX: u64 = 40 * 1000 * 1000;

fn main() {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(run(KEYROLL, &["--version"]));
        floor.push(run("/bin/true", &[]));
    }
    let (ours, worst) = median(&mut ours);
    let (floor, _) = median(&mut floor);
    let start = ours.as_secs_f64() / START_MAX.as_secs_f64();
    println!(
        "keyroll --version: median {ours:.2?}, 95 of 100 within {worst:.2?}, bar {START_MAX:?}, ratio {start:.2}; /bin/true: median {floor:.2?}"
    );
    let bytes = std::fs::metadata(KEYROLL).unwrap().len();
    let size = bytes as f64 / BYTES_MAX as f64;
    println!(
        "binary: {:.1} MB, bar {} MB, ratio {size:.2}",
        bytes as f64 / 1e6,
        BYTES_MAX / 1_000_000
    );
    assert!(start <= 1.0 && size <= 1.0, "a bar was missed");
}

fn run(program: &str, arguments: &[&str]) -> Duration {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null());
    let began = Instant::now();
    let status = command.status().unwrap();
    let took = began.elapsed();
    assert!(status.success());
    took
}

/// The median, and what 95 of 100 keep within.
fn median(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 95 / 100])
}
