//! Programs that print what lets in: run without a terminal, bounded in time and in what they print.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use model::Secret;

/// A program that prints what lets in has so long.
const PROGRAM_MAX: Duration = Duration::from_secs(60);
/// How often somebody looks whether it is done.
const LOOK: Duration = Duration::from_millis(20);

/// What `command` prints; nothing where it fails, prints more than `bytes_max` or takes too long.
pub(super) fn printed(mut command: Command, bytes_max: u64) -> Option<Secret> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut output = child.stdout.take()?;
    let reading = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.by_ref().take(bytes_max + 1).read_to_end(&mut bytes);
        read.is_ok().then(|| Secret::new(bytes))
    });
    let until = Instant::now() + PROGRAM_MAX;
    let done = loop {
        match child.try_wait().ok()? {
            Some(status) => break status.success(),
            None if Instant::now() < until => std::thread::sleep(LOOK),
            None => break false,
        }
    };
    if !done {
        drop(child.kill());
        drop(child.wait());
        return None;
    }
    let bytes = reading.join().ok()??;
    (bytes.len() as u64 <= bytes_max).then_some(bytes)
}
