//! Microsoft Entra and Azure with answers made to hurt, and live answers held against exports.

use std::collections::{BTreeMap, BTreeSet};

use connectors::{Recording, connector};
use model::{Attribute, Fact, KeyKind, Kind, Observation};
use serde_json::{Value, json};

use crate::fake::{Pass, Recorded, pass};

const TENANT: &str = "8d3b1f52-6c0e-4a57-9f41-2b7c90e5d101";

fn id(n: u32) -> String {
    format!("aaaaaaaa-0000-4000-8000-{n:012}")
}

/// What comes of one file among exports.
fn exported(value: &Value) -> Pass {
    let recording = json!({
        "LIST /exports": [{"name": "a.json", "kind": "file", "size": 100}],
        "READ /exports/a.json": {"text": value.to_string()},
    });
    let mut port = Recording::parse(&recording.to_string()).unwrap();
    let options = BTreeMap::from([("dirs".to_owned(), "/exports".to_owned())]);
    pass(
        connector("entra_exports").unwrap(),
        &mut port,
        TENANT,
        &options,
    )
}

fn application(n: u32, more: &Value) -> Value {
    let mut one = json!({"id": id(n), "appId": id(n + 500), "displayName": format!("app {n}"), "signInAudience": "AzureADMyOrg"});
    one.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    one
}

fn credentials(pass: &Pass) -> Vec<&Observation> {
    pass.seen
        .iter()
        .filter(|one| one.kind == Kind::Credential)
        .collect()
}

fn told(pass: &Pass, word: &str) -> bool {
    pass.gaps.iter().any(|gap| gap.told.contains(word))
}

/// Facts that say the same in both, whatever the order of sources; those of files hold no gap.
fn facts(seen: &[Observation]) -> BTreeMap<(Kind, String), BTreeMap<Attribute, Fact>> {
    let of = |one: &Observation| ((one.kind, one.native.clone()), one.facts.clone());
    seen.iter().map(of).collect()
}

#[test]
fn recordings_of_both_interfaces_tell_what_exports_of_the_same_tell() {
    let run = |name: &str| {
        let mut recorded = Recorded::read(name);
        let connector = connector(name).unwrap();
        pass(
            connector,
            &mut recorded.port,
            &recorded.target,
            &recorded.options,
        )
        .seen
    };
    let (entra, azure, files) = (run("entra"), run("azure"), run("entra_exports"));
    let files = facts(&files);
    for live in [facts(&entra), facts(&azure)] {
        assert!(live.len() > 8, "{}", live.len());
        for (native, told) in live {
            let other = files.get(&native).unwrap_or_else(|| {
                // What one interface alone knows of a principal the files know as an application.
                assert!(
                    native.1.starts_with("principal/"),
                    "not in the exports: {native:?}"
                );
                &files[&(
                    Kind::Identity,
                    "app/bbbbbbbb-0000-4000-8000-000000000006".to_owned(),
                )]
            });
            // Where a source says something, no other says something else: the rights of a
            // principal are those of both interfaces together.
            let both = [
                "rights",
                "privilege",
                "trusts",
                "created_at",
                "type",
                "status",
                "user",
            ];
            for (name, fact) in told
                .iter()
                .filter(|(name, _)| !both.contains(&name.as_str()))
            {
                if fact.told.is().is_some() {
                    let there = other
                        .get(name)
                        .unwrap_or_else(|| panic!("{native:?} {name}"));
                    assert_eq!(there.told, fact.told, "{native:?} {name}");
                }
            }
        }
    }
}

#[test]
fn a_manifest_of_a_megabyte_is_bounded_and_what_is_beyond_is_a_gap() {
    let keys: Vec<Value> = (0..6_000)
        .map(|n| json!({"keyId": format!("cccccccc-0000-4000-8000-{n:012}"), "displayName": "x".repeat(100), "endDateTime": "2027-01-01T00:00:00Z"}))
        .collect();
    let noted = json!({"passwordCredentials": keys, "notes": "y".repeat(1 << 20), "owners": vec![json!({"mail": "a@acme.test"}); 5_000]});
    let out = exported(&json!([application(1, &noted)]));
    assert_eq!(credentials(&out).len(), 1_000);
    assert!(told(&out, "5000 more credentials"), "{:?}", out.gaps);
    let largest = out
        .seen
        .iter()
        .map(|one| one.to_bytes().len())
        .max()
        .unwrap();
    assert!(largest < 16 * 1024, "{largest}");
}

#[test]
fn what_bears_no_id_of_microsoft_is_a_gap_and_nothing_else() {
    let odd = [
        "",
        "..",
        "\u{1b}[2J",
        "1 or 1=1",
        "00000000-0000-0000-0000-000000000000",
    ];
    for wrong in odd {
        let given = json!([
            {"id": id(1), "appId": wrong, "displayName": "a", "signInAudience": "x"},
            application(2, &json!({"passwordCredentials": [{"keyId": wrong, "endDateTime": null}]})),
        ]);
        let out = exported(&given);
        assert!(credentials(&out).is_empty(), "{wrong:?}");
        assert!(
            told(&out, "bear ids") || wrong.is_empty(),
            "{wrong:?}: {:?}",
            out.gaps
        );
    }
}

#[test]
fn a_name_with_an_escape_is_text_and_makes_no_place() {
    let name = "a\u{1b}]0;x\u{7}\n\"'; drop table\u{202e}";
    let given = json!([application(
        1,
        &json!({"displayName": name, "passwordCredentials": [{"keyId": id(9), "displayName": name}]})
    )]);
    let out = exported(&given);
    assert_eq!(credentials(&out).len(), 1);
    for one in &out.seen {
        assert!(!one.native.contains(char::is_control), "{:?}", one.native);
        let shown = one.facts.values().filter_map(|fact| fact.told.is());
        assert!(
            shown
                .into_iter()
                .all(|value| !value.to_string().contains('\u{1b}'))
        );
    }
}

#[test]
fn one_certificate_of_two_applications_is_two_credentials_and_neither_the_file() {
    let der =
        Recorded::read("entra_exports").json["READ /exports/certificate.json"]["text"].clone();
    let der: Value = serde_json::from_str(der.as_str().unwrap()).unwrap();
    let key = |n: u32| json!({"keyCredentials": [{"keyId": id(n), "type": "AsymmetricX509Cert", "usage": "Verify", "key": der["keyCredentials"][0]["key"]}]});
    let keyed = |given: &Value| {
        let out = exported(given);
        let keys = out.seen.iter().flat_map(|one| one.keys.iter());
        keys.filter(|key| key.kind == KeyKind::CertificateSha256)
            .count()
    };
    assert_eq!(keyed(&json!([application(1, &key(11))])), 1);
    assert_eq!(
        keyed(&json!([application(1, &key(11)), application(2, &key(12))])),
        0
    );
}

#[test]
fn answers_of_two_tenants_are_joined_with_nothing_and_say_so() {
    let account = |n: u32, tenant: &str| json!({"id": id(n), "tenantId": tenant, "environmentName": "AzureCloud"});
    let other = "5f0c2b7e-91d4-4c3a-8a6e-77b1d2c3e4f5";
    let given = json!([
        account(1, TENANT),
        account(2, other),
        application(3, &json!({}))
    ]);
    let out = exported(&given);
    assert!(told(&out, "several tenants"), "{:?}", out.gaps);
    let tied = out.seen.iter().flat_map(|one| &one.keys);
    assert!(tied.into_iter().all(|key| key.kind != KeyKind::EntraId));
}

/// The first list of `entra` with `body`, and a page behind it.
fn first_list(body: &Value, next: &Value) -> Pass {
    let mut recorded = Recorded::read("entra");
    let json = recorded.json.as_object_mut().unwrap();
    let first = json
        .keys()
        .find(|key| key.contains("applications?$expand=owners"))
        .unwrap()
        .clone();
    json.insert(first, json!({"status": 200, "body": body.to_string()}));
    let second = "GET graph /v1.0/applications?$select=x&$skiptoken=RFNwdAIAAQ/b";
    json.insert(
        second.to_owned(),
        json!({"status": 200, "body": next.to_string()}),
    );
    let mut port = Recording::parse(&recorded.json.to_string()).unwrap();
    let out = pass(
        connector("entra").unwrap(),
        &mut port,
        TENANT,
        &BTreeMap::new(),
    );
    let asked: BTreeSet<_> = port.asked.iter().collect();
    assert!(asked.len() + 2 >= port.asked.len(), "{:?}", port.asked);
    out
}

#[test]
fn a_list_that_says_more_than_it_gives_is_a_gap() {
    let out = first_list(
        &json!({"@odata.count": 7, "value": [application(1, &json!({}))]}),
        &json!({}),
    );
    assert!(
        told(&out, "says that it has 7 and gave 1"),
        "{:?}",
        out.gaps
    );
}

#[test]
fn a_page_that_comes_again_is_a_gap_and_a_link_leads_nowhere_else() {
    let link = "https://evil.example/steal?$select=x&$skiptoken=RFNwdAIAAQ%2Fb";
    let page = json!({"value": [application(1, &json!({}))], "@odata.nextLink": link});
    let out = first_list(&page, &page);
    assert!(told(&out, "the same page came twice"), "{:?}", out.gaps);
    assert!(!told(&out, "evil.example"));
}
