//! A server with its roll, and whoever asks it over a real socket.

use std::io::{BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use engine::{Engine, KeyPaths};
use model::Tenant;
use serde_json::Value;
use server::{Api, Bound, Bounds, Gate, Keeping, Loopback, Serving};
use store::{Location, Options, Store};

/// A server over a roll of its own.
pub(crate) struct World {
    dir: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
    pub(crate) api: Api,
    pub(crate) serving: Option<Serving>,
}

/// An answer: its status, its head in lower case, its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body))
    }
}

impl World {
    pub(crate) fn new(gate: impl FnOnce(Gate) -> Gate) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(dir.path().join("roll.db"));
        let store = Store::open(&location, &Options::default()).unwrap();
        let paths = KeyPaths::for_store(&location, None, None).unwrap();
        let clock: engine::Clock = Arc::new(engine::system_clock);
        let engine = Engine::open(store, Tenant::local(), &paths, "person:ann", clock).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
        let api = Api::new(engine, gate(Gate::default()), Keeping::default());
        let bound = Bound::bind("127.0.0.1:0".parse().unwrap(), None, Bounds::default()).unwrap();
        let serving = bound
            .serve(runtime.handle(), api.router(|routes| routes))
            .unwrap();
        Self {
            dir,
            _runtime: runtime,
            api,
            serving: Some(serving),
        }
    }

    pub(crate) fn for_the_user() -> Self {
        Self::new(|gate| {
            gate.or(Loopback {
                tenant: Tenant::local(),
                actor: "person:ann".to_owned(),
            })
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.serving.as_ref().unwrap().address
    }

    pub(crate) fn ask(&self, line: &str, headers: &str) -> Answer {
        self.raw(&format!(
            "{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}\r\n",
            self.address()
        ))
    }

    pub(crate) fn raw(&self, raw: &str) -> Answer {
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

/// A stream of events, line by line.
pub(crate) struct Follow(std::io::BufReader<TcpStream>);

impl Follow {
    /// The next line that begins so.
    pub(crate) fn until(&mut self, begins: &str) -> String {
        // It shows again and again that it lives, so a time for one line would never be over.
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_secs(40) {
            let mut line = String::new();
            assert_ne!(
                self.0.read_line(&mut line).unwrap(),
                0,
                "it ended before `{begins}`"
            );
            if line.starts_with(begins) {
                return line;
            }
        }
        panic!("nothing came that begins with `{begins}`");
    }

    /// Whether nothing more comes.
    pub(crate) fn ends(&mut self) -> bool {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).is_ok()
    }
}

impl World {
    /// With what a directory of credentials holds.
    pub(crate) fn with_a_roll() -> Self {
        let world = Self::for_the_user();
        for n in 0..4 {
            world.writes(&format!("service-{n}"), n);
        }
        world.scans();
        world
    }

    /// A file with one more password.
    fn writes(&self, name: &str, n: u32) {
        let below = self.dir.path().join(format!("read/{n}"));
        std::fs::create_dir_all(&below).unwrap();
        let letter =
            |at: u32| char::from(b'a' + u8::try_from((at * 7 + n * 11 + at * at) % 26).unwrap());
        let password: String = (0..24).map(letter).collect();
        let line = format!("db{n}.example:5432:app:{name}:{password}\n");
        std::fs::write(below.join(".pgpass"), line).unwrap();
    }

    fn scans(&self) {
        let specs = [engine::Spec::Paths(vec![self.dir.path().join("read")])];
        let machine = engine::Machine {
            host: "host".to_owned(),
            kind_of_target: "real".to_owned(),
            ..engine::Machine::default()
        };
        let stop = Arc::default();
        let scanned = self
            .api
            .engine()
            .scan(&specs, &machine, &stop, &mut |_| {})
            .unwrap();
        for one in scanned {
            one.report.unwrap();
        }
    }

    /// One more key, found.
    pub(crate) fn adds(&self, name: &str, n: u32) {
        self.writes(name, n);
        self.scans();
    }

    pub(crate) fn now(&self) -> model::Timestamp {
        self.api.engine().now()
    }

    /// What a path answers, which has to be 200.
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.ask(&format!("GET {path}"), "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// What is answered to JSON that is sent from no page.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let length = body.len();
        let address = self.address();
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-keyroll-csrf: 1\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    }

    /// Events are told from now on.
    pub(crate) fn begins(&self) {
        self.api.begin().unwrap();
    }

    pub(crate) fn ends(&self) {
        self.api.end();
    }

    /// A stream of events, after `last` where that is given.
    pub(crate) fn follows(&self, last: Option<&str>) -> Follow {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream
            .set_read_timeout(Some(std::time::Duration::from_secs(60)))
            .unwrap();
        let last = last.map_or_else(String::new, |id| format!("last-event-id: {id}\r\n"));
        let head = format!(
            "GET /v1/events HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{last}\r\n",
            self.address()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut follow = Follow(std::io::BufReader::new(stream));
        follow.until("HTTP/1.1 200");
        follow
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.api.end();
        if let Some(serving) = self.serving.take() {
            serving.end();
        }
    }
}
