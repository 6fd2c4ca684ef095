//! Programs that print what lets in: run without a terminal, bounded in time and in what they print.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use model::Secret;

/// A program that prints what lets in has so long.
pub(super) const PROGRAM_MAX: Duration = Duration::from_secs(60);
/// How often somebody looks whether it is done.
const LOOK: Duration = Duration::from_millis(20);

/// What `command` prints; nothing where it fails, prints more than `bytes_max` or takes too long.
pub(super) fn printed(command: Command, bytes_max: u64) -> Option<Secret> {
    printed_until(command, bytes_max, &AtomicBool::new(false))
}

/// As [`printed`], and nothing once `stop` is true.
pub(super) fn printed_until(
    mut command: Command,
    bytes_max: u64,
    stop: &AtomicBool,
) -> Option<Secret> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut output = child.stdout.take()?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.by_ref().take(bytes_max + 1).read_to_end(&mut bytes);
        let bytes = Secret::new(bytes);
        drop(tell.send(read.is_ok().then_some(bytes)));
    });
    let until = Instant::now() + PROGRAM_MAX;
    let on = || Instant::now() < until && !stop.load(Ordering::Relaxed);
    let done = loop {
        match child.try_wait().ok()? {
            Some(status) => break status.success(),
            None if on() => std::thread::sleep(LOOK),
            None => break false,
        }
    };
    if !done {
        drop(child.kill());
        drop(child.wait());
        return None;
    }
    // A program that has left another behind, with the same output, is not waited for longer.
    let left = until.saturating_duration_since(Instant::now());
    let bytes = told.recv_timeout(left).ok()??;
    (bytes.len() as u64 <= bytes_max).then_some(bytes)
}
