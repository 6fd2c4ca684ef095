//! Who may use whom.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// A crate uses only crates of an earlier line (docs/ARCHITECTURE.md).
const LINES: &[&[&str]] = &[
    &["model"],
    &[
        "store",
        "evidence",
        "connectors",
        "leaks",
        "inventory",
        "access",
        "behaviour",
        "policy",
        "vault",
        "issuer",
        "demo",
    ],
    &["assess", "lifecycle"],
    &["engine"],
    &["tell"],
    &["server"],
    &["cli"],
];

/// Crates that only tests use.
const DEV: &[&str] = &["fuzz", "testkit", "tidy"];

/// What a pure crate has no use for: each of these touches the world.
const WORLDLY: &[&str] = &[
    "aws-config",
    "hyper",
    "mio",
    "notify",
    "nix",
    "postgres",
    "rand",
    "reqwest",
    "rusqlite",
    "rustix",
    "socket2",
    "tokio",
    "tokio-postgres",
    "ureq",
    "walkdir",
];

/// The crates with a ban file.
pub(crate) const PURE: &[&str] = &[
    "model",
    "evidence",
    "vault",
    "connectors",
    "leaks",
    "inventory",
    "assess",
    "lifecycle",
    "demo",
];

fn packages() -> Vec<Package> {
    let manifest = tidy::root().join("Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .unwrap();
    metadata.packages
}

/// Names of what `package` is built with, by their real names; what only tests use is left out.
fn used(package: &Package) -> BTreeSet<String> {
    let built = |kind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
    let dependencies = package.dependencies.iter().filter(|one| built(one.kind));
    dependencies.map(|one| one.name.clone()).collect()
}

fn line(name: &str) -> Option<usize> {
    LINES.iter().position(|line| line.contains(&name))
}

#[test]
fn a_crate_uses_only_crates_of_a_lower_line() {
    let mut wrong = Vec::new();
    for package in packages() {
        let user = package.name.to_string();
        for used in used(&package) {
            match (line(&user), line(&used)) {
                (Some(above), Some(below)) if above <= below => wrong.push((user.clone(), used)),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "these point up or sideways: {wrong:#?}");
}

#[test]
fn every_crate_has_a_line() {
    for package in packages() {
        let name = package.name.to_string();
        assert!(
            line(&name).is_some() || DEV.contains(&name.as_str()),
            "`{name}` stands on no line: give it one here and in docs/ARCHITECTURE.md"
        );
    }
}

#[test]
fn what_only_tests_use_is_in_no_product_crate() {
    for package in packages().iter().filter(|one| line(&one.name).is_some()) {
        for used in used(package) {
            assert!(
                !DEV.contains(&used.as_str()),
                "`{}` is built with `{used}`",
                package.name
            );
        }
    }
}

#[test]
fn no_pure_crate_is_built_with_a_crate_that_touches_the_world() {
    for package in packages()
        .iter()
        .filter(|one| PURE.contains(&one.name.as_str()))
    {
        for used in used(package) {
            assert!(
                !WORLDLY.contains(&used.as_str()),
                "`{}` is built with `{used}`",
                package.name
            );
        }
    }
}
