//! Holds the format `x509` to certificates that nobody here wrote: each one is told, or it is
//! said that it could not be read; none makes it panic.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]
#![expect(clippy::disallowed_methods, reason = "outside truth lies in files")]

use std::path::Path;

use connectors::formats::{FileAt, Seen, format};
use serde_json::Value;

fn read(path: &str, bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    format("x509")
        .unwrap()
        .read(&FileAt { path, bytes }, &mut seen);
    seen
}

/// Every text in it that is armour of a certificate.
fn certificates<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if text.contains("-----BEGIN CERTIFICATE-----") => out.push(text),
        Value::Array(list) => list.iter().for_each(|one| certificates(one, out)),
        Value::Object(table) => table.values().for_each(|one| certificates(one, out)),
        _ => {}
    }
}

#[test]
fn every_certificate_of_x509_limbo_is_told_or_said_to_be_broken() {
    let Some(dir) = testkit::truth("x509-limbo") else {
        return;
    };
    let text = std::fs::read_to_string(dir.join("limbo.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let mut all = Vec::new();
    certificates(&json, &mut all);
    let (mut told, mut broken) = (0, 0);
    for pem in &all {
        let seen = read("/limbo/one.pem", pem.as_bytes());
        let blocks = pem.matches("-----BEGIN CERTIFICATE-----").count();
        let found = seen.certificates.len();
        assert!(
            found == blocks || !seen.gaps.is_empty(),
            "{found} of {blocks} told and nothing said: {pem}"
        );
        told += found;
        broken += blocks - found;
    }
    println!(
        "x509-limbo: {} texts, {told} told, {broken} broken",
        all.len()
    );
    assert!(told > 0 && broken * 50 <= told, "{broken} broken of {told}");
}

fn files(dir: &Path, out: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
}

#[test]
fn every_file_of_spiffe_is_read_and_the_corrupt_ones_are_gaps() {
    let Some(dir) = testkit::truth("spiffe") else {
        return;
    };
    let mut all = Vec::new();
    files(&dir, &mut all);
    let mut told = 0;
    for path in &all {
        let bytes = std::fs::read(path).unwrap();
        let seen = read(path.to_str().unwrap(), &bytes);
        told += seen.certificates.len();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("corrupt") && name.contains("cert") {
            assert!(
                seen.certificates.is_empty() || !seen.gaps.is_empty(),
                "{name}"
            );
        } else if name.starts_with("good") {
            assert!(!seen.certificates.is_empty(), "{name}");
            assert!(seen.gaps.is_empty(), "{name}: {:?}", seen.gaps);
        }
    }
    println!("spiffe: {} files, {told} certificates told", all.len());
    assert!(told > 0);
}
