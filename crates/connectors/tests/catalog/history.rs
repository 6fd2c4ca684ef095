//! What a history tells of what has no secret.

use std::collections::BTreeMap;

use connectors::{Recording, connector};
use model::Attribute;
use serde_json::json;

use crate::fake::pass;

#[test]
fn in_a_history_what_is_only_declared_says_that_it_has_no_secret() {
    let blob = |path: &str, text: &str| {
        json!({
            "path": path, "text": text, "id": "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a",
            "commit": "3c4e2a0c7f1a4a8e9f43bd1a64c2f2d0a1f8a9b7", "author": "Ann <ann@acme.test>",
            "at": "2026-01-05T09:00:00Z", "in_head": true,
        })
    };
    let blobs = [
        blob(
            "main.tf",
            "resource \"aws_iam_access_key\" \"ci\" {\n  user = \"ci\"\n}\n",
        ),
        blob("prod.env", "API_TOKEN=fedcba9876543210\n"),
    ];
    let recording = json!({"GIT /srv/shop 0": {"blobs": blobs}}).to_string();
    let options: BTreeMap<_, _> = [("repository".to_owned(), "/srv/shop".to_owned())].into();
    let mut port = Recording::parse(&recording).unwrap();
    let out = pass(
        connector("git_history").unwrap(),
        &mut port,
        "host",
        &options,
    );
    let told: Vec<_> = out
        .seen
        .iter()
        .map(|one| {
            let place = one.fact(&Attribute::PLACE);
            let place = place
                .is()
                .and_then(|place| place.text())
                .unwrap_or_default();
            let bare = one.facts.contains_key(&Attribute::named("no_secret"));
            (
                place.rsplit('/').next().unwrap_or_default().to_owned(),
                bare,
            )
        })
        .collect();
    assert_eq!(
        told,
        [("main.tf".to_owned(), true), ("prod.env".to_owned(), false)],
        "{out:?}"
    );
}
