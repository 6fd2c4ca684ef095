//! Answers questions to a MariaDB or MySQL server: bounded, and read-only.
//!
//! Must be used from a plain thread: it waits for an async client on the engine's runtime.
//!
//! A [`Refusal`] carries the server's number and SQLSTATE as its code (`1045/28000`), with words
//! beside: `closed`, `timeout`, `too_long`. The server is never given a file of this machine,
//! though its protocol lets it ask for one (`LOCAL INFILE`), and never a password in clear.
//!
//! **Invariant:** no refusal repeats a password. Held by
//! `an_account_of_a_real_mariadb_without_rights_is_told_which_are_missing`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use connectors::{Answer, Port, Question, Refusal, Rows, Statement, Whom};
use model::Reason;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, IoError, OptsBuilder, Row, SslOpts, Value};
use tokio::runtime::Handle;

use super::SqlLimits;
use super::http::wait;
use crate::spec::Server;

/// Access is refused, by the server's numbers (MariaDB's manual, "MariaDB Error Codes"): to a
/// user, a database, a statement, a table, a column, a right; an account is locked.
const DENIED: &[u16] = &[1044, 1045, 1095, 1142, 1143, 1227, 1370, 1698, 3118, 4151];

/// Too many connections, of all, of one user, from one host.
const THROTTLED: &[u16] = &[1040, 1129, 1203, 1226];

/// A table, a variable, a column, a statement that this server does not know.
const UNSUPPORTED: &[u16] = &[1054, 1064, 1109, 1146, 1193, 1305];

/// Answers questions to one server.
pub struct MysqlPort {
    runtime: Handle,
    server: Server,
    limits: SqlLimits,
    stop: Arc<AtomicBool>,
    session: Option<Conn>,
}

impl MysqlPort {
    /// A port to `server`; nothing is opened yet. `runtime` must have worker threads; once `stop`
    /// is true every question is refused and says so.
    pub fn new(runtime: Handle, server: Server, limits: SqlLimits, stop: Arc<AtomicBool>) -> Self {
        Self {
            runtime,
            server,
            limits,
            stop,
            session: None,
        }
    }

    /// Logs in, asks nothing, and leaves.
    pub(crate) fn try_login(&self) -> Result<(), Refusal> {
        let opening = within(self.limits.connect, self.open());
        wait(&self.runtime, &self.stop, opening)?.map(|_| ())
    }

    fn answer(&mut self, statement: &Statement) -> Result<Rows, Refusal> {
        if statement.whom != Whom::Collector || statement.changes {
            return Err(Refusal::new(
                Reason::Unsupported,
                "MariaDB and MySQL are read here, as the collector and never changed",
            ));
        }
        let runtime = self.runtime.clone();
        let stop = Arc::clone(&self.stop);
        let session = self.session.take();
        let asked = self.ask_once(session, statement);
        let (session, answer) = wait(&runtime, &stop, asked)?;
        self.session = session;
        answer
    }

    /// The answer, and the session to ask next, unless it broke.
    async fn ask_once(
        &self,
        session: Option<Conn>,
        statement: &Statement,
    ) -> (Option<Conn>, Result<Rows, Refusal>) {
        let mut session = match session {
            Some(session) => session,
            None => match within(self.limits.connect, self.open()).await {
                Ok(session) => session,
                Err(refusal) => return (None, Err(refusal)),
            },
        };
        let run = run(&mut session, statement, &self.limits);
        let answer = within(self.limits.statement, run).await;
        let broken = answer.as_ref().is_err_and(|refusal| {
            matches!(refusal.code.as_str(), "timeout" | "too_long" | "closed")
        });
        ((!broken).then_some(session), answer)
    }

    async fn open(&self) -> Result<Conn, Refusal> {
        let secured = self.server.tls != "disable";
        let opened = Conn::new(self.options(secured)).await;
        let opened = match opened {
            // The server speaks no TLS, and `prefer` takes what there is.
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer))
                if self.server.tls == "prefer" =>
            {
                Conn::new(self.options(false)).await
            }
            opened => opened,
        };
        let mut session = opened.map_err(|error| refused(&error))?;
        // Names in our statements mean what they say, whatever the server's defaults are.
        let set = "set session sql_mode = '', autocommit = 1, time_zone = '+00:00'";
        session
            .query_drop(set)
            .await
            .map_err(|error| refused(&error))?;
        Ok(session)
    }

    fn options(&self, secured: bool) -> OptsBuilder {
        let password = self.server.password.as_ref();
        let password = password.map(|one| String::from_utf8_lossy(one.expose()).into_owned());
        let verified = self.server.tls == "verify-full";
        // This machine's trust anchors, and not those that the client brings along.
        let roots = if verified {
            rustls_native_certs::load_native_certs().certs
        } else {
            Vec::new()
        };
        let tls = SslOpts::default()
            .with_danger_accept_invalid_certs(!verified)
            .with_danger_skip_domain_validation(!verified)
            // Where nothing is verified, the client wants some all the same.
            .with_disable_built_in_roots(verified)
            .with_root_certs(roots.into_iter().map(|one| one.to_vec().into()).collect());
        OptsBuilder::default()
            .ip_or_hostname(self.server.host.clone())
            .tcp_port(self.server.port)
            .user(Some(self.server.user.clone()))
            .pass(password)
            .prefer_socket(false)
            .max_allowed_packet(Some(self.limits.bytes_max))
            .ssl_opts(secured.then_some(tls))
    }
}

async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Refusal> {
    tokio::time::timeout(limit, answer)
        .await
        .unwrap_or_else(|_| {
            let told = format!("no answer within {} s", limit.as_secs());
            Err(Refusal::new(Reason::Failed, told).code("timeout"))
        })
}

/// Runs one statement in a transaction that may only read.
async fn run(
    session: &mut Conn,
    statement: &Statement,
    limits: &SqlLimits,
) -> Result<Rows, Refusal> {
    let begun = session.query_drop("start transaction read only").await;
    begun.map_err(|error| refused(&error))?;
    let answer = query(session, statement, limits).await;
    if answer
        .as_ref()
        .is_err_and(|refusal| refusal.code == "too_long")
    {
        return answer;
    }
    let ended = session.query_drop("rollback").await;
    ended.map_err(|error| refused(&error))?;
    answer
}

async fn query(
    session: &mut Conn,
    statement: &Statement,
    limits: &SqlLimits,
) -> Result<Rows, Refusal> {
    let values: Vec<Value> = statement
        .values
        .iter()
        .map(|one| one.as_str().into())
        .collect();
    let failed = |error| refused(&error);
    let mut result = session
        .exec_iter(&statement.text, values)
        .await
        .map_err(failed)?;
    let mut answer = Rows::default();
    let mut bytes = 0;
    while let Some(row) = result.next().await.map_err(failed)? {
        let row = texts(row);
        bytes += row.iter().flatten().map(String::len).sum::<usize>() + row.len();
        if answer.rows.len() >= limits.rows_max || bytes > limits.bytes_max {
            let told = format!(
                "the answer is longer than {} rows or {} bytes",
                limits.rows_max, limits.bytes_max
            );
            return Err(Refusal::new(Reason::Failed, told).code("too_long"));
        }
        answer.rows.push(row);
    }
    Ok(answer)
}

fn texts(row: Row) -> Vec<Option<String>> {
    let text = |value| match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Double(number) => Some(number.to_string()),
        // No statement of ours asks for one; as the client writes it in SQL.
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    };
    row.unwrap().into_iter().map(text).collect()
}

fn refused(error: &Error) -> Refusal {
    let closed =
        |told: String| Refusal::new(Reason::Failed, model::shorten(&told, 400)).code("closed");
    match error {
        Error::Server(error) => {
            let reason = match error.code {
                code if DENIED.contains(&code) => Reason::Denied,
                code if THROTTLED.contains(&code) => Reason::Throttled,
                code if UNSUPPORTED.contains(&code) => Reason::Unsupported,
                _ => Reason::Failed,
            };
            Refusal::new(reason, model::shorten(&error.message, 400))
                .code(format!("{}/{}", error.code, error.state))
        }
        Error::Io(IoError::Io(error)) => closed(format!("no connection: {error}")),
        Error::Io(error) => closed(error.to_string()),
        Error::Driver(DriverError::NoClientSslFlagFromServer) => {
            closed("the server speaks no TLS, and `tls` asks for it".to_owned())
        }
        Error::Driver(DriverError::ConnectionClosed) => {
            closed("the connection is closed".to_owned())
        }
        // The client's own words could repeat what was sent.
        Error::Driver(_) => {
            closed("the server does not speak MySQL's protocol as expected".to_owned())
        }
        Error::Other(_) | Error::Url(_) => closed("the client gave up".to_owned()),
    }
}

impl Port for MysqlPort {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        match question {
            Question::Sql(statement) => self.answer(statement).map(Answer::Rows),
            _ => Err(Refusal::new(
                Reason::Unsupported,
                "this port answers SQL alone",
            )),
        }
    }
}
