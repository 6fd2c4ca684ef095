//! A roll, a receiver of Okta's hooks and GitHub's webhooks, and a clock that stands still.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use connectors::events::{Delivery, Sender};
use engine::receive::{Alert, Answered, EventSource, From, Outgoing, Receiver};
use engine::{Engine, KeyPaths, Machine, Spec};
use model::{Secret, Tenant, Timestamp};
use serde_json::{Value, json};
use store::{Filter, Location, Options, Page, Row, Store};

pub(crate) const OKTA: &str = "/okta/acme";
pub(crate) const GITHUB: &str = "/github/acme";

/// What time it is, until it is told another.
pub(crate) struct Clock(pub(crate) Arc<AtomicI64>);

impl Clock {
    pub(crate) fn new() -> Self {
        let noon: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        Self(Arc::new(AtomicI64::new(noon.0)))
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

pub(crate) fn engine_at(dir: &Path, clock: &Clock) -> Engine {
    let location = Location::Sqlite(dir.join("roll.db"));
    let store = Store::open(&location, &Options::default()).unwrap();
    let paths = KeyPaths::for_store(&location, None, None).unwrap();
    let told = Arc::clone(&clock.0);
    let clock = Arc::new(move || Timestamp(told.load(Ordering::SeqCst)));
    Engine::open(store, Tenant::local(), &paths, "person:test", clock).unwrap()
}

pub(crate) fn receiver(engine: &Engine, outgoing: Option<Outgoing>) -> Receiver {
    receiver_of(engine, &[okta_hooks(), github_webhooks()], outgoing)
}

pub(crate) fn okta_hooks() -> Sender {
    Sender::Okta {
        secrets: vec![Secret::from("shown")],
    }
}

pub(crate) fn github_webhooks() -> Sender {
    Sender::Github {
        secrets: vec![Secret::from("signs")],
    }
}

pub(crate) fn receiver_of(
    engine: &Engine,
    senders: &[Sender],
    outgoing: Option<Outgoing>,
) -> Receiver {
    let source = |sender: &Sender| EventSource {
        name: "acme".to_owned(),
        from: From::Sent(sender.clone()),
        keys: None,
        certificate: None,
    };
    let stop = Arc::new(AtomicBool::new(false));
    Receiver::open(engine, senders.iter().map(source).collect(), outgoing, stop).unwrap()
}

/// An entry of the System Log: what was done to the app of that number.
pub(crate) fn event(n: u32, what: &str, at: &str) -> Value {
    json!({
        "uuid": format!("{n} {what} {at}"), "published": at, "eventType": format!("application.lifecycle.{what}"),
        "outcome": {"result": "SUCCESS"},
        "actor": {"id": "00u1", "type": "User", "alternateId": "ann@acme.example", "displayName": "Ann"},
        "target": [{"id": format!("0oa{n}"), "type": "AppInstance", "displayName": format!("app {n}")}],
    })
}

/// One hook that brings `events`.
pub(crate) fn hook(id: &str, at: Timestamp, events: &[Value]) -> String {
    json!({"eventId": id, "eventTime": at.to_string(), "data": {"events": events}}).to_string()
}

pub(crate) fn okta(receiver: &Receiver, at: Timestamp, body: &str, shown: &str) -> Answered {
    let headers = [
        ("authorization", shown),
        ("content-type", "application/json"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let delivery = Delivery {
        method: "POST",
        headers: &headers,
        body: body.as_bytes(),
        at,
    };
    receiver.take(OKTA, &delivery)
}

pub(crate) fn github(receiver: &Receiver, at: Timestamp, event: &str, body: &str) -> Answered {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"signs");
    let tag = aws_lc_rs::hmac::sign(&key, body.as_bytes());
    let tag: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let headers = [
        ("x-hub-signature-256", format!("sha256={tag}")),
        ("x-github-event", event.to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value));
    let delivery = Delivery {
        method: "POST",
        headers: &headers,
        body: body.as_bytes(),
        at,
    };
    receiver.take(GITHUB, &delivery)
}

/// Brings all in, and gives what was told.
pub(crate) fn drain(receiver: &Receiver, all: bool) -> Vec<Alert> {
    let mut told = Vec::new();
    let drained = receiver.drain(all, &mut |alert| {
        told.push(alert.clone());
        Ok(())
    });
    assert_eq!(drained.unwrap().alerts, told.len());
    told
}

pub(crate) fn scan(engine: &Engine, named: &str) {
    let spec = Spec::parse(named, Path::exists).unwrap();
    let machine = Machine {
        host: "host".into(),
        kind_of_target: "real".into(),
        ..Machine::default()
    };
    let stop = Arc::new(AtomicBool::new(false));
    let mut scanned = engine.scan(&[spec], &machine, &stop, &mut |_| {}).unwrap();
    scanned.remove(0).report.unwrap();
}

pub(crate) fn rows(engine: &Engine) -> Vec<Row> {
    let page = Page {
        limit: 10_000,
        ..Page::default()
    };
    let rows = engine
        .store
        .read(|reading| reading.roll(&engine.tenant, &Filter::default(), &page));
    rows.unwrap().rows
}

/// All that is seen, by what its source calls it.
pub(crate) fn roll(engine: &Engine) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let at = "2030-01-01T00:00:00Z".parse().unwrap();
    let moment = store::Moment { at, known: at };
    let seen = engine.store.read(|reading| {
        let last = reading.last_number(&engine.tenant)?;
        let numbers: Vec<_> = (1..=last).collect();
        reading.stood(&engine.tenant, moment, &numbers)
    });
    for one in seen.unwrap() {
        let told = serde_json::to_value(&one.observation).unwrap();
        let before = all.insert(
            format!("{} {}", one.key.kind.as_str(), one.key.native),
            told,
        );
        assert_eq!(before, None, "two sources tell of {}", one.key.native);
    }
    all
}

/// How many wait.
pub(crate) fn waiting(engine: &Engine, name: &str) -> u64 {
    let source = model::SourceId::new("events-waiting", name);
    let waiting = engine
        .store
        .read(|reading| reading.journal_len(&engine.tenant, &source));
    waiting.unwrap()
}
