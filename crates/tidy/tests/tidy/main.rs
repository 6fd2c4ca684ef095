//! What must hold of the whole tree and no compiler checks.

#![expect(
    clippy::unwrap_used,
    reason = "a tree that cannot be read is a test that fails"
)]

mod documents;
mod layers;
mod manifests;
mod parsers;
mod places;
mod secrets;
mod sizes;
mod words;

/// Fails with all that is wrong at once.
#[track_caller]
fn assert_none(what: &str, wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} {what}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The lines of a data file of these tests: fields in columns, the last one a reason in words.
/// Blank lines and lines that begin with `#` are for people.
fn rows(text: &str, columns: usize) -> Vec<Vec<String>> {
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut rest = line.trim();
            let mut fields = Vec::new();
            for _ in 1..columns {
                let (field, after) = rest
                    .split_once(char::is_whitespace)
                    .unwrap_or_else(|| panic!("expected {columns} columns in `{line}`"));
                fields.push(field.to_owned());
                rest = after.trim_start();
            }
            assert!(rest.len() > 10, "expected a reason at the end of `{line}`");
            fields.push(rest.to_owned());
            fields
        })
        .collect()
}
