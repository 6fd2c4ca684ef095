//! `keyroll scan .` as somebody types it for the first time, in repositories as companies have
//! them: what leaked is named, little else is, and it fits where it is read.
//!
//! The benchmark `peers` holds the same of the large form, filled with released packages.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::repositories::{Repository, three};

use crate::world::World;

/// Lines of a terminal.
const LINES_MAX: usize = 40;
/// Columns of a terminal.
const COLUMNS_MAX: usize = 100;

/// A repository with one commit, in a world's directory of its name.
fn committed(world: &World, repository: &Repository) -> std::path::PathBuf {
    let dir = world.path(repository.name);
    repository.write(&dir).unwrap();
    for words in [
        &["init", "-q", "-b", "main"][..],
        &["add", "-A"],
        &["commit", "-q", "-m", "All of it"],
    ] {
        let done = Command::new("git")
            .current_dir(&dir)
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@acme.test"])
            .args(words)
            .status();
        assert!(done.unwrap().success(), "git {words:?}");
    }
    dir
}

fn scan(world: &World, dir: &Path, more: &[&str]) -> String {
    let output = world
        .command(&["scan", "--ephemeral", "."])
        .args(more)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Where secrets are said to lie in clear, from the repository's root.
fn told(report: &str, dir: &Path) -> BTreeSet<String> {
    let report: Value = serde_json::from_str(report).unwrap();
    let findings = report.as_array().unwrap().iter();
    findings
        .filter(|one| one["rule"] == "secret-in-text" && one["verdict"] == "fail")
        .filter_map(|one| one["path"].as_str())
        .map(|path| Path::new(path).strip_prefix(dir).unwrap_or(Path::new(path)))
        .map(|path| path.to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_leaked_is_named_and_of_ten_files_that_are_named_nine_leak() {
    for repository in three(7) {
        let world = World::new();
        let dir = committed(&world, &repository);
        let told = told(&scan(&world, &dir, &["-o", "json"]), &dir);
        let leaks: BTreeSet<_> = repository
            .leaks
            .iter()
            .map(|(path, _)| path.clone())
            .collect();
        let missed: Vec<_> = leaks.difference(&told).collect();
        let noise: Vec<_> = told.difference(&leaks).collect();
        assert!(missed.is_empty(), "{}: missed {missed:?}", repository.name);
        // Of files few enough to count, one may be named for nothing, and a second of many.
        let allowed = 1 + leaks.len() / 10;
        assert!(
            noise.len() <= allowed,
            "{}: noise {noise:?}",
            repository.name
        );
    }
}

#[test]
fn the_first_screen_fits_and_begins_with_what_leaked_and_what_to_type() {
    for repository in three(7) {
        let world = World::new();
        let dir = committed(&world, &repository);
        let screen = scan(&world, &dir, &[]);
        let name = repository.name;
        assert!(screen.lines().count() <= LINES_MAX, "{name}:\n{screen}");
        let gravest = screen.find("critical: ").or(screen.find("high: "));
        let rows: Vec<_> = screen[gravest.unwrap_or_default()..]
            .lines()
            .filter(|line| line.contains(" crd-"))
            .collect();
        assert!(rows.len() >= 8, "{name}:\n{screen}");
        let mut planted = 0;
        for row in &rows {
            assert!(row.contains("keyroll "), "{name}: {row}");
            planted += usize::from(
                repository
                    .leaks
                    .iter()
                    .any(|(path, _)| row.contains(path.rsplit('/').next().unwrap())),
            );
        }
        assert!(planted + 1 >= rows.len(), "{name}:\n{screen}");
        // An id is short in a terminal: `crd-` and eight more.
        let width = |row: &&str| {
            let before = row.split(" crd-").next().unwrap_or_default();
            before.chars().count() + " crd-12345678".len()
        };
        let wide = rows.iter().map(width).max();
        assert!(wide.unwrap_or_default() <= COLUMNS_MAX, "{name}:\n{screen}");
        // One person made all of it, and is told as likely, not as sure.
        let whose = rows.iter().filter(|row| row.contains(" ann?")).count();
        assert!(whose + 1 >= rows.len(), "{name}:\n{screen}");
    }
}

#[test]
fn passwords_in_code_of_others_are_asked_about_and_fill_no_screen() {
    let world = World::new();
    let code = "db = 'postgres://app:q8Zr1kVb0wXs@db.acme.test/app'\n";
    world.file("shop/ansible_collections/acme/db/plugins/users.py", code);
    world.file("shop/plays/users.py", &code.replace("q8Zr", "w3Tn"));
    let of = |dir: &str| {
        let dir = world.path(dir);
        let found = scan(&world, &dir, &["-o", "json"]);
        let found: Value = serde_json::from_str(&found).unwrap();
        let found = found.as_array().unwrap().iter();
        let failed = found.filter(|one| one["verdict"] == "fail" && one["rule"] != "unowned");
        let paths = failed.filter_map(|one| one["path"].as_str().map(str::to_owned));
        paths.collect::<BTreeSet<_>>()
    };
    let failed = of("shop");
    assert!(
        failed.len() == 1 && failed.iter().all(|path| path.ends_with("plays/users.py")),
        "{failed:?}"
    );
    // Whoever works on the collection names it, and it is theirs.
    assert_eq!(of("shop/ansible_collections/acme/db").len(), 1);
}
