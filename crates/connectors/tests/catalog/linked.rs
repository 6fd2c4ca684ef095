//! Who works with what lies in files, told by files beside them; and what ends with a job.

use std::collections::BTreeMap;

use connectors::{Recording, connector};
use model::{Attribute, Kind, Observation, Relation, Target};
use serde_json::json;

use crate::fake::{Pass, pass};

/// What comes of files in one directory, by name.
fn searched(files: &[(&str, &str)]) -> Pass {
    let entries: Vec<_> = files
        .iter()
        .map(|(name, text)| json!({"name": name, "kind": "file", "size": text.len()}))
        .collect();
    let mut recording = serde_json::Map::new();
    recording.insert("LIST /srv".to_owned(), entries.into());
    for (name, text) in files {
        recording.insert(format!("READ /srv/{name}"), json!({"text": text}));
    }
    let recording = serde_json::Value::Object(recording).to_string();
    let options: BTreeMap<_, _> = [("dirs".to_owned(), "/srv".to_owned())].into();
    let mut port = Recording::parse(&recording).unwrap();
    pass(connector("files").unwrap(), &mut port, "host", &options)
}

fn text(one: &Observation, attribute: &Attribute) -> String {
    let told = one.facts.get(attribute).and_then(|fact| fact.told.is());
    told.and_then(|told| told.text())
        .unwrap_or_default()
        .to_owned()
}

fn credentials(pass: &Pass) -> Vec<&Observation> {
    let is = |one: &&Observation| one.kind == Kind::Credential;
    pass.seen.iter().filter(is).collect()
}

fn users(one: &Observation) -> Vec<String> {
    let links = one.links.iter();
    let users = links.filter(|link| link.relation == Relation::UsedBy);
    users
        .filter_map(|link| match &link.to {
            Target::Native { native, .. } => Some(native.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn what_a_unit_of_systemd_is_handed_by_files_is_used_by_the_unit() {
    let unit = "[Service]\nExecStart=/usr/bin/shop\nEnvironmentFile=-/etc/default/%N.env\n\
                LoadCredential=key:/etc/shop/api.key.env\nImportCredential=shop.*\n";
    let files = [
        ("credstore", "shop.db-password", "xK7pWm2Xc9Rt4Hs6\n"),
        ("credstore", "other.db-password", "Zq4vTn8Lb3Wm6Kd2\n"),
        ("default", "shop.env", "API_TOKEN=fedcba9876543210\n"),
        ("shop", "api.key.env", "API_KEY=0123456789abcdef\n"),
        ("systemd", "shop.service", unit),
    ];
    let mut recording = serde_json::Map::new();
    let mut list = |dir: &str, name: &str, kind: &str| {
        let entries = recording.entry(format!("LIST {dir}")).or_insert(json!([]));
        let entries = entries.as_array_mut().unwrap();
        let entry = json!({"name": name, "kind": kind, "size": 60});
        if entries.iter().all(|one| one["name"] != name) {
            entries.push(entry);
        }
    };
    for (dir, name, _) in files {
        list("/etc", dir, "directory");
        list(&format!("/etc/{dir}"), name, "file");
    }
    for (dir, name, text) in files {
        recording.insert(format!("READ /etc/{dir}/{name}"), json!({"text": text}));
    }
    let recording = serde_json::Value::Object(recording).to_string();
    let options: BTreeMap<_, _> = [("dirs".to_owned(), "/etc".to_owned())].into();
    let mut port = Recording::parse(&recording).unwrap();
    let pass = pass(connector("files").unwrap(), &mut port, "host", &options);
    let mut told: Vec<_> = credentials(&pass)
        .into_iter()
        .map(|one| (text(one, &Attribute::PLACE), users(one).len()))
        .collect();
    told.sort();
    let expected = [
        ("/etc/credstore/other.db-password", 0),
        ("/etc/credstore/shop.db-password", 1),
        ("/etc/default/shop.env", 1),
        ("/etc/shop/api.key.env", 1),
    ];
    assert_eq!(
        told,
        expected.map(|(place, users)| (place.to_owned(), users))
    );
}

#[test]
fn what_lies_in_a_file_that_a_service_is_given_is_used_by_the_service() {
    let compose = "services:\n  web: {image: a, env_file: ./web.env}\n  job: {image: b}\n";
    let pass = searched(&[
        ("compose.yml", compose),
        ("other.env", "API_TOKEN=0123456789abcdef\n"),
        ("web.env", "API_TOKEN=fedcba9876543210\n"),
    ]);
    let told: Vec<_> = credentials(&pass)
        .into_iter()
        .map(|one| (text(one, &Attribute::PLACE), users(one)))
        .collect();
    let web = "/srv/compose.yml#service web@identity".to_owned();
    assert_eq!(
        told,
        [
            ("/srv/other.env".to_owned(), vec![]),
            ("/srv/web.env".to_owned(), vec![web])
        ]
    );
}

#[test]
fn the_password_of_a_container_that_ends_with_its_job_is_counted_and_no_credential() {
    let job = |host: &str| {
        format!(
            "jobs:\n  test:\n    services:\n      db:\n        image: postgres\n        env:\n          POSTGRES_PASSWORD: postgres1\n    env:\n      DATABASE_URL: postgres://app:postgres1@{host}:5432/test\n"
        )
    };
    for (host, left) in [("localhost", 0), ("db", 0), ("db.acme.test", 1)] {
        let pass = workflow(&job(host));
        assert_eq!(credentials(&pass).len(), left, "{host}: {:?}", pass.seen);
        let aside = pass.aside["password of a container that ends with its job"];
        assert_eq!(aside, 2 - left, "{host}");
    }
}

#[test]
fn variables_of_a_job_with_a_database_beside_it_are_that_databases() {
    let left = |services: &str| {
        let text = format!(
            "test:\n  script: make\n{services}  variables:\n    POSTGRES_PASSWORD: postgres1\n    API_TOKEN: fedcba9876543210\n"
        );
        credentials(&searched(&[(".gitlab-ci.yml", &text)])).len()
    };
    assert_eq!((left("  services: [postgres:16]\n"), left("")), (1, 2));
}

fn workflow(text: &str) -> Pass {
    let recording = json!({
        "LIST /srv": [{"name": ".github", "kind": "directory"}],
        "LIST /srv/.github": [{"name": "workflows", "kind": "directory"}],
        "LIST /srv/.github/workflows": [{"name": "ci.yml", "kind": "file", "size": text.len()}],
        "READ /srv/.github/workflows/ci.yml": {"text": text},
    });
    let options: BTreeMap<_, _> = [("dirs".to_owned(), "/srv".to_owned())].into();
    let mut port = Recording::parse(&recording.to_string()).unwrap();
    pass(connector("files").unwrap(), &mut port, "host", &options)
}

#[test]
fn a_configuration_that_gives_pipelines_a_login_to_a_cloud_tells_of_them() {
    let pass = searched(&[(
        "main.tf",
        "resource \"github_actions_secret\" \"a\" {\n  repository = \"shop\"\n  secret_name = \"AWS_SECRET_ACCESS_KEY\"\n}\nresource \"gitlab_project_variable\" \"b\" {\n  project = \"7\"\n  key = \"LOG_LEVEL\"\n}\n",
    )]);
    let is = |one: &&Observation| one.kind == Kind::Identity;
    let told: Vec<_> = pass.seen.iter().filter(is).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(text(told[0], &Attribute::NAME), "pipelines of shop");
    assert!(
        told[0]
            .facts
            .contains_key(&Attribute::named("static_logins"))
    );
}

#[test]
fn a_default_that_is_called_sensitive_is_a_secret_whatever_its_name() {
    let variable = |more: &str| {
        let text = format!("variable \"seed\" {{\n  default = \"Zq7hTT3mPw9xLk22\"\n{more}}}\n");
        credentials(&searched(&[("main.tf", &text)])).len()
    };
    assert_eq!((variable("  sensitive = true\n"), variable("")), (1, 0));
}

#[test]
fn a_result_is_a_sighting_of_the_secret_on_the_line_that_it_names() {
    let report = |line: u32| {
        json!({"version": "2.1.0", "runs": [{
            "tool": {"driver": {"name": "gitleaks"}},
            "results": [{"ruleId": "generic-api-key", "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": "web.env"}, "region": {"startLine": line}}}]}]
        }]})
        .to_string()
    };
    let keys = |line: u32| {
        let pass = searched(&[
            ("leaks.sarif", &report(line)),
            ("web.env", "PORT=80\nAPI_TOKEN=fedcba9876543210\n"),
        ]);
        let told = credentials(&pass);
        assert_eq!(told.len(), 2, "{told:?}");
        (told[0].keys.clone(), told[1].keys.clone())
    };
    let (result, secret) = keys(2);
    assert!(!secret.is_empty());
    assert_eq!(result, secret);
    assert!(keys(1).0.is_empty(), "nothing secret is on the first line");
}

#[test]
fn what_a_bill_of_materials_found_in_a_file_is_the_secret_that_lies_there() {
    let bill = |place: &str| {
        json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{
            "type": "cryptographic-asset", "bom-ref": "token", "name": "deploy token",
            "evidence": {"occurrences": [{"location": place}]},
            "cryptoProperties": {"assetType": "related-crypto-material",
                "relatedCryptoMaterialProperties": {"type": "token"}}}]})
        .to_string()
    };
    let keys = |place: &str| {
        let pass = searched(&[
            ("bom.cdx.json", &bill(place)),
            ("web.env", "PORT=80\nAPI_TOKEN=fedcba9876543210\n"),
        ]);
        let told = credentials(&pass);
        (told[0].keys.clone(), told[1].keys.clone())
    };
    let (named, secret) = keys("web.env");
    assert_eq!(named, secret);
    assert!(keys("../web.env").0.is_empty(), "it leads out of the tree");
}
