//! How fast a PostgreSQL password is dead, and how fast that is proven, against a real server.
//!
//! Bars: cut, live sessions gone and first denial within 500 ms; proven within the window and
//! half a second. Prints the median and the worst of [`ROUNDS`]; a missed bar is a failure.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a benchmark that fails"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use engine::{Advance, Engine, KeyPaths, Machine, Spec, system_clock};
use model::{Kind, Path, Plan, Probed, StepKind, Target, Tenant};
use store::{Location, Options, Store};
use testkit::PgServer;
use tokio::runtime::Runtime;

const ROUNDS: usize = 5;
const CUT_MAX: Duration = Duration::from_millis(500);
const PROVEN_MAX: Duration = Duration::from_millis(500);
/// Sessions an attacker holds when the revocation begins.
const SESSIONS: usize = 5;

fn main() {
    let Some(server) = testkit::postgres() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let runtime = Arc::new(runtime);
    let (mut dead, mut proven) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (cut, proof) = round(&server, &runtime);
        dead.push(cut);
        proven.push(proof);
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("machine: {cores} cores; server: {}", server.address());
    let met = [
        bar("cut, sessions gone, first denial", &mut dead, CUT_MAX),
        bar("proven beyond the window of 5 s", &mut proven, PROVEN_MAX),
    ];
    assert!(met.iter().all(|met| *met), "a bar was missed");
}

fn bar(what: &str, times: &mut [Duration], max: Duration) -> bool {
    times.sort();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    let ratio = median.as_secs_f64() / max.as_secs_f64();
    println!("{what}: median {median:.1?}, worst {worst:.1?}, bar {max:?}, ratio {ratio:.2}");
    median <= max
}

/// From the first act to the last of: the first denial, no session left; and from the cut to the
/// proof, less the window.
fn round(server: &PgServer, runtime: &Arc<Runtime>) -> (Duration, Duration) {
    let name = testkit::fresh_name("bench");
    let password = testkit::fresh_name("pw");
    let admin = open(runtime, &server.url);
    let create = format!("create role {name} login password '{password}'");
    runtime.block_on(admin.batch_execute(&create)).unwrap();
    let url = server.url_for(&name, &password, "postgres");
    let held: Vec<_> = (0..SESSIONS).map(|_| open(runtime, &url)).collect();

    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("leaks")).unwrap();
    std::fs::write(
        dir.path().join("leaks/.env"),
        format!("DATABASE_URL={url}\n"),
    )
    .unwrap();
    let engine = engine(dir.path());
    let plan = plan(&engine, server, dir.path(), &name);

    let mut cut_at = None;
    let (mut denied, mut ended) = (None, None);
    let mut told = |advance: Advance<'_>| match advance {
        Advance::Step(step) if step.kind == StepKind::Cut => cut_at = Some(Instant::now()),
        Advance::Probe(probe)
            if probe.path == Path::NewLogin && matches!(probe.probed, Probed::Denied { .. }) =>
        {
            denied = denied.or(Some(Instant::now()));
        }
        Advance::Receipt(receipt) if receipt.kind == StepKind::EndSessions => {
            ended = Some(Instant::now());
        }
        _ => {}
    };
    let stop = Arc::new(AtomicBool::new(false));
    let patience = model::Duration::seconds(30);
    let applied = engine.apply(&plan.id, patience, &stop, &mut told).unwrap();
    let done = Instant::now();
    assert_eq!(applied.state.as_str(), "proven", "{:?}", applied.state);
    drop(held);
    let cut = cut_at.unwrap();
    let dead = denied.max(ended).unwrap().duration_since(cut);
    let window = plan.body.window.over.to_std();
    (dead, done.duration_since(cut).saturating_sub(window))
}

fn open(runtime: &Arc<Runtime>, url: &str) -> tokio_postgres::Client {
    let (client, connection) = runtime
        .block_on(tokio_postgres::connect(url, tokio_postgres::NoTls))
        .unwrap();
    runtime.spawn(connection);
    client
}

fn engine(dir: &std::path::Path) -> Engine {
    let location = Location::Sqlite(dir.join("roll.db"));
    let store = Store::open(&location, &Options::default()).unwrap();
    let paths = KeyPaths::for_store(&location, None, None).unwrap();
    Engine::open(
        store,
        Tenant::local(),
        &paths,
        "person:bench",
        Arc::new(system_clock),
    )
    .unwrap()
}

fn plan(engine: &Engine, server: &PgServer, dir: &std::path::Path, role: &str) -> Plan {
    let machine = Machine {
        host: "bench".to_owned(),
        kind_of_target: "real".to_owned(),
        ..Machine::default()
    };
    let postgres = Spec::parse(&server.url, |_| false).unwrap();
    let (config, secret) = engine.describe(&postgres, &machine).unwrap();
    engine.add_source(config, secret.as_ref()).unwrap();
    let specs = [postgres, Spec::Paths(vec![dir.join("leaks")])];
    let stop = Arc::new(AtomicBool::new(false));
    engine.scan(&specs, &machine, &stop, &mut |_| {}).unwrap();
    let key = model::Key::new(
        model::KeyKind::PostgresLogin,
        format!("{}/{role}", server.address()),
    );
    let target = Target::Bearer {
        kind: Kind::Identity,
        key,
    };
    let source = format!("postgres_roles:{}", server.address());
    let tenant = Tenant::local();
    let credentials = engine
        .store
        .read(|reading| {
            let role = reading.resolve(&tenant, &[(source.parse().unwrap(), target)])?;
            reading.credentials_of(&tenant, &role[0].clone().unwrap())
        })
        .unwrap();
    let leaked = credentials.iter().max_by_key(|row| row.sources).unwrap();
    engine.plan_revoke(&leaked.id).unwrap()
}
