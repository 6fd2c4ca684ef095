//! Passwords that nothing but their name gives away, through the whole command.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::world::World;

/// What `secret-in-text` says of each file of the world's shop.
fn verdicts(world: &World, more: &[&str]) -> BTreeMap<String, String> {
    let shop = world.path("shop");
    let mut scan = vec!["scan", "-q", "-o", "ndjson", shop.to_str().unwrap()];
    scan.extend(more);
    let told = world.get(&scan);
    let found = told
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    found
        .filter(|one| one["rule"] == "secret-in-text")
        .map(|one| {
            let path = text(&one, "path");
            let file = path.split("/shop/").last().unwrap().to_owned();
            (file, text(&one, "verdict"))
        })
        .collect()
}

#[test]
fn a_password_in_settings_or_code_fails_in_a_plain_directory() {
    let world = World::new();
    for (file, text) in [
        (".env", "DB_PASSWORD=hunter2hunter\n"),
        (
            "config/application.yml",
            "mail:\n  password: hunter3hunter\n",
        ),
        ("app.properties", "db.password=hunter4hunter\n"),
        (
            "settings.json",
            "{\"db\": {\"password\": \"hunter5hunter\"}}\n",
        ),
        ("prod.tfvars", "password = \"hunter6hunter\"\n"),
        ("app/settings.py", "DB_PASSWORD = \"hunter7hunter\"\n"),
        ("README.md", "password: hunter8hunter\n"),
        ("config/sample.yml", "password: hunter9hunter\n"),
        ("app/docs.py", "\"\"\"\n  password: hunter0hunter\n\"\"\"\n"),
    ] {
        world.file(&format!("shop/{file}"), text);
    }
    let told = verdicts(&world, &[]);
    let of = |verdict: &str| {
        let files = told.iter().filter(|(_, told)| *told == verdict);
        files.map(|(file, _)| file.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(
        of("fail"),
        [
            ".env",
            "app.properties",
            "app/settings.py",
            "config/application.yml",
            "prod.tfvars",
            "settings.json",
        ]
    );
    assert_eq!(
        of("unknown"),
        ["README.md", "app/docs.py", "config/sample.yml"]
    );
}

#[test]
fn what_is_found_does_not_depend_on_threads() {
    let world = World::new();
    for n in 0..40 {
        let text = format!("DB_PASSWORD = \"hunter{n}hunter\"\n").repeat(2);
        world.file(&format!("shop/{}/settings{n}.py", n % 7), &text);
    }
    let shop = world.path("shop");
    let scan = |threads: &str| {
        let arguments = [
            "scan",
            "--ephemeral",
            "-o",
            "ndjson",
            "--json",
            "rule,path,line,verdict",
        ];
        let more = ["--threads", threads, shop.to_str().unwrap()];
        let told = world.get(&[&arguments[..], &more].concat());
        // Equals are in the order of their ids, which each roll makes with a key of its own.
        let mut lines: Vec<_> = told.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let alone = scan("1");
    let found = alone.iter().filter(|line| line.contains("secret-in-text"));
    assert_eq!(found.count(), 40);
    assert_eq!(alone, scan("4"));
}

#[test]
fn the_word_of_a_database_for_development_is_a_question_in_a_history_too() {
    let world = World::new();
    let compose = "services:\n  db:\n    image: postgres\n    environment:\n      \
        POSTGRES_PASSWORD: postgres\n      SMTP_PASSWORD: hunter2hunter\n";
    world.file("shop/compose.yml", compose);
    for words in [
        &["init", "-q", "-b", "main"][..],
        &["add", "-A"],
        &["commit", "-q", "-m", "All"],
    ] {
        let done = Command::new("git")
            .current_dir(world.path("shop"))
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@acme.test"])
            .args(words)
            .status();
        assert!(done.unwrap().success(), "git {words:?}");
    }
    let shop = world.path("shop");
    let told = world.get(&["scan", "-q", "-o", "ndjson", shop.to_str().unwrap()]);
    let mut verdicts: Vec<_> = told
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|one| one["rule"] == "secret-in-text")
        .map(|one| {
            let name = one["name"].as_str().unwrap();
            let is_weak = name.contains("POSTGRES_PASSWORD");
            (is_weak, one["verdict"].as_str().unwrap().to_owned())
        })
        .collect();
    verdicts.sort();
    let expected = [(false, "fail".to_owned()), (true, "unknown".to_owned())];
    assert_eq!(verdicts, expected);
}
