//! Sources behind an interface that wants a token. The interface is a stub that answers as
//! GitLab's manual says; it is no GitLab.

use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::stub::{Stub, json};
use crate::world::{World, files};

const TOKEN: &str = "glpat-9kYw3QzTn7RbXc1VdLpM";
const PAGE: &str = r#"[{"id":42,"name":"deploy","revoked":false,"user_id":141,"created_at":"2026-01-05T10:00:00Z","expires_at":"2026-12-31","last_used_at":null,"scopes":["read_api"]}]"#;

fn gitlab(closed: &Arc<AtomicBool>) -> Stub {
    let closed = Arc::clone(closed);
    Stub::answering(move |path| {
        if closed.load(Ordering::Relaxed) {
            return json("403 Forbidden", r#"{"message":"403 Forbidden"}"#);
        }
        let first = "/api/v4/projects/group%2Fshop/access_tokens?page=1&per_page=100";
        json("200 OK", if path == first { PAGE } else { "[]" })
    })
}

fn nothing_written_holds(world: &World) {
    for (path, bytes) in files(&world.path("")) {
        let held = bytes
            .windows(TOKEN.len())
            .any(|one| one == TOKEN.as_bytes());
        assert!(!held, "{}", path.display());
    }
}

#[test]
fn stub_a_source_with_a_sealed_token_is_added_tested_and_read() {
    let world = World::new();
    let closed = Arc::default();
    let stub = gitlab(&closed);
    let mut adding = world
        .command(&[
            "sources",
            "add",
            "gitlab:git.test/group/shop",
            "--password-stdin",
        ])
        .args(["--endpoint", stub.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(adding.stdin.take().unwrap(), "{TOKEN}").unwrap();
    let added = adding.wait_with_output().unwrap();
    let added_text = String::from_utf8(added.stdout).unwrap();
    assert!(
        added_text.contains("what opens it is sealed"),
        "{added_text}"
    );

    let id = "gitlab_project_tokens:git.test/group/shop";
    let tested = world.run(&["sources", "test", id]);
    assert_eq!(tested.code, 0, "{tested:?}");
    assert!(tested.stdout.contains("read_api"), "{tested:?}");
    // By its id, and in the words with which it was added.
    for named in [id, "gitlab:git.test/group/shop"] {
        let scanned = world.run(&["scan", named]);
        assert_eq!(scanned.code, 0, "{scanned:?}");
    }
    let listed = world.run(&["ls", "-o", "ndjson"]);
    assert!(
        listed.stdout.contains("deploy"),
        "{listed:?} {:?}",
        stub.asked()
    );
    assert!(!stub.asked().is_empty());
    for head in stub.asked() {
        assert!(head.contains(&format!("private-token: {TOKEN}")), "{head}");
    }
    nothing_written_holds(&world);

    // A refusal is a gap that says what lacks; what was seen stays.
    closed.store(true, Ordering::Relaxed);
    let scanned = world.run(&["scan", id]);
    assert_eq!(scanned.code, 5, "{scanned:?}");
    let gaps = world.run(&["gaps"]);
    assert!(gaps.stdout.contains("read_api"), "{gaps:?}");
    let listed = world.run(&["ls", "-o", "ndjson"]);
    assert!(
        listed.stdout.contains("deploy"),
        "{listed:?} {:?}",
        stub.asked()
    );
}

#[test]
fn stub_a_token_in_the_environment_is_enough_and_is_not_kept() {
    let world = World::new();
    let stub = gitlab(&Arc::default());
    let named = "gitlab:git.test/group/shop";
    let without = world.run(&["scan", named, "--endpoint", stub.url()]);
    assert_eq!(without.code, 5, "{without:?}");
    assert!(stub.asked().is_empty(), "nothing is asked without a token");
    let output = world
        .command(&["scan", named, "--endpoint", stub.url()])
        .env("GITLAB_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    // The same by the id of a source that was added without one.
    let added = world.run(&["sources", "add", named, "--endpoint", stub.url()]);
    assert!(added.stdout.contains("no secret of its own"), "{added:?}");
    let output = world
        .command(&["scan", "gitlab_project_tokens:git.test/group/shop"])
        .env("GITLAB_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    // Where another system is asked is nothing to this one.
    let elsewhere = Stub::answering(|_| json("200 OK", "[]"));
    let aws = world
        .command(&["scan", named, "--endpoint", stub.url()])
        .env("GITLAB_TOKEN", TOKEN)
        .env("AWS_ENDPOINT_URL", elsewhere.url())
        .output()
        .unwrap();
    assert!(
        aws.status.success() && elsewhere.asked().is_empty(),
        "{aws:?}"
    );
    nothing_written_holds(&world);
}

#[test]
fn stub_token_endpoint_of_google_is_asked_with_the_login_that_gcloud_left() {
    let world = World::new();
    world.file(
        "home/.config/gcloud/application_default_credentials.json",
        r#"{"type":"authorized_user","client_id":"id-7","client_secret":"client-s3cret","refresh_token":"refresh-s3cret"}"#,
    );
    let stub = Stub::answering(|path| match path {
        "/token" => json("200 OK", r#"{"access_token":"given-7","expires_in":3600}"#),
        _ => json("200 OK", r#"{"assets":[]}"#),
    });
    let named = "gcp:projects/acme-7";
    let ran = world.run(&["scan", named, "--endpoint", stub.url()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let (given, shown): (Vec<_>, Vec<_>) = stub
        .asked()
        .into_iter()
        .partition(|head| head.starts_with("POST /token "));
    assert_eq!(given.len(), 1, "{given:?}");
    assert!(!shown.is_empty());
    for head in shown {
        assert!(head.contains("authorization: Bearer given-7"), "{head}");
    }
    for (path, bytes) in files(&world.path("home/.local")) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains("s3cret"), "{}", path.display());
    }
}
