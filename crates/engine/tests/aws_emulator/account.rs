//! An emulated account: users with keys made in it, a roll, and a clock that jumps over pauses.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use connectors::{
    Answer, Context, Event, Fingerprints, Login, Port, Question, Request, Response, Whom, connector,
};
use engine::{Applied, Bearer, Engine, HttpPort, KeyPaths, Live, Machine, Provider, Spec, World};
use model::{
    Duration, Fingerprint, Gap, Observation, Plan, Secret, SourceId, Subject, Tenant, Timestamp,
};
use store::{Location, Options, SourceConfig, Store};
use tokio::runtime::Runtime;

/// An access key as it is shown once.
pub(crate) struct KeyPair {
    pub(crate) id: String,
    pub(crate) secret: String,
}

pub(crate) struct Account {
    runtime: Runtime,
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) number: String,
}

/// What one pass brought.
pub(crate) struct Pass {
    pub(crate) seen: Vec<Observation>,
    pub(crate) gaps: Vec<Gap>,
}

impl Pass {
    pub(crate) fn one(&self, native: &str) -> &Observation {
        let found = self.seen.iter().find(|one| one.native == native);
        found.unwrap_or_else(|| panic!("{native} is not on the roll"))
    }

    pub(crate) fn named(&self, name: &str) -> &Observation {
        let is = |one: &&Observation| {
            one.fact(&model::Attribute::NAME)
                .is()
                .and_then(|held| held.text())
                == Some(name)
        };
        self.seen
            .iter()
            .find(is)
            .unwrap_or_else(|| panic!("{name} is not on the roll"))
    }
}

struct NoKey;

impl Fingerprints for NoKey {
    fn fingerprint(&self, _: &Secret) -> Fingerprint {
        Fingerprint {
            key: "0000000000000000".to_owned(),
            mac: "11".repeat(32),
        }
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

impl Account {
    pub(crate) fn at(endpoint: String) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let options = [
            ("endpoint", endpoint.as_str()),
            ("region", "us-east-1"),
            // Both emulators take it for their root; for set-up and discovery alone.
            ("access_key_id", "test"),
            ("requests_per_second", "500"),
            // All of them takes an emulator seconds; a test that wants them says so.
            ("regions", "us-east-1"),
        ];
        let options = options
            .into_iter()
            .map(|(name, held)| (name.to_owned(), held.to_owned()))
            .collect();
        let mut account = Self {
            runtime,
            options,
            number: String::new(),
        };
        account.number = {
            let mut port = account.port(None);
            account.with(&mut port, |cx| {
                connector("aws_iam").unwrap().identify(cx).unwrap()
            })
        };
        account
    }

    pub(crate) fn port(&self, bearer: Option<Bearer>) -> HttpPort {
        self.port_by(&self.options, "test", bearer)
    }

    fn port_by(
        &self,
        options: &BTreeMap<String, String>,
        secret: &str,
        bearer: Option<Bearer>,
    ) -> HttpPort {
        let handle = self.runtime.handle().clone();
        let secret = Some(Secret::from(secret));
        let at = ("", options);
        HttpPort::new(handle, Login::Aws, at, secret, bearer, Arc::default()).unwrap()
    }

    pub(crate) fn with<T>(
        &self,
        port: &mut HttpPort,
        each: impl FnOnce(&mut Context<'_>) -> T,
    ) -> T {
        let mut sink = |_| {};
        let now = engine::system_clock();
        let mut cx = Context::new(port, &NoKey, &self.number, &self.options, now, &mut sink);
        each(&mut cx)
    }

    /// Asks IAM something as root; it must be answered.
    pub(crate) fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let request = Request::form("iam", parameters)
            .parameter("Action", action)
            .parameter("Version", "2010-05-08");
        let response = ask(&mut self.port(None), request.changing());
        assert_eq!(response.status, 200, "{action}: {}", response.body);
        response.body
    }

    /// Asks a service in JSON as root; it must be answered.
    pub(crate) fn json(&self, request: Request) -> serde_json::Value {
        let what = format!("{request:?}");
        let response = self.try_json(request);
        assert!(
            (200..300).contains(&response.status),
            "{what}: {}",
            response.body
        );
        serde_json::from_str(&response.body).unwrap_or_default()
    }

    /// Asks a service in JSON as root, whatever it answers.
    pub(crate) fn try_json(&self, request: Request) -> Response {
        ask(&mut self.port(None), request.changing())
    }

    /// A user with an inline policy and one key.
    pub(crate) fn user(&self, name: &str, policy: &str) -> KeyPair {
        self.iam("CreateUser", &[("UserName", name)]);
        self.iam(
            "PutUserPolicy",
            &[
                ("UserName", name),
                ("PolicyName", "work"),
                ("PolicyDocument", policy),
            ],
        );
        let body = self.iam("CreateAccessKey", &[("UserName", name)]);
        KeyPair {
            id: element(&body, "AccessKeyId"),
            secret: element(&body, "SecretAccessKey"),
        }
    }

    pub(crate) fn discover(&self) -> Pass {
        self.discover_by(self.port(None))
    }

    /// A pass that is signed with `key`.
    pub(crate) fn discover_as(&self, key: &KeyPair) -> Pass {
        self.discover_by(self.port_as(key))
    }

    /// Which rights `key` has.
    pub(crate) fn rights_of(&self, key: &KeyPair) -> Vec<connectors::Right> {
        self.with(&mut self.port_as(key), |cx| {
            connector("aws_iam").unwrap().rights(cx).unwrap()
        })
    }

    fn port_as(&self, key: &KeyPair) -> HttpPort {
        let mut options = self.options.clone();
        options.insert("access_key_id".to_owned(), key.id.clone());
        self.port_by(&options, &key.secret, None)
    }

    fn discover_by(&self, mut port: HttpPort) -> Pass {
        let (mut seen, mut gaps) = (Vec::new(), Vec::new());
        let mut sink = |event| match event {
            Event::Seen(one) => seen.push(one),
            Event::Gap(gap) => gaps.push(gap),
            Event::SetAside { .. } => {}
        };
        let now = engine::system_clock();
        let mut cx = Context::new(
            &mut port,
            &NoKey,
            &self.number,
            &self.options,
            now,
            &mut sink,
        );
        connector("aws_iam").unwrap().discover(&mut cx).unwrap();
        Pass { seen, gaps }
    }

    /// `GetCallerIdentity` with a key: status and who it is.
    pub(crate) fn who(&self, key: &KeyPair) -> Response {
        let bearer = Bearer {
            user: key.id.clone(),
            secret: Secret::from(key.secret.as_str()),
        };
        let request = Request::form(
            "sts",
            &[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")],
        );
        ask(
            &mut self.port(Some(bearer)),
            request.asked_as(Whom::Subject),
        )
    }

    /// How IAM lists the key of a user: `Active`, `Inactive`, or nothing.
    pub(crate) fn status(&self, user: &str) -> String {
        element(&self.iam("ListAccessKeys", &[("UserName", user)]), "Status")
    }
}

fn ask(port: &mut HttpPort, request: Request) -> Response {
    match port.ask(&Question::Http(request)).unwrap() {
        Answer::Http(response) => response,
        _ => panic!("another kind of answer"),
    }
}

/// The text of the first element called `name`; empty if there is none.
fn element(body: &str, name: &str) -> String {
    let start = body.split(&format!("<{name}>")).nth(1).unwrap_or_default();
    start.split('<').next().unwrap_or_default().to_owned()
}

/// The real world with a clock of ours: a pause moves the clock and costs nothing.
struct Hurried<'e> {
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

/// The engine over the store in `dir`, with a clock that is `ahead` microseconds fast.
pub(crate) fn engine_at(dir: &Path, ahead: &Arc<AtomicI64>) -> Engine {
    let location = Location::Sqlite(dir.join("roll.db"));
    let store = Store::open(&location, &Options::default()).unwrap();
    let paths = KeyPaths::for_store(&location, None, None).unwrap();
    let by = Arc::clone(ahead);
    let clock = Arc::new(move || Timestamp(engine::system_clock().0 + by.load(Ordering::SeqCst)));
    Engine::open(store, Tenant::local(), &paths, "person:test", clock).unwrap()
}

/// A roll that reads the account and a directory in which a key leaked.
pub(crate) struct Roll {
    pub(crate) engine: Engine,
    pub(crate) dir: tempfile::TempDir,
    source: SourceId,
    ahead: Arc<AtomicI64>,
    stop: Arc<AtomicBool>,
}

impl Roll {
    pub(crate) fn over(account: &Account) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ahead = Arc::new(AtomicI64::new(0));
        let engine = engine_at(dir.path(), &ahead);
        let source = SourceId::new("aws_iam", &account.number);
        let config = SourceConfig {
            id: source.clone(),
            connector: "aws_iam".to_owned(),
            target: account.number.clone(),
            options: account.options.clone(),
            sealed_path: None,
            added: engine.now(),
            kind_of_target: "emulator".to_owned(),
        };
        engine
            .add_source(config, Some(&Secret::from("test")))
            .unwrap();
        Self {
            engine,
            dir,
            source,
            ahead,
            stop: Arc::default(),
        }
    }

    /// From a leaked profile to a plan: found, linked, planned.
    pub(crate) fn plan(&self, key: &KeyPair) -> Plan {
        let leaks = self.dir.path().join("leaks/.aws");
        std::fs::create_dir_all(&leaks).unwrap();
        let text = format!(
            "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            key.id, key.secret
        );
        std::fs::write(leaks.join("credentials"), text).unwrap();
        let specs = [
            Spec::Known(self.source.clone()),
            Spec::Paths(vec![self.dir.path().join("leaks")]),
        ];
        let machine = Machine {
            host: "test".to_owned(),
            kind_of_target: "emulator".to_owned(),
            ..Machine::default()
        };
        for one in self
            .engine
            .scan(&specs, &machine, &self.stop, &mut |_| {})
            .unwrap()
        {
            let report = one.report.unwrap();
            assert!(report.counts.seen > 0, "{}: {:?}", one.named, report.gaps);
        }
        let id = self.engine.find(&key.id).unwrap();
        self.engine.plan_revoke(&id).unwrap()
    }

    pub(crate) fn apply(&self, plan: &Plan, patience: Duration) -> Applied {
        let world = Hurried {
            live: Live::new(&self.engine, &self.stop),
            ahead: Arc::clone(&self.ahead),
        };
        self.engine
            .apply_to(&world, &plan.id, patience, &mut |_| {})
            .unwrap()
    }
}
