//! Histories without a work tree, made by the real git.

use std::path::Path;

use serde_json::Value;

use crate::change::git;
use crate::world::World;

/// Planted; none is real.
const GONE: &str = "DATABASE_URL=postgres://app:q8Zr1kVb0wXsPq2L@db.acme.test/shop\n";
const KEPT: &str = "DATABASE_URL=postgres://app:vT5m0Qz81kLwYb3N@db.acme.test/shop\n";

/// The files that leak, as paths from the repository.
fn leaks(world: &World, repository: &Path) -> Vec<String> {
    let dir = repository.to_str().unwrap();
    let report = world.get(&["scan", "--ephemeral", "-q", "-o", "json", dir]);
    let report: Value = serde_json::from_str(&report).unwrap();
    let findings = report.as_array().unwrap().iter();
    let mut told: Vec<_> = findings
        .filter(|one| one["rule"] == "secret-in-text" && one["verdict"] == "fail")
        .map(|one| {
            let path = Path::new(one["path"].as_str().unwrap());
            let path = path.strip_prefix(repository).unwrap_or(path);
            path.to_str().unwrap().to_owned()
        })
        .collect();
    told.sort();
    told
}

#[test]
fn a_bare_repository_and_a_mirror_tell_what_lay_in_any_commit() {
    let world = World::new();
    let [bare, shop, mirror] = ["shop.git", "shop", "mirror.git"].map(|name| world.path(name));
    let [bare_text, mirror_text] = [&bare, &mirror].map(|path| path.to_str().unwrap());
    std::fs::create_dir(&shop).unwrap();
    git(&shop, &["init", "-q", "-b", "main"]);
    git(&shop, &["init", "-q", "--bare", "-b", "main", bare_text]);
    for (path, text) in [
        ("shop/gone.env", GONE),
        ("shop/gone.env", "PORT=8080\n"),
        ("shop/kept.env", KEPT),
    ] {
        world.file(path, text);
        git(&shop, &["add", "-A"]);
        git(&shop, &["commit", "-q", "-m", "Configure the shop"]);
    }
    git(&shop, &["push", "-q", bare_text, "main"]);
    let both = ["gone.env", "kept.env"];
    assert_eq!(leaks(&world, &bare), both);
    // As a server keeps it: one pack, and names in one file.
    git(&bare, &["gc", "-q"]);
    git(&bare, &["pack-refs", "--all"]);
    assert_eq!(leaks(&world, &bare), both);
    git(&shop, &["clone", "-q", "--mirror", bare_text, mirror_text]);
    assert_eq!(leaks(&world, &mirror), both);
}
