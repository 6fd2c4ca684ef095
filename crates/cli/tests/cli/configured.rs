//! What a change configures, beside the secrets that it brings: pipelines, trust, keys. Asked of
//! repositories that the real git makes.

use serde_json::Value;

use crate::change::git;
use crate::world::World;

/// A workflow that hands a secret to these actions.
fn workflow(actions: &[&str]) -> String {
    let step = |action: &&str| {
        format!("      - uses: {action}\n        with: {{token: '${{{{ secrets.DEPLOY }}}}'}}\n")
    };
    let steps: String = actions.iter().map(step).collect();
    format!("on: push\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n    steps:\n{steps}")
}

const WORKFLOW: &str = "shop/.github/workflows/deploy.yml";

/// A repository in `shop` whose pipeline is too open already.
fn shop() -> World {
    let world = World::new();
    world.file(WORKFLOW, &workflow(&["acme/old@v1"]));
    world.file("shop/README.md", "The shop.\n");
    let dir = world.path("shop");
    git(&dir, &["init", "-q", "-b", "main"]);
    commit(&world);
    world
}

fn commit(world: &World) {
    let dir = world.path("shop");
    git(&dir, &["add", "-A"]);
    git(&dir, &["commit", "-q", "-m", "Open the shop"]);
}

/// The rules and reasons of what the change brings, and what is said of it on standard error.
fn brings(world: &World, change: &[&str]) -> (Vec<(String, String)>, String) {
    let mut command = world.command(&["scan"]);
    let output = command
        .args(change)
        .args(["-o", "json"])
        .current_dir(world.path("shop"))
        .output()
        .unwrap();
    let told: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let told = told
        .iter()
        .map(|one| (text(one, "rule"), text(one, "why")))
        .collect();
    (told, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_pipeline_is_news_only_for_what_a_change_opens_in_it() {
    let world = shop();
    let staged = || {
        git(&world.path("shop"), &["add", "-A"]);
        brings(&world, &["--staged"])
    };
    // What was as open before is not.
    world.file(
        WORKFLOW,
        &format!("# Deploys.\n{}", workflow(&["acme/old@v1"])),
    );
    assert!(staged().0.is_empty());
    world.file(WORKFLOW, &workflow(&["acme/old@v1", "evil/new@main"]));
    let (told, said) = staged();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "pipeline-too-open");
    assert!(told[0].1.contains("evil/new@main"), "{told:?}");
    assert!(said.contains("no new secret and 1 other finding"), "{said}");
    assert!(!said.contains("keyroll:allow"), "{said}");
    // Of many that are not fixed the one more is seen as well.
    let six = ["a/a@1", "a/b@1", "a/c@1", "a/d@1", "a/e@1", "acme/old@v1"];
    world.file(WORKFLOW, &workflow(&six));
    assert_eq!(staged().0.len(), 1);
    commit(&world);
    world.file(
        WORKFLOW,
        &workflow(&[&six[..], &["evil/new@main"]].concat()),
    );
    assert_eq!(staged().0.len(), 1);
    world.file(WORKFLOW, &workflow(&["acme/old@v1"]));
    commit(&world);
    // A file that is new is news as a whole, and one that is moved is none.
    world.file(WORKFLOW, &workflow(&["acme/old@v1"]));
    world.file(
        "shop/.github/workflows/other.yml",
        &workflow(&["acme/x@v1"]),
    );
    assert_eq!(staged().0.len(), 1);
    let other = world.path("shop/.github/workflows/other.yml");
    std::fs::rename(world.path(WORKFLOW), other).unwrap();
    let (told, said) = staged();
    assert!(told.is_empty(), "{told:?} {said}");
}

#[test]
fn commits_bring_trust_and_keys_that_are_too_weak() {
    let world = shop();
    let role = r#"resource "aws_iam_role" "deploy" {
  name = "deploy"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect = "Allow", Action = "sts:AssumeRoleWithWebIdentity",
    Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" } }] })
}
"#;
    let key = "ssh-dss AAAAB3NzaC1kc3MAAAACAKUAAAACAKUAAAACAKUAAAACAKU= ann@test\n";
    world.file("shop/roles.tf", role);
    world.file("shop/authorized_keys", key);
    commit(&world);
    let rules = |change: &[&str]| {
        let (told, said) = brings(&world, change);
        let mut rules: Vec<_> = told.into_iter().map(|(rule, _)| rule).collect();
        rules.sort();
        (rules, said)
    };
    let (told, said) = rules(&["--since", "HEAD~1"]);
    assert_eq!(told, ["trust-too-wide", "weak-key"], "{said}");
    // What a later commit of the change takes out again is not in what is merged.
    std::fs::remove_file(world.path("shop/roles.tf")).unwrap();
    commit(&world);
    assert_eq!(rules(&["--since", "HEAD~2"]).0, ["weak-key"]);
}
