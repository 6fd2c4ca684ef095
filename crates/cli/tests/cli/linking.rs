//! Each sighting finds its identity: through the whole command, against what keeps the
//! credential in truth (a real PostgreSQL, a real TLS endpoint, repositories made by the real
//! git) or a recording or push that says it is one.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;

use crate::world::World;

fn get(world: &World, what: &str) -> Value {
    serde_json::from_str(&world.get(&["get", what, "-o", "json"])).unwrap()
}

fn git(dir: &Path, author: (&str, &str), date: &str, arguments: &[&str]) {
    let ran = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args([
            "-c",
            "commit.gpgsign=false",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", author.0)
        .env("GIT_AUTHOR_EMAIL", author.1)
        .env("GIT_COMMITTER_NAME", "Bot")
        .env("GIT_COMMITTER_EMAIL", "bot@example.com")
        .env("GIT_AUTHOR_DATE", date)
        .env("GIT_COMMITTER_DATE", date)
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

/// A credential report and the users of an account, as its interfaces give them.
fn export(world: &World, key: &str) -> String {
    let at = "2026-11-20T08:00:00+00:00";
    let users = serde_json::json!({"Users": [{
        "Path": "/", "UserName": "shop-deployer", "UserId": "AIDAQ3EGWHX5JKPLTRMN2",
        "Arn": "arn:aws:iam::058266239654:user/shop-deployer", "CreateDate": at,
    }]});
    let keys = serde_json::json!({"AccessKeyMetadata": [{
        "UserName": "shop-deployer", "AccessKeyId": key, "Status": "Active", "CreateDate": at,
    }]});
    world.file("export/list-users.json", &users.to_string());
    world.file("export/list-access-keys.json", &keys.to_string());
    format!("export:{}", world.path("export").display())
}

#[test]
fn recording_the_key_in_a_notebook_is_that_iam_user() {
    let key = "AKIAQ3EGWHX5JKPLTRMN";
    let secret = "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";
    let mut world = World::new();
    world.real_time();
    let source = [
        "import boto3\n",
        &format!(
            "boto3.client('s3', aws_access_key_id='{key}', aws_secret_access_key='{secret}')\n"
        ),
    ];
    let notebook = serde_json::json!({
        "nbformat": 4, "nbformat_minor": 5, "metadata": {},
        "cells": [{"cell_type": "code", "id": "a", "metadata": {}, "execution_count": null, "outputs": [], "source": source}],
    });
    world.file("work/train.ipynb", &notebook.to_string());
    let work = world.path("work");
    world.get(&["scan", work.to_str().unwrap(), &export(&world, key)]);
    let user = get(&world, "shop-deployer");
    assert_eq!(user["type"], "aws_iam_user");
    let held = user["held"].as_array().unwrap();
    assert_eq!(held.len(), 1, "{user}");
    let told = get(&world, held[0].as_str().unwrap());
    assert_eq!(told["places_seen"].as_array().unwrap().len(), 1, "{told}");
    assert!(
        told["places_seen"][0]["place"]
            .as_str()
            .unwrap()
            .ends_with("train.ipynb"),
        "{told}"
    );
    let leaked = world.get(&["findings", "--rule", "leaked-live", "-o", "json"]);
    assert!(leaked.contains("lists it as active"), "{leaked}");
}

#[test]
fn recording_one_key_in_iam_a_vault_a_repository_and_a_pipeline_is_one_credential() {
    let key = "AKIAQ3EGWHX5JKPLTRMN";
    let secret = "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";
    let mut world = World::new();
    world.real_time();
    world.file(
        "shop/.env",
        &format!("AWS_ACCESS_KEY_ID={key}\nAWS_SECRET_ACCESS_KEY={secret}\n"),
    );
    world.file(
        "shop/.gitlab-ci.yml",
        &format!(
            "deploy:\n  script: [make deploy]\n  variables:\n    AWS_ACCESS_KEY_ID: {key}\n    \
             AWS_SECRET_ACCESS_KEY: {secret}\n"
        ),
    );
    // A vault that tells which key lies in it, and not what opens with it.
    // Its head comes first: a collection is read as a stream.
    let head = r#""format":"keyroll-collection/1","source":"acme_vault:vault.acme.test","started":"2026-11-20T08:00:00Z","finished":"2026-11-20T08:00:01Z""#;
    let lies = serde_json::json!([{
        "kind": "credential", "native": "kv/shop/aws#3", "scope": ["kv"],
        "keys": [{"kind": "aws_access_key_id", "value": key}],
        "facts": {"type": {"is": "aws_access_key"}, "place": {"is": "kv/shop/aws"}},
    }]);
    world.file("vault.json", &format!("{{{head},\"observations\":{lies}}}"));
    let event = serde_json::json!({"Records": [{
        "eventVersion": "1.09", "eventID": "0f9a3c1e-0000-4000-8000-000000000001",
        "eventTime": "2026-11-25T08:00:00Z", "eventSource": "s3.amazonaws.com",
        "eventName": "ListBuckets", "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2", "recipientAccountId": "058266239654",
        "userIdentity": {"type": "IAMUser", "principalId": "AIDAQ3EGWHX5JKPLTRMN2",
            "arn": "arn:aws:iam::058266239654:user/shop-deployer", "accountId": "058266239654",
            "accessKeyId": key, "userName": "shop-deployer"},
    }]});
    world.file("trail/events.json", &event.to_string());
    let (shop, vault) = (world.path("shop"), world.path("vault.json"));
    world.get(&[
        "scan",
        shop.to_str().unwrap(),
        &export(&world, key),
        &format!("collection:{}", vault.display()),
        &format!("logs:{}", world.path("trail").display()),
    ]);
    let user = get(&world, "shop-deployer");
    assert_eq!(user["type"], "aws_iam_user");
    let held = user["held"].as_array().unwrap();
    assert_eq!(held.len(), 1, "{user}");
    let told = get(&world, held[0].as_str().unwrap());
    let places = told["places_seen"].to_string();
    for place in ["shop/.env", "shop/.gitlab-ci.yml", "kv/shop/aws"] {
        assert!(places.contains(place), "{place}: {told}");
    }
    assert_eq!(told["sources"], 4, "{told}");
    // Each finding names whoever tells of its own place.
    for finding in told["findings"].as_array().unwrap() {
        let (path, source) = (&finding["path"], finding["source"].as_str().unwrap());
        let vault = path == "kv/shop/aws";
        assert_eq!(source.starts_with("acme_vault:"), vault, "{finding}");
    }
    assert_eq!(
        told["last_used_at"], "2026-11-25T08:00:00Z",
        "by the log: {told}"
    );
}

/// What GitHub's audit log tells of one request: who, with the token of which hash.
fn github_event(at: &str, actor: &str, how: &str, token: &str) -> Value {
    serde_json::json!({
        "_document_id": format!("{at} {actor}"), "@timestamp": at, "action": "git.clone",
        "actor": actor, "actor_is_bot": actor.ends_with("[bot]"), "org": "acme", "repo": "acme/shop",
        "programmatic_access_type": how, "hashed_token": hash_of(token),
    })
}

/// As GitHub's manual makes it: by the real OpenSSL.
fn hash_of(token: &str) -> String {
    use std::io::Write as _;
    let mut child = Command::new("sh")
        .args(["-c", "openssl dgst -sha256 -binary | base64 -w0"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(token.as_bytes())
        .unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
fn recording_the_token_in_an_agents_configuration_is_that_github_app_by_its_published_hash() {
    let token = format!("ghs_{}", "q7Lw2Zx9Vb4Nc6Md1Pf8Rt3Gh5Jk0YsAeUiO");
    let other = format!("ghs_{}", "m1Qa8Ws3Ed6Rf2Tg9Yh4Uj7Ik5Ol0PzXcVbN");
    let gone = format!("ghs_{}", "z9Xc3Vb6Nm1As4Df7Gh2Jk5Lq8We0RtYuIoP");
    let mut world = World::new();
    world.real_time();
    let servers = serde_json::json!({"mcpServers": {"github": {
        "command": "docker", "args": ["run", "-i", "ghcr.io/github/github-mcp-server"],
        "env": {"GITHUB_PERSONAL_ACCESS_TOKEN": token},
    }}});
    world.file("shop/.mcp.json", &servers.to_string());
    let how = "GitHub App server-to-server token";
    let events = [
        github_event("2026-11-25T06:00:00Z", "deployer[bot]", how, &gone),
        github_event("2026-11-25T08:00:00Z", "deployer[bot]", how, &token),
        github_event("2026-11-25T08:20:00Z", "renovate[bot]", how, &other),
    ];
    let lines: Vec<_> = events.iter().map(Value::to_string).collect();
    world.file("github/audit.json", &lines.join("\n"));
    let shop = world.path("shop");
    let logs = format!("logs:{}", world.path("github").display());
    world.get(&["scan", shop.to_str().unwrap(), &logs]);

    let app = get(&world, "deployer");
    assert_eq!(app["type"], "github_app", "{app}");
    let held = app["held"].as_array().unwrap();
    assert_eq!(held.len(), 1, "the one that was over is set aside: {app}");
    let told = get(&world, held[0].as_str().unwrap());
    assert!(
        told["places_seen"].to_string().contains("shop/.mcp.json"),
        "{told}"
    );
    assert_eq!(told["sources"], 2, "{told}");
    assert_eq!(told["last_used_at"], "2026-11-25T08:00:00Z", "{told}");
    // What is written for others says whose it is, who works with it and whether it lives.
    let found = world.get(&["findings", "-o", "json"]);
    let found: Vec<Value> = serde_json::from_str(&found).unwrap();
    let of_it = found.iter().find(|one| one["id"] == held[0]).unwrap();
    let ticket = world.get(&["findings", "ticket", of_it["finding"].as_str().unwrap()]);
    for said in [
        "it belongs to deployer (",
        "works with it",
        "last used on 2026-11-25",
        "nobody tried it",
    ] {
        assert!(ticket.contains(said), "{said}: {ticket}");
    }
    // A token of another hash stays who it is.
    let other_app = get(&world, "renovate");
    let held = other_app["held"].as_array().unwrap();
    let other_told = get(&world, held[0].as_str().unwrap());
    assert_eq!(other_told["sources"], 1, "{other_told}");
    // The hash that the log tells is written nowhere: a guess could be tried against it.
    let hashes = [&token, &other, &gone].map(|one| hash_of(one));
    let written = crate::world::files(&world.path("home"));
    assert!(!written.is_empty());
    for (path, bytes) in written {
        let text = String::from_utf8_lossy(&bytes);
        let held = hashes.iter().find(|hash| text.contains(hash.as_str()));
        assert_eq!(held, None, "{}", path.display());
    }
}

#[test]
fn an_old_key_of_an_administrator_in_an_export_is_told_as_what_it_is() {
    let key = "AKIAQ3EGWHX5JKPLTRMN";
    let mut world = World::new();
    world.real_time();
    let at = "2020-01-01T00:00:00+00:00";
    let details = serde_json::json!({"UserDetailList": [{
        "Path": "/", "UserName": "ann", "UserId": "AIDAQ3EGWHX5JKPLTRMN2",
        "Arn": "arn:aws:iam::058266239654:user/ann", "CreateDate": at,
        "GroupList": [], "AttachedManagedPolicies": [{
            "PolicyName": "AdministratorAccess",
            "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
        }],
    }], "GroupDetailList": [], "RoleDetailList": [], "Policies": []});
    let keys = serde_json::json!({"AccessKeyMetadata": [{
        "UserName": "ann", "AccessKeyId": key, "Status": "Active", "CreateDate": at,
    }]});
    world.file("export/details.json", &details.to_string());
    world.file("export/keys.json", &keys.to_string());
    world.file("work/README.md", &format!("The key is {key}.\n"));
    let work = world.path("work");
    let export = format!("export:{}", world.path("export").display());
    world.get(&["scan", work.to_str().unwrap(), &export]);
    let found = world.get(&["findings", "-o", "json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    let found = found["items"].as_array().or(found.as_array()).unwrap();
    let said = |rule: &str| {
        let of_key = |one: &&Value| one["rule"] == rule && one["name"] == key;
        let one = found.iter().find(of_key).unwrap();
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        (text("verdict"), text("why"))
    };
    let is = |rule: &str, verdict: &str, why: &str| {
        let told = said(rule);
        assert!(
            told.0 == verdict && told.1.contains(why),
            "{rule}: {told:?}"
        );
    };
    is("never-rotated", "fail", "made on 2020-01-01");
    is("long-lived", "fail", "it never ends");
    is("privileged-key", "fail", "by AdministratorAccess");
    is("open-secret", "unknown", "its secret was not seen");
}

#[test]
fn the_password_in_a_dotenv_is_that_role_of_a_real_server() {
    let Some(server) = testkit::postgres() else {
        return;
    };
    let role = testkit::fresh_name("cli_linking");
    let password = "vT5m0Qz81kLw";
    crate::chain::sql(
        &server.url,
        &format!("create role {role} login password '{password}'"),
    );
    let mut world = World::new();
    world.real_time();
    world.file(
        "shop/.env",
        &format!(
            "DATABASE_URL={}\n",
            server.url_for(&role, password, "postgres")
        ),
    );
    let shop = world.path("shop");
    world.get(&["scan", shop.to_str().unwrap(), &server.url]);
    let told = get(&world, &role);
    assert_eq!(told["type"], "postgres_role");
    let held = told["held"].as_array().unwrap();
    assert_eq!(
        held.len(),
        1,
        "the password in the file is the one the server keeps: {told}"
    );
    let credential = get(&world, held[0].as_str().unwrap());
    assert!(
        credential["places_seen"][0]["place"]
            .as_str()
            .unwrap()
            .ends_with(".env"),
        "{credential}"
    );

    // The same password under another salt, as whoever sets it again makes it: it goes on being
    // that one, however often both are read.
    let again = format!("alter role {role} password '{password}'");
    crate::chain::sql(&server.url, &again);
    for pass in 0..4 {
        let told = world.get(&["scan", &server.url, "-o", "ndjson"]);
        let open = ["findings", "--rule", "open-secret", "--verdict", "fail"];
        let open = world.get(&[&open[..], &["-o", "ndjson"]].concat());
        assert!(open.contains(&role), "pass {pass}: {told}{open}");
    }
    crate::chain::sql(&server.url, &format!("drop role {role}"));
}

#[test]
fn the_certificate_on_disk_is_the_one_a_real_endpoint_serves() {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    const CERTIFICATE: &[u8] = include_bytes!("../../../engine/testdata/tls/good.pem");
    const KEY: &[u8] = include_bytes!("../../../engine/testdata/tls/server.key");
    let mut world = World::new();
    world.real_time();
    world.file("tls/server.pem", std::str::from_utf8(CERTIFICATE).unwrap());
    world.file("tls/server.key", std::str::from_utf8(KEY).unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = std::thread::spawn(move || {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
                PrivateKeyDer::from_pem_slice(KEY).unwrap(),
            )
            .unwrap();
        let mut server = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let _ = server.complete_io(&mut listener.accept().unwrap().0);
    });
    let tls = world.path("tls");
    world.get(&["scan", tls.to_str().unwrap(), &format!("tls://{address}")]);
    served.join().unwrap();
    let listed = world.get(&[
        "ls",
        "kind=credential",
        "type=x509_certificate",
        "-o",
        "json",
    ]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        listed.as_array().unwrap().len(),
        1,
        "one certificate, seen twice: {listed}"
    );
    let told = get(&world, listed[0]["id"].as_str().unwrap());
    let places = told["places_seen"].as_array().unwrap();
    let on_disk = |one: &Value| one["place"].as_str().unwrap().ends_with("server.pem");
    assert!(places.iter().any(on_disk), "{told}");
    let user = &told["used_by"][0];
    assert_eq!(
        user["sources"][0],
        format!("tls_endpoint:{address}"),
        "{told}"
    );
}

/// A collection of a program that lists the tokens of a GitHub app and fingerprints them under
/// this roll's key, as an enrolled scanner does.
fn pushed_app(world: &World, token: &str) -> String {
    let key = world.path("key");
    world.get(&["enrol", "export", key.to_str().unwrap()]);
    let text = std::fs::read_to_string(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let key = vault::FingerprintKey::from_file(&model::Secret::from(text.as_str())).unwrap();
    let print = key.fingerprint(token.as_bytes()).unwrap();
    let at = "2026-11-20T08:00:00Z";
    let collection = serde_json::json!({
        "format": "keyroll-collection/1", "source": "github_apps:shop", "started": at, "finished": at,
        "scanner": {"name": "apps", "fingerprint_key": key.id()},
        "observations": [
            {"kind": "identity", "native": "app/4711", "keys": [{"kind": "github_id", "value": "app/4711"}],
             "facts": {"name": {"is": "shop-release-app"}, "type": {"is": "github_app"}, "provider": {"is": "github"}}},
            {"kind": "credential", "native": "token/1", "keys": [{"kind": "secret_hmac", "value": print.to_string()}],
             "facts": {"type": {"is": "api_token"}, "provider": {"is": "github"}, "status": {"is": "active"}},
             "links": [{"relation": "holder", "to": {"native": {"kind": "identity", "native": "app/4711"}}}]},
        ],
    });
    let path = world.file("apps.json", &collection.to_string());
    format!("collection:{}", path.display())
}

#[test]
fn pushed_the_token_in_an_agents_configuration_is_that_github_app() {
    let mut world = World::new();
    world.real_time();
    let token = format!("ghs_{}", "x7Kq2Lw9Vb4Nz8Rt5Yh3Jm6Pd1Gc0Fs4Ea7Ub");
    world.file("agent/.mcp.json", &format!(
        r#"{{"mcpServers":{{"github":{{"command":"npx","env":{{"GITHUB_TOKEN":"{token}"}}}}}}}}"#
    ));
    let agent = world.path("agent");
    world.get(&["scan", agent.to_str().unwrap()]);
    let push = pushed_app(&world, &token);
    world.get(&["scan", &push]);
    let app = get(&world, "shop-release-app");
    let held = app["held"].as_array().unwrap();
    assert_eq!(held.len(), 1, "{app}");
    let told = get(&world, held[0].as_str().unwrap());
    assert!(
        told["places_seen"][0]["place"]
            .as_str()
            .unwrap()
            .ends_with(".mcp.json"),
        "{told}"
    );
    assert_eq!(
        told["used_by"].as_array().unwrap().len(),
        1,
        "the agent's server: {told}"
    );
    assert_eq!(told["used_by"][0]["name"], "github");
}

#[test]
fn a_sighting_in_a_history_says_who_brought_it_in_when_and_whether_head_has_it() {
    let mut world = World::new();
    world.real_time();
    let token = "ghp_x7Kq2Lw9Vb4Nz8Rt5Yh3Jm6Pd1Gc0Fs4Ea7U";
    let dir = world.path("shop");
    std::fs::create_dir_all(&dir).unwrap();
    let (ann, bob) = (("Ann", "ann@example.com"), ("Bob", "bob@example.com"));
    git(&dir, ann, "2026-03-01T10:00:00Z", &["init", "-q"]);
    let commit = |author, date: &str, file: &str, text: &str| {
        world.file(&format!("shop/{file}"), text);
        git(&dir, author, date, &["add", "-A"]);
        git(&dir, author, date, &["commit", "-q", "-m", "Work"]);
    };
    commit(
        ann,
        "2026-03-02T10:00:00Z",
        "old.py",
        &format!("TOKEN = \"{token}\"\n"),
    );
    commit(bob, "2026-03-03T10:00:00Z", "old.py", "TOKEN = None\n");
    commit(
        bob,
        "2026-03-04T10:00:00Z",
        "new.py",
        &format!("NEXT_TOKEN = \"{token}\"\n"),
    );
    world.get(&["scan", dir.to_str().unwrap()]);
    let listed = world.get(&["ls", "kind=credential", "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    let id = listed[0]["id"].as_str().unwrap();
    let told = get(&world, id);
    let of = |file: &str| {
        let places = told["places_seen"].as_array().unwrap();
        let is_of_history =
            |one: &&Value| one["source"].as_str().unwrap().starts_with("git_history:");
        let found = places
            .iter()
            .filter(is_of_history)
            .find(|one| one["place"].as_str().unwrap().ends_with(file));
        found.unwrap_or_else(|| panic!("{file}: {told}")).clone()
    };
    let (old, new) = (of("old.py"), of("new.py"));
    assert_eq!(old["author"], "Ann <ann@example.com>");
    assert_eq!(
        (&old["in_head"], &new["in_head"]),
        (&false.into(), &true.into())
    );
    assert_eq!(new["author"], "Bob <bob@example.com>");
    assert!(
        old["committed_at"]
            .as_str()
            .unwrap()
            .starts_with("2026-03-02T10:00:00")
    );
    let page = world.get(&["get", id]);
    assert!(
        page.contains("by Ann <ann@example.com> on 2026-03-02, no longer in HEAD"),
        "{page}"
    );
    let page = world.get(&["why", id]);
    assert!(
        page.contains("by Bob <bob@example.com> on 2026-03-04, still in HEAD"),
        "{page}"
    );
}

#[test]
fn one_token_of_workloads_that_different_sources_tell_of_is_shared() {
    let mut world = World::new();
    world.real_time();
    let token = "ghp_x7Kq2Lw9Vb4Nz8Rt5Yh3Jm6Pd1Gc0Fs4Ea7U";
    let server = |name: &str| {
        format!(
            r#"{{"mcpServers":{{"{name}":{{"command":"npx","env":{{"GITHUB_TOKEN":"{token}"}}}}}}}}"#
        )
    };
    world.file("a/.mcp.json", &server("issues"));
    world.file("b/.mcp.json", &server("reviews"));
    let (a, b) = (world.path("a"), world.path("b"));
    let shared = |world: &World| {
        let told = world.get(&[
            "findings",
            "--rule",
            "shared",
            "--verdict",
            "fail",
            "-o",
            "json",
        ]);
        serde_json::from_str::<Value>(&told)
            .unwrap()
            .as_array()
            .unwrap()
            .clone()
    };
    world.get(&["scan", a.to_str().unwrap()]);
    assert!(shared(&world).is_empty(), "one server has it for itself");
    // The same file once more, as a part of another search: no second workload.
    let all = a.parent().unwrap().join("a/.mcp.json");
    world.get(&["scan", all.to_str().unwrap()]);
    assert!(shared(&world).is_empty(), "one server, read twice, is one");
    world.get(&["scan", b.to_str().unwrap()]);
    let told = shared(&world);
    assert_eq!(told.len(), 1);
    let why = told[0]["why"].as_str().unwrap();
    assert!(why.contains("2 workloads use it: issues, reviews"), "{why}");
    assert!(why.contains("sources tell of them"), "{why}");
}
