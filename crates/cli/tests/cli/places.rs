//! Where a secret lies: in several places, and in files that tools keep for themselves.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::world::World;

fn found(world: &World, more: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["findings", "--rule", "secret-in-text", "-o", "json"];
    arguments.extend(more);
    serde_json::from_str(&world.get(&arguments)).unwrap()
}

fn text(one: &Value, name: &str) -> String {
    one[name].as_str().unwrap_or_default().to_owned()
}

#[test]
fn one_secret_in_two_files_is_one_thing_with_two_findings_that_are_known_one_by_one() {
    let world = World::new();
    for file in ["shop/a.env", "shop/deep/b.env"] {
        world.file(file, "STRIPE_PASSWORD=vT5m0Qz81kLwQ2xR7\n");
    }
    let shop = world.path("shop");
    world.get(&["scan", shop.to_str().unwrap()]);
    let both = found(&world, &[]);
    let all = |name: &str| {
        both.iter()
            .map(|one| text(one, name))
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(both.len(), 2, "{both:?}");
    assert_eq!(all("id").len(), 1, "one secret");
    assert_eq!((all("finding").len(), all("fingerprint").len()), (2, 2));
    let log = world.get(&["findings", "--rule", "secret-in-text", "-o", "sarif"]);
    let log: Value = serde_json::from_str(&log).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let entities = results
        .iter()
        .map(|one| one["properties"]["entity"].to_string());
    assert_eq!(entities.collect::<BTreeSet<_>>().len(), 1);
    let muted = text(&both[0], "finding");
    world.get(&[
        "mute",
        "add",
        &muted,
        "--reason",
        "known",
        "--until",
        "2099-01-01T00:00:00Z",
    ]);
    let left = found(&world, &[]);
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(text(&left[0], "finding"), text(&both[1], "finding"));
}

#[test]
fn the_file_of_a_tool_is_told_in_a_project_or_open_to_all_and_not_in_its_own_place() {
    let world = World::new();
    let token = |n: u8| format!("//npm.acme.test/:_authToken=vT5m0Qz81kLwQ2xR7hB{n}\n");
    for (n, place) in ["home/.npmrc", "shop/.npmrc"].iter().enumerate() {
        let path = world.file(place, &token(u8::try_from(n).unwrap()));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let shop = world.path("shop");
    world.get(&["scan", "here", shop.to_str().unwrap()]);
    let told = found(&world, &["--verdict", "fail"]);
    let paths: Vec<_> = told.iter().map(|one| text(one, "path")).collect();
    assert_eq!(paths.len(), 1, "{told:?}");
    assert!(paths[0].ends_with("shop/.npmrc"), "{paths:?}");
    assert!(text(&told[0], "why").contains("outside of where its tool keeps it"));
    let own = world.path("home/.npmrc");
    std::fs::set_permissions(own, std::fs::Permissions::from_mode(0o644)).unwrap();
    world.get(&["scan", "here"]);
    let told = found(&world, &["--verdict", "fail"]);
    let open = told
        .iter()
        .find(|one| text(one, "path").ends_with("home/.npmrc"));
    assert!(text(open.unwrap(), "why").contains("every user of the machine"));
}
