//! Audit logs, over a port that gives the input in two pieces: a target for each platform, which
//! begins with records of it, and one for all.

use std::collections::BTreeMap;

use connectors::connector;

use super::Listed;
use crate::answers::{OneFile, pass};
use crate::witness::Witness;

const CLAIM: &str = "any log ends in observations and gaps, the same when it is read twice";

pub(super) const TARGETS: &[Listed] = &[
    ("logs", CLAIM, logs),
    ("logs_cloudtrail", CLAIM, logs),
    ("logs_kubernetes", CLAIM, logs),
    ("logs_entra", CLAIM, logs),
    ("logs_gcp", CLAIM, logs),
    ("logs_github", CLAIM, logs),
    ("logs_gitlab", CLAIM, logs),
    ("logs_okta", CLAIM, logs),
    ("logs_models", CLAIM, logs),
    ("logs_postgres", CLAIM, logs),
];

fn logs(input: &[u8]) {
    let options = BTreeMap::from([("dirs".to_owned(), "/logs".to_owned())]);
    let Some(logs) = connector("logs") else {
        return;
    };
    let told = || {
        let mut port = OneFile {
            path: "/logs/audit.json",
            bytes: input,
        };
        let witness = Witness::default();
        let told = pass(logs, &mut port, &witness, "/logs", &options);
        witness.finds_nothing_in(&told.text, "/logs");
        told
    };
    let once = told();
    assert!(!once.text.contains('\u{1b}'), "an escape came out raw");
    assert_eq!(
        once.text,
        told().text,
        "a second reading says something else"
    );
    let mut natives = once.natives;
    natives.sort_unstable();
    natives.dedup();
    assert!(
        natives.iter().all(|native| native.len() <= 1024),
        "an id without a bound"
    );
}
