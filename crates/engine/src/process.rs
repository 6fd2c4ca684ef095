//! Which process this is among all on all machines, and whether one of this machine is no more.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::OnceLock;

/// A process: its number says little, since every container has a first one, and numbers come
/// back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// The run of its machine, from start to shutdown.
    boot: String,
    /// The space that its number counts in (`pid_namespaces(7)`).
    space: u64,
    number: u32,
    /// When it began, in ticks of its machine.
    began: u64,
}

impl Process {
    /// This one.
    pub(crate) fn this() -> &'static Self {
        static THIS: OnceLock<Process> = OnceLock::new();
        THIS.get_or_init(|| {
            let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id");
            let number = std::process::id();
            Self {
                boot: boot.map_or_else(|_| "-".to_owned(), |boot| boot.trim().to_owned()),
                space: fs::metadata("/proc/self/ns/pid").map_or(0, |space| space.ino()),
                number,
                began: began(number).unwrap_or(0),
            }
        })
    }

    /// Whether `other`, as it writes itself, ran where this one does and is no more. Of processes
    /// elsewhere nothing is known.
    pub(crate) fn knows_gone(&self, other: &str) -> bool {
        Self::read(other).is_some_and(|other| {
            let here = self.space != 0 && other.space == self.space && other.boot == self.boot;
            here && began(other.number) != Some(other.began)
        })
    }

    /// `other`, as it writes itself, in words.
    pub(crate) fn told(&self, other: &str) -> Option<String> {
        let other = Self::read(other)?;
        let whose = if other.space == self.space && other.boot == self.boot {
            ""
        } else {
            " of another machine or container"
        };
        Some(format!("process {}{whose}", other.number))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let process = Self {
            boot: parts.next()?.to_owned(),
            space: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
            began: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(process)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            boot,
            space,
            number,
            began,
        } = self;
        write!(f, "{boot}/{space}/{number}/{began}")
    }
}

/// When the process of this number began; `None` if there is none, or only what is left of one
/// until its parent asks (`proc_pid_stat(5)`: the state is the third field, the start the 22nd).
fn began(number: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // A name may hold anything, brackets and spaces too.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_machine_that_ended_is_known_to_be_gone() {
        let this = Process::this();
        assert_eq!(Process::read(&this.to_string()).as_ref(), Some(this));
        let mut child = std::process::Command::new("/bin/cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let other = Process {
            boot: this.boot.clone(),
            number: child.id(),
            began: began(child.id()).unwrap(),
            ..*this
        };
        assert!(!this.knows_gone(&this.to_string()));
        assert!(!this.knows_gone(&other.to_string()));
        let of_another_time = Process {
            boot: this.boot.clone(),
            began: other.began - 1,
            ..other
        };
        assert!(
            this.knows_gone(&of_another_time.to_string()),
            "its number is another's now"
        );
        child.kill().unwrap();
        // What is left of it until somebody asks holds nothing.
        while began(other.number).is_some() {
            std::thread::yield_now();
        }
        assert!(this.knows_gone(&other.to_string()));
        child.wait().unwrap();
        assert!(this.knows_gone(&other.to_string()));
        for elsewhere in [
            Process {
                boot: "another".to_owned(),
                ..other
            },
            Process {
                boot: this.boot.clone(),
                space: this.space + 1,
                ..other
            },
        ] {
            assert!(!this.knows_gone(&elsewhere.to_string()));
        }
        for nobody in ["", "4711", "a/b/c/d", &format!("{other}/1")] {
            assert!(!this.knows_gone(nobody));
        }
    }
}
