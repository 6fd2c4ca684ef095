//! The console as the program serves it, over the organisation of the demo, walked in a real browser.

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
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        let at = said
            .map(Result::unwrap)
            .find_map(|line| Some(line.split_once(" is at ")?.1.trim().to_owned()));
        Self {
            child,
            address: at.unwrap(),
        }
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
