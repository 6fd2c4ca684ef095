//! The frame of the interface: who gets in, what every answer carries, what is refused how.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::world::World;

#[test]
fn the_machines_user_is_known_by_the_loopback_address_and_nobody_by_another_name() {
    let world = World::for_the_user();
    let me = world.ask("GET /v1/me", "");
    assert_eq!(me.status, 200, "{}", me.body);
    assert_eq!(me.json()["how"], "loopback");
    assert_eq!(me.json()["id"], "person:ann");
    let evil = "GET /v1/me HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    assert_eq!(world.raw(evil).status, 401);
}

#[test]
fn a_stranger_is_told_nothing_by_any_route() {
    let world = World::new(|gate| gate);
    let document = serde_json::to_value(world.api.document(|routes| routes)).unwrap();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let open = operation["x-permission"] == "nothing";
            assert!(
                operation["x-permission"].is_string(),
                "{method} {path} says what it needs"
            );
            let path = path.replace(['{', '}'], "");
            let line = format!("{} {path}", method.to_uppercase());
            let answer = world.ask(&line, "x-keyroll-csrf: 1\r\ncontent-length: 0\r\n");
            assert_eq!(answer.status == 401, !open, "{line}: {}", answer.body);
            asked += 1;
        }
    }
    assert!(asked >= 4, "only {asked} routes are written down");
}

#[test]
fn every_answer_carries_the_policy_an_id_and_its_kind() {
    let world = World::for_the_user();
    for line in [
        "GET /",
        "GET /v1/me",
        "GET /v1/nothing",
        "GET /a/b",
        "GET /a.js",
        "PUT /",
    ] {
        let answer = world.ask(line, "x-keyroll-csrf: 1\r\nx-request-id: abc-1\r\n");
        assert!(
            answer
                .head
                .contains("content-security-policy: default-src 'none'"),
            "{line}"
        );
        assert!(
            answer.head.contains("x-content-type-options: nosniff"),
            "{line}"
        );
        assert!(answer.head.contains("x-request-id: abc-1"), "{line}");
        if answer.status >= 400 {
            assert!(
                answer.head.contains("application/problem+json"),
                "{line}: {}",
                answer.head
            );
            assert_eq!(answer.json()["request_id"], "abc-1");
            assert_eq!(answer.json()["status"], answer.status);
        }
    }
    assert_eq!(
        world.ask("GET /a/b", "").status,
        200,
        "a view of the console"
    );
    assert_eq!(world.ask("GET /a.js", "").status, 404);
    let spoiled = world.ask("GET /v1/me", "x-request-id: a\tb\r\n");
    assert!(!spoiled.head.contains("a\tb"), "{}", spoiled.head);
}

#[test]
fn whoever_has_an_answer_already_is_told_so() {
    let world = World::for_the_user();
    let first = world.ask("GET /v1/me", "");
    let tag = first
        .head
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .unwrap();
    let again = world.ask("GET /v1/me", &format!("if-none-match: W/{tag}\r\n"));
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(
        world.ask("GET /v1/me", "if-none-match: \"x\"\r\n").status,
        200
    );
}

#[test]
fn the_server_is_well_and_counts_what_it_answers() {
    let world = World::for_the_user();
    assert_eq!(world.ask("GET /healthz", "").status, 200);
    assert_eq!(world.ask("GET /readyz", "").status, 200);
    let metrics = world.ask("GET /metrics", "");
    assert!(
        metrics
            .body
            .contains("keyroll_http_requests_total{route=\"/readyz\""),
        "{}",
        metrics.body
    );
    assert_eq!(metrics.body.matches("# EOF").count(), 1);
}

#[test]
fn a_server_that_ends_takes_nobody_more_and_waits_for_no_half_request() {
    let mut world = World::for_the_user();
    let mut stream = TcpStream::connect(world.address()).unwrap();
    let half = format!("GET /v1/me HTTP/1.1\r\nhost: {}\r\n", world.address());
    stream.write_all(half.as_bytes()).unwrap();
    let serving = world.serving.take().unwrap();
    let address = serving.address;
    serving.end();
    let mut text = String::new();
    // What was sent and never read is reset.
    let _ = stream.read_to_string(&mut text);
    assert!(!text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(
        TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
}
