//! The ground the attacks are fought on: a real server, a roll, a leaked password, and a clock
//! that jumps over pauses instead of sleeping.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use engine::{
    Advance, Applied, Bearer, Engine, KeyPaths, Live, Machine, Postgres, Provider, Spec, World,
};
use model::{Duration, EntityId, Kind, Plan, Secret, Subject, Tenant, Timestamp};
use store::{Location, Options, Store};
use testkit::PgServer;
use tokio::runtime::Runtime;

/// A connection that asks one thing after the other.
pub(crate) struct Session {
    runtime: Arc<Runtime>,
    client: tokio_postgres::Client,
}

impl Session {
    pub(crate) fn open(runtime: &Arc<Runtime>, url: &str) -> Result<Self, tokio_postgres::Error> {
        let (client, connection) =
            runtime.block_on(tokio_postgres::connect(url, tokio_postgres::NoTls))?;
        runtime.spawn(connection);
        Ok(Self {
            runtime: Arc::clone(runtime),
            client,
        })
    }

    /// Runs statements; whether all went through.
    pub(crate) fn run(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.runtime.block_on(self.client.batch_execute(sql))
    }

    /// Runs what must go through. Two grants on one schema at once are one too many for
    /// PostgreSQL; tests run side by side, so the loser asks again.
    pub(crate) fn must(&self, sql: &str) {
        for _ in 0..50 {
            match self.run(sql) {
                Ok(()) => return,
                Err(error) if told(&error).contains("tuple concurrently updated") => {}
                Err(error) => panic!("{sql}: {}", told(&error)),
            }
        }
        panic!("{sql}: lost every race");
    }

    /// The first column of the first row, as text.
    pub(crate) fn one(&self, sql: &str) -> Option<String> {
        let rows = self
            .runtime
            .block_on(self.client.simple_query(sql))
            .unwrap();
        rows.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
    }
}

/// The real world with a clock of ours: a pause moves the clock and costs nothing.
pub(crate) struct Hurried<'e> {
    live: Live<'e>,
    ahead: Arc<AtomicI64>,
}

impl World for Hurried<'_> {
    fn secret(&self, subject: &Subject) -> Option<Secret> {
        self.live.secret(subject)
    }
    fn provider(
        &self,
        subject: &Subject,
        bearer: Option<Bearer>,
    ) -> Result<Box<dyn Provider + '_>, engine::Error> {
        self.live.provider(subject, bearer)
    }
    fn wait(&self, pause: Duration) {
        self.ahead.fetch_add(pause.0.max(0), Ordering::SeqCst);
    }
}

pub(crate) struct Ground {
    pub(crate) server: PgServer,
    pub(crate) runtime: Arc<Runtime>,
    /// A superuser in the database `postgres`.
    pub(crate) admin: Session,
    pub(crate) engine: Engine,
    pub(crate) dir: tempfile::TempDir,
    ahead: Arc<AtomicI64>,
    stop: Arc<AtomicBool>,
}

/// A leaked login.
pub(crate) struct Leak {
    pub(crate) role: String,
    pub(crate) password: String,
    pub(crate) oid: String,
}

impl Ground {
    pub(crate) fn new() -> Option<Self> {
        let server = testkit::postgres()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let runtime = Arc::new(runtime);
        let admin = Session::open(&runtime, &server.url).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let ahead = Arc::new(AtomicI64::new(0));
        let engine = engine_at(&dir.path().join("roll.db"), &ahead);
        std::fs::create_dir(dir.path().join("leaks")).unwrap();
        let ground = Self {
            server,
            runtime,
            admin,
            engine,
            dir,
            ahead,
            stop: Arc::default(),
        };
        let (config, secret) = ground
            .engine
            .describe(&Spec::Postgres(ground.address()), &machine())
            .unwrap();
        ground.engine.add_source(config, secret.as_ref()).unwrap();
        Some(ground)
    }

    pub(crate) fn address(&self) -> Postgres {
        let Spec::Postgres(address) = Spec::parse(&self.server.url, |_| false).unwrap() else {
            panic!("not an address of a server");
        };
        address
    }

    /// A login role with a password of its own.
    pub(crate) fn role(&self, name: &str) -> Leak {
        let password = testkit::fresh_name("pw");
        self.admin.must(&format!(
            "create role {} login password '{password}'",
            quoted(name)
        ));
        let oid = self
            .admin
            .one(&format!(
                "select oid from pg_roles where rolname = {}",
                literal(name)
            ))
            .unwrap();
        Leak {
            role: name.to_owned(),
            password,
            oid,
        }
    }

    pub(crate) fn url(&self, leak: &Leak, database: &str) -> String {
        self.server.url_for(&leak.role, &leak.password, database)
    }

    pub(crate) fn log_in(&self, leak: &Leak, database: &str) -> Result<Session, String> {
        Session::open(&self.runtime, &self.url(leak, database)).map_err(|error| {
            error
                .code()
                .map_or_else(|| error.to_string(), |code| code.code().to_owned())
        })
    }

    pub(crate) fn admin_in(&self, database: &str) -> Session {
        Session::open(&self.runtime, &self.server.database_url(database)).unwrap()
    }

    /// Writes the login into a file, as somebody once did by accident.
    pub(crate) fn leak(&self, leak: &Leak) -> PathBuf {
        let path = self.dir.path().join("leaks").join(".env");
        std::fs::write(
            &path,
            format!("DATABASE_URL={}\n", self.url(leak, "postgres")),
        )
        .unwrap();
        path
    }

    /// Reads server and files.
    pub(crate) fn scan(&self) {
        let specs = [
            Spec::Postgres(self.address()),
            Spec::Paths(vec![self.dir.path().join("leaks")]),
        ];
        let scanned = self
            .engine
            .scan(&specs, &machine(), &self.stop, &mut |_| {})
            .unwrap();
        for one in scanned {
            let report = one.report.unwrap();
            assert!(report.counts.seen > 0, "{}: {:?}", one.named, report.gaps);
        }
    }

    /// The credential on the roll that opens the role.
    pub(crate) fn credential(&self, leak: &Leak) -> EntityId {
        let native = format!("role/{}", leak.oid);
        let source = format!("postgres_roles:{}", self.server.address());
        let target = model::Target::Native {
            kind: Kind::Identity,
            native,
        };
        let tenant = Tenant::local();
        self.engine
            .store
            .read(|reading| {
                let role = reading
                    .resolve(&tenant, &[(source.parse().unwrap(), target)])?
                    .remove(0);
                reading.credentials_of(&tenant, &role.unwrap())
            })
            .unwrap()
            .iter()
            .max_by_key(|row| row.sources)
            .expect("a password of the role is on the roll")
            .id
            .clone()
    }

    /// From the leak to a plan: found, linked, planned.
    pub(crate) fn plan(&self, leak: &Leak) -> Plan {
        self.leak(leak);
        self.scan();
        self.engine.plan_revoke(&self.credential(leak)).unwrap()
    }

    pub(crate) fn world(&self) -> Hurried<'_> {
        Hurried {
            live: Live::new(&self.engine, &self.stop),
            ahead: Arc::clone(&self.ahead),
        }
    }

    pub(crate) fn apply(&self, plan: &Plan) -> Applied {
        self.apply_telling(plan, &mut |_| {})
    }

    pub(crate) fn apply_telling(&self, plan: &Plan, told: &mut dyn FnMut(Advance<'_>)) -> Applied {
        let patience = Duration::seconds(40);
        self.engine
            .apply_to(&self.world(), &plan.id, patience, told)
            .unwrap()
    }

    /// The whole chain; it must end proven.
    pub(crate) fn revoke(&self, leak: &Leak) -> Applied {
        let plan = self.plan(leak);
        let applied = self.apply(&plan);
        assert_eq!(
            applied.state.as_str(),
            "proven",
            "{}: {:?}",
            leak.role,
            applied.state
        );
        applied
    }

    pub(crate) fn lives(&self, leak: &Leak) -> bool {
        let sql = format!("select 1 from pg_roles where oid = {}", leak.oid);
        self.admin.one(&sql).is_some()
    }
}

/// An engine over the store at `path`; its clock runs `ahead` of the system's.
pub(crate) fn engine_at(path: &std::path::Path, ahead: &Arc<AtomicI64>) -> Engine {
    let location = Location::Sqlite(path.to_owned());
    let store = Store::open(&location, &Options::default()).unwrap();
    let paths = KeyPaths::for_store(&location, None, None).unwrap();
    let ahead = Arc::clone(ahead);
    let clock =
        Arc::new(move || Timestamp(engine::system_clock().0 + ahead.load(Ordering::SeqCst)));
    Engine::open(store, Tenant::local(), &paths, "person:test", clock).unwrap()
}

pub(crate) fn machine() -> Machine {
    Machine {
        host: "test".to_owned(),
        kind_of_target: "real".to_owned(),
        ..Machine::default()
    }
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn told(error: &tokio_postgres::Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), |error| error.to_string())
}
