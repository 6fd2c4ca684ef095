//! The tree names no machine and no host but what it must.

use tidy::{files, root};

use crate::assert_none;

/// What builds and tests may name: this machine, a variable, a file, and the index in Cargo's lock file.
const HOSTS: &[&str] = &[
    "127.0.0.1",
    "$",
    "/",
    "github.com/rust-lang/crates.io-index",
];

/// What runs at build time, where a host would be fetched from.
fn builds(path: &str) -> bool {
    // Hashes of modules: letters in any order.
    (path.starts_with("scripts/") && !path.ends_with("go.sum"))
        || path.starts_with(".ci/")
        || path.starts_with(".cargo/")
        || path.ends_with("Cargo.toml")
        || ["Cargo.lock", "Makefile", "deny.toml", "rust-toolchain.toml"].contains(&path)
}

/// Whether every URL in `line` names a host of [`HOSTS`].
fn names_only_known_hosts(line: &str) -> bool {
    line.match_indices("://").all(|(at, _)| {
        let authority = line[at + 3..]
            .split(char::is_whitespace)
            .next()
            .unwrap_or_default();
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        HOSTS.iter().any(|known| host.starts_with(known))
    })
}

#[test]
fn what_builds_and_tests_names_no_host() {
    let mut wrong = Vec::new();
    for file in files(builds) {
        for (number, line) in file.text.lines().enumerate() {
            let registry = line.contains("index-url") || line.contains("[source.");
            if registry || !names_only_known_hosts(line) {
                wrong.push(format!("{}:{}: {line}", file.path, number + 1));
            }
        }
    }
    assert_none("lines that name a host", &wrong);
}

#[test]
fn a_host_is_told_from_what_stands_around_it() {
    assert!(names_only_known_hosts(
        "curl http://127.0.0.1:80/ postgres://a:b@$host/db"
    ));
    assert!(!names_only_known_hosts(
        "pip install --index https://example.org/simple"
    ));
    assert!(!names_only_known_hosts("https://127.0.0.1@example.org/"));
}

#[test]
fn no_file_holds_the_path_of_this_checkout() {
    let here = root().canonicalize().unwrap();
    let here = here.to_str().unwrap();
    // A checkout at `/src` would be found everywhere.
    if here.matches('/').count() < 2 {
        return;
    }
    let holding: Vec<_> = files(|_| true)
        .into_iter()
        .filter(|file| file.text.contains(here))
        .map(|file| file.path)
        .collect();
    assert_none("files that name the place of this checkout", &holding);
}
