//! A directory of its own with a roll in it, and the binary to ask.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// When the seed was collected.
pub(crate) const SEEDED: &str = "2026-11-20T08:00:00Z";
/// When questions are asked.
pub(crate) const NOW: &str = "2026-11-23T12:00:00Z";

/// One user's home, working directory and roll.
pub(crate) struct World {
    dir: TempDir,
    variables: BTreeMap<String, String>,
}

/// What one call came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// An empty home.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        std::fs::create_dir_all(&home).unwrap();
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
        set("HOME", home.to_str().unwrap());
        set("USER", "ann");
        set("TMPDIR", dir.path().to_str().unwrap());
        set("KEYROLL_NOW", NOW);
        Self { dir, variables }
    }

    /// A home whose roll holds the seed.
    pub(crate) fn seeded() -> Self {
        let world = Self::new().with("KEYROLL_NOW", SEEDED);
        let pushed = world.run(&["scan", "-q", &format!("collection:{}", seed().display())]);
        assert_eq!(pushed.code, 0, "{}", pushed.stderr);
        world.with("KEYROLL_NOW", NOW)
    }

    /// With a variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With the clock of the machine.
    pub(crate) fn real_time(&mut self) {
        self.variables.remove("KEYROLL_NOW");
    }

    /// The directory of everything.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// Writes a file.
    pub(crate) fn file(&self, below: &str, content: &str) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A call that is ready to be made.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyroll"));
        command
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.dir.path().join("home"))
            .stdin(Stdio::null());
        command
    }

    /// Calls the binary.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Calls the binary and answers its output; it must succeed.
    pub(crate) fn get(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
        ran.stdout
    }

    /// Calls as one literal: arguments, exit code, both outputs; paths of this world shortened.
    pub(crate) fn session(&self, calls: &[&[&str]]) -> String {
        let mut told = String::new();
        for arguments in calls {
            let ran = self.run(arguments);
            let typed: Vec<String> = arguments.iter().map(|one| quoted(one)).collect();
            told.push_str(&format!("$ keyroll {}\n? {}\n", typed.join(" "), ran.code));
            told.push_str(&ran.stdout);
            if !ran.stderr.is_empty() {
                told.push_str("--- stderr\n");
                told.push_str(&ran.stderr);
            }
            told.push('\n');
        }
        told.replace(self.dir.path().to_str().unwrap(), "[DIR]")
            .replace(env!("CARGO_PKG_VERSION"), "[VERSION]")
    }
}

fn quoted(argument: &str) -> String {
    if argument.contains(|c: char| c.is_whitespace() || "<>~\"*".contains(c)) {
        format!("'{argument}'")
    } else {
        argument.to_owned()
    }
}

/// The collection that the seed is made of.
pub(crate) fn seed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/seed.json")
}

/// Every file below `dir`, as bytes.
pub(crate) fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else if entry.file_type().unwrap().is_file() {
            found.push((entry.path(), std::fs::read(entry.path()).unwrap()));
        }
    }
    found
}
