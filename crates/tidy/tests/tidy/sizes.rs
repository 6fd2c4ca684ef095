//! Files and functions that leave the screen, each with a reason and a mark that only falls.

use std::collections::BTreeMap;

use tidy::{files, functions};

use crate::assert_none;

/// Lines of a file, and lines of code of a function, that need no reason.
const PRODUCT: (usize, usize) = (600, 70);
/// The same for tests, benchmarks and examples: a long list of claims is easy to read, a long tangle is not.
const TESTS: (usize, usize) = (1000, 120);

/// `path` or `path::function`, its lines, and why it reads best in one piece.
const MARKS: &str = include_str!("../../sizes.txt");

fn long() -> BTreeMap<String, usize> {
    let mut long = BTreeMap::new();
    for file in files(|path| path.ends_with(".rs")) {
        let folders = ["/tests/", "/benches/", "/examples/", "/tests.rs"];
        let is_test = folders.iter().any(|folder| file.path.contains(folder));
        let (file_lines, function_lines) = if is_test { TESTS } else { PRODUCT };
        let lines = file.text.lines().count();
        if lines > file_lines {
            long.insert(file.path.clone(), lines);
        }
        for function in functions(&file.text) {
            if function.lines > function_lines {
                long.insert(format!("{}::{}", file.path, function.name), function.lines);
            }
        }
    }
    long
}

#[test]
fn what_is_long_has_a_reason_and_does_not_grow() {
    let marks: BTreeMap<String, usize> = crate::rows(MARKS, 3)
        .into_iter()
        .map(|row| (row[0].clone(), row[1].parse().unwrap()))
        .collect();
    let long = long();
    let mut wrong = Vec::new();
    for (what, lines) in &long {
        match marks.get(what) {
            None => wrong.push(format!("{what}  {lines}  has no mark")),
            Some(mark) if lines > mark => wrong.push(format!("{what}  {lines}  was {mark}")),
            Some(_) => {}
        }
    }
    assert_none(
        "are too long: split them, or say why not in crates/tidy/sizes.txt",
        &wrong,
    );

    let mut loose = Vec::new();
    for (what, mark) in &marks {
        let lines = long.get(what).copied().unwrap_or(0);
        if lines * 10 < mark * 9 {
            loose.push(format!("{what}  {mark}  is now {lines}"));
        }
    }
    assert_none(
        "marks have to fall in crates/tidy/sizes.txt (strike out what is short)",
        &loose,
    );
}
