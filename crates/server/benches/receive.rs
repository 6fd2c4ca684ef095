//! How long after its own time a birth is told: from an event that is sent over a socket, checked,
//! kept, brought into the roll, to the alert; while others come as fast as they are answered, and
//! on a roll on which many stand already.
//!
//! `cargo bench -p server --bench receive`. The bar is 60 s for the worst of them. A missed bar
//! is a failure of the benchmark.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a benchmark that fails"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use connectors::events::Sender;
use engine::receive::{EventSource, From, Receiver};
use engine::{Engine, KeyPaths, system_clock};
use model::{Secret, Tenant};
use server::{EventsAt, Limits, Listener};
use store::{Location, Options, Store};

/// Seconds from the event's own time to its alert, at most.
const BAR: f64 = 60.0;
const SENDERS: u32 = 4;
const DELIVERIES: u32 = 500;
/// Births that stand on the roll before the first is measured.
const BEFORE: u32 = 10_000;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, receiver) = open(dir.path());
    let clock: engine::Clock = Arc::new(system_clock);
    let answers = Arc::new(EventsAt::new(Arc::clone(&receiver), clock, || {}));
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::bind(any, None, Limits::default()).unwrap();
    let running = listener.start(&engine.runtime().unwrap(), answers).unwrap();

    let begun = Instant::now();
    for first in (0..BEFORE).step_by(500) {
        send(running.address, &body(1_000_000 + first, 500));
    }
    drop(drain(&receiver));
    let brought = begun.elapsed().as_secs_f64();
    println!("{BEFORE} births brought in first, in {brought:.1} s");

    let (sent, mut delays) = measure(&receiver, running.address);
    let count = SENDERS * DELIVERIES;
    assert_eq!(
        delays.len(),
        usize::try_from(count).unwrap(),
        "each is told once"
    );
    delays.sort_by(f64::total_cmp);
    let (median, worst) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    println!(
        "{count} deliveries from {SENDERS} senders: {:.0} answered a second, each durable first",
        f64::from(count) / sent
    );
    println!(
        "birth to alert: median {median:.2} s, worst {worst:.2} s, bar {BAR:.0} s, ratio {:.1}",
        BAR / worst
    );
    assert!(worst <= BAR, "the worst alert came after {worst:.1} s");
}

fn open(dir: &Path) -> (Engine, Arc<Receiver>) {
    let location = Location::Sqlite(dir.join("roll.db"));
    let store = Store::open(&location, &Options::default()).unwrap();
    let paths = KeyPaths::for_store(&location, None, None).unwrap();
    let clock = Arc::new(system_clock);
    let engine = Engine::open(store, Tenant::local(), &paths, "person:bench", clock).unwrap();
    let source = EventSource {
        name: "acme".to_owned(),
        from: From::Sent(Sender::Okta {
            secrets: vec![Secret::from("shown")],
        }),
        keys: None,
        certificate: None,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let receiver = Receiver::open(&engine, vec![source], None, stop).unwrap();
    (engine, Arc::new(receiver))
}

/// Seconds until all was answered, and each delay.
fn measure(receiver: &Arc<Receiver>, address: SocketAddr) -> (f64, Vec<f64>) {
    let begun = Instant::now();
    let done = Arc::new(AtomicBool::new(false));
    let drainer = {
        let (receiver, done) = (Arc::clone(receiver), Arc::clone(&done));
        std::thread::spawn(move || {
            let mut delays = Vec::new();
            while !done.load(Ordering::SeqCst) {
                delays.extend(drain(&receiver));
                std::thread::sleep(Duration::from_millis(50));
            }
            delays.extend(drain(&receiver));
            delays
        })
    };
    let each: Vec<_> = (0..SENDERS)
        .map(|sender| {
            std::thread::spawn(move || {
                for n in 0..DELIVERIES {
                    send(address, &body(sender * DELIVERIES + n, 1));
                }
            })
        })
        .collect();
    for sender in each {
        sender.join().unwrap();
    }
    let sent = begun.elapsed().as_secs_f64();
    done.store(true, Ordering::SeqCst);
    (sent, drainer.join().unwrap())
}

/// Delays in seconds of what is told now.
fn drain(receiver: &Receiver) -> Vec<f64> {
    let mut delays = Vec::new();
    let drained = receiver.drain(false, &mut |alert| {
        delays.push(alert.delay().to_std().as_secs_f64());
        Ok(())
    });
    drained.unwrap();
    delays
}

/// A hook that brings so many births that happen now.
fn body(first: u32, count: u32) -> String {
    let now = system_clock();
    let events: Vec<_> = (first..first + count)
        .map(|n| {
            serde_json::json!({
                "uuid": n.to_string(), "published": now.to_string(), "eventType": "application.lifecycle.create",
                "outcome": {"result": "SUCCESS"}, "actor": {"id": "00u1", "type": "User", "alternateId": "ann@acme.example"},
                "target": [{"id": format!("0oa{n}"), "type": "AppInstance", "displayName": format!("app {n}")}],
            })
        })
        .collect();
    let hook = serde_json::json!({"eventId": first.to_string(), "eventTime": now.to_string(), "data": {"events": events}});
    hook.to_string()
}

/// Sends one hook on a connection of its own, as platforms do.
fn send(address: SocketAddr, body: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /okta/acme HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: shown\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
}
