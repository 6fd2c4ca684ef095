//! Who may look at a secret.

use std::collections::BTreeSet;

use tidy::{blank, files};

use crate::assert_none;

/// Each file that may call `expose()`, and why it has to.
const MAY: &str = include_str!("../../expose.txt");

#[test]
fn a_secret_is_exposed_only_where_it_is_listed() {
    let may: BTreeSet<String> = crate::rows(MAY, 2)
        .into_iter()
        .map(|mut row| row.remove(0))
        .collect();
    let sources = |path: &str| {
        path.ends_with(".rs") && path.contains("/src/") && !path.ends_with("/tests.rs")
    };
    let does: BTreeSet<String> = files(sources)
        .into_iter()
        .filter(|file| product(&blank(&file.text)).contains(".expose()"))
        .map(|file| file.path)
        .collect();
    let unlisted: Vec<_> = does.difference(&may).cloned().collect();
    assert_none(
        "files look at a secret's bytes without a reason in crates/tidy/expose.txt",
        &unlisted,
    );
    let stale: Vec<_> = may.difference(&does).cloned().collect();
    assert_none("files to strike out of crates/tidy/expose.txt", &stale);
}

/// The code before the file's own tests, which come last.
fn product(code: &str) -> &str {
    code.split("#[cfg(test)]").next().unwrap_or_default()
}

/// A derived `Debug`, `Display` or `Serialize` on the one type that must have none.
#[test]
fn secret_has_neither_display_nor_serialize() {
    let [file] = &files(|path| path == "crates/model/src/secret.rs")[..] else {
        panic!("expected crates/model/src/secret.rs");
    };
    let code = blank(&file.text);
    for word in [
        "Display",
        "Serialize",
        "Deserialize",
        "derive(Debug",
        "Deref",
        "AsRef",
    ] {
        assert!(!code.contains(word), "`Secret` must not have `{word}`");
    }
}
