//! What `spire-server` printed, from the files to the findings. The files are those of the recording.

use serde_json::Value;

use crate::world::{World, files};

/// The token with which a node of the recording may still join.
const UNUSED: &str = "0f9e8d7c-6b5a-4c3d-8e2f-1a0b9c8d7e6f";

fn exported(world: &World) -> String {
    let recording = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../connectors/testdata/spire_exports/answers.json"
    );
    let text = std::fs::read_to_string(recording).unwrap();
    let answers: Value = serde_json::from_str(&text).unwrap();
    for (question, answer) in answers.as_object().unwrap() {
        if let Some(name) = question.strip_prefix("READ /exports/") {
            world.file(&format!("export/{name}"), answer["text"].as_str().unwrap());
        }
    }
    world.path("export").to_str().unwrap().to_owned()
}

/// The findings of `rule` that fail, each as the line it is told in.
fn failing(world: &World, rule: &str) -> Vec<String> {
    let asked = [
        "findings",
        "--rule",
        rule,
        "--verdict",
        "fail",
        "-o",
        "ndjson",
    ];
    let found = world.get(&asked);
    found.lines().map(str::to_owned).collect()
}

#[test]
fn recorded_exports_of_spire_are_judged() {
    let world = World::new();
    let dir = exported(&world);
    let scanned = world.run(&["scan", &format!("spire-export:{dir}")]);
    assert_eq!(scanned.code, 0, "{scanned:?}");
    assert!(
        scanned.stdout.contains("spire_exports:keyroll.test"),
        "{scanned:?}"
    );
    for (rule, wanted) in [
        ("wide-selectors", &["unix:uid:0 for", "k8s:ns:shop for"][..]),
        ("dead-entry", &["k8s:ns:shop for", "spire-server and"]),
        ("long-svid", &["administrator"]),
        ("joined-by-token", &["join_token"]),
    ] {
        let found = failing(&world, rule);
        assert_eq!(found.len(), wanted.len(), "{rule}: {found:#?}");
        for one in wanted {
            assert!(
                found.iter().any(|line| line.contains(one)),
                "{one}: {found:#?}"
            );
        }
    }
    // What renews itself is not told to end, though it does within the hour.
    let ending = failing(&world, "expiring");
    assert!(ending.is_empty(), "{ending:#?}");
    // The token that still opens the door stands in the export alone.
    for (path, bytes) in files(&world.path("")) {
        let held = bytes
            .windows(UNUSED.len())
            .any(|one| one == UNUSED.as_bytes());
        assert!(!held || path.starts_with(&dir), "{}", path.display());
    }
}

#[test]
fn a_spire_server_that_is_not_there_is_told_and_not_remembered() {
    let world = World::new();
    for named in [
        "spire",
        "spire:/no/such.sock",
        "spire:127.0.0.1:1?svid=/no/such",
    ] {
        let told = world.run(&["scan", named]);
        assert_eq!(told.code, 5, "{named}: {told:?}");
    }
    let told = world.run(&["scan", "spire:host:8081?nothing"]);
    assert!(
        told.stderr.contains("spire:HOST:PORT?svid=/DIR"),
        "{told:?}"
    );
}
