//! Whom `CODEOWNERS` names for what lies in files and in history.

use std::collections::BTreeMap;

use connectors::{Recording, connector};
use model::{Attribute, Confidence, Observation};
use serde_json::json;

use crate::fake::pass;

const ENV: &str = "DATABASE_URL=postgres://shop:Kq3-w9Zx!mT7v@db.acme.test/shop\n";

fn owners(seen: &[Observation], below: &str) -> Option<(String, Confidence)> {
    let place = |one: &&Observation| {
        let place = one.fact(&Attribute::PLACE);
        place
            .is()
            .is_some_and(|place| place.to_string().ends_with(below))
    };
    let fact = seen
        .iter()
        .find(place)?
        .facts
        .get(&Attribute::CODE_OWNERS)?;
    Some((fact.told.is()?.to_string(), fact.confidence))
}

fn entry(name: &str, kind: &str) -> serde_json::Value {
    json!({"name": name, "kind": kind, "size": 100})
}

#[test]
fn what_lies_in_a_repository_is_told_with_whom_its_codeowners_name() {
    let code_owners = "* @acme/platform\n/shop/ @acme/payments ann@acme.test\n/free/\n";
    let answers = json!({
        "LIST /srv": [entry(".github", "directory"), entry("free", "directory"), entry("shop", "directory"), entry("inner", "directory"), entry(".env", "file")],
        "LIST /srv/.github": [entry("CODEOWNERS", "file")],
        "LIST /srv/shop": [entry(".env", "file")],
        "LIST /srv/free": [entry(".env", "file")],
        "LIST /srv/inner": [entry(".git", "directory"), entry("CODEOWNERS", "file"), entry(".env", "file")],
        "READ /srv/.github/CODEOWNERS": {"text": code_owners},
        "READ /srv/inner/CODEOWNERS": {"text": ".env @bob"},
        "READ /srv/.env": {"text": ENV},
        "READ /srv/shop/.env": {"text": ENV},
        "READ /srv/free/.env": {"text": ENV},
        "READ /srv/inner/.env": {"text": ENV},
    });
    let mut port = Recording::parse(&answers.to_string()).unwrap();
    let options = BTreeMap::from([("dirs".to_owned(), "/srv".to_owned())]);
    let files = connector("files").unwrap();
    let seen = pass(files, &mut port, "host", &options).seen;
    let told = |below: &str| owners(&seen, below);
    let team = "@acme/payments, ann@acme.test".to_owned();
    assert_eq!(told("/srv/shop/.env"), Some((team, Confidence::Stated)));
    let rest = "@acme/platform".to_owned();
    assert_eq!(told("/srv/.env"), Some((rest, Confidence::Guessed)));
    assert_eq!(told("/srv/free/.env"), None, "a line without owners frees");
    let inner = "@bob".to_owned();
    assert_eq!(told("/srv/inner/.env"), Some((inner, Confidence::Stated)));
}

#[test]
fn what_lies_in_history_is_told_with_owners_of_today_and_who_wrote_most() {
    let blob = |path: &str, text: &str, author: &str, in_head: bool| json!({"path": path, "text": text, "id": "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a", "commit": "3c4e2a0c7f1a4a8e9f43bd1a64c2f2d0a1f8a9b7", "author": author, "at": "2026-01-05T09:00:00Z", "in_head": in_head});
    let (ann, bob) = ("Ann <ann@acme.test>", "Bob <bob@acme.test>");
    let answers = json!({"GIT /srv/shop 0": {"blobs": [
        blob("CODEOWNERS", "/.env @old", ann, false),
        blob("CODEOWNERS", "/.env @acme/payments", ann, true),
        blob(".env", ENV, ann, true),
        blob(".env", "LOG=a\n", bob, false),
        blob(".env", "LOG=b\n", bob, false),
    ]}});
    let mut port = Recording::parse(&answers.to_string()).unwrap();
    let options = BTreeMap::from([("repository".to_owned(), "/srv/shop".to_owned())]);
    let history = connector("git_history").unwrap();
    let seen = pass(history, &mut port, "host", &options).seen;
    let team = "@acme/payments".to_owned();
    assert_eq!(owners(&seen, ".env"), Some((team, Confidence::Stated)));
    let fact = |attribute: &Attribute| seen[0].fact(attribute).is().map(ToString::to_string);
    assert_eq!(fact(&Attribute::AUTHOR).as_deref(), Some(ann));
    assert_eq!(fact(&Attribute::MAIN_AUTHOR).as_deref(), Some(bob));
}
