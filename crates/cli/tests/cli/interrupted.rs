//! What is left when somebody interrupts: nothing that was not to stay, and a roll that the next
//! command can use at once (ecosystem.md 1.4: 130).

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use model::{Tenant, Timestamp};
use store::{Location, Options, Store};

use crate::world::{NOW, World, files};

/// What another program pushes: it goes on for as long as its standard input does.
const BEGUN: &str = r#"{"format": "keyroll-collection/1", "source": "inventory:shop",
    "started": "2026-11-20T08:00:00Z", "observations": ["#;
const ENDED: &str = r#"], "finished": "2026-11-20T08:00:05Z"}"#;
/// So often it is asked whether the first one has begun.
const TRIES: usize = 100_000;

/// The same call with its signals as a terminal gives them: these tests may run in the background
/// of a script, where an interruption is ignored by all that is started.
fn interruptible(call: &Command) -> Command {
    let mut command = Command::new("/usr/bin/env");
    command.env_clear().arg("--default-signal=INT,TERM,HUP");
    command.arg(call.get_program()).args(call.get_args());
    command.envs(
        call.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    if let Some(dir) = call.get_current_dir() {
        command.current_dir(dir);
    }
    command
}

/// A scan that reads the beginning of a collection and waits for the rest.
fn waiting(world: &World, arguments: &[&str]) -> Child {
    let mut all = vec!["scan"];
    all.extend(arguments);
    all.push("collection:-");
    let mut child = interruptible(&world.command(&all))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.as_mut().unwrap();
    stdin.write_all(BEGUN.as_bytes()).unwrap();
    stdin.flush().unwrap();
    let mut line = String::new();
    let mut stderr = BufReader::new(child.stderr.as_mut().unwrap());
    stderr.read_line(&mut line).unwrap();
    assert!(line.starts_with("read-only"), "{line}");
    child
}

/// What a shell shows of how it ended: 128 and the number of the signal.
fn ended(mut child: Child) -> i32 {
    // `wait` would close its standard input, and the end of it would race with the signal.
    let held = child.stdin.take();
    let status = child.wait().unwrap();
    drop(held);
    let by_signal = || 128 + status.signal().unwrap();
    status.code().unwrap_or_else(by_signal)
}

/// Whether somebody reads a source into this world's roll.
fn holds_a_source(world: &World) -> bool {
    let roll = world.path("home/.local/share/keyroll/keyroll.db");
    let only = Options {
        read_only: true,
        ..Options::default()
    };
    let leases = Store::open(&Location::Sqlite(roll), &only)
        .and_then(|store| store.read(|reading| reading.leases(&Tenant::local(), now())));
    std::thread::yield_now();
    leases.is_ok_and(|leases| !leases.is_empty())
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn an_ephemeral_scan_that_is_interrupted_leaves_nothing_behind() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let world = World::new();
        let child = waiting(&world, &["--ephemeral"]);
        signal(&child, name);
        assert_eq!(ended(child), code, "{name}");
        let left = files(world.path("").as_path());
        assert!(left.is_empty(), "{name}: {left:?}");
    }
}

#[test]
fn after_an_interruption_the_next_scan_of_that_source_need_not_wait() {
    let world = World::new();
    let whole = world.file("shop.json", &format!("{BEGUN}{ENDED}"));
    let whole = format!("collection:{}", whole.display());
    let child = waiting(&world, &[]);
    let held = (0..TRIES).any(|_| holds_a_source(&world));
    assert!(held, "the first one holds the source");
    let other = world.run(&["scan", &whole]);
    assert_eq!(other.code, 5, "and no other");
    assert!(
        other.stderr.contains("0 sources read, 1 source failed"),
        "{}",
        other.stderr
    );
    // Who is at it, which process that is, and what to do.
    let told = format!(
        "inventory:shop is being worked on by person:ann (process {}); try again \
         when it is done, or stop it first",
        child.id()
    );
    let words = other
        .stdout
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(words.contains(&told), "{told}: {}", other.stdout);
    signal(&child, "INT");
    assert_eq!(ended(child), 130);
    let next = world.run(&["scan", &whole]);
    assert_eq!(next.code, 0, "{}{}", next.stdout, next.stderr);
}

#[test]
fn after_a_process_was_killed_the_next_scan_of_its_source_need_not_wait() {
    let world = World::new();
    let whole = world.file("shop.json", &format!("{BEGUN}{ENDED}"));
    let whole = format!("collection:{}", whole.display());
    let child = waiting(&world, &[]);
    let held = (0..TRIES).any(|_| holds_a_source(&world));
    assert!(held, "the first one holds the source");
    signal(&child, "KILL");
    assert_eq!(ended(child), 137);
    assert!(holds_a_source(&world), "it could give nothing back");
    let next = world.run(&["scan", &whole]);
    assert_eq!(next.code, 0, "{}{}", next.stdout, next.stderr);
}
