//! The frame of the interface: who gets in, what every answer carries, what is refused how.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use engine::{Engine, KeyPaths};
use model::Tenant;
use serde_json::Value;
use server::{Api, Bound, Bounds, Gate, Loopback, Serving};
use store::{Location, Options, Store};

/// A server over an empty roll.
struct World {
    _dir: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
    api: Api,
    serving: Option<Serving>,
}

/// An answer: its status, its head in lower case, its body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body))
    }
}

impl World {
    fn new(gate: impl FnOnce(Gate) -> Gate) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(dir.path().join("roll.db"));
        let store = Store::open(&location, &Options::default()).unwrap();
        let paths = KeyPaths::for_store(&location, None, None).unwrap();
        let clock: engine::Clock = Arc::new(engine::system_clock);
        let engine = Engine::open(store, Tenant::local(), &paths, "person:ann", clock).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
        let api = Api::new(engine, gate(Gate::default()));
        let bound = Bound::bind("127.0.0.1:0".parse().unwrap(), None, Bounds::default()).unwrap();
        let serving = bound
            .serve(runtime.handle(), api.router(|routes| routes))
            .unwrap();
        Self {
            _dir: dir,
            _runtime: runtime,
            api,
            serving: Some(serving),
        }
    }

    fn for_the_user() -> Self {
        Self::new(|gate| {
            gate.or(Loopback {
                tenant: Tenant::local(),
                actor: "person:ann".to_owned(),
            })
        })
    }

    fn address(&self) -> SocketAddr {
        self.serving.as_ref().unwrap().address
    }

    fn ask(&self, line: &str, headers: &str) -> Answer {
        self.send(&format!(
            "{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}\r\n",
            self.address()
        ))
    }

    fn send(&self, raw: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.write_all(raw.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.end();
        }
    }
}

#[test]
fn the_machines_user_is_known_by_the_loopback_address_and_nobody_by_another_name() {
    let world = World::for_the_user();
    let me = world.ask("GET /v1/me", "");
    assert_eq!(me.status, 200, "{}", me.body);
    assert_eq!(me.json()["how"], "loopback");
    assert_eq!(me.json()["id"], "person:ann");
    let evil = "GET /v1/me HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    assert_eq!(world.send(evil).status, 401);
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
fn a_server_that_ends_lets_an_answer_come_to_its_end() {
    let mut world = World::for_the_user();
    let mut stream = TcpStream::connect(world.address()).unwrap();
    let half = format!("GET /v1/me HTTP/1.1\r\nhost: {}\r\n", world.address());
    stream.write_all(half.as_bytes()).unwrap();
    let serving = world.serving.take().unwrap();
    let ends = serving.ends();
    let address = serving.address;
    let ended = std::thread::spawn(move || serving.end());
    while !*ends.borrow() {
        std::thread::yield_now();
    }
    stream.write_all(b"connection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    ended.join().unwrap();
    assert!(
        text.is_empty() || text.starts_with("HTTP/1.1 200"),
        "{text}"
    );
    assert!(
        TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
}
