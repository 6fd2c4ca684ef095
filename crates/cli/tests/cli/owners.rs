//! From evidence to a confirmed owner, and to one who has left.

use serde_json::Value;

use crate::world::World;

/// A repository with a password in it, of a team.
fn world() -> (World, String) {
    let world = World::new();
    let env = "DATABASE_URL=postgres://shop:Kq3-w9Zx!mT7v@db.acme.test/shop\n";
    world.file("home/src/shop/.env", env);
    let owners = "* @acme/platform\n/shop/ @acme/payments @ann\n";
    world.file("home/src/CODEOWNERS", owners);
    world.get(&["scan", "-q", "src"]);
    let listed = json(&world, &["owner", "suggest", "--all", "-o", "json"]);
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    (world, id)
}

fn json(world: &World, arguments: &[&str]) -> Value {
    let text = world.get(arguments);
    let told: Value = serde_json::from_str(&text).unwrap();
    match told.get("rows").or_else(|| told.get("items")) {
        Some(rows) => rows.clone(),
        None => told,
    }
}

#[test]
fn an_accepted_suggestion_is_evidence_with_its_reasons_and_ends_as_orphan_when_they_leave() {
    let (world, id) = world();
    // Two names on one line: neither is sure enough.
    let refused = world.run(&["owner", "accept", &id, "nobody@acme.test"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("owner suggest"),
        "{}",
        refused.stderr
    );

    world.get(&["owner", "accept", &id, "@ann", "--role", "system"]);
    let evidence = world.get(&["evidence", "show", "-o", "ndjson"]);
    assert!(evidence.contains("CODEOWNERS names"), "{evidence}");

    let quiet = world.get(&["findings", "--rule", "orphaned", "-o", "ndjson"]);
    assert!(
        !quiet.contains("orphaned"),
        "no list of leavers yet: {quiet}"
    );
    world.file("home/left.csv", "email,login\nann.lee@acme.test,ann\n");
    world.get(&["scan", "-q", "leavers:left.csv"]);
    let found = world.get(&["findings", "--rule", "orphaned", "-o", "ndjson"]);
    assert!(found.contains("has left"), "{found}");

    let still = world.get(&["owner", "suggest", &id, "-o", "ndjson"]);
    assert!(
        still.contains("payments") && !still.contains("\"@ann\""),
        "{still}"
    );
    let page = world.get(&["why", &id]);
    assert!(page.contains("has left"), "{page}");
}

#[test]
fn a_list_of_leavers_without_addresses_fails_as_a_source() {
    let world = World::new();
    world.file("home/left.csv", "first,second\na,b\n");
    let ran = world.run(&["scan", "leavers:left.csv"]);
    assert_eq!(ran.code, 5, "{} {}", ran.stdout, ran.stderr);
}

#[test]
fn a_list_of_leavers_by_user_names_makes_orphans_and_one_that_cannot_tell_people_apart_fails() {
    let (world, id) = world();
    world.get(&["owner", "accept", &id, "@ann", "--role", "system"]);
    world.file("home/left.csv", "login,name\nann,Ann Lee\nann,Ann Berg\n");
    let ran = world.run(&["scan", "leavers:left.csv"]);
    assert_eq!(ran.code, 5, "{} {}", ran.stdout, ran.stderr);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("of two people"), "{told}");
    world.file("home/left.csv", "login,name\nann,Ann Lee\n");
    world.get(&["scan", "-q", "leavers:left.csv"]);
    let found = world.get(&["findings", "--rule", "orphaned", "-o", "ndjson"]);
    assert!(found.contains("has left"), "{found}");
}

#[test]
fn a_ticket_names_whom_the_evidence_names_until_somebody_is_confirmed() {
    let (world, id) = world();
    let found = json(&world, &["findings", "-o", "json"]);
    let of_it = |one: &&Value| one["id"] == id.as_str();
    let finding = found.as_array().unwrap().iter().find(of_it).unwrap();
    let print = finding["fingerprint"].as_str().unwrap();
    let ticket = world.get(&["findings", "ticket", print]);
    assert!(
        ticket.contains("perhaps team-payments (business") && ticket.contains("CODEOWNERS names"),
        "{ticket}"
    );
    let told = world.get(&["findings", "ticket", print, "-o", "json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told["may_own_it"]["suggested"][0]["who"], "team-payments",
        "{told}"
    );
    world.get(&["owner", "set", &id, "payments"]);
    let ticket = world.get(&["findings", "ticket", print]);
    assert!(
        ticket.contains("payments") && !ticket.contains("perhaps"),
        "{ticket}"
    );
}

#[test]
fn a_list_of_findings_names_the_likeliest_owner_as_a_guess_until_one_is_confirmed() {
    let (world, id) = world();
    let guess = "team-payments? <span class=\"guess\">suggested and not confirmed (business, ";
    let of_it = |format: &str| world.get(&["findings", &id, "-o", format]);
    assert!(of_it("table").contains("team-payments?"));
    assert!(of_it("md").contains("| team-payments? |"));
    assert!(of_it("csv").contains(",,team-payments,"));
    let page = of_it("html");
    assert!(page.contains(guess), "{page}");
    assert!(page.contains("CODEOWNERS names"), "{page}");
    for one in json(&world, &["findings", &id, "-o", "json"])
        .as_array()
        .unwrap()
    {
        assert_eq!(one["owner"], Value::Null);
        assert_eq!(one["suggested_owner"], "team-payments");
        let told = &one["may_own_it"]["suggested"][0];
        assert_eq!(told["who"], "team-payments");
        assert!(told["score"].as_u64() >= Some(50), "{told}");
    }

    world.get(&["owner", "set", &id, "shop"]);
    for format in ["table", "md", "csv", "html", "ndjson"] {
        let told = of_it(format);
        assert!(
            told.contains("shop") && !told.contains("payments"),
            "{told}"
        );
    }
}

#[test]
fn whoever_is_not_more_likely_than_not_is_no_guess() {
    let world = World::new();
    let env = "DATABASE_URL=postgres://shop:Kq3-w9Zx!mT7v@db.acme.test/shop\n";
    world.file("home/src/shop/.env", env);
    world.file("home/src/CODEOWNERS", "* @acme/platform\n");
    world.get(&["scan", "-q", "src"]);
    let weak = world.get(&["owner", "suggest", "--all", "-o", "ndjson"]);
    assert!(weak.contains("team-platform"), "{weak}");
    let found = world.get(&["findings", "-o", "ndjson"]);
    assert!(
        found.contains("\"suggested_owner\":null") && !found.contains("\"team-platform\""),
        "{found}"
    );
    let table = world.get(&["findings"]);
    assert!(!table.contains("team-platform?"), "{table}");
}
