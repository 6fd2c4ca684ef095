//! What a process cost.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// What one run cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Seconds on the clock.
    pub(crate) wall: f64,
    /// Seconds of processor, of the process and the children it waited for.
    pub(crate) cpu: f64,
    /// Most memory that it held at a time, in MB.
    pub(crate) memory: f64,
}

/// How often is looked how much memory it holds.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Runs `command` to its end; what it writes goes to `out`.
///
/// # Panics
/// Where it cannot be run, or is killed.
pub(crate) fn run(mut command: Command, out: &std::path::Path) -> Cost {
    command
        .stdin(Stdio::null())
        .stdout(File::create(out).unwrap())
        .stderr(Stdio::null());
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut memory = 0.0_f64;
    while !has_ended(&child) {
        memory = memory.max(held(child.id()).unwrap_or_default());
        std::thread::sleep(LOOK_EVERY);
    }
    let wall = began.elapsed().as_secs_f64();
    // It has ended and nobody has waited for it yet: its times are still told.
    let cpu = spent(child.id());
    let status = child.wait().unwrap();
    assert!(status.signal().is_none(), "{command:?} was killed");
    Cost { wall, cpu, memory }
}

fn has_ended(child: &Child) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let ended = waitid(WaitId::Pid(Pid::from_child(child)), options);
    ended.unwrap().is_some()
}

fn held(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

fn spent(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let behind = stat.rsplit(')').next().unwrap();
    // proc(5): fields 14 to 17, in ticks of a hundredth of a second.
    let fields = behind.split_whitespace().skip(11).take(4);
    fields
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum::<f64>()
        / 100.0
}

/// The middle one of each.
pub(crate) fn median(costs: &[Cost]) -> Cost {
    let middle = |of: fn(&Cost) -> f64| {
        let mut all: Vec<f64> = costs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    Cost {
        wall: middle(|cost| cost.wall),
        cpu: middle(|cost| cost.cpu),
        memory: middle(|cost| cost.memory),
    }
}
