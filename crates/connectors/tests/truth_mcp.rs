//! Holds `mcp_server` to descriptions that nobody here wrote: each secret that a server of
//! Docker's catalogue declares is a credential of that server.

#![expect(clippy::disallowed_methods, reason = "outside truth lies in files")]

use std::collections::BTreeSet;
use std::fs;

use connectors::formats::{FileAt, Seen, format};
use model::{Attribute, Told, Value};

/// The variables under `secrets:` as lines tell them, without any parser of ours.
fn declared(text: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let mut within = None;
    for line in text.lines() {
        let depth = line.len() - line.trim_start().len();
        let word = line.trim();
        match within {
            _ if word == "secrets:" => within = Some(depth),
            Some(top) if depth <= top && !word.is_empty() && !word.starts_with('-') => {
                within = None;
            }
            Some(_) => {
                let word = word.trim_start_matches("- ");
                if let Some(name) = word.strip_prefix("env:") {
                    out.insert(name.trim().trim_matches(['"', '\'']).to_owned());
                }
            }
            None => {}
        }
    }
    out
}

#[test]
fn every_secret_that_a_published_server_declares_is_a_credential_of_it() {
    let Some(dir) = testkit::truth("mcp-registry") else {
        return;
    };
    let of = format("mcp_server").unwrap();
    let (mut servers, mut wanted, mut found) = (0, 0, 0);
    let mut missed = Vec::new();
    for entry in fs::read_dir(dir.join("servers")).unwrap() {
        let path = entry.unwrap().path().join("server.yaml");
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        servers += 1;
        let path = path.display().to_string();
        let mut seen = Seen::default();
        of.read(
            &FileAt {
                path: &path,
                bytes: text.as_bytes(),
            },
            &mut seen,
        );
        assert!(seen.gaps.is_empty(), "{path}: {:?}", seen.gaps);
        assert_eq!(seen.things.len(), 1, "{path}");
        let names: BTreeSet<&str> = seen
            .found
            .iter()
            .filter_map(|one| match one.told.fact(&Attribute::NAME) {
                Told::Is(Value::Text(name)) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        for name in declared(&text) {
            wanted += 1;
            if names.contains(name.as_str()) {
                found += 1;
            } else {
                missed.push(format!("{path}: {name}"));
            }
        }
    }
    println!("{servers} descriptions read; {found} of {wanted} declared secrets recognised");
    assert!(servers >= 300 && wanted >= 200, "{servers} {wanted}");
    assert!(missed.is_empty(), "{missed:?}");
}
