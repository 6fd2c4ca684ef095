//! The roll of another moment (CL-8): what was printed at a time is printed of it later.

use serde_json::{Value, json};

use crate::world::{NOW, World};

/// Questions whose answers at a time are asked for again later.
const ASKED: &[&[&str]] = &[
    &["ls", "-o", "csv"],
    &["ls", "kind=credential", "used>10d", "-o", "csv"],
    &["ls", "missing=known", "-o", "json"],
    &["ls", "--facets", "-o", "csv"],
    &["findings", "-o", "json"],
    &["findings", "--muted", "-o", "csv"],
    &["findings", "ci", "-o", "csv"],
    &[
        "query",
        "SELECT name, environment, owner, credentials FROM identities ORDER BY name",
        "-o",
        "csv",
    ],
    &["query", "SELECT finding, until FROM mutes", "-o", "csv"],
    &[
        "query",
        "SELECT outcome, seen, gaps FROM passes",
        "-o",
        "csv",
    ],
    &["get", "ci", "-o", "json"],
    &["get", "key 1 of ci", "-o", "json"],
    &["why", "old deploy token", "-o", "json"],
];

/// What is not told of another moment, on the page of one thing.
const UNTOLD: &str = "alike";

fn answers(world: &World, moment: &[&str]) -> Vec<String> {
    let answer = |asked: &&[&str]| {
        let told = world.get(&[asked, moment].concat());
        let mut page: Value = match asked[0] {
            "get" | "why" => serde_json::from_str(&told).unwrap(),
            _ => return told,
        };
        if let Some(field) = page.get_mut(UNTOLD) {
            assert!(
                moment.is_empty() != field.is_null(),
                "{UNTOLD} of {asked:?} {moment:?}: {field}"
            );
            *field = Value::Null;
        }
        page.to_string()
    };
    ASKED.iter().map(answer).collect()
}

/// The seed, changed by `change`, as a scan finds it at `at`.
fn scanned(world: World, at: &str, change: impl FnOnce(&mut Value)) -> World {
    let seed = std::fs::read(crate::world::seed()).unwrap();
    let mut collection: Value = serde_json::from_slice(&seed).unwrap();
    collection["started"] = at.into();
    collection["finished"] = at.into();
    change(&mut collection);
    let path = world.file("scanned.json", &collection.to_string());
    let world = world.with("KEYROLL_NOW", at);
    world.get(&["scan", "-q", &format!("collection:{}", path.display())]);
    world
}

#[test]
fn what_was_printed_at_a_time_is_printed_of_it_later() {
    let mut told = Vec::new();
    let mut ask = |world: World, at: &str| {
        let world = world.with("KEYROLL_NOW", at);
        told.push((at.to_owned(), answers(&world, &[])));
        world
    };
    let world = ask(World::seeded(), "2026-11-20T09:00:00Z");
    let world = world.with("KEYROLL_NOW", "2026-11-20T09:30:00Z");
    world.get(&["owner", "set", "ci", "ann"]);
    let listed: Value = serde_json::from_str(&world.get(&["findings", "-o", "json"])).unwrap();
    let finding = listed[0]["finding"].as_str().unwrap().to_owned();
    let why = ["--reason", "known", "--until", "2026-12-24"];
    world.get(&[&["mute", "add", &finding], why.as_slice()].concat());
    let world = ask(world, "2026-11-20T10:00:00Z");

    // Nothing hides any part now, so what is not seen is gone; the key is another one's.
    let world = scanned(world, "2026-11-21T08:00:00Z", |collection| {
        collection["gaps"] = json!([]);
        let seen = collection["observations"].as_array_mut().unwrap();
        seen.retain(|one| one["native"] != "token/old");
        seen[0]["facts"]["environment"] = json!({"is": "dr"});
        seen[1]["facts"]["name"] = json!({"is": "ci"});
        seen[2]["links"][0]["to"]["native"]["native"] = "role/billing-worker".into();
    });
    let world = ask(world, "2026-11-21T09:00:00Z");
    let world = world.with("KEYROLL_NOW", "2026-11-21T09:30:00Z");
    world.get(&["mute", "remove", &finding]);
    world.get(&["owner", "clear", "ci"]);
    let world = ask(world, "2026-11-21T10:00:00Z");
    let world = scanned(world, "2026-11-22T08:00:00Z", |_| {});
    let world = ask(world, "2026-11-22T09:00:00Z");

    let world = world.with("KEYROLL_NOW", NOW);
    for (at, then) in &told {
        let now = answers(&world, &["--known-at", at]);
        for (asked, (then, now)) in ASKED.iter().zip(then.iter().zip(now)) {
            assert_eq!(&now, then, "{asked:?} of {at}");
        }
    }
    // Each of these moments told something else.
    for pair in told.windows(2) {
        assert_ne!(pair[0].1, pair[1].1);
    }
    let left = std::fs::read_dir(world.path("")).unwrap();
    let left = left.filter_map(|one| one.unwrap().file_name().into_string().ok());
    let left: Vec<_> = left.filter(|name| name.starts_with("keyroll-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// What one source tells of an account and its token.
fn account(source: &str, at: &str, native: &str, keys: Value) -> String {
    json!({
        "format": "keyroll-collection/1",
        "source": format!("inventory:{source}"),
        "started": at,
        "finished": at,
        "observations": [
            {
                "kind": "identity", "native": native, "keys": keys,
                "facts": {"name": {"is": native}, "provider": {"is": source}},
            },
            {
                "kind": "credential", "native": format!("{native}/token"),
                "facts": {"name": {"is": format!("token of {native}")}, "type": {"is": "api_token"}},
                "links": [{"relation": "holder", "to": {"native": {"kind": "identity", "native": native}}}],
            },
        ],
        "gaps": [],
    })
    .to_string()
}

#[test]
fn what_was_two_then_shows_as_two_and_each_answers_by_its_own_id() {
    let world = World::new();
    let scan = |world: World, at: &str, source: &str, native: &str, keys: Value| {
        let path = world.file("account.json", &account(source, at, native, keys));
        let world = world.with("KEYROLL_NOW", at);
        world.get(&["scan", "-q", &format!("collection:{}", path.display())]);
        world
    };
    let uid = |value: &str| json!([{"kind": "uid", "value": value}]);
    let (first, second) = ("2026-11-20T08:00:00Z", "2026-11-21T08:00:00Z");
    let world = scan(world, first, "east", "robot", uid("shared"));
    let world = scan(world, first, "west", "machine", json!([]));
    let world = scan(world, second, "west", "machine", uid("shared"));
    let world = world.with("KEYROLL_NOW", NOW);
    let ids = |moment: &[&str]| {
        let listed = world.get(&[&["ls", "-o", "json"], moment].concat());
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let rows = listed.as_array().unwrap().clone();
        rows.into_iter()
            .filter(|row| row["kind"] == "identity")
            .map(|row| {
                let id = row["id"].as_str().unwrap().to_owned();
                (
                    id,
                    row["name"].as_str().unwrap().to_owned(),
                    row["credentials"].clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    let then = ["--as-of", "2026-11-20T12:00:00Z"];
    let (were, are) = (ids(&then), ids(&[]));
    assert_eq!((were.len(), are.len()), (2, 1), "{were:?} {are:?}");
    assert_eq!(are[0].2, 2);
    for (id, name, credentials) in &were {
        let page = world.get(&[&["get", id, "-o", "json"], then.as_slice()].concat());
        let page: Value = serde_json::from_str(&page).unwrap();
        assert_eq!(
            (page["id"].as_str(), page["name"].as_str()),
            (Some(id.as_str()), Some(name.as_str()))
        );
        assert_eq!((&page["credentials"], credentials), (&json!(1), &json!(1)));
        assert_eq!(page["held"].as_array().unwrap().len(), 1);
    }
    let merged = were.iter().find(|(id, _, _)| *id != are[0].0).unwrap();
    let differences = world.get(&["diff", "--from", "2026-11-20T12:00:00Z", "-o", "json"]);
    let differences: Value = serde_json::from_str(&differences).unwrap();
    let told = differences.as_array().unwrap().iter();
    let told: Vec<_> = told.filter(|one| one["what"] == "merged").collect();
    assert_eq!(told.len(), 1, "{differences}");
    assert_eq!(
        (told[0]["id"].as_str(), told[0]["with"].as_str()),
        (Some(merged.0.as_str()), Some(are[0].0.as_str()))
    );
}

#[test]
fn a_thing_of_which_only_others_were_there_then_is_told_by_what_it_was() {
    let world = World::new();
    let uid = json!([{"kind": "uid", "value": "shared"}]);
    let mut world = world;
    for (at, source, native) in [
        ("2026-11-20T08:00:00Z", "west", "b"),
        ("2026-11-20T09:00:00Z", "west2", "c"),
        ("2026-11-21T08:00:00Z", "east", "a"),
    ] {
        let keys = match native {
            "a" => {
                json!([{"kind": "uid", "value": "shared"}, {"kind": "aws_access_key_id", "value": "AKIAIOSFODNN7EXAMPLE"}])
            }
            "b" => uid.clone(),
            _ => json!([{"kind": "aws_access_key_id", "value": "AKIAIOSFODNN7EXAMPLE"}]),
        };
        let path = world.file("account.json", &account(source, at, native, keys));
        world = world.with("KEYROLL_NOW", at);
        world.get(&["scan", "-q", &format!("collection:{}", path.display())]);
    }
    let world = world.with("KEYROLL_NOW", NOW);
    let id = world.get(&["ls", "kind=identity", "--json", "id", "-o", "csv"]);
    let id = id
        .lines()
        .find(|line| line.starts_with("idn-"))
        .unwrap()
        .to_owned();
    let get = |at: &str| world.run(&["get", &id, "-o", "json", "--as-of", at]);
    let alone: Value = serde_json::from_str(&get("2026-11-20T08:30:00Z").stdout).unwrap();
    assert_eq!(alone["name"], "b");
    assert_ne!(alone["id"], id.as_str());
    let both = get("2026-11-20T12:00:00Z");
    assert_eq!(both.code, 1, "{both:?}");
    assert!(
        both.stderr
            .contains("was 2 things as of 2026-11-20 12:00:00 UTC"),
        "{both:?}"
    );
    let none = get("2026-11-19");
    assert!(none.stderr.contains("nothing is known of `"), "{none:?}");
    assert!(none.stderr.contains("as of 2026-11-19"), "{none:?}");
}

#[test]
fn what_cannot_be_told_of_a_past_moment_is_said() {
    let world = World::seeded();
    insta::assert_snapshot!(
        "untold",
        world.session(&[
            &["findings", "ci", "--as-of", "2026-11-21"],
            &[
                "query",
                "SELECT name, sources FROM identities ORDER BY name",
                "--as-of",
                "2026-11-21"
            ],
            &[
                "query",
                "SELECT version FROM versions",
                "--as-of",
                "2026-11-21"
            ],
            &[
                "query",
                "SELECT id FROM sources",
                "--known-at",
                "2026-11-21"
            ],
            &["get", "nobody", "--as-of", "2026-11-21"],
            &["ls", "--facets", "--as-of", "2026-11-21", "-o", "csv"],
        ])
    );
}
