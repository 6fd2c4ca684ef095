//! Keys of an issuer of tokens that are fetched: what is refused for good and what may come again.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use connectors::events::{Delivery, KeySet, Sender, TokenRules};
use engine::receive::{EventSource, From, KeysOf, Receiver};
use serde_json::{Value, json};

use crate::world::{Clock, engine_at};

const TOKENS: &str = include_str!("../../../connectors/src/events/testdata/tokens.json");
const PATH: &str = "/pubsub/audit";

/// Gives a set of keys, or refuses, and counts how often it is asked.
struct Issuer {
    url: String,
    gives: Arc<Mutex<Option<String>>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/certs", listener.local_addr().unwrap());
        let gives = Arc::new(Mutex::new(None::<String>));
        let asked = Arc::new(AtomicUsize::new(0));
        let own = (Arc::clone(&gives), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 2 {
                    line.clear();
                }
                own.1.fetch_add(1, Ordering::SeqCst);
                let (status, body) = match own.0.lock().unwrap().clone() {
                    Some(body) => ("200 OK", body),
                    None => ("500 Internal Server Error", String::new()),
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { url, gives, asked }
    }

    fn gives(&self, keys: &Value) {
        *self.gives.lock().unwrap() = Some(keys.to_string());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn source(keys: KeysOf) -> EventSource {
    let rules = TokenRules {
        issuers: vec!["https://accounts.google.com".to_owned()],
        audience: "https://roll.example/pubsub/audit".to_owned(),
        account: Some("push@acme.iam.gserviceaccount.com".to_owned()),
        client: None,
    };
    EventSource {
        name: "audit".to_owned(),
        from: From::Sent(Sender::PubSub {
            rules,
            subscription: None,
        }),
        keys: Some(keys),
        certificate: None,
    }
}

#[test]
fn only_keys_of_after_a_delivery_came_or_of_the_configuration_show_that_its_key_is_none() {
    let tokens: Value = serde_json::from_str(TOKENS).unwrap();
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let issuer = Issuer::new();
    let receiver = |keys| Receiver::open(&engine, vec![source(keys)], None, Arc::default());
    let deliver = |receiver: &Receiver, token: &str| {
        let headers = [
            (
                "authorization",
                format!("Bearer {}", tokens[token].as_str().unwrap()),
            ),
            ("content-type", "application/json".to_owned()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value));
        let body = json!({"message": {"messageId": "m1", "data": ""}}).to_string();
        let delivery = Delivery {
            method: "POST",
            headers: &headers,
            body: body.as_bytes(),
            at: clock.now(),
        };
        receiver.take(PATH, &delivery).status
    };

    let fetched = receiver(KeysOf::At(issuer.url.clone())).unwrap();
    assert_eq!(deliver(&fetched, "good"), 503, "keys cannot be had");
    clock.pass(1);
    assert_eq!(deliver(&fetched, "good"), 503, "they were just asked for");
    assert_eq!(issuer.asked(), 1);

    let mut before = tokens["keys"].clone();
    before["keys"][0]["kid"] = json!("k0");
    issuer.gives(&before);
    clock.pass(60);
    assert_eq!(
        deliver(&fetched, "good"),
        401,
        "its issuer lacks the key now"
    );
    issuer.gives(&tokens["keys"]);
    clock.pass(1);
    assert_eq!(
        deliver(&fetched, "good"),
        503,
        "the key may be of since then"
    );
    assert_eq!(issuer.asked(), 2);
    clock.pass(60);
    assert_eq!(deliver(&fetched, "good"), 200);
    clock.pass(1);
    assert_eq!(deliver(&fetched, "unknown_key"), 503);
    assert_eq!(
        deliver(&fetched, "good"),
        200,
        "what is known holds meanwhile"
    );
    clock.pass(60);
    assert_eq!(deliver(&fetched, "unknown_key"), 401);
    assert_eq!(issuer.asked(), 4);
    let counts = fetched.counts();
    assert_eq!(counts[&(PATH.to_owned(), "no_keys")], 4);
    assert_eq!(counts[&(PATH.to_owned(), "wrong_signature")], 2);

    let set = KeySet::read(tokens["keys"].to_string().as_bytes()).unwrap();
    let given = receiver(KeysOf::Set(set)).unwrap();
    assert_eq!(deliver(&given, "unknown_key"), 401);
    assert_eq!(deliver(&given, "good"), 200);
    assert_eq!(issuer.asked(), 4);
}
