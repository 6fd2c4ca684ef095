//! How long `keyroll --version` and `keyroll scan --staged` take from their start to their end,
//! and how large the binary is.
//!
//! `cargo bench -p cli --bench start`. Runs take turns with `/bin/true`, which shows what starting
//! any process costs here. A missed bar is a failure of the benchmark.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a benchmark that fails"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const KEYROLL: &str = env!("CARGO_BIN_EXE_keyroll");
/// How often each is started; the median counts.
const RUNS: usize = 101;
const START_MAX: Duration = Duration::from_millis(10);
/// A commit of some files, in a repository of some thousand.
const STAGED_MAX: Duration = Duration::from_millis(200);
const STAGED_RUNS: usize = 21;
const BYTES_MAX: u64 = 40 * 1000 * 1000;

fn main() {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(run(Path::new("/"), KEYROLL, &["--version"]));
        floor.push(run(Path::new("/"), "/bin/true", &[]));
    }
    let (ours, worst) = median(&mut ours);
    let (floor, _) = median(&mut floor);
    let start = ours.as_secs_f64() / START_MAX.as_secs_f64();
    println!(
        "keyroll --version: median {ours:.2?}, 95 of 100 within {worst:.2?}, bar {START_MAX:?}, ratio {start:.2}; /bin/true: median {floor:.2?}"
    );
    let staged = staged();
    let bytes = std::fs::metadata(KEYROLL).unwrap().len();
    let size = bytes as f64 / BYTES_MAX as f64;
    println!(
        "binary: {:.1} MB, bar {} MB, ratio {size:.2}",
        bytes as f64 / 1e6,
        BYTES_MAX / 1_000_000
    );
    assert!(
        start <= 1.0 && staged <= 1.0 && size <= 1.0,
        "a bar was missed"
    );
}

/// What a hook costs: 10 files are staged in a repository of 5,000, one of them with a secret.
/// Answers the ratio to the bar.
fn staged() -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let git = |words: &[&str]| {
        let done = Command::new("git")
            .current_dir(dir.path())
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@acme.test"])
            .args(words)
            .status();
        assert!(done.unwrap().success(), "git {words:?}");
    };
    git(&["init", "-q"]);
    for n in 0..5_000 {
        let at = dir.path().join(format!("part-{}", n % 250));
        std::fs::create_dir_all(&at).unwrap();
        let text = format!("fn number_{n}() -> u32 {{ {n} }}\n").repeat(60);
        std::fs::write(at.join(format!("file-{n}.rs")), text).unwrap();
    }
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "All of it"]);
    for n in 0..9 {
        let path = dir.path().join(format!("part-{n}/file-{n}.rs"));
        std::fs::write(path, "fn changed() {}\n".repeat(200)).unwrap();
    }
    let secret = "ORDERS_URL=postgres://orders:vT5m0Qz81kLwYb3N@db.acme.test/shop\n";
    std::fs::write(dir.path().join(".env"), secret).unwrap();
    git(&["add", "-A"]);
    let mut ours = Vec::new();
    for _ in 0..STAGED_RUNS {
        ours.push(run(dir.path(), KEYROLL, &["scan", "--staged", "-q"]));
    }
    let (ours, worst) = median(&mut ours);
    let ratio = ours.as_secs_f64() / STAGED_MAX.as_secs_f64();
    println!(
        "keyroll scan --staged, 10 of 5,000 files: median {ours:.2?}, 95 of 100 within {worst:.2?}, bar {STAGED_MAX:?}, ratio {ratio:.2}"
    );
    ratio
}

fn run(dir: &Path, program: &str, arguments: &[&str]) -> Duration {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(dir)
        .stdout(Stdio::null());
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
