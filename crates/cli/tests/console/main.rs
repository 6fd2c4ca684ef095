//! The console as the program serves it, over the organisation of the demo, walked in a real browser.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Identities of the organisation.
const IDENTITIES: &str = "1500";

/// The program's folder of pages and walks.
fn web() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web")
}

/// Runs to the end, or fails with what was said.
fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?}: {said}\n{printed}");
    printed.into_owned()
}

/// A served console, which ends with the test.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    /// A roll with nothing on it, which nobody administers yet.
    fn empty(dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyroll"));
        command.env_clear().env("HOME", dir).env("USER", "ann");
        command.arg("--store").arg(dir.join("roll.db"));
        Self::told(command.args(["up", "--listen", "127.0.0.1:0"]), "/set-up#")
    }

    /// The demo, with names that are markup and formulas, of nobody's settings.
    fn demo(dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyroll"));
        command
            .env_clear()
            .env("HOME", dir)
            .env("USER", "ann")
            .env("TMPDIR", dir);
        command.args(["demo", "--listen", "127.0.0.1:0", "--hostile-names"]);
        command.args(["--identities", IDENTITIES]);
        Self::told(&mut command, "http")
    }

    /// What is served, and the address in the first line that has `word`.
    fn told(command: &mut Command, word: &str) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = said.find_map(|line| line.ok().filter(|line| line.contains(word)));
        let line = line.unwrap();
        let address = line[line.find("http").unwrap()..].trim().to_owned();
        Self { child, address }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // That it ended by itself is what the walk has said already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_screen_of_the_console_holds_what_it_claims_in_a_browser() {
    let Some((node, browser)) = testkit::browser() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let served = Served::demo(dir.path());
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("console");
    let walked = done(
        Command::new(&node)
            .arg(web().join("test/walk.mjs"))
            .arg(&served.address)
            .arg(&shots)
            .env("KEYROLL_BROWSER", &browser),
    );
    assert!(walked.contains("every screen holds what it claims"));
}

#[test]
fn whoever_follows_the_first_link_administers_the_server_and_signs_in_in_a_browser() {
    let Some((node, browser)) = testkit::browser() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let served = Served::empty(dir.path());
    let said = done(
        Command::new(&node)
            .arg(web().join("test/door.mjs"))
            .arg(&served.address)
            .env("KEYROLL_BROWSER", &browser),
    );
    assert!(said.contains("an administrator was made and signed in"));
}
