//! What lists and pages look like, in every format, over the seed.

use crate::world::{NOW, World};

#[test]
fn the_roll_reads_the_same_in_every_format() {
    let world = World::seeded();
    let calls: Vec<Vec<&str>> = ["table", "json", "ndjson", "csv", "yaml", "md", "html"]
        .into_iter()
        .map(|format| vec!["ls", "provider=aws", "-o", format])
        .collect();
    let calls: Vec<&[&str]> = calls.iter().map(Vec::as_slice).collect();
    insta::assert_snapshot!("ls-formats", world.session(&calls));
}

#[test]
fn filters_facets_and_fields_choose_what_is_shown() {
    let world = World::seeded();
    insta::assert_snapshot!(
        "ls-filters",
        world.session(&[
            &["ls"],
            &["ls", "expires<30d"],
            &["ls", "used=never"],
            &["ls", "owner=none", "env!=prod"],
            &["ls", "kind=credential", "--json", "name,type,holder"],
            &["ls", "nothing-is-called-so"],
            &["ls", "nothing-is-called-so", "-o", "json"],
            &["ls", "--limit", "2"],
            &["ls", "--facets", "--quiet"],
        ])
    );
}

#[test]
fn a_thing_is_told_from_what_it_is_to_what_to_do() {
    let world = World::seeded();
    insta::assert_snapshot!(
        "get-and-why",
        world.session(&[
            &["get", "old deploy token"],
            &["get", "ci"],
            &["get", "ci", "--json", "id,held,facts"],
            &["why", "ci"],
            &["get", "api.acme.example", "-o", "md"],
        ])
    );
}

#[test]
fn what_might_be_the_same_is_told_and_not_merged() {
    let world = World::seeded();
    let mut other: serde_json::Value =
        serde_json::from_slice(&std::fs::read(crate::world::seed()).unwrap()).unwrap();
    other["source"] = "inventory:elsewhere".into();
    other["gaps"] = serde_json::json!([]);
    let ci = &mut other["observations"][1];
    ci["keys"] = serde_json::json!([{"kind": "uid", "value": "elsewhere:7"}]);
    ci["hints"] = serde_json::json!({"email": "ci@acme.example"});
    other["observations"] = serde_json::json!([ci.clone()]);
    let path = world.file("other.json", &other.to_string());
    world.get(&["scan", "-q", &format!("collection:{}", path.display())]);
    let ids = world.get(&[
        "ls",
        "name~ci",
        "type=aws_iam_user",
        "--json",
        "id",
        "-o",
        "csv",
    ]);
    let ids: Vec<&str> = ids.lines().skip(1).map(str::trim).collect();
    assert_eq!(ids.len(), 2, "one name is no reason to merge: {ids:?}");
    let told = world.get(&["why", ids[0], "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told["alike"],
        serde_json::json!([]),
        "nor to suggest: they have nothing else in common"
    );

    // The same soft key on both sides is a suggestion.
    let mut seed: serde_json::Value =
        serde_json::from_slice(&std::fs::read(crate::world::seed()).unwrap()).unwrap();
    seed["observations"][1]["hints"] = serde_json::json!({"email": "ci@acme.example"});
    let path = world.file("seed.json", &seed.to_string());
    world.get(&["scan", "-q", &format!("collection:{}", path.display())]);
    let told = world.get(&["why", ids[0], "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["alike"][0]["id"], ids[1], "{told}");
    assert_eq!(
        told["alike"][0]["reasons"][0],
        "same email `ci@acme.example`"
    );
    let people = world.get(&["why", ids[0]]);
    assert!(
        people.contains("Might be the same, and was not merged"),
        "{people}"
    );
}

/// CV-32.
#[test]
fn a_refused_merge_is_a_finding_and_why_shows_both_sides() {
    let world = World::seeded();
    let seen = |id: &str| {
        serde_json::json!({"kind": "credential", "native": format!("key/{id}"), "scope": [],
            "facts": {"name": {"is": id}, "type": {"is": "aws_access_key"}},
            "keys": [{"kind": "aws_access_key_id", "value": id},
                     {"kind": "uid", "value": "shared:1"}]})
    };
    let mut pushed: serde_json::Value =
        serde_json::from_slice(&std::fs::read(crate::world::seed()).unwrap()).unwrap();
    pushed["source"] = "inventory:twice".into();
    pushed["gaps"] = serde_json::json!([]);
    pushed["observations"] =
        serde_json::json!([seen("AKIAZZZZZZZZZZZZZZZ2"), seen("AKIAZZZZZZZZZZZZZZZ3")]);
    let path = world.file("twice.json", &pushed.to_string());
    world.get(&["scan", "-q", &format!("collection:{}", path.display())]);
    let told = world.get(&["findings", "--rule", "refused-merge", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told.as_array().unwrap().len(),
        2,
        "one for each thing: {told}"
    );
    for one in told.as_array().unwrap() {
        let other = if one["name"] == "AKIAZZZZZZZZZZZZZZZ2" {
            "ZZZ3"
        } else {
            "ZZZ2"
        };
        assert!(one["why"].as_str().unwrap().contains(other), "{one}");
    }
    let why = world.get(&["why", "AKIAZZZZZZZZZZZZZZZ2"]);
    assert!(why.contains("Kept apart"), "{why}");
    let why = world.get(&["why", "AKIAZZZZZZZZZZZZZZZ2", "--json", "kept_apart"]);
    let why: serde_json::Value = serde_json::from_str(&why).unwrap();
    let sides = why["kept_apart"][0]["sides"].as_array().unwrap();
    assert_eq!(sides.len(), 2, "{why}");
    let other = world.get(&["get", sides[1]["id"].as_str().unwrap(), "--json", "name"]);
    assert!(other.contains("AKIAZZZZZZZZZZZZZZZ3"), "{other}");
}

#[test]
fn findings_and_gaps_name_the_next_step() {
    let world = World::seeded();
    insta::assert_snapshot!(
        "findings-and-gaps",
        world.session(&[
            &["findings"],
            &["findings", "api.acme.example"],
            &["findings", "--rule", "expired", "-o", "json"],
            &["findings", "-o", "sarif"],
            &["gaps"],
            &["gaps", "-o", "json"],
        ])
    );
}

#[test]
fn a_scan_tells_what_it_read_and_what_is_wrong() {
    let world = World::new();
    let seed = format!("collection:{}", crate::world::seed().display());
    let told = world.session(&[&["scan", &seed], &["scan", &seed], &["sources", "list"]]);
    insta::assert_snapshot!("scan", told.replace(&seed, "collection:seed.json"));
}

#[test]
fn two_directories_that_are_remembered_are_two_sources() {
    let world = World::new();
    for dir in ["shop", "blog"] {
        world.file(&format!("home/{dir}/.env"), "SHOP_PASSWORD=q8Zr1kVb0wXs\n");
        world.get(&["scan", "-q", dir]);
        let told = world.get(&["sources", "add", dir]);
        assert!(
            told.contains(&format!("home/{dir} is remembered")),
            "{told}"
        );
    }
    let told = world.get(&["sources", "list", "-o", "json"]);
    let sources: Vec<serde_json::Value> = serde_json::from_str(&told).unwrap();
    assert_eq!(
        sources.len(),
        2,
        "remembered under the names they are read by: {told}"
    );
    for source in sources {
        assert_eq!(source["remembered"], true, "{source}");
        let again = world.get(&["scan", source["id"].as_str().unwrap()]);
        assert!(again.contains("read whole"), "{again}");
    }
}

#[test]
fn decisions_are_told_with_their_evidence() {
    let world = World::seeded();
    let finding = world.get(&[
        "findings", "--rule", "expired", "--json", "finding", "-o", "csv",
    ]);
    let finding = finding.lines().nth(1).unwrap().trim().to_owned();
    insta::assert_snapshot!(
        "decisions",
        world.session(&[
            &["owner", "suggest"],
            &["owner", "set", "billing-worker", "team-billing"],
            &["owner", "list"],
            &["owner", "clear", "billing-worker"],
            &[
                "mute",
                "add",
                &finding,
                "--reason",
                "replaced next week",
                "--until",
                "30d"
            ],
            &["mute", "list"],
            &["findings", "--rule", "expired"],
            &["findings", "--rule", "expired", "--muted"],
            &["mute", "remove", &finding],
            &["evidence", "show"],
            &["evidence", "show", "-o", "ndjson"],
        ])
    );
}

#[test]
fn nothing_to_revoke_is_told_with_what_would_let_it() {
    let world = World::seeded();
    insta::assert_snapshot!(
        "plans",
        world.session(&[
            &["plan", "revoke", "old deploy token"],
            &["plan", "list"],
            &["residual"],
            &["verify-revoked", "old deploy token"],
        ])
    );
}

/// Decision 12: what people decided has a past as well.
#[test]
fn who_answered_for_a_thing_is_told_of_the_day_that_is_asked_for() {
    let mut world = World::seeded();
    let owner = |world: &World, arguments: &[&str]| {
        let lists = [
            &["ls", "kind=identity"],
            arguments,
            &["--json", "name,owner", "-o", "csv"],
        ];
        let listed = world.get(&lists.concat());
        let got = world.get(&[&["get", "ci"], arguments, &["-o", "json"]].concat());
        let got: serde_json::Value = serde_json::from_str(&got).unwrap();
        let of = |text: &str| {
            text.lines()
                .find_map(|line| line.trim().strip_prefix("ci,").map(str::to_owned))
        };
        let listed = of(&listed).unwrap();
        assert_eq!(listed, got["owner"].as_str().unwrap_or_default());
        listed
    };
    for (day, who) in [("2026-11-21", "ann"), ("2026-11-23", "bob")] {
        let at = format!("{day}T09:00:00Z");
        world = world.with("KEYROLL_NOW", &at);
        world.get(&["owner", "set", "ci", who]);
    }
    let world = world.with("KEYROLL_NOW", "2026-11-25T09:00:00Z");
    assert_eq!(owner(&world, &[]), "bob");
    for (day, who) in [
        ("2026-11-24", "bob"),
        ("2026-11-22", "ann"),
        ("2026-11-21", ""),
    ] {
        assert_eq!(owner(&world, &["--as-of", day]), who, "{day}");
    }
    // On the 24th who answered on the 22nd was known, and nothing of what came later.
    assert_eq!(
        owner(
            &world,
            &["--as-of", "2026-11-22", "--known-at", "2026-11-24"]
        ),
        "ann"
    );
    assert_eq!(owner(&world, &["--known-at", "2026-11-22"]), "ann");
}

#[test]
fn the_past_is_shown_as_it_was_known() {
    let world = World::seeded();
    let mut later: serde_json::Value =
        serde_json::from_slice(&std::fs::read(crate::world::seed()).unwrap()).unwrap();
    later["started"] = "2026-11-22T08:00:00Z".into();
    later["finished"] = "2026-11-22T08:00:05Z".into();
    // Nothing hides any part now, so what is not seen is gone.
    later["gaps"] = serde_json::json!([]);
    let seen = later["observations"].as_array_mut().unwrap();
    seen.retain(|one| one["native"] != "token/old");
    seen[0]["facts"]["environment"] = serde_json::json!({"is": "dr"});
    let path = world.file("later.json", &later.to_string());
    let world = world.with("KEYROLL_NOW", "2026-11-22T09:00:00Z");
    world.get(&["scan", "-q", &format!("collection:{}", path.display())]);
    let world = world.with("KEYROLL_NOW", NOW);
    insta::assert_snapshot!(
        "past",
        world.session(&[
            &["diff"],
            &[
                "diff",
                "--from",
                "2026-11-01",
                "--to",
                "2026-11-21",
                "--json",
                "what,name"
            ],
            &["ls"],
            &["ls", "missing=known"],
            &["ls", "--as-of", "2026-11-21"],
            &["ls", "--known-at", "2026-11-19"],
            &[
                "get",
                "old deploy token",
                "--as-of",
                "2026-11-21",
                "--json",
                "name,missing_since,places"
            ],
            &["get", "ci", "--as-of", "2026-11-01"],
        ])
    );
}

#[test]
fn a_query_reads_the_documented_views() {
    let world = World::seeded();
    insta::assert_snapshot!(
        "query",
        world.session(&[
            &["query", "SELECT name, environment FROM identities ORDER BY name"],
            &["query", "SELECT name, expires_at FROM credentials WHERE expires_at < '2026-11-23' ORDER BY name", "-o", "json"],
            &["query", "SELECT count(*) AS n FROM credentials", "-o", "csv"],
            &["query", "SELECT 1 AS one WHERE 1 = 0", "-o", "json"],
            &["query", "--views", "--json", "view"],
        ])
    );
}

#[test]
fn what_is_exported_verifies_and_what_was_touched_does_not() {
    let world = World::seeded();
    world.get(&["owner", "set", "ci", "team-build"]);
    let key = world.get(&["evidence", "key"]).trim().to_owned();
    let bundle = world.path("home/evidence.bundle");
    world.get(&["evidence", "export", "evidence.bundle"]);
    let elsewhere = World::new();
    let verify =
        |key: &str| elsewhere.run(&["evidence", "verify", bundle.to_str().unwrap(), "--key", key]);
    let whole = verify(&key);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    assert!(whole.stdout.contains("verified"), "{}", whole.stdout);
    let other = World::seeded();
    other.get(&["owner", "set", "ci", "team-build"]);
    assert_eq!(
        verify(other.get(&["evidence", "key"]).trim()).code,
        1,
        "another log's key"
    );

    let mut bytes = std::fs::read(&bundle).unwrap();
    let at = bytes
        .windows(10)
        .position(|ten| ten == b"team-build")
        .unwrap();
    bytes[at] ^= 1;
    std::fs::write(&bundle, &bytes).unwrap();
    let touched = verify(&key);
    assert_eq!(touched.code, 1);
    assert!(
        touched.stderr.contains("does not verify"),
        "{}",
        touched.stderr
    );
    let again = world.run(&["evidence", "export", "evidence.bundle"]);
    assert_eq!(again.code, 1, "an export replaces nothing");
}

#[test]
fn a_backup_comes_back_whole_where_its_keys_are() {
    let world = World::seeded();
    world.get(&["owner", "set", "ci", "team-build"]);
    let before = world.get(&["ls", "-o", "json"]);
    world.get(&["backup", "roll.backup"]);
    let data = world.path("home/.local/share/keyroll");
    let new = world.path("home/new");
    std::fs::create_dir(&new).unwrap();
    let store = new.join("roll.db");
    let store = store.to_str().unwrap();
    world.get(&["restore", "roll.backup", "--store", store]);
    assert_eq!(world.get(&["ls", "-o", "json", "--store", store]), before);
    assert_eq!(world.run(&["owner", "list", "--store", store]).code, 0);
    let keyless = world.run(&["findings", "--store", store]);
    assert_eq!(
        keyless.code, 4,
        "without its keys it says so: {}",
        keyless.stderr
    );
    for suffix in ["fingerprint-key", "seal-key"] {
        std::fs::copy(
            data.join(format!("keyroll.{suffix}")),
            new.join(format!("roll.{suffix}")),
        )
        .unwrap();
    }
    assert_eq!(world.run(&["doctor", "--store", store]).code, 0);
    let full = world.run(&["restore", "roll.backup", "--store", store]);
    assert_eq!(full.code, 1, "a roll is never restored over another");
    let moved = world.path("home/moved.db");
    world.get(&["migrate", moved.to_str().unwrap()]);
    assert_eq!(
        world.get(&["ls", "-o", "json", "--store", moved.to_str().unwrap()]),
        before
    );
}

#[test]
fn a_scanner_elsewhere_enrols_before_its_first_scan() {
    let world = World::seeded();
    let file = world.path("key");
    let file = file.to_str().unwrap();
    let id = |world: &World| {
        let told = world.get(&["enrol", "status", "-o", "json"]);
        serde_json::from_str::<serde_json::Value>(&told).unwrap()["fingerprint_key"].clone()
    };
    world.get(&["enrol", "export", file]);
    let elsewhere = World::new();
    elsewhere.get(&["enrol", "import", file]);
    assert_eq!(id(&world), id(&elsewhere));
    let late = World::seeded();
    let refused = late.run(&["enrol", "import", file]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("already"), "{}", refused.stderr);
}

#[test]
fn a_healthy_roll_is_told_line_by_line() {
    let world = World::seeded();
    let told = world.session(&[&["doctor", "--json", "check,health", "-o", "csv"]]);
    insta::assert_snapshot!("doctor", told);
}

#[test]
fn what_the_last_scan_changed_is_what_it_changed_alone() {
    let mut world = World::new();
    world.real_time();
    let env = |password: &str| {
        let url = format!("DATABASE_URL=postgres://shop:{password}@db.acme.test/shop\n");
        world.file("src/shop/.env", &url);
    };
    let src = world.path("src");
    let scan = || world.get(&["scan", "-q", src.to_str().unwrap()]);
    let diff = || {
        let told = world.get(&["diff", "-o", "ndjson"]);
        let lines = told.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["what"].as_str().unwrap().to_owned()
        });
        lines.collect::<std::collections::BTreeSet<_>>()
    };
    env("Kq3w9ZxmT7vB");
    scan();
    assert!(diff().contains("new"));
    scan();
    assert!(diff().is_empty(), "nothing changed: {:?}", diff());
    env("Lr4x8YynU6wC");
    scan();
    assert!(diff().contains("gone") && diff().contains("new"));
    std::fs::remove_file(src.join("shop/.env")).unwrap();
    scan();
    assert_eq!(diff(), ["gone".to_owned()].into());
}
