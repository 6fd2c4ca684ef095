//! Whoever decodes bytes of others is tried by a fuzz target.
//!
//! What decodes is known by the words of the libraries that do; a parser written by hand has none
//! of them and is not found here.

use std::collections::BTreeSet;

use tidy::{blank, entries, files};

use crate::assert_none;

/// Where bytes are decoded, and the targets for it.
const LIST: &str = include_str!("../../parsers.txt");

/// How libraries are asked to decode.
const DECODES: &[&str] = &[
    "serde_json::from_slice",
    "serde_json::from_str",
    "serde_json::from_reader",
    "serde_saphyr::from",
    "toml::from_str",
    "toml::Table =",
    "roxmltree::Document",
    "csv::Reader",
    "from_be_bytes",
    "from_le_bytes",
    "from_pem",
    "pem_slice",
    "::decode(",
];

/// Code that no user's program holds.
const TESTS: &[&str] = &["crates/fuzz/", "crates/testkit/", "crates/tidy/"];

fn decodes(path: &str, text: &str) -> bool {
    let code = blank(text);
    let product = code
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let own = !TESTS.iter().any(|crate_| path.starts_with(crate_));
    own && DECODES.iter().any(|word| product.contains(word))
}

#[test]
fn whatever_decodes_bytes_names_the_fuzz_targets_for_it() {
    let rows = crate::rows(LIST, 3);
    let covers = |row: &[String], path: &str| path.starts_with(row[0].as_str());
    let sources = |path: &str| {
        let test = path.ends_with("/tests.rs") || path.contains("/tests/");
        path.ends_with(".rs") && path.contains("/src/") && !test
    };
    let (mut unlisted, mut used) = (Vec::new(), BTreeSet::new());
    for file in files(sources) {
        if !decodes(&file.path, &file.text) {
            continue;
        }
        // The longest that covers it: a file within a listed folder may have its own row.
        let row = rows.iter().filter(|row| covers(row, &file.path));
        match row.max_by_key(|row| row[0].len()) {
            Some(row) => drop(used.insert(row[0].clone())),
            None => unlisted.push(file.path),
        }
    }
    assert_none(
        "files decode bytes and name no fuzz target in crates/tidy/parsers.txt",
        &unlisted,
    );
    let stale = rows.iter().map(|row| &row[0]);
    let stale: Vec<_> = stale
        .filter(|path| !used.contains(*path))
        .cloned()
        .collect();
    assert_none("rows to strike out of crates/tidy/parsers.txt", &stale);
}

/// A target has a folder under `corpus/`; that it is one is a test of the crate `fuzz`.
#[test]
fn every_target_that_is_named_for_a_parser_has_a_corpus() {
    let known: BTreeSet<String> = entries("crates/fuzz/corpus").into_iter().collect();
    let mut wrong = Vec::new();
    for row in crate::rows(LIST, 3) {
        for target in row[1].split(',').filter(|target| *target != "-") {
            if !known.contains(target) {
                wrong.push(format!("{}: `{target}`", row[0]));
            }
        }
    }
    assert_none("targets that are none", &wrong);
}
