//! Answers questions to a PostgreSQL server: bounded, read-only unless declared otherwise, as
//! the collector, as the bearer of a credential under revocation, or over a session of that
//! bearer which was opened before the cut.
//!
//! Must be used from a plain thread: it waits for an async client on the engine's runtime.
//!
//! A [`Refusal`] carries the SQLSTATE as its code, with words beside: `closed` (the
//! connection ended without a reason), `timeout`, `too_long`, `no_secret` (no bearer is at hand). The
//! code `28000` is followed by the routine that raised it, because the server uses one code for
//! a role that may not log in and for an address it turns away, and translates its messages.
//!
//! **Invariant:** no refusal repeats a password, nor an address that holds one. Held by
//! `a_refused_login_does_not_repeat_its_password`.

mod refusal;
mod session;
mod tls;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use connectors::{Answer, Port, Question, Refusal, Rows, Statement, Whom};
use model::{Reason, Secret};
use tokio::runtime::Handle;

use self::session::Session;
pub(crate) use self::tls::Encrypting;
pub(super) use self::tls::client_config;
use crate::spec::Postgres;

/// Who bears the credential under revocation: read again when it is needed, held in memory only.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// As whom a login goes.
    pub user: String,
    /// The secret.
    pub secret: Secret,
}

/// Bounds on one question.
#[derive(Clone, Debug)]
pub struct SqlLimits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until a statement ends; the server is told as well.
    pub statement: Duration,
    /// Until a lock is given.
    pub lock: Duration,
    /// Rows of one answer.
    pub rows_max: usize,
    /// Bytes of one answer.
    pub bytes_max: usize,
    /// Connections to different databases held at once.
    pub sessions_max: usize,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            statement: Duration::from_secs(60),
            lock: Duration::from_secs(10),
            rows_max: 1_000_000,
            bytes_max: 64 << 20,
            sessions_max: 8,
        }
    }
}

/// The session opened as the subject: not yet, open, or gone for ever.
enum Held {
    Never,
    Open(Session),
    Gone(Refusal),
}

/// Answers questions to one PostgreSQL server.
pub struct SqlPort {
    runtime: Handle,
    address: Postgres,
    bearer: Option<Bearer>,
    limits: SqlLimits,
    stop: Arc<AtomicBool>,
    sessions: BTreeMap<String, Session>,
    held: Held,
}

impl SqlPort {
    /// A port to the server at `address`; nothing is opened yet. `runtime` must have worker
    /// threads; once `stop` is true every question is refused and says so.
    pub fn new(
        runtime: Handle,
        address: Postgres,
        bearer: Option<Bearer>,
        limits: SqlLimits,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            runtime,
            address,
            bearer,
            limits,
            stop,
            sessions: BTreeMap::new(),
            held: Held::Never,
        }
    }

    fn answer(&mut self, statement: &Statement) -> Result<Rows, Refusal> {
        match statement.whom {
            Whom::Collector => self.as_collector(statement),
            Whom::Subject => {
                let session = self.log_in(statement)?;
                self.run(&session, statement)
            }
            Whom::Held => self.as_held(statement),
            Whom::Minted | Whom::Nobody => Err(Refusal::new(
                Reason::Unsupported,
                "PostgreSQL mints no sessions and answers nobody who is not logged in",
            )),
        }
    }

    fn as_collector(&mut self, statement: &Statement) -> Result<Rows, Refusal> {
        let database = match statement.database.as_str() {
            "" => self.address.database.clone(),
            name => name.to_owned(),
        };
        let session = match self.sessions.remove(&database) {
            Some(session) if session.is_open() => session,
            _ => self.open(&database, None)?,
        };
        let answer = self.run(&session, statement);
        // One that broke is not used again; one too many makes place for it.
        let broken = |refusal: &Refusal| matches!(refusal.code.as_str(), "timeout" | "too_long");
        if session.is_open() && !answer.as_ref().is_err_and(broken) {
            if self.sessions.len() >= self.limits.sessions_max {
                self.sessions.pop_first();
            }
            self.sessions.insert(database, session);
        }
        answer
    }

    fn as_held(&mut self, statement: &Statement) -> Result<Rows, Refusal> {
        if let Held::Gone(refusal) = &self.held {
            return Err(refusal.clone());
        }
        if matches!(self.held, Held::Never) {
            self.held = Held::Open(self.log_in(statement)?);
        }
        let Held::Open(session) = &self.held else {
            return Err(Refusal::new(Reason::Failed, "no session is held"));
        };
        let answer = self.run(session, statement);
        if let Err(refusal) = &answer
            && !session.is_open()
        {
            self.held = Held::Gone(refusal.clone());
        }
        answer
    }

    fn log_in(&self, statement: &Statement) -> Result<Session, Refusal> {
        let Some(bearer) = &self.bearer else {
            let told = "the secret is not at hand, so nobody can log in with it";
            return Err(Refusal::new(Reason::Unsupported, told).code("no_secret"));
        };
        let database = match statement.database.as_str() {
            "" => self.address.database.as_str(),
            name => name,
        };
        self.open(database, Some(bearer))
    }

    /// Logs in as the bearer, asks nothing, and leaves.
    pub(crate) fn try_login(&self) -> Result<(), Refusal> {
        let opened = self.open(&self.address.database, self.bearer.as_ref());
        opened.map(|_| ())
    }

    fn open(&self, database: &str, bearer: Option<&Bearer>) -> Result<Session, Refusal> {
        let opening = Session::open(&self.address, database, bearer, &self.limits);
        self.wait(self.limits.connect, opening)
    }

    fn run(&self, session: &Session, statement: &Statement) -> Result<Rows, Refusal> {
        // The server's own limit strikes first and says why.
        let limit = self.limits.statement + Duration::from_secs(5);
        self.wait(limit, session.run(statement, &self.limits))
    }

    fn wait<T>(
        &self,
        limit: Duration,
        answer: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        self.runtime.block_on(async {
            tokio::select! {
                answer = tokio::time::timeout(limit, answer) => answer.unwrap_or_else(|_| {
                    let told = format!("no answer within {} s", limit.as_secs());
                    Err(Refusal::new(Reason::Failed, told).code("timeout"))
                }),
                () = stopped(&self.stop) => Err(stop()),
            }
        })
    }
}

impl Port for SqlPort {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(stop());
        }
        match question {
            Question::Sql(statement) => self.answer(statement).map(Answer::Rows),
            _ => Err(Refusal::new(
                Reason::Unsupported,
                "this port answers SQL alone",
            )),
        }
    }
}

fn stop() -> Refusal {
    Refusal {
        stop: true,
        ..Refusal::new(Reason::Failed, "stopped")
    }
}

async fn stopped(flag: &AtomicBool) {
    while !flag.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
