//! Real servers that the Go toolchain makes: SPIRE, and the API server of Kubernetes.
//! `make test-servers` builds and starts them; elsewhere these tests are skipped, saying so.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

mod kubernetes;
mod objects;
mod spire;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use connectors::{Context, Event, Fingerprints, Port, Stop};
use model::{Fingerprint, Gap, Observation, Secret, Timestamp};

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    let mut build = tokio::runtime::Builder::new_multi_thread();
    build.worker_threads(1).enable_all().build().unwrap()
});

fn running() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(false))
}

/// A fingerprint key that is none: tests only compare.
struct TestKey;

impl Fingerprints for TestKey {
    fn fingerprint(&self, _: &Secret) -> Fingerprint {
        Fingerprint {
            key: "0".repeat(16),
            mac: "0".repeat(64),
        }
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

/// What one pass brought.
#[derive(Debug, Default)]
struct Pass {
    seen: Vec<Observation>,
    gaps: Vec<Gap>,
    aside: BTreeMap<&'static str, usize>,
    stopped: bool,
    named: String,
}

impl Pass {
    /// What was seen, in an order of its own.
    fn sorted(&self) -> Vec<String> {
        let mut all: Vec<_> = self.seen.iter().map(|one| format!("{one:#?}")).collect();
        all.sort();
        all
    }

    fn find(&self, begins: &str) -> &Observation {
        let found = self.seen.iter().find(|one| one.native.starts_with(begins));
        found.unwrap_or_else(|| {
            let all: Vec<_> = self.seen.iter().map(|one| &one.native).collect();
            panic!("no {begins} in {all:#?}")
        })
    }
}

fn pass(name: &str, port: &mut dyn Port, target: &str, options: &BTreeMap<String, String>) -> Pass {
    let connector = connectors::connector(name).unwrap();
    let now: Timestamp = engine::system_clock();
    let mut out = Pass::default();
    let mut sink = |event| match event {
        Event::Seen(one) => out.seen.push(one),
        Event::Gap(gap) => out.gaps.push(gap),
        Event::SetAside { what } => *out.aside.entry(what).or_default() += 1,
    };
    let mut cx = Context::new(port, &TestKey, target, options, now, &mut sink);
    let named = connector.identify(&mut cx);
    let stopped = connector.discover(&mut cx) == Err(Stop);
    out.stopped = stopped;
    out.named = named.unwrap_or_else(|refusal| refusal.to_string());
    out
}

/// One pass over a directory of exports.
fn exported(name: &str, dir: &std::path::Path) -> Pass {
    let dirs = dir.to_str().unwrap().to_owned();
    let mut port = engine::FilesPort::new(vec![dir.to_owned()]);
    let options = BTreeMap::from([("dirs".to_owned(), dirs.clone())]);
    pass(name, &mut port, &dirs, &options)
}

/// What a program prints.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let (out, err) = (output.stdout, output.stderr);
    let told = String::from_utf8_lossy(&err);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
    String::from_utf8(out).unwrap()
}
