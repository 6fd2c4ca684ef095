//! Microsoft Entra and Azure: live over a stub that answers as Microsoft's reference says (it is no
//! Microsoft), from exports, and where both meet files and clusters.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::stub::{Stub, json};
use crate::world::{World, files};

const TENANT: &str = "8d3b1f52-6c0e-4a57-9f41-2b7c90e5d101";
const SECRET: &str = "Kp7~8Q-9kYw3QzTn7RbXc1Vd";
const TOKEN: &str = "eyJ-given-9kYw3QzTn7RbXc1VdLpM";

/// The recording of a connector: question to answer.
fn recording(name: &str) -> BTreeMap<String, Value> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../connectors/testdata");
    let text = std::fs::read_to_string(dir.join(name).join("answers.json")).unwrap();
    let answers: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    // One stub is both interfaces: which of them is asked does not matter.
    let alike = |asked: String| match asked.split_once(" /") {
        Some((whom, path)) if whom.starts_with("GET ") => format!("GET /{path}"),
        _ => asked,
    };
    let answers = answers.into_iter();
    answers
        .map(|(asked, answer)| (alike(asked), answer))
        .collect()
}

/// Percent-decoded, with a plus as a blank.
fn decoded(path: &str) -> String {
    let bytes = path.replace('+', " ").into_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let pair =
            (bytes[at] == b'%').then(|| std::str::from_utf8(&bytes[at + 1..at + 3]).unwrap());
        out.push(pair.map_or(bytes[at], |pair| u8::from_str_radix(pair, 16).unwrap()));
        at += if pair.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap()
}

/// A Microsoft that answers what the recordings of both interfaces hold.
fn microsoft() -> Stub {
    let mut answers = recording("entra");
    answers.extend(recording("azure"));
    Stub::answering(move |path| {
        if path.ends_with("/oauth2/v2.0/token") {
            return json(
                "200 OK",
                &format!(r#"{{"expires_in":3599,"access_token":"{TOKEN}"}}"#),
            );
        }
        // Parameters come in the order of their names, as recordings have them.
        match answers.get(&format!("GET {}", decoded(path))) {
            Some(answer) => json("200 OK", answer["body"].as_str().unwrap()),
            None => json(
                "404 Not Found",
                r#"{"error":{"code":"NotFound","message":"none"}}"#,
            ),
        }
    })
}

/// A scan of `named` with a client's secret in the environment.
fn scan(world: &World, stub: &Stub, named: &[&str]) {
    let output = world
        .command(&[&["scan"], named].concat())
        .args(["--endpoint", stub.url()])
        .env("AZURE_TENANT_ID", TENANT)
        .env("AZURE_CLIENT_ID", "bbbbbbbb-0000-4000-8000-000000000099")
        .env("AZURE_CLIENT_SECRET", SECRET)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// The files of the recorded export, as a directory.
fn exported(world: &World) -> PathBuf {
    let dir = world.path("export");
    std::fs::create_dir_all(&dir).unwrap();
    for (question, answer) in recording("entra_exports") {
        if let Some(path) = question.strip_prefix("READ /exports/") {
            std::fs::write(dir.join(path), answer["text"].as_str().unwrap()).unwrap();
        }
    }
    dir
}

fn rows(world: &World, arguments: &[&str]) -> Vec<Value> {
    let told = world.get(&[arguments, &["-o", "ndjson"]].concat());
    let lines = told.lines().filter(|line| line.starts_with('{'));
    let rows = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row.get("id").is_some() || row.get("rule").is_some())
        .collect()
}

/// Rules that fail, each with the name of what it is about.
fn failing(world: &World) -> Vec<(String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let rows = rows(world, &["findings"]);
    let fail = rows.iter().filter(|row| text(row, "verdict") == "fail");
    fail.map(|row| (text(row, "rule"), text(row, "name")))
        .collect()
}

#[test]
fn stub_a_tenant_is_read_with_a_secret_of_the_environment_that_is_not_kept() {
    let world = World::new();
    let stub = microsoft();
    scan(&world, &stub, &["entra"]);
    let found = failing(&world);
    for (rule, name) in [
        ("third-party-grant", "MailMerge Pro"),
        ("two-active-keys", "Invoices"),
        ("privileged-key", "terraform of Invoices"),
        ("long-lived", "terraform of Invoices"),
        ("trust-too-wide", "repo:acme/shop:pull_request"),
    ] {
        let there = found.contains(&(rule.to_owned(), name.to_owned()));
        assert!(there, "{rule} of {name} in {found:?}");
    }
    for (path, bytes) in files(&world.path("")) {
        for secret in [SECRET, TOKEN] {
            let held = bytes
                .windows(secret.len())
                .any(|one| one == secret.as_bytes());
            assert!(!held, "{}", path.display());
        }
    }
    let questions = stub.asked();
    let questions = questions.iter().filter(|head| head.starts_with("GET"));
    assert!(questions.clone().count() > 10);
    for head in questions {
        assert!(
            head.contains(&format!("authorization: Bearer {TOKEN}")),
            "{head}"
        );
    }
    // It is remembered by the id of its tenant, and read again by it.
    scan(&world, &stub, &[&format!("entra:{TENANT}")]);
    let sources = world.get(&["sources", "list", "-o", "json"]);
    assert!(sources.contains(&format!("entra:{TENANT}")), "{sources}");
    assert!(!sources.contains("entra:unknown"), "{sources}");
}

#[test]
fn stub_a_sealed_secret_reads_a_tenant_without_the_environment() {
    let world = World::new();
    let stub = microsoft();
    let named = format!("entra:{TENANT}");
    let mut adding = world
        .command(&["sources", "add", &named, "--password-stdin"])
        .args(["--endpoint", stub.url()])
        .env("AZURE_CLIENT_ID", "bbbbbbbb-0000-4000-8000-000000000099")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(adding.stdin.take().unwrap(), "{SECRET}").unwrap();
    let added = adding.wait_with_output().unwrap();
    let added = String::from_utf8(added.stdout).unwrap();
    assert!(added.contains("what opens it is sealed"), "{added}");
    let tested = world.run(&["sources", "test", &named]);
    assert_eq!(tested.code, 0, "{tested:?}");
    assert!(tested.stdout.contains("Application.Read.All"), "{tested:?}");
    let scanned = world.run(&["scan", &named]);
    assert_eq!(scanned.code, 0, "{scanned:?}");
    assert!(scanned.stdout.contains("MailMerge Pro"), "{scanned:?}");
}

#[test]
fn stub_live_and_exported_a_tenant_is_the_same_things() {
    let world = World::new();
    let stub = microsoft();
    let subscription = "azure:3c1d7a90-52be-4f6c-a1e8-90d4b6c7e812";
    scan(&world, &stub, &["entra", subscription]);
    let ids = |world: &World| -> std::collections::BTreeSet<String> {
        let rows = rows(world, &["ls", "provider=azure"]);
        rows.iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let live = ids(&world);
    assert!(live.len() > 10, "{live:?}");
    let dir = exported(&world);
    world.get(&["scan", &format!("azure-export:{}", dir.display())]);
    let both = rows(&world, &["ls", "provider=azure"]);
    let alone = both.iter().filter(|row| row["sources"].as_u64() < Some(2));
    let alone: Vec<_> = alone
        .map(|row| (row["type"].clone(), row["name"].clone()))
        .collect();
    // Certificates of vaults are told by files alone; subjects, storage keys and secrets of vaults
    // have no id that is one in the world.
    let loose = [
        "entra_federated_subject",
        "azure_storage_key",
        "azurerm_key_vault_secret",
        "x509_certificate",
    ];
    let others: Vec<_> = alone
        .iter()
        .filter(|(of_type, _)| !loose.contains(&of_type.as_str().unwrap_or_default()))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn stub_who_is_signed_in_to_the_command_line_of_azure_is_asked_last() {
    let world = World::new();
    let stub = microsoft();
    let bin = world.path("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let az = bin.join("az");
    std::fs::write(
        &az,
        format!("#!/bin/sh\necho \"$@\" >> {0}/asked\necho '{{\"accessToken\": \"{TOKEN}\", \"expiresOn\": \"2026-01-01 10:00:00\"}}'\n", bin.display()),
    )
    .unwrap();
    std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = world
        .command(&["scan", "entra", "--endpoint", stub.url()])
        // Nobody is there: this machine has no identity.
        .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let asked = std::fs::read_to_string(bin.join("asked")).unwrap();
    assert!(asked.contains("account get-access-token"), "{asked}");
    assert!(
        asked.contains("--resource https://graph.microsoft.com"),
        "{asked}"
    );
    let output = world
        .command(&["scan", "azure", "--endpoint", stub.url(), "--ephemeral"])
        .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("az login"), "{told}");
}

#[test]
fn a_certificate_on_a_disk_is_the_one_of_the_application() {
    let world = World::new();
    let (shop, export) = (world.path("shop"), world.path("export"));
    std::fs::create_dir_all(&shop).unwrap();
    std::fs::create_dir_all(&export).unwrap();
    // A certificate with its key beside it; the application has the same.
    let tls = recording("files/x509");
    let text = |name: &str| {
        tls[&format!("READ /srv/tls/{name}")]["text"]
            .as_str()
            .unwrap()
    };
    for name in ["shop.pem", "shop.key"] {
        std::fs::write(shop.join(name), text(name)).unwrap();
    }
    let first = text("shop.pem").split("-----END").next().unwrap();
    let der: String = first
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let application = serde_json::json!([{
        "id": "aaaaaaaa-0000-4000-8000-000000000001",
        "appId": "bbbbbbbb-0000-4000-8000-000000000001",
        "displayName": "Invoices",
        "signInAudience": "AzureADMyOrg",
        "keyCredentials": [{
            "keyId": "cccccccc-0000-4000-8000-000000000003",
            "displayName": "login",
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
            "endDateTime": "2027-12-31T00:00:00Z",
            "key": der,
        }],
    }]);
    std::fs::write(export.join("apps.json"), application.to_string()).unwrap();
    let source = format!("azure-export:{}", export.display());
    world.get(&["scan", &source, shop.to_str().unwrap()]);
    let found = rows(&world, &["ls", "type=x509_certificate", "kind=credential"]);
    let two = found.iter().filter(|row| row["sources"] == 2);
    assert_eq!(two.count(), 1, "{found:?}");
}

#[test]
fn an_account_of_a_cluster_meets_the_managed_identity_that_it_names() {
    let world = World::new();
    let dir = exported(&world);
    let cluster = world.path("cluster");
    std::fs::create_dir_all(&cluster).unwrap();
    let account = format!(
        r#"{{"kind":"List","apiVersion":"v1","items":[{{"kind":"Namespace","apiVersion":"v1","metadata":{{"name":"kube-system","uid":"9f2d6c1a-7b1e-4c2d-8a01-0123456789ab"}}}},{{"kind":"ServiceAccount","apiVersion":"v1","metadata":{{"name":"checkout","namespace":"shop","uid":"5195ed3a-fa3c-46ce-8c66-32d1a83ea41f","annotations":{{"azure.workload.identity/client-id":"BBBBBBBB-0000-4000-8000-000000000005","azure.workload.identity/tenant-id":"{TENANT}"}}}}}}]}}"#
    );
    std::fs::write(cluster.join("all.json"), account).unwrap();
    let sources = [
        format!("azure-export:{}", dir.display()),
        format!("kubernetes:{}", cluster.display()),
    ];
    world.get(&["scan", &sources[0], &sources[1]]);
    let found = rows(&world, &["ls", "checkout", "kind=identity"]);
    let one = found
        .iter()
        .find(|row| row["type"] == "azurerm_user_assigned_identity");
    assert_eq!(one.unwrap()["sources"], 2, "{found:?}");
}
