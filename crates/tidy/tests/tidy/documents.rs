//! Documents and catalogues agree with the tree.

use std::collections::BTreeSet;

use tidy::{entries, files, links, root};

use crate::assert_none;

#[test]
fn every_link_into_the_tree_points_to_something() {
    let mut wrong = Vec::new();
    for file in files(|path| path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, link) in links(&file.text) {
            let target = match link.strip_prefix('/') {
                Some(from_root) => root().join(from_root),
                None => root().join(folder).join(&link),
            };
            if !target.exists() {
                wrong.push(format!("{}:{line}: `{link}`", file.path));
            }
        }
    }
    assert_none("links that point to nothing", &wrong);
}

#[test]
fn the_documents_every_newcomer_looks_for_are_there() {
    let wanted = [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "LICENSE",
        "docs/ARCHITECTURE.md",
        "docs/GLOSSARY.md",
    ];
    let absent: Vec<_> = wanted
        .into_iter()
        .filter(|path| !root().join(path).is_file())
        .map(str::to_owned)
        .collect();
    assert_none("absent documents", &absent);
}

#[test]
fn every_rule_has_a_page_and_every_page_a_rule() {
    let rules: BTreeSet<String> = assess::RULES
        .iter()
        .map(|rule| format!("{}.md", rule.id))
        .collect();
    let pages: BTreeSet<String> = entries("docs/findings").into_iter().collect();
    assert_eq!(rules, pages, "left: rules, right: docs/findings/");
}

/// A connector without a recording is not held by the contract; a recording without a
/// connector holds nothing.
#[test]
fn every_connector_has_a_recording_and_every_recording_a_connector() {
    let named: BTreeSet<String> = connectors::catalog()
        .map(|one| one.spec().name.to_owned())
        .collect();
    let recorded: BTreeSet<String> = entries("crates/connectors/testdata").into_iter().collect();
    assert_eq!(named, recorded, "left: src/, right: testdata/");
    for name in named {
        assert!(
            !entries(&format!("crates/connectors/testdata/{name}")).is_empty(),
            "crates/connectors/testdata/{name}/ is empty"
        );
    }
}

/// A script is one thing that says what it is, and stops at the first failure.
#[test]
fn every_script_says_what_it_does_and_stops_when_something_fails() {
    // Python stops by itself at what fails; the others are lists of what is installed, or of entries.
    let others = [".txt", ".py", ".mod", ".sum", ".ldif"];
    let is_shell = |path: &str| !others.iter().any(|end| path.ends_with(end));
    for file in files(|path| path.starts_with("scripts/") && is_shell(path)) {
        let strict = file.text.contains("set -euo pipefail") || file.text.contains("lib.bash");
        assert!(
            strict,
            "{}: expected `set -euo pipefail` or lib.bash",
            file.path
        );
        let described = file.text.lines().take(2).any(|line| line.starts_with("# "));
        assert!(
            described,
            "{}: expected a comment that says what it does",
            file.path
        );
    }
}

/// A newcomer copies what is printed there: it has to be what compiles and is tried.
#[test]
fn what_contributing_prints_is_the_connector_that_runs() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let printed = read("CONTRIBUTING.md");
    for (form, path) in [
        ("rust", "crates/connectors/src/gitlab_project_tokens.rs"),
        (
            "toml",
            "crates/connectors/src/described/catalogue/rabbitmq.toml",
        ),
        (
            "json",
            "crates/connectors/testdata/gitlab_project_tokens/answers.json",
        ),
    ] {
        let block = format!("```{form}\n{}```\n", read(path));
        assert!(printed.contains(&block), "{path} is printed otherwise");
    }
}
