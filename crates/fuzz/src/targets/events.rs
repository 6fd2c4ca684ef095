//! Deliveries of events: the input is a body, which whoever knows the secret signed, or a text
//! that a queue, an issuer of keys or the store gave.

use std::collections::BTreeMap;

use connectors::events::{
    Delivery, Events, KeySet, Sender, Then, TokenRules, Trusted, open, pulled_messages,
    sqs_messages,
};
use model::{Secret, Timestamp};
use sha2::{Digest, Sha256};

use super::Listed;

const CLAIM: &str =
    "any body is refused, or gives records that are read, the same again, within bounds";
const QUEUE: &str = "any answer of a queue is none, or messages whose records are read";

pub(super) const TARGETS: &[Listed] = &[
    ("events_github", CLAIM, |body| {
        let secrets = vec![Secret::from(SECRET)];
        let signature = ("x-hub-signature-256", format!("sha256={}", signed(body)));
        for event in [
            "deploy_key",
            "installation",
            "personal_access_token_request",
            "meta",
        ] {
            let event = ("x-github-event", event.to_owned());
            let sender = Sender::Github {
                secrets: secrets.clone(),
            };
            deliver(&sender, &[signature.clone(), event], body);
        }
    }),
    ("events_gitlab", CLAIM, |body| {
        let sender = Sender::Gitlab {
            secrets: vec![Secret::from(SECRET)],
        };
        deliver(&sender, &[("x-gitlab-token", SECRET.to_owned())], body);
    }),
    ("events_okta", CLAIM, |body| {
        let sender = Sender::Okta {
            secrets: vec![Secret::from(SECRET)],
        };
        deliver(&sender, &[("authorization", SECRET.to_owned())], body);
    }),
    ("events_event_grid", CLAIM, |body| {
        let sender = Sender::EventGrid {
            secrets: vec![Secret::from(SECRET)],
        };
        deliver(&sender, &[("authorization", SECRET.to_owned())], body);
        let validates = ("aeg-event-type", "SubscriptionValidation".to_owned());
        deliver(&sender, &[validates], body);
    }),
    ("events_sns", CLAIM, |body| {
        let topics = vec!["arn:aws:sns:eu-central-1:111122223333:keyroll".to_owned()];
        deliver(&Sender::Sns { topics }, &[], body);
    }),
    (
        "events_token",
        "no token lets in that its issuer did not sign",
        token,
    ),
    ("events_queue", QUEUE, queue),
    (
        "events_rows",
        "any row is refused, or comes back as it was kept",
        rows,
    ),
];

const SECRET: &str = "a secret";

fn now() -> Timestamp {
    Timestamp::from_seconds(1_796_040_000)
}

/// HMAC-SHA-256 of `body` under [`SECRET`], in hexadecimal digits (RFC 2104).
fn signed(body: &[u8]) -> String {
    let mut key = [0_u8; 64];
    key[..SECRET.len()].copy_from_slice(SECRET.as_bytes());
    let pad = |with: u8| key.map(|byte| byte ^ with);
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(body)
        .finalize();
    let outer = Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize();
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn deliver(sender: &Sender, headers: &[(&str, String)], body: &[u8]) {
    let mut headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    let delivery = Delivery {
        method: "POST",
        headers: &headers,
        body,
        at: now(),
    };
    let trusted = Trusted {
        keys: None,
        certificates: &BTreeMap::new(),
    };
    let opened = open(sender, &delivery, &trusted);
    assert_eq!(
        opened,
        open(sender, &delivery, &trusted),
        "it is opened otherwise"
    );
    let Ok(opened) = opened else { return };
    match opened.then {
        Then::Take { records, .. } => read(&records),
        Then::Answer { body, .. } => assert!(body.len() <= 4 * 1024, "an answer without a bound"),
        Then::Confirm { url } => assert!(
            url.starts_with("https://sns.eu-central-1.amazonaws.com/?"),
            "what is confirmed lies elsewhere"
        ),
    }
}

/// Records are read, and what they come to joins and is kept as it is.
fn read(records: &[u8]) {
    let (events, _) = Events::read(records, now());
    assert_eq!(
        Events::from_bytes(&events.to_bytes()).as_ref(),
        Some(&events)
    );
    let mut twice = events.clone();
    let again = twice.join(&events);
    assert!(
        again.rows.is_empty() && again.born.is_empty(),
        "told again it changes something"
    );
    assert_eq!(twice, events);
    for one in events.observations(None) {
        assert!(one.native.len() <= 1024, "an id without a bound");
    }
}

fn token(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (keys, token) = text.split_once('\n').unwrap_or((&text, ""));
    let keys = KeySet::read(keys.as_bytes());
    let rules = TokenRules {
        issuers: vec!["https://accounts.google.com".to_owned()],
        audience: "https://roll.example/".to_owned(),
        account: None,
        client: None,
    };
    let headers = [
        ("authorization".to_owned(), format!("Bearer {token}")),
        ("content-type".to_owned(), "application/json".to_owned()),
    ];
    let delivery = Delivery {
        method: "POST",
        headers: &headers,
        body: b"{\"message\":{\"messageId\":\"1\"}}",
        at: now(),
    };
    let trusted = Trusted {
        keys: keys.as_ref(),
        certificates: &BTreeMap::new(),
    };
    let sender = Sender::PubSub {
        rules,
        subscription: None,
    };
    // The audience is nobody's: not even what was signed well for another lets in here.
    assert!(
        open(&sender, &delivery, &trusted).is_err(),
        "a token was let in"
    );
}

fn queue(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for one in sqs_messages(&text).unwrap_or_default() {
        read(&one.records);
    }
    for one in pulled_messages(&text).unwrap_or_default() {
        read(&one.records);
    }
}

fn rows(input: &[u8]) {
    let Some(events) = Events::from_bytes(input) else {
        return;
    };
    let kept = events.to_bytes();
    assert_eq!(Events::from_bytes(&kept), Some(events));
}
