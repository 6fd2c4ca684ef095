//! Systems that are described by a file, through the whole command: a real RabbitMQ, and one that
//! a person describes, whose interface is a stub.

use serde_json::Value;

use crate::stub::{Stub, json};
use crate::world::{Ran, World};

/// What a scan of the RabbitMQ of the tests says, with what opens it in the environment.
fn scan(world: &World, endpoint: &str, login: &str) -> Ran {
    let mut command = world.command(&["scan", "rabbitmq:mq.test", "--endpoint", endpoint]);
    let output = command.env("RABBITMQ_LOGIN", login).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn lines(world: &World, arguments: &[&str]) -> Vec<Value> {
    let told = world.get(arguments);
    let lines = told.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

#[test]
fn a_real_rabbitmq_tells_its_users_their_passwords_and_permissions() {
    let Some(endpoint) = testkit::rabbitmq() else {
        return;
    };
    let world = World::new();
    let ran = scan(&world, &endpoint, "admin:admin-of-tests");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let listed = lines(&world, &["ls", "-o", "ndjson"]);
    let mut names: Vec<_> = listed
        .iter()
        .map(|one| (one["type"].as_str().unwrap(), one["name"].as_str().unwrap()))
        .collect();
    names.sort_unstable();
    let user = "rabbitmq_user";
    assert_eq!(
        names,
        [(user, "admin"), (user, "orders"), (user, "watcher")],
        "each is on the roll"
    );
    let of = |name: &str| {
        let one = listed.iter().find(|one| one["name"] == name).unwrap();
        world.get(&["get", one["id"].as_str().unwrap(), "-o", "json"])
    };
    assert!(of("admin").contains("administrator"), "{}", of("admin"));
    let orders: Value = serde_json::from_str(&of("orders")).unwrap();
    assert_eq!(orders["facts"]["rights"], "absent", "{orders}");
    let told = |list: &str| {
        let id = orders[list][0].as_str().unwrap();
        world.get(&["get", id])
    };
    assert!(told("held").starts_with("password of orders (credential password)"));
    assert!(told("granted").starts_with("orders on shop (grant rabbitmq_permission)"));
    // Read again, nothing is new.
    let again = scan(&world, &endpoint, "admin:admin-of-tests");
    assert_eq!(again.code, 0, "{}", again.stderr);
    let line = again
        .stdout
        .lines()
        .find(|line| line.contains("rabbitmq:mq.test"));
    let counts: Vec<_> = line.unwrap().split_whitespace().skip(1).take(4).collect();
    assert_eq!(counts, ["9", "0", "0", "0"], "seen, new, changed, gone");
    for (path, bytes) in crate::world::files(&world.path("")) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains("admin-of-tests"), "{}", path.display());
    }
}

#[test]
fn a_real_rabbitmq_that_shows_less_says_which_right_lacks() {
    let Some(endpoint) = testkit::rabbitmq() else {
        return;
    };
    let world = World::new();
    let ran = scan(&world, &endpoint, "watcher:watcher-of-tests");
    assert_eq!(ran.code, 0, "in part: {}{}", ran.stdout, ran.stderr);
    let gaps = world.get(&["gaps", "-o", "json"]);
    assert!(gaps.contains("a user with the tag administrator"), "{gaps}");
    for login in ["watcher:tzq7", "nobody:tzq7"] {
        let ran = scan(&World::new(), &endpoint, login);
        assert_eq!(ran.code, 5, "{}{}", ran.stdout, ran.stderr);
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(all.contains("denied (401)"), "{all}");
        assert!(!all.contains("tzq7"), "{all}");
    }
}

#[test]
fn systems_are_listed_with_how_they_are_named_and_opened() {
    let world = World::new();
    let listed = lines(&world, &["sources", "systems", "-o", "ndjson"]);
    let one = |name: &str| listed.iter().find(|one| one["name"] == name).unwrap();
    assert_eq!(one("rabbitmq")["named_by"], "rabbitmq:HOST");
    assert_eq!(one("rabbitmq")["variable"], "RABBITMQ_LOGIN");
    assert_eq!(one("rabbitmq")["secret"], "user:password");
    assert_eq!(one("postgres_roles")["can_revoke"], true);
    assert_eq!(listed.len(), connectors::catalog().count());
}

/// A system of somebody's own.
const SHOP: &str = r#"
name = "shop_keys"
title = "Shop"
reads = "keys of a shop"
form = "shop:HOST/ORG"
manual = "https://shop.example"
needs = ["keys:read"]
[login]
by = "header"
header = "x-key"
variable = "SHOP_TOKEN"
[[list]]
name = "keys"
path = "orgs/{ORG}/keys"
items = "keys"
needs = "keys:read"
[[list.see]]
kind = "credential"
native = "key/{id}"
is = { type = "api_token", provider = "shop" }
facts = { name = "name", expires_at = "ends" }
"#;

#[test]
fn stub_a_system_that_a_person_describes_is_read_like_any_other() {
    let world = World::new();
    world.file("home/.config/keyroll/systems/shop.toml", SHOP);
    let stub = Stub::answering(|path| {
        assert_eq!(path, "/orgs/acme/keys");
        json(
            "200 OK",
            r#"{"keys":[{"id":7,"name":"deploy","ends":"2026-12-01"}]}"#,
        )
    });
    let mut command = world.command(&["scan", "shop:shop.test/acme", "--endpoint", stub.url()]);
    let output = command
        .env("SHOP_TOKEN", "s3cret-of-the-shop")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let listed = lines(&world, &["ls", "-o", "ndjson"]);
    assert_eq!(listed[0]["name"], "deploy");
    assert_eq!(listed[0]["expires_at"], "2026-12-01T00:00:00Z");
    assert!(stub.asked()[0].contains("x-key: s3cret-of-the-shop"));
    let known = lines(&world, &["sources", "systems", "-o", "ndjson"]);
    assert!(known.iter().any(|one| one["named_by"] == "shop:HOST/ORG"));
    // Without its description the roll is read as before; the source is told what lacks.
    let without = world
        .command(&["ls"])
        .env("KEYROLL_SYSTEMS", "/")
        .output()
        .unwrap();
    assert!(without.status.success(), "{without:?}");
}

#[test]
fn a_description_that_is_none_is_told_with_its_file_and_taken_names_are_refused() {
    for (text, told) in [
        ("name = 7", "shop.toml is no description of a system"),
        (
            &SHOP.replace("by = \"header\"", "by = \"magic\""),
            "unknown variant `magic`",
        ),
        (
            &SHOP.replace("shop:HOST", "aws:HOST"),
            "that no other system has",
        ),
        (
            &SHOP.replace("shop_keys", "rabbitmq"),
            "that no other system has",
        ),
        (
            &SHOP.replace("shop:HOST", "rabbitmq:HOST"),
            "that no other system has",
        ),
        (
            &SHOP.replace("items = \"keys\"", "post = { statement = \"DROP SHOP\" }"),
            "only systems that come with Keyroll may post",
        ),
        (
            &SHOP.replace("shop_keys", "files"),
            "that no other system has",
        ),
    ] {
        let world = World::new();
        world.file("home/.config/keyroll/systems/shop.toml", text);
        let ran = world.run(&["sources", "systems"]);
        assert_eq!(ran.code, 2, "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
        assert!(ran.stderr.contains("shop.toml"), "{}", ran.stderr);
        assert_eq!(world.run(&["findings", "--help"]).code, 0);
    }
    let world = World::new().with("KEYROLL_SYSTEMS", "/no/such/place");
    let ran = world.run(&["sources", "systems"]);
    assert!(
        ran.code != 0 && ran.stderr.contains("/no/such/place"),
        "{}",
        ran.stderr
    );
}

#[test]
fn stub_statements_are_posted_with_what_lets_in_and_what_was_cut_short_is_a_gap() {
    let world = World::new();
    let stub = Stub::answering(|path| {
        assert_eq!(path, "/api/v2/statements");
        json(
            "200 OK",
            r#"{"resultSetMetaData":{"partitionInfo":[{"rowCount":1},{"rowCount":9}]},
              "data":[["7","LOADER","LOADER","SERVICE","false","false"]]}"#,
        )
    });
    let named = "snowflake:acme.snowflakecomputing.com";
    let output = world
        .command(&["scan", named, "--endpoint", stub.url()])
        .env("SNOWFLAKE_TOKEN", "s3cret-of-snowflake")
        .output()
        .unwrap();
    assert!(output.status.success(), "in part: {output:?}");
    for head in stub.asked() {
        let head = head.to_ascii_lowercase();
        assert!(
            head.starts_with("post /api/v2/statements http/1.1"),
            "{head}"
        );
        for line in [
            "authorization: bearer s3cret-of-snowflake",
            "x-snowflake-authorization-token-type: programmatic_access_token",
            "content-type: application/json",
        ] {
            assert!(head.contains(line), "{line}: {head}");
        }
    }
    let listed = lines(&world, &["ls", "-o", "ndjson"]);
    let loader = listed.iter().find(|one| one["type"] == "snowflake_user");
    let loader = loader.unwrap();
    assert_eq!(loader["class"], "workload");
    let gaps = world.get(&["gaps"]);
    assert!(gaps.contains("holds but the first of them"), "{gaps}");
}
