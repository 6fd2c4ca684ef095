//! Every command stands in the table of what leaves evidence, and those that decide leave it.

use std::collections::BTreeSet;

use crate::help::verbs;
use crate::integrations::read;
use crate::world::World;

/// Every command, those below another one by both words.
fn commands() -> BTreeSet<String> {
    let world = World::new();
    let mut found = BTreeSet::new();
    for verb in verbs(&world.get(&["--help"])) {
        let help = world.get(&[&verb, "--help"]);
        let below = verbs(&help);
        found.extend(below.iter().map(|one| format!("{verb} {one}")));
        // Some have others below them and do something by themselves.
        let second_usage = |line: &str| line.starts_with("       keyroll ");
        if below.is_empty() || help.lines().any(second_usage) {
            found.insert(verb);
        }
    }
    found
}

/// The words in backticks of a text.
fn quoted(text: &str) -> Vec<String> {
    let parts = text.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

#[test]
fn every_command_is_in_the_table_of_what_leaves_evidence() {
    let page = read("docs/reference/evidence.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let first = rows.filter_map(|line| line.split('|').nth(1));
    let mut told: Vec<String> = first.flat_map(quoted).collect();
    let rest = page
        .lines()
        .find(|line| line.starts_with("These change nothing"))
        .unwrap();
    told.extend(quoted(rest));
    let once: BTreeSet<String> = told.iter().cloned().collect();
    assert_eq!(once.len(), told.len(), "a command is told twice");
    assert_eq!(once, commands(), "left: the page, right: the program");
}

/// The words of the decisions in a roll's log, in their order.
fn decided(world: &World) -> Vec<String> {
    let told = world.get(&["evidence", "show", "-o", "json", "--limit", "0"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let leaves = told.as_array().unwrap().iter();
    let words = leaves.filter_map(|leaf| leaf["body"]["decision"].as_str());
    words.map(str::to_owned).collect()
}

#[test]
fn who_decides_on_sources_and_keys_finds_it_in_the_log() {
    let world = World::seeded();
    let file = world.path("out.key");
    let file = file.to_str().unwrap();
    world.get(&["sources", "add", "tls://127.0.0.1:1"]);
    world.get(&["sources", "add", "tls://127.0.0.1:1"]);
    let listed = world.get(&["sources", "list", "--json", "id,remembered", "-o", "csv"]);
    let id = listed
        .lines()
        .find_map(|line| line.trim().strip_suffix(",true"))
        .unwrap();
    world.get(&["sources", "remove", id, "--yes"]);
    world.get(&["enrol", "export", file]);
    assert_eq!(world.run(&["enrol", "export", file]).code, 4);
    world.get(&["key", "rotate"]);
    world.get(&["key", "rewrap"]);
    world.get(&["key", "rewrap"]);
    assert_eq!(
        decided(&world),
        [
            "source_added",
            "source_removed",
            "key_exported",
            "key_rotated",
            "rewrap_begun",
            "rewrap_ended",
        ]
    );
    let elsewhere = World::new();
    elsewhere.get(&["enrol", "import", file]);
    elsewhere.get(&["enrol", "import", file]);
    assert_eq!(decided(&elsewhere), ["key_imported"]);
}

#[test]
fn a_copy_of_the_roll_is_in_its_log_and_in_that_of_the_roll_it_becomes() {
    let world = World::seeded();
    let seeded = decided(&world);
    let words = |store: &str| {
        let told = ["evidence", "show", "-o", "json", "--limit", "0"];
        let told = world.get(&[&told[..], &["--store", store]].concat());
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let leaves = told.as_array().unwrap().clone().into_iter();
        leaves.map(|leaf| leaf["body"].clone()).collect::<Vec<_>>()
    };
    let at = |name: &str| {
        let dir = world.path("home").join(name);
        std::fs::create_dir(&dir).unwrap();
        dir.join("roll.db").to_str().unwrap().to_owned()
    };
    let (moved_to, back_to, bare) = (at("moved"), at("back"), at("bare"));
    world.get(&["backup", "roll.backup"]);
    world.get(&["migrate", &moved_to]);
    let told = decided(&world);
    assert_eq!(told[seeded.len()..], ["roll_copied", "roll_copied"]);
    // What it becomes holds the leaf of its leaving.
    assert_eq!(words(&moved_to).last().unwrap()["to"], moved_to.as_str());

    // The keys come first here, by another way, so the log of the new roll can be signed.
    for key in ["fingerprint-key", "seal-key"] {
        let from = world.path("home/.local/share/keyroll");
        let to = std::path::Path::new(&back_to).with_extension(key);
        std::fs::copy(from.join(format!("keyroll.{key}")), to).unwrap();
    }
    world.get(&["restore", "roll.backup", "--store", &back_to]);
    let back = words(&back_to);
    assert_eq!(back[back.len() - 2]["decision"], "roll_copied");
    assert_eq!(back[back.len() - 1]["decision"], "roll_restored");
    assert_eq!(back[back.len() - 1]["from"], "roll.backup");

    // Where no key is, nobody can sign: that is said, and the copy is had all the same.
    let told = world.get(&["restore", "roll.backup", "--store", &bare]);
    assert!(told.contains("nobody can sign it"), "{told}");
}

#[test]
fn the_terms_of_the_key_ring_are_told() {
    let world = World::seeded();
    let told = world.session(&[
        &["key", "list"],
        &["key", "rotate"],
        &["key", "list"],
        &["key", "rewrap"],
        &["key", "list", "-o", "json"],
        &["key", "rewrap"],
    ]);
    insta::assert_snapshot!("keys", told);
}
