//! Alert or no alert, beside cases that nobody here wrote, for the two rules about secrets in
//! clear and by reference in variables and maps that are judged here.

use std::path::Path;

use serde_json::Value;

use crate::world::World;

/// Their rules, and those of ours that say the same.
const RULES: &[(&str, &[&str])] = &[
    (
        "rule-credentials-in-env-var",
        &["secret-in-variable", "open-secret", "secret-in-text"],
    ),
    (
        "rule-credentials-configmap",
        &["open-secret", "secret-in-text"],
    ),
    ("rule-secrets-in-env-var", &["secret-in-variable"]),
];

/// Where a case says that nothing is wrong, so many may be named all the same: a reference to a
/// secret, which one of their rules takes for a failure and another does not.
const FALSE_MAX: usize = 1;

fn findings(world: &World, dir: &Path) -> Vec<Value> {
    let dir = dir.to_str().unwrap();
    let found = world.get(&["scan", "--ephemeral", "--no-history", dir, "-o", "json"]);
    serde_json::from_str(&found).unwrap()
}

#[test]
fn what_kubescape_says_of_secrets_in_variables_and_maps_is_compared() {
    let Some(dir) = testkit::truth("kubescape-rbac") else {
        return;
    };
    let world = World::new();
    let (mut cases, mut agreed, mut named) = (0, 0, 0);
    for (theirs, ours) in RULES {
        let mut of = std::fs::read_dir(dir.join(theirs).join("test"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>();
        of.sort();
        for case in of {
            let expected = std::fs::read(case.join("expected.json")).unwrap();
            let expected: Vec<Value> = serde_json::from_slice(&expected).unwrap();
            let input = [case.join("input"), case.join("input.yaml")];
            let input = input.iter().find(|path| path.exists()).unwrap();
            let is_ours = |one: &&Value| ours.iter().any(|rule| one["rule"] == *rule);
            let alert = findings(&world, input).iter().any(|one| is_ours(&one));
            cases += 1;
            if alert == expected.is_empty() {
                println!(
                    "{theirs}/{}: expected alert {}, ours {alert}",
                    case.file_name().unwrap().to_string_lossy(),
                    !expected.is_empty()
                );
                named += usize::from(alert);
            } else {
                agreed += 1;
            }
        }
    }
    println!("kubescape: {agreed} of {cases} agree, {named} named that are none");
    assert!(cases > 0 && named <= FALSE_MAX);
}
