//! Files of several megabytes: read whole by their formats and by rules, and one that is named as
//! far as one that a directory holds.

use serde_json::{Value, json};

use crate::world::World;

/// More than once was read of a file that a format knows.
const FILLED: usize = (4 << 20) + (256 << 10);

/// What is listed after a scan of `path`, by the names of types, and how many gaps there are.
fn scanned(world: &World, path: &str) -> (Vec<String>, usize) {
    let path = world.path(path);
    let ran = world.run(&["scan", "-q", "--no-history", path.to_str().unwrap()]);
    assert!(matches!(ran.code, 0 | 3), "{}", ran.stderr);
    let listed: Vec<Value> = rows(&world.get(&["ls", "-o", "json"]));
    let mut types: Vec<_> = listed
        .iter()
        .map(|one| one["type"].as_str().unwrap_or_default().to_owned())
        .collect();
    types.sort();
    let gaps = rows(&world.get(&["gaps", "-o", "json"]));
    (types, gaps.len())
}

fn rows(told: &str) -> Vec<Value> {
    serde_json::from_str(told).unwrap()
}

/// A state whose last resource is a key, behind others that fill it.
fn state() -> String {
    let filler = "lorem ipsum dolor sit amet\n".repeat(4000);
    let resource = |type_: &str, name: &str, attributes: Value| {
        json!({"mode": "managed", "type": type_, "name": name,
            "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
            "instances": [{"schema_version": 0, "attributes": attributes}]})
    };
    let mut resources: Vec<_> = (0..FILLED / filler.len() + 1)
        .map(|n| {
            let content = json!({"content": filler});
            resource("local_file", &format!("page_{n}"), content)
        })
        .collect();
    let key = json!({"id": "AKIAQ3EGWHX5JKPLTRMN", "user": "ci", "status": "Active",
        "secret": "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"});
    resources.push(resource("aws_iam_access_key", "ci", key));
    json!({"version": 4, "terraform_version": "1.9.0", "serial": 1, "lineage": "x",
        "outputs": {}, "resources": resources})
    .to_string()
}

#[test]
fn a_long_state_is_read_whole_where_it_lies_and_where_it_is_named() {
    let text = state();
    assert!(text.len() > 4 << 20);
    for path in ["infra", "infra/terraform.tfstate"] {
        let world = World::new();
        world.file("infra/terraform.tfstate", &text);
        let (types, gaps) = scanned(&world, path);
        assert!(types.iter().any(|one| one == "aws_access_key"), "{types:?}");
        assert_eq!(gaps, 0, "{path}");
    }
}

#[test]
fn a_long_log_is_searched_as_far_where_it_is_named() {
    let line = "2026-11-20T08:00:00Z INFO order 4711 was paid and sent\n";
    let mut text = line.repeat(FILLED / line.len());
    text.push_str("2026-11-20T08:00:01Z DEBUG Authorization: Bearer ");
    text.push_str("glpat-9kYw3QzTn7RbXc1VdLpM\n");
    for path in ["logs", "logs/shop.log"] {
        let world = World::new();
        world.file("logs/shop.log", &text);
        let (types, gaps) = scanned(&world, path);
        assert_eq!((types.len(), gaps), (1, 0), "{path}: {types:?}");
    }
}
