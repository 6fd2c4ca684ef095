//! What is put right when somebody interrupts: a roll that was to leave nothing behind goes, a
//! file that is half written goes, and a source that was being read may be read again at once.
//!
//! The roll itself needs nothing of it: its changes are transactions, and a process that is
//! killed leaves it whole.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine::Engine;
use rustix::termios::{OptionalActions, Termios, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// What ends a program that somebody no longer wants.
const ENDING: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// Does one thing on the way out.
type Last = Box<dyn FnOnce() + Send>;

/// What is to be done if the command is interrupted, the last said first.
#[derive(Clone, Default)]
pub(crate) struct Interrupt {
    lasts: Arc<Mutex<Vec<Last>>>,
    ending: Arc<AtomicBool>,
}

impl std::fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interrupt")
    }
}

impl Interrupt {
    /// Waits for signals from now on. The first one puts things right and ends the process; the
    /// second ends it as it is.
    pub(crate) fn watch(&self) {
        let ignored = ignored();
        let awaited = ENDING
            .into_iter()
            .filter(|signal| ignored & (1 << (signal - 1)) == 0);
        // Without a watch a signal ends the process as it ends any other.
        let Ok(mut signals) = Signals::new(awaited) else {
            return;
        };
        let left = self.clone();
        let wait = move || {
            let mut signals = signals.forever();
            let Some(first) = signals.next() else { return };
            left.ending.store(true, Ordering::SeqCst);
            let tidy = move || {
                left.put_right();
                end_by(first)
            };
            if std::thread::Builder::new().spawn(tidy).is_ok() {
                signals.next();
            }
            end_by(first)
        };
        // Where no thread is left the store cannot be opened either, and the command ends by itself.
        let _ = std::thread::Builder::new().spawn(wait);
    }

    /// Where a signal came, it ends the process: what the command says meanwhile, now that all it
    /// worked with is gone, is not what it came to.
    pub(crate) fn wait_out(&self) {
        while self.ending.load(Ordering::SeqCst) {
            std::thread::park();
        }
    }

    /// The sources that `engine` reads are free again.
    pub(crate) fn frees(&self, engine: &Engine) {
        let engine = engine.clone();
        self.push(Box::new(move || {
            // Otherwise they are free once their leases run out.
            let _ = engine.let_go();
        }));
    }

    /// What is being answered comes to its end first.
    pub(crate) fn ends(&self, api: server::Api, serving: server::Serving) {
        self.push(Box::new(move || {
            api.end();
            serving.end();
        }));
    }

    /// A directory that must not stay.
    pub(crate) fn removes_dir(&self, dir: &Path) {
        let dir = dir.to_owned();
        self.push(Box::new(move || remove_dir(&dir)));
    }

    /// A file that must not stay.
    pub(crate) fn removes_file(&self, file: &Path) {
        let file = file.to_owned();
        self.push(Box::new(move || {
            let _ = std::fs::remove_file(file);
        }));
    }

    /// The terminal shows again what is typed, as it did `before`.
    pub(crate) fn restores(&self, before: &Termios) {
        let before = before.clone();
        self.push(Box::new(move || {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
        }));
    }

    fn push(&self, last: Last) {
        let mut all = self.lasts.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(last);
    }

    fn put_right(&self) {
        let mut all = self.lasts.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(last) = all.pop() {
            last();
        }
    }
}

/// Ends the process by `signal`, as if nobody had waited for it: a shell shows 128 and its number,
/// and a loop in a script ends as well.
fn end_by(signal: i32) -> ! {
    // The kernel kills the first process of a container by none of them.
    if std::process::id() != 1 {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
    std::process::exit(128 + signal)
}

/// Removes a directory in which this process may still be writing: once it has another name, no
/// new file can be made in it.
pub(crate) fn remove_dir(dir: &Path) {
    let going = dir.with_extension("going");
    let renamed = std::fs::rename(dir, &going).is_ok();
    // What cannot be removed lies in the temporary directory, readable by its owner alone.
    if renamed {
        let _ = std::fs::remove_dir_all(&going);
    }
    // A store that is just being opened makes the directory that it misses.
    let _ = std::fs::remove_dir_all(dir);
}

/// The signals that whoever started us wants ignored (`nohup`, `&` in a script), a bit for each;
/// none where the system does not tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored_in(&status)
}

fn ignored_in(status: &str) -> u64 {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .unwrap_or_default();
    u64::from_str_radix(mask.trim(), 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_ignores_is_read_from_the_kernel() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001003\nSigCgt:\t0";
        assert_eq!(ignored_in(status), 0x1003);
        assert_eq!(ignored_in(""), 0);
    }

    #[test]
    fn the_last_said_is_done_first_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("f"), "x").unwrap();
        let interrupt = Interrupt::default();
        interrupt.removes_dir(&inner);
        interrupt.removes_file(&inner.join("f"));
        interrupt.put_right();
        assert!(!inner.exists());
        std::fs::create_dir(&inner).unwrap();
        interrupt.put_right();
        assert!(inner.exists());
    }
}
