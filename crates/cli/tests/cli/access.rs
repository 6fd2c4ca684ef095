//! `keyroll account`, `keyroll token`: who may, decided at a terminal.

use serde_json::Value;

use crate::world::World;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_token_is_shown_once_and_is_the_one_that_is_found_in_a_file() {
    let world = World::new();
    let made = json(&world.get(&["account", "add", "Ann", "--role", "admin", "-o", "json"]));
    assert_eq!(made["name"], "ann");
    assert!(made["link"].as_str().unwrap().len() >= 30);
    let token = json(&world.get(&["token", "add", "ann", "nightly", "-o", "json"]));
    let text = token["token"].as_str().unwrap();
    assert!(text.starts_with("keyroll_"), "{text}");
    let list = world.get(&["token", "list", "-o", "json"]);
    assert!(!list.contains(text));
    assert_eq!(json(&list)[0]["permissions"][0], "read");
    let file = world.file("tree/settings.env", &format!("KEYROLL_TOKEN={text}\n"));
    let tree = file.parent().unwrap().to_str().unwrap();
    world.run(&["scan", "-q", tree]);
    let query = "SELECT id, name FROM credentials";
    let found = json(&world.get(&["query", query, "-o", "json"]));
    let things = found.as_array().unwrap();
    assert_eq!(things.len(), 1, "seen twice, one thing: {found}");
    let shown = world.get(&["get", things[0]["id"].as_str().unwrap()]);
    assert!(shown.contains("settings.env"), "{shown}");
    assert!(!shown.contains(text));
    let id = token["id"].as_str().unwrap();
    world.get(&["token", "revoke", id]);
    assert_ne!(world.run(&["token", "revoke", id]).code, 0);
    let list = json(&world.get(&["token", "list", "-o", "json"]));
    assert!(list[0]["revoked"].is_string());
}

#[test]
fn accounts_are_made_reset_and_disabled_by_name() {
    let world = World::new();
    world.get(&["account", "add", "ann"]);
    assert_ne!(world.run(&["account", "add", "ann"]).code, 0);
    let first = json(&world.get(&["account", "reset", "ann", "-o", "json"]));
    let second = json(&world.get(&["account", "reset", "ANN", "-o", "json"]));
    assert_ne!(first["link"], second["link"]);
    world.get(&["account", "disable", "ann"]);
    let list = json(&world.get(&["account", "list", "-o", "json"]));
    assert_eq!(list[0]["disabled"], true);
    assert_eq!(list[0]["roles"][0], "viewer");
    let unknown = world.run(&["account", "disable", "bob"]);
    assert!(
        unknown.stderr.contains("there is no account `bob`"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn listening_beyond_loopback_needs_a_certificate_and_an_administrator() {
    let world = World::new();
    let up = ["up", "--listen", "0.0.0.0:0"];
    let refused = world.run(&up);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("and an administrator"),
        "{}",
        refused.stderr
    );
    world.get(&["account", "add", "ann", "--role", "admin"]);
    let refused = world.run(&up);
    assert!(
        !refused.stderr.contains("and an administrator"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("a certificate"),
        "{}",
        refused.stderr
    );
}
