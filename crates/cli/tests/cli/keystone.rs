//! A described system against the real one: Keystone, which gives its lists two items at a time.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::world::{Ran, World, files};

fn scan(world: &World, url: &str, token: &str) -> Ran {
    let mut command = world.command(&["scan", "keystone:cloud.test", "--endpoint", url]);
    let output = command.env("OS_TOKEN", token).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Names of what a query answers.
fn names(world: &World, query: &str) -> BTreeSet<String> {
    let told: Value = serde_json::from_str(&world.get(&["query", query, "-o", "json"])).unwrap();
    let names = told.as_array().unwrap().iter();
    names
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_real_keystone_tells_every_user_and_credential_over_all_pages() {
    let Some(keystone) = testkit::keystone() else {
        return;
    };
    let world = World::new();
    let ran = scan(&world, &keystone.url, &keystone.token);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let users = names(&world, "SELECT name FROM identities");
    let all = ["admin", "deploy", "old", "stranger", "watcher"];
    assert_eq!(users, all.map(str::to_owned).into());
    let credentials = names(&world, "SELECT name FROM credentials");
    for name in [
        "ci",
        "backup",
        "cron",
        "EC2 credential of deploy",
        "password of old",
    ] {
        assert!(credentials.contains(name), "{name}: {credentials:?}");
    }
    let gone = names(
        &world,
        "SELECT name FROM identities WHERE status = 'inactive'",
    );
    assert_eq!(gone, ["old".to_owned()].into());
    let projects = names(&world, "SELECT name FROM resources");
    assert!(projects.contains("shop"), "{projects:?}");
    let again = scan(&world, &keystone.url, &keystone.token);
    let line = again
        .stdout
        .lines()
        .find(|line| line.contains("keystone:cloud.test"));
    let counts: Vec<_> = line.unwrap().split_whitespace().skip(2).take(3).collect();
    assert_eq!(counts, ["0", "0", "0"], "new, changed, gone: {line:?}");
    for (path, bytes) in files(&world.path("")) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains(&keystone.token), "{}", path.display());
        assert!(!text.contains("secret-of-tests"), "{}", path.display());
    }
}

#[test]
fn a_real_keystone_that_refuses_says_which_right_lacks() {
    let Some(keystone) = testkit::keystone() else {
        return;
    };
    let world = World::new();
    scan(&world, &keystone.url, &keystone.stranger);
    let gaps = world.get(&["gaps"]);
    assert!(gaps.contains("the role reader on the system"), "{gaps}");
    assert!(names(&world, "SELECT name FROM identities").is_empty());
}
