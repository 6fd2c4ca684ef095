//! Texts that others wrote about secrets: what is found of those that hold one, and of those that do not.

use std::collections::BTreeSet;

use leaks::{Detector, What};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    rule: String,
    expected: bool,
    text: String,
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads outside truth, and whether to show what differs"
)]
fn most_texts_with_a_secret_are_found_and_few_without() {
    let Some(folder) = testkit::truth("secret-rules") else {
        return;
    };
    let detector = Detector::new().unwrap();
    let text = std::fs::read_to_string(folder.join("noseyparker.jsonl")).unwrap();
    let cases: Vec<Case> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // A text is negative for one rule of its authors'; others of theirs find a secret in it.
    let held: BTreeSet<&str> = cases
        .iter()
        .filter(|case| case.expected)
        .map(|case| case.text.as_str())
        .collect();
    let (mut positives, mut negatives, mut both) = ((0, 0), (0, 0), 0);
    for case in &cases {
        if !case.expected && held.contains(case.text.as_str()) {
            both += 1;
            continue;
        }
        let mut found = Vec::new();
        let mut sink = |one: leaks::Match| {
            found.push((one.rule.id.clone(), one.rule.what == What::Identifier))
        };
        detector.scan(case.text.as_bytes(), None, &mut sink);
        // Names of buckets and accounts are told, and are no secrets.
        let is_found = found.iter().any(|(_, is_name)| case.expected || !is_name);
        let (hits, all) = if case.expected {
            &mut positives
        } else {
            &mut negatives
        };
        *all += 1;
        *hits += usize::from(is_found);
        if is_found != case.expected && std::env::var_os("KEYROLL_TRUTH_SHOW").is_some() {
            testkit::aloud(&format!(
                "{} expected {}: {found:?} {:?}",
                case.rule, case.expected, case.text
            ));
        }
    }
    testkit::aloud(&format!(
        "secret-rules: {positives:?} of those with a secret, {negatives:?} of those without; \
         {both} are listed as both and left out"
    ));
    // Marks that only rise, and fall.
    assert!(positives.0 * 100 >= positives.1 * 90, "{positives:?}");
    assert!(negatives.0 * 100 <= negatives.1 * 5, "{negatives:?}");
}
