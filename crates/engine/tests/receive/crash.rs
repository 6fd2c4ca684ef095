//! Killed between any two steps: what was answered with 200 is on the roll in the end, and told.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use testkit::kill;

use crate::world::{Clock, engine_at, event, hook, okta, receiver, rows, waiting};

const ME: &str = "crash::killed_between_any_two_steps_nothing_that_was_answered_is_lost";
const DELIVERIES: u32 = 3;
/// More points than there are.
const POINTS_MAX: u32 = 60;

#[test]
fn killed_between_any_two_steps_nothing_that_was_answered_is_lost() {
    if let Some(told) = kill::child() {
        return child(&told);
    }
    for at in 1..POINTS_MAX {
        let dir = tempfile::tempdir().unwrap();
        let ended = kill::at(at, ME, dir.path(), &[]);
        let answered = lines(&dir.path().join("answered"));
        // Whoever got no answer sends it again, to the process that comes next.
        assert!(kill::at(0, ME, dir.path(), &[]), "it came to its end");
        let engine = engine_at(dir.path(), &Clock::new());
        let names: BTreeSet<_> = rows(&engine).into_iter().map(|row| row.name).collect();
        let told = lines(&dir.path().join("told"));
        for n in 1..=DELIVERIES {
            let name = format!("app {n}");
            assert!(
                names.contains(&name),
                "point {at}: {name} is lost of {answered:?}"
            );
            assert!(told.contains(&name), "point {at}: {name} was not told");
        }
        assert_eq!(waiting(&engine, "okta/acme"), 0);
        if ended {
            let kills = at - 1;
            testkit::aloud(&format!("killed at each of {kills} points"));
            assert!(
                kills >= 9,
                "{kills}: three deliveries and a drain have more steps"
            );
            return;
        }
    }
    panic!("more than {POINTS_MAX} points");
}

fn child(told: &kill::Child) {
    let clock = Clock::new();
    let engine = engine_at(&told.dir, &clock);
    let receiver = receiver(&engine, None);
    told.arm(engine::crash::arm);
    let answered = told.dir.join("answered");
    for n in 1..=DELIVERIES {
        if lines(&answered).contains(&n.to_string()) {
            continue;
        }
        let born = event(n, "create", &format!("2026-11-30T11:59:0{n}Z"));
        let body = hook(&n.to_string(), clock.now(), &[born]);
        assert_eq!(okta(&receiver, clock.now(), &body, "shown").status, 200);
        append(&answered, &n.to_string());
    }
    let alerts = told.dir.join("told");
    let drained = receiver.drain(true, &mut |alert| {
        append(&alerts, &alert.name);
        Ok(())
    });
    drained.unwrap();
}

fn append(path: &Path, line: &str) {
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    writeln!(file, "{line}").unwrap();
}

fn lines(path: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
