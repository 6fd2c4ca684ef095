//! Names are the field's nouns, and every file says what it is.

use tidy::{blank, entries, files, identifiers};

use crate::assert_none;

/// Words that say nothing about what a thing is.
const EMPTY: &[&str] = &[
    "manager",
    "helper",
    "helpers",
    "util",
    "utils",
    "handler",
    "processor",
    "common",
    "misc",
];

/// The words of a name in `CamelCase` or `snake_case`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c == '-' || c.is_uppercase() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    words
}

fn says_nothing(name: &str) -> bool {
    let words = words(name);
    let next = |at: usize| words.get(at + 1).map(String::as_str);
    // A common name is X.509's, and says something.
    let is_empty = |(at, word): (usize, &String)| {
        EMPTY.contains(&word.as_str()) && (word != "common" || next(at) != Some("name"))
    };
    words.iter().enumerate().any(is_empty)
}

#[test]
fn no_type_and_no_module_has_a_name_that_says_nothing() {
    let mut wrong = Vec::new();
    for file in files(|path| path.ends_with(".rs")) {
        let kinds = ["struct", "enum", "trait", "type", "union", "mod"];
        for (line, name) in identifiers(&file.text, &kinds) {
            if says_nothing(&name) {
                wrong.push(format!("{}:{line}: `{name}` says nothing", file.path));
            }
        }
        let stem = file
            .path
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .trim_end_matches(".rs");
        if says_nothing(stem) {
            wrong.push(format!("{}: the file's name says nothing", file.path));
        }
        if stem == "mod" {
            wrong.push(format!(
                "{}: module files are named after the module",
                file.path
            ));
        }
    }
    assert_none("names", &wrong);
}

#[test]
fn a_name_is_split_where_its_words_begin() {
    assert_eq!(words("LeaseManager"), ["", "lease", "manager"]);
    assert!(says_nothing("pg_utils"));
    assert!(says_nothing("common"));
    assert!(!says_nothing("CommonName"));
    assert!(!says_nothing("utility_token"));
}

#[test]
fn the_first_line_of_a_file_says_what_it_is() {
    let mut wrong = Vec::new();
    for file in files(|path| path.ends_with(".rs")) {
        let first = file.text.lines().next().unwrap_or_default();
        if !first.starts_with("//! ") || first.len() < 16 {
            wrong.push(format!(
                "{}: expected a sentence after `//!`, got `{first}`",
                file.path
            ));
        }
    }
    assert_none("first lines", &wrong);
}

#[test]
fn nothing_is_left_unfinished() {
    let mut wrong = Vec::new();
    for file in files(|path| path.ends_with(".rs") && !path.starts_with("crates/tidy/")) {
        let code = blank(&file.text);
        for word in [
            "todo!(",
            "unimplemented!(",
            "#[ignore",
            "#![allow(",
            "#[allow(",
        ] {
            if code.contains(word) {
                wrong.push(format!("{}: `{word}` has no place here", file.path));
            }
        }
        for word in ["TODO", "FIXME"] {
            if file.text.contains(word) {
                wrong.push(format!(
                    "{}: `{word}`: do it, or leave the word out",
                    file.path
                ));
            }
        }
    }
    assert_none("unfinished places", &wrong);
}

#[test]
fn every_crate_is_a_word_of_the_glossary() {
    let [glossary] = &files(|path| path == "docs/GLOSSARY.md")[..] else {
        panic!("expected docs/GLOSSARY.md");
    };
    let wrong: Vec<_> = entries("crates")
        .into_iter()
        .filter(|name| !glossary.text.contains(&format!("`{name}`")))
        .collect();
    assert_none("crates that docs/GLOSSARY.md does not know", &wrong);
}
