//! `keyroll receive`, the real binary: it listens, tells of a birth, and is killed as anything is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};

use serde_json::{Value, json};

use crate::world::World;

const SETTINGS: &str = r#"
listen = "127.0.0.1:0"

[[source]]
platform = "okta"
name = "acme"
secret_variable = "OKTA_HOOK"
"#;

type Said = BufReader<ChildStderr>;

/// A process that receives, what it says on standard error, and the address it says it listens at.
fn receiving(world: &World, arguments: &[&str]) -> (Child, String, Said) {
    world.file("home/receive.toml", SETTINGS);
    let mut child = world
        .command(&[&["receive", "receive.toml"], arguments].concat())
        .env("OKTA_HOOK", "shown")
        .env_remove("KEYROLL_NOW")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    told.read_line(&mut line).unwrap();
    let (said, address) = line.trim_end().rsplit_once("http://").unwrap();
    assert_eq!(said, "receives from okta at ");
    (child, address.to_owned(), told)
}

fn post(address: &str, shown: &str, body: &str) -> String {
    let (host, path) = address.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let text = format!(
        "POST /{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {shown}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

fn hook(name: &str) -> String {
    let now = engine::system_clock().to_string();
    json!({"eventId": name, "eventTime": now, "data": {"events": [{
        "uuid": name, "published": now, "eventType": "application.lifecycle.create", "outcome": {"result": "SUCCESS"},
        "actor": {"id": "00u1", "type": "User", "alternateId": "ann@acme.example"},
        "target": [{"id": format!("0oa{name}"), "type": "AppInstance", "displayName": name}],
    }]}})
    .to_string()
}

/// Kills it as a power cut would.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_birth_that_is_sent_is_a_line_and_stands_on_the_roll() {
    let world = World::new();
    let (mut child, address, mut said) = receiving(&world, &["-o", "ndjson"]);
    assert_eq!(post(&address, "guessed", &hook("billing")), "401");
    let mut refused = String::new();
    said.read_line(&mut refused).unwrap();
    assert_eq!(refused, "okta/acme: refused 1, wrong signature\n");
    assert_eq!(post(&address, "shown", &hook("billing")), "200");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    kill(child);
    let alert: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&alert["alert"], &alert["name"]),
        (&json!("born"), &json!("billing"))
    );
    assert_eq!(alert["created_by"], "ann@acme.example");
    let shown = world
        .command(&["get", alert["entity"].as_str().unwrap(), "-o", "json"])
        .output()
        .unwrap();
    assert!(
        shown.status.success(),
        "{}",
        String::from_utf8_lossy(&shown.stderr)
    );
    assert!(String::from_utf8_lossy(&shown.stdout).contains("billing"));
}

#[test]
fn what_was_answered_before_a_kill_is_told_by_the_next_one() {
    let world = World::new();
    let (child, address, _said) = receiving(&world, &[]);
    assert_eq!(post(&address, "shown", &hook("billing")), "200");
    // Whether it was told before cannot be known; that it is on the roll in the end can.
    kill(child);
    let (child, address, _said) = receiving(&world, &[]);
    assert_eq!(post(&address, "shown", &hook("mailer")), "200");
    let mut child = child;
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut told = String::new();
    while !told.contains("`mailer`") {
        assert!(out.read_line(&mut told).unwrap() > 0, "it ended: {told}");
    }
    kill(child);
    let listed = world.command(&["ls", "-o", "json"]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(
        listed.contains("billing") && listed.contains("mailer"),
        "{listed}"
    );
}

#[test]
fn what_is_to_be_set_up_is_printed_with_the_least_permission() {
    let world = World::new();
    world.file(
        "home/receive.toml",
        "[[source]]\nplatform = \"sqs\"\nname = \"trail\"\nqueue = \"https://sqs.eu-central-1.amazonaws.com/111122223333/births\"\n",
    );
    let told = world
        .command(&["receive", "receive.toml", "--check"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let policy = told
        .lines()
        .find_map(|line| line.trim().strip_prefix("permission here: "))
        .unwrap();
    let policy: Value = serde_json::from_str(policy).unwrap();
    assert_eq!(
        policy["Statement"][0]["Action"],
        json!(["sqs:ReceiveMessage", "sqs:DeleteMessage"])
    );
    assert_eq!(
        policy["Statement"][0]["Resource"],
        "arn:aws:sqs:eu-central-1:111122223333:births"
    );
}

#[test]
fn a_file_that_lacks_something_says_what_was_expected() {
    let world = World::new();
    let source = |text: &str| format!("[[source]]\nname = \"acme\"\n{text}");
    for (text, says) in [
        (String::new(), "expected at least one [[source]]"),
        (
            source("platform = \"github\""),
            "expected secret_file or secret_variable",
        ),
        (
            source("platform = \"github\"\nsecret = \"x\""),
            "unknown field `secret`",
        ),
        (
            source("platform = \"github\"\nsecret_variable = \"NOWHERE\""),
            "a secret in the variable `NOWHERE`",
        ),
        (source("platform = \"sns\""), "expected topics"),
        (source("platform = \"sqs\""), "expected queue"),
        (source("platform = \"pubsub\""), "expected audience"),
        (
            source("platform = \"pubsub\"\naudience = \"x\""),
            "expected account",
        ),
        (
            source("platform = \"event-grid\"\naudience = \"x\""),
            "expected issuers",
        ),
        (
            source("platform = \"telegraph\""),
            "unknown variant `telegraph`",
        ),
        (
            format!(
                "listen = \"0.0.0.0:0\"\n{}",
                source("platform = \"okta\"\nsecret_variable = \"OKTA_HOOK\"")
            ),
            "expected [tls]",
        ),
    ] {
        world.file("home/receive.toml", &text);
        let refused = world
            .command(&["receive", "receive.toml"])
            .env("OKTA_HOOK", "shown")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{told}");
        assert!(told.contains(says), "{says}: {told}");
    }
}
