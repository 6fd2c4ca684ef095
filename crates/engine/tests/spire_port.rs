//! The port to a SPIRE server, against stubs that lie, babble, repeat themselves or say nothing.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use connectors::spire::Call;
use connectors::{Context, Event, Fingerprints, Port, Question, Refusal};
use engine::{SpireLimits, SpirePort, SpireServer};
use http::{HeaderMap, Response};
use model::{Fingerprint, Gap, Secret};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixListener;

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    let mut build = tokio::runtime::Builder::new_multi_thread();
    build.worker_threads(2).enable_all().build().unwrap()
});

/// What a stub says to a call: bytes as they go over the wire, and whether it ends with a status.
type Says = Arc<dyn Fn(&str) -> (Vec<u8>, Option<&'static str>) + Send + Sync>;

/// A stub at a socket of its own, which lasts as long as its directory.
struct Stub {
    dir: TempDir,
}

impl Stub {
    fn listening() -> (Self, UnixListener) {
        let stub = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let _inside = RUNTIME.enter();
        let listener = UnixListener::bind(stub.socket()).unwrap();
        (stub, listener)
    }

    fn saying(says: Says) -> Self {
        let (stub, listener) = Self::listening();
        RUNTIME.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&says)));
            }
        });
        stub
    }

    fn socket(&self) -> String {
        self.dir.path().join("s").to_str().unwrap().to_owned()
    }

    fn port(&self, stop: &Arc<AtomicBool>) -> SpirePort {
        let limits = SpireLimits {
            connect: Duration::from_millis(500),
            answer: Duration::from_millis(500),
            bytes_max: 1 << 16,
            page: 2,
        };
        let server = SpireServer::Socket(self.socket());
        SpirePort::new(RUNTIME.handle().clone(), server, limits, Arc::clone(stop))
    }

    fn refused(&self) -> Refusal {
        let mut port = self.port(&Arc::new(AtomicBool::new(false)));
        let call = Call::ListEntries;
        let after = String::new();
        port.ask(&Question::Spire { call, after }).unwrap_err()
    }
}

async fn serve(socket: tokio::net::UnixStream, says: Says) {
    let mut connection = h2::server::handshake(socket).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let path = request.uri().path().to_owned();
        let (bytes, status) = says(&path);
        let head = Response::builder().header("content-type", "application/grpc");
        let mut body = respond
            .send_response(head.body(()).unwrap(), false)
            .unwrap();
        let sent = body.send_data(Bytes::from(bytes), status.is_none());
        if let (Ok(()), Some(status)) = (sent, status) {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", status.parse().unwrap());
            drop(body.send_trailers(trailers));
        }
    }
}

/// A message with what stands before it.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

/// A field of bytes in a message; none here is longer than 127.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    [&[tag << 3 | 2, length][..], bytes].concat()
}

/// An entry for the workload `name`.
fn entry(name: &str) -> Vec<u8> {
    let path = format!("/{name}");
    let id = [field(1, b"keyroll.test"), field(2, path.as_bytes())].concat();
    field(1, &[field(1, name.as_bytes()), field(2, &id)].concat())
}

#[test]
fn stub_an_answer_that_is_no_message_is_refused_in_words() {
    let cases: [(Vec<u8>, Option<&'static str>, &str); 6] = [
        (framed(b"\xff\xff\xff"), Some("0"), "something else"),
        (framed(&entry("a").repeat(3)), Some("0"), "at most 2 things"),
        (vec![0; 3], Some("0"), "no message"),
        (vec![0; 1 << 17], Some("0"), "longer than"),
        (framed(&entry("a")), None, "without a status"),
        (Vec::new(), Some("7"), "denied"),
    ];
    for (bytes, status, wanted) in cases {
        let said = bytes.clone();
        let stub = Stub::saying(Arc::new(move |_| (said.clone(), status)));
        let told = stub.refused().to_string();
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

#[test]
fn stub_a_server_that_says_nothing_or_babbles_is_not_waited_for() {
    let (silent, listener) = Stub::listening();
    assert_eq!(silent.refused().code, "timeout");
    drop(listener);
    let (babbling, listener) = Stub::listening();
    RUNTIME.spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move { while socket.write_all(b"HELLO\r\n").await.is_ok() {} });
        }
    });
    let told = babbling.refused();
    assert!(
        matches!(told.code.as_str(), "closed" | "timeout"),
        "{told:?}"
    );
}

#[test]
fn stub_whoever_is_stopped_asks_nothing_more() {
    let stub = Stub::saying(Arc::new(|_| (framed(&[]), Some("0"))));
    let stop = Arc::new(AtomicBool::new(false));
    let mut port = stub.port(&stop);
    let bundle = Question::Spire {
        call: Call::GetBundle,
        after: String::new(),
    };
    assert!(port.ask(&bundle).is_ok());
    stop.store(true, Ordering::Relaxed);
    assert!(port.ask(&bundle).unwrap_err().stop);
}

struct NoKey;

impl Fingerprints for NoKey {
    fn fingerprint(&self, _: &Secret) -> Fingerprint {
        Fingerprint {
            key: String::new(),
            mac: String::new(),
        }
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

/// What a pass over a stub brings: how many things, and its gaps.
fn pass(stub: &Stub) -> (usize, Vec<Gap>) {
    let mut port = stub.port(&Arc::new(AtomicBool::new(false)));
    let (mut seen, mut gaps) = (0, Vec::new());
    let mut sink = |event| match event {
        Event::Seen(_) => seen += 1,
        Event::Gap(gap) => gaps.push(gap),
        Event::SetAside { .. } => {}
    };
    let options = BTreeMap::new();
    let now = engine::system_clock();
    let mut cx = Context::new(&mut port, &NoKey, "keyroll.test", &options, now, &mut sink);
    connectors::connector("spire")
        .unwrap()
        .discover(&mut cx)
        .unwrap();
    (seen, gaps)
}

#[test]
fn stub_pages_that_repeat_or_bring_nothing_new_end_in_a_gap() {
    let next = |list: Vec<u8>, place: &str| framed(&[list, field(2, place.as_bytes())].concat());
    let (same, empty) = (next(entry("a"), "again"), next(Vec::new(), "further"));
    for said in [same, empty] {
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let stub = Stub::saying(Arc::new(move |path| {
            if path.ends_with("/ListEntries") {
                count.fetch_add(1, Ordering::Relaxed);
                return (said.clone(), Some("0"));
            }
            (framed(&[]), Some("0"))
        }));
        let (_, gaps) = pass(&stub);
        let told = gaps
            .iter()
            .find(|gap| gap.scope.to_string() == "entries")
            .unwrap();
        assert!(told.told.contains("repeats a page"), "{told:?}");
        assert!(asked.load(Ordering::Relaxed) <= 3);
    }
}

#[test]
fn stub_a_list_that_breaks_off_keeps_what_was_read_and_leaves_a_gap() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let stub = Stub::saying(Arc::new(move |path| {
        if !path.ends_with("/ListEntries") {
            return (framed(&[]), Some("0"));
        }
        match count.fetch_add(1, Ordering::Relaxed) {
            0 => (
                framed(&[entry("a"), entry("b"), field(2, b"2")].concat()),
                Some("0"),
            ),
            _ => (Vec::new(), Some("8")),
        }
    }));
    let (seen, gaps) = pass(&stub);
    // Two entries and what they give, the server and its trust domain.
    assert_eq!(seen, 6);
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(gaps[0].told.contains("RESOURCE_EXHAUSTED"), "{gaps:?}");
}
