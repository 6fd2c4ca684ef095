//! Descriptions that are none, and what is made of items.

use std::collections::BTreeMap;

use model::{Fingerprint, Observation, Secret, Timestamp};

use super::*;
use crate::{Event, Fingerprints, Recording};

mod posted;

/// A description with one list, whose further lines are `more`.
fn described(more: &str) -> String {
    format!(
        "name = \"shop\"\ntitle = \"Shop\"\nreads = \"keys\"\nform = \"shop:HOST/ORG\"\n\
         manual = \"https://shop.example\"\nneeds = [\"read\"]\n\
         [login]\nby = \"header\"\nheader = \"x\"\nvariable = \"X\"\n\
         [[list]]\nname = \"keys\"\npath = \"orgs/{{ORG}}/keys\"\nneeds = \"read\"\n{more}"
    )
}

const SEE: &str = "[[list.see]]\nkind = \"credential\"\nnative = \"key/{id}\"\n\
     is = { type = \"api_token\" }\n";

#[test]
fn every_description_that_comes_along_can_be_read() {
    for text in CATALOGUE {
        if let Err(error) = Described::read(text) {
            panic!("{error}\n{text}");
        }
    }
    assert_eq!(DESCRIBED.len(), CATALOGUE.len());
    let names: BTreeSet<_> = DESCRIBED.iter().map(|one| one.spec.name).collect();
    assert_eq!(names.len(), CATALOGUE.len(), "each has a name of its own");
}

#[test]
fn a_description_that_cannot_be_is_refused_with_what_was_expected() {
    assert!(Described::read(&described(SEE)).is_ok());
    let cases = [
        (described("speed = 3\n"), "unknown field `speed`"),
        (
            described(SEE).replace("[login]", "[headers]\n\"x y\" = \"1\"\n[login]"),
            "names of letters",
        ),
        (described("page = { by = \"magic\" }\n"), "magic"),
        (
            described("for_each = \"orgs\"\n"),
            "what its items are `called`",
        ),
        (
            described("for_each = \"keys\"\n"),
            "what its items are `called`",
        ),
        (
            described(SEE).replace("{ORG}/keys", "{TEAM}/keys"),
            "parts of the target",
        ),
        (
            described(SEE).replace("{ORG}/keys", "{id}/keys"),
            "parts of the target",
        ),
        (
            described(&SEE.replace("{id}", "{^.id}")),
            "fields of the item",
        ),
        (described(&SEE.replace("{id}", "{id")), "closing brace"),
        (
            described(&SEE.replace("api_token", "magic")),
            "type of credential",
        ),
        (
            described(&SEE.replace("credential", "thing")),
            "one of identity",
        ),
        (
            described(&format!("{SEE}facts = {{ Name = \"name\" }}\n")),
            "name of a fact",
        ),
        (
            described(&format!(
                "{SEE}facts = {{ name = {{ missing = \"absent\" }} }}\n"
            )),
            "either `at` or `text`",
        ),
        (
            described(SEE).replace("shop:HOST/ORG", "shop:ORG"),
            "word:HOST",
        ),
        (
            described(SEE).replace("\"shop\"", "\"My Shop\""),
            "a-z, 0-9",
        ),
    ];
    for (text, expected) in cases {
        let told = Described::read(&text).unwrap_err().to_string();
        assert!(told.contains(expected), "{told}\n{text}");
    }
}

struct NoKey;

impl Fingerprints for NoKey {
    fn fingerprint(&self, _: &Secret) -> Fingerprint {
        panic!("no secret is looked at")
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

/// What a description tells of a recording: observations, and gaps in words.
fn pass(description: &str, recording: &serde_json::Value) -> (Vec<Observation>, Vec<String>) {
    let described = Described::read(description).unwrap();
    let mut port = Recording::parse(&recording.to_string()).unwrap();
    let (mut seen, mut gaps) = (Vec::new(), Vec::new());
    let mut sink = |event| match event {
        Event::Seen(one) => seen.push(one),
        Event::Gap(gap) => gaps.push(format!("{}: {}", gap.scope, gap.told)),
        Event::SetAside { .. } => {}
    };
    let (options, now) = (BTreeMap::new(), Timestamp::from_seconds(0));
    let target = "shop.example/acme";
    let mut cx = Context::new(&mut port, &NoKey, target, &options, now, &mut sink);
    described.discover(&mut cx).unwrap();
    (seen, gaps)
}

fn page(body: &serde_json::Value) -> serde_json::Value {
    serde_json::json!({"status": 200, "body": body.to_string()})
}

#[test]
fn silence_none_and_values_are_told_apart() {
    let facts = "facts = { name = \"name\", expires_at = { at = \"end\", as = \"seconds\", none = [0] }, \
         last_used_at = { at = \"used\", missing = \"absent\" }, created_at = \"made\", \
         status = { at = \"on\", words = { true = \"active\", false = \"inactive\" } }, \
         rights = \"scopes.*.name\" }\n";
    let description = described(&format!("{SEE}{facts}"));
    let items = serde_json::json!([
        {"id": 1, "name": "a", "end": 1_800_000_000, "used": null, "made": "2026-01-05", "on": true,
         "scopes": [{"name": "read"}, {"name": "write"}]},
        {"id": 2, "end": 0, "made": "yesterday", "on": false},
        {"name": "without an id"},
    ]);
    let recording = serde_json::json!({"GET /orgs/acme/keys": page(&items)});
    let (seen, gaps) = pass(&description, &recording);
    let told: Vec<_> = seen
        .iter()
        .map(|one| serde_json::to_value(&one.facts).unwrap())
        .collect();
    assert_eq!(
        told,
        [
            serde_json::json!({"type": {"is": "api_token"}, "name": {"is": "a"},
                "expires_at": {"is": "2027-01-15T08:00:00Z"}, "last_used_at": "absent",
                "created_at": {"is": "2026-01-05T00:00:00Z"}, "status": {"is": "active"},
                "rights": {"is": ["read", "write"]}}),
            serde_json::json!({"type": {"is": "api_token"}, "expires_at": "absent",
                "last_used_at": "absent", "status": {"is": "inactive"}, "rights": "absent"}),
        ]
    );
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(
        gaps[0].contains("expected `key/{id}` in an item"),
        "{gaps:?}"
    );
}

#[test]
fn a_list_is_asked_for_each_item_of_another_and_fails_by_itself() {
    let teams = "called = \"{slug}\"\n[[list]]\nname = \"tokens\"\nfor_each = \"keys\"\n\
         path = \"teams/{^.id}/tokens\"\nneeds = \"tokens\"\n\
         [[list.see]]\nkind = \"credential\"\nnative = \"token/{^.id}/{id}\"\n\
         is = { type = \"api_token\" }\n";
    let recording = serde_json::json!({
        "GET /orgs/acme/keys": page(&serde_json::json!([{"id": "a/../b", "slug": "a"}, {"id": 2, "slug": "b"}])),
        "GET /teams/a/../b/tokens": page(&serde_json::json!([{"id": 7}, {"id": 7}])),
    });
    let (seen, gaps) = pass(&described(teams), &recording);
    let natives: Vec<_> = seen.iter().map(|one| one.native.as_str()).collect();
    assert_eq!(natives, ["token/a/../b/7"], "seen twice, told once");
    assert_eq!(seen[0].scope.0, ["keys", "a", "tokens"]);
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].starts_with("keys/b/tokens: "), "{gaps:?}");
}

#[test]
fn each_way_of_paging_ends_where_its_provider_says() {
    let one = |id: u32| serde_json::json!({"data": [{"id": id}]});
    let with = |id: u32, more: serde_json::Value| {
        let mut answer = one(id);
        answer
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        answer
    };
    let none = page(&serde_json::json!({"data": []}));
    let at = |query: &str| format!("GET /orgs/acme/keys{query}");
    let link = serde_json::json!({"status": 200, "body": one(1).to_string(), "next": {"c": "x"}});
    let cases = [
        (
            "by = \"number\", parameter = \"p\"",
            vec![
                (at("?p=1"), page(&one(1))),
                (at("?p=2"), page(&one(2))),
                (at("?p=3"), none.clone()),
            ],
        ),
        (
            "by = \"offset\", parameter = \"o\"",
            vec![
                (at("?o=0"), page(&one(1))),
                (at("?o=1"), page(&one(2))),
                (at("?o=2"), none),
            ],
        ),
        (
            "by = \"cursor\", parameter = \"c\", at = \"next\"",
            vec![
                (at(""), page(&with(1, serde_json::json!({"next": "x"})))),
                (at("?c=x"), page(&with(2, serde_json::json!({"next": ""})))),
            ],
        ),
        (
            "by = \"after\", parameter = \"a\", at = \"id\", more = \"has_more\"",
            vec![
                (
                    at(""),
                    page(&with(1, serde_json::json!({"has_more": true}))),
                ),
                (
                    at("?a=1"),
                    page(&with(2, serde_json::json!({"has_more": false}))),
                ),
            ],
        ),
        (
            "by = \"link\"",
            vec![(at(""), link), (at("?c=x"), page(&one(2)))],
        ),
    ];
    for (paging, answers) in cases {
        let description = described(&format!("items = \"data\"\npage = {{ {paging} }}\n{SEE}"));
        let recording: serde_json::Map<_, _> = answers.into_iter().collect();
        let (seen, gaps) = pass(&description, &serde_json::Value::Object(recording));
        let natives: Vec<_> = seen.iter().map(|one| one.native.as_str()).collect();
        assert_eq!(natives, ["key/1", "key/2"], "{paging}");
        assert!(gaps.is_empty(), "{paging}: {gaps:?}");
    }
}

#[test]
fn of_an_address_in_an_answer_only_the_parameters_are_taken() {
    let next = "https://elsewhere.example/x?c=%78&d=a+b#end";
    let recording = serde_json::json!({
        "GET /orgs/acme/keys": page(&serde_json::json!({"data": [{"id": 1}], "next": next})),
        "GET /orgs/acme/keys?c=x&d=a b": page(&serde_json::json!({"data": [{"id": 2}], "next": null})),
    });
    let paging = "page = { by = \"next\", at = \"next\" }";
    let description = described(&format!("items = \"data\"\n{paging}\n{SEE}"));
    let (seen, gaps) = pass(&description, &recording);
    let natives: Vec<_> = seen.iter().map(|one| one.native.as_str()).collect();
    assert_eq!(natives, ["key/1", "key/2"]);
    assert!(gaps.is_empty(), "{gaps:?}");
}

#[test]
fn a_list_that_repeats_itself_and_a_refusal_with_status_200_are_gaps() {
    let paged = format!(
        "items = \"data\"\npage = {{ by = \"cursor\", parameter = \"c\", at = \"next\" }}\n{SEE}"
    );
    let endless = page(&serde_json::json!({"data": [{"id": 1}], "next": "x"}));
    let recording = serde_json::json!({
        "GET /orgs/acme/keys": endless, "GET /orgs/acme/keys?c=x": endless,
    });
    let (seen, gaps) = pass(&described(&paged), &recording);
    assert_eq!(seen.len(), 1);
    assert!(gaps[0].contains("came twice"), "{gaps:?}");

    let fails = "fails = { unless = \"ok\", why = \"error\", denied = [\"missing_scope\"] }\n";
    let description = described(&format!("items = \"data\"\n{SEE}"));
    let description = description.replace("[login]", &format!("{fails}[login]"));
    let refused = page(&serde_json::json!({"ok": false, "error": "missing_scope"}));
    let recording = serde_json::json!({"GET /orgs/acme/keys": refused});
    let (seen, gaps) = pass(&description, &recording);
    assert!(seen.is_empty());
    assert!(gaps[0].contains("denied (missing_scope)"), "{gaps:?}");
}

#[test]
fn rights_of_an_object_words_for_none_and_fingerprints_are_told() {
    let facts = "facts = { rights = { at = \"may\", as = \"pairs\" }, \
         status = { at = \"ended\", missing = \"absent\", null = \"active\", others = \"inactive\" }, \
         type = { at = \"sort\", words = { ssh = \"private_key\" }, others = \"password\" } }\n\
         keys = [{ kind = \"ssh_key_sha256\", value = \"{key}\", as = \"ssh_public_key\" }]\n";
    let line =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE4K9lDX4aO+S3VvZ7CzsHkQHxXsQKO5TBp7m5rwYJ1u a b";
    let items = serde_json::json!([
        {"id": 1, "may": {"issues": "write", "account": {"keys": "read", "none": null}}, "ended": null,
         "sort": "ssh", "key": line},
        {"id": 2, "ended": "2026-01-05T00:00:00Z", "sort": "odd", "key": "ssh-ed25519 no"},
        {"id": 3, "may": 7, "key": "x"},
    ]);
    let recording = serde_json::json!({"GET /orgs/acme/keys": page(&items)});
    let (seen, gaps) = pass(&described(&format!("{SEE}{facts}")), &recording);
    assert!(gaps.is_empty(), "{gaps:?}");
    let told: Vec<_> = seen
        .iter()
        .map(|one| serde_json::to_value(&one.facts).unwrap())
        .collect();
    assert_eq!(
        told,
        [
            serde_json::json!({"type": {"is": "private_key"}, "status": {"is": "active"},
                "rights": {"is": ["account.keys:read", "issues:write"]}}),
            serde_json::json!({"type": {"is": "password"}, "status": {"is": "inactive"}}),
            serde_json::json!({"type": {"is": "api_token"}, "status": {"is": "active"}}),
        ]
    );
    let keys: Vec<_> = seen.iter().flat_map(|one| &one.keys).collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].value.starts_with("SHA256:"), "{keys:?}");
}

#[test]
fn one_item_an_empty_answer_and_a_list_asked_for_some_are_read() {
    let more = "may_lack = true\ncalled = \"{id}\"\nitems = \"data\"\n\
         [[list]]\nname = \"role\"\nfor_each = \"keys\"\nsingle = true\n\
         asked_if = { at = \"^.sort\", is = \"role\" }\npath = \"roles/{^.id}\"\n\
         [[list.see]]\nkind = \"identity\"\nnative = \"role/{id}\"\n";
    let keys = serde_json::json!({"data": [{"id": 1, "sort": "role"}, {"id": 2}]});
    let recording = serde_json::json!({
        "GET /orgs/acme/keys": page(&keys),
        "GET /roles/1": page(&serde_json::json!({"id": "r", "of": ["a"]})),
    });
    let (seen, gaps) = pass(&described(more), &recording);
    let natives: Vec<_> = seen.iter().map(|one| one.native.as_str()).collect();
    assert_eq!(natives, ["role/r"]);
    assert!(gaps.is_empty(), "{gaps:?}");

    let without = serde_json::json!({"GET /orgs/acme/keys": page(&serde_json::json!({}))});
    assert!(pass(&described(more), &without).1.is_empty());
    let strict = more.replace("may_lack = true\n", "");
    assert_eq!(pass(&described(&strict), &without).1.len(), 1);
}

/// Fingerprints that can be compared and say nothing.
struct Digests;

impl Fingerprints for Digests {
    fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        let mac = Sha256::digest(secret.expose())
            .into_iter()
            .map(|byte| format!("{byte:02x}"));
        Fingerprint {
            key: "k".to_owned(),
            mac: mac.collect(),
        }
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

const SETTINGS: &str = "[[list.see]]\nkind = \"credential\"\nnative = \"variable/{key}/{scope?}\"\n\
     is = { type = \"password\" }\nfacts = { name = \"key\" }\n\
     setting = { name = \"key\", at = \"value\", secret_if = { at = \"masked\", is = true }, beside = \"{scope?}\" }\n";

#[test]
fn of_settings_those_are_told_whose_value_is_a_credential_and_never_the_value() {
    let secret = "f3kQ9vTz1LmW8cYb2NhR7aSd5GxJ0pEu";
    let items = serde_json::json!([
        {"key": "REGION", "value": "eu-west-1"},
        {"key": "AWS_ACCESS_KEY_ID", "value": "AKIAQABCDEFGHIJKLMNO", "scope": "prod"},
        {"key": "AWS_SECRET_ACCESS_KEY", "value": secret, "scope": "prod"},
        {"key": "AWS_ACCESS_KEY_ID", "value": "AKIAQZYXWVUTSRQPONML", "scope": "test"},
        {"key": "SHOP", "value": "postgres://shop:pW4-shop@db.acme.test/shop"},
        {"key": "HIDDEN", "value": null, "masked": true},
        {"value": "nameless-but-masked", "masked": true},
    ]);
    let recording = serde_json::json!({"GET /orgs/acme/keys": page(&items)});
    let described = Described::read(&described(SETTINGS)).unwrap();
    let mut port = Recording::parse(&recording.to_string()).unwrap();
    let (mut seen, mut gaps) = (Vec::new(), 0);
    let mut sink = |event| match event {
        Event::Seen(one) => seen.push(one),
        Event::Gap(_) => gaps += 1,
        Event::SetAside { .. } => {}
    };
    let (options, now) = (BTreeMap::new(), Timestamp::from_seconds(0));
    let mut cx = Context::new(
        &mut port,
        &Digests,
        "shop.example/acme",
        &options,
        now,
        &mut sink,
    );
    described.discover(&mut cx).unwrap();
    let told: Vec<_> = seen
        .iter()
        .map(|one| {
            let type_ = one.facts[&model::Attribute::TYPE]
                .told
                .is()
                .and_then(model::Value::text);
            (one.native.as_str(), type_.unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("variable/SHOP/", "postgres_password"),
            ("variable/HIDDEN/", "password"),
            ("variable/AWS_SECRET_ACCESS_KEY/prod", "aws_access_key"),
        ]
    );
    assert_eq!(gaps, 1, "an item without a name");
    let key = model::Key::new(model::KeyKind::AwsAccessKeyId, "AKIAQABCDEFGHIJKLMNO");
    assert!(
        seen[2].keys.contains(&key),
        "the id beside it names the key"
    );
    let all = serde_json::to_string(&seen).unwrap();
    assert!(!all.contains(secret) && !all.contains("pW4-shop"), "{all}");
}

#[test]
fn pages_that_were_saved_one_after_another_or_as_a_list_are_one_list() {
    for saved in [
        "{\"data\":[{\"id\":1}]}\n{\"data\":[{\"id\":2}]}",
        "[{\"data\":[{\"id\":1}]},{\"data\":[{\"id\":2}]}]",
    ] {
        let paged = format!("items = \"data\"\npage = {{ by = \"link\" }}\n{SEE}");
        let recording = serde_json::json!({
            "GET /orgs/acme/keys": {"status": 200, "body": saved, "whole": true},
        });
        let (seen, gaps) = pass(&described(&paged), &recording);
        assert!(gaps.is_empty(), "{gaps:?}");
        let natives: Vec<_> = seen.iter().map(|one| one.native.as_str()).collect();
        assert_eq!(natives, ["key/1", "key/2"], "{saved}");
    }
    for saved in [
        "[{\"id\":1}]\n[{\"id\":2}]",
        "[[{\"id\":1}],[{\"id\":2}]]",
        "[{\"id\":1},{\"id\":2}]",
    ] {
        let recording = serde_json::json!({
            "GET /orgs/acme/keys": {"status": 200, "body": saved, "whole": true},
        });
        let (seen, gaps) = pass(&described(SEE), &recording);
        assert_eq!((seen.len(), gaps.len()), (2, 0), "{saved}: {gaps:?}");
    }
    let recording = serde_json::json!({
        "GET /orgs/acme/keys": {"status": 200, "body": "[{\"id\":1}] [", "whole": true},
    });
    let (_, gaps) = pass(&described(SEE), &recording);
    assert!(gaps[0].contains("expected JSON"), "{gaps:?}");
}
