//! Answers questions to a SPIRE server: bounded, and only with calls that read.
//!
//! Over the Unix socket for its administrators, or over TLS with an SVID whose entry says `admin`.
//! Must be used from a plain thread: it waits for an async client on the engine's runtime.
//!
//! A [`Refusal`] carries gRPC's name of the status as its code (`PERMISSION_DENIED`), with words
//! beside: `connect`, `closed`, `timeout`, `too_long`, `no_grpc`.
//!
//! **Invariant:** no call that changes anything is sent: [`connectors::spire::Call`] has none.

mod page;
mod tls;
mod wire;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use connectors::spire::{Call, Page};
use connectors::{Answer, Port, Question, Refusal};
use model::Reason;
use tokio::net::UnixStream;
use tokio::runtime::Handle;

use super::grpc::Connection;
use super::http::wait;
use crate::spec::SpireServer;

/// The page that `message` is, as an answer to `call`: what the fuzz target `spire` tries.
///
/// # Errors
/// It is none.
#[doc(hidden)]
pub fn read_spire_page(call: Call, message: &[u8]) -> Result<Page, Refusal> {
    page::page(call, SpireLimits::default().page, message)
}

/// Bounds on one question.
#[derive(Clone, Debug)]
pub struct SpireLimits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until an answer is read whole.
    pub answer: Duration,
    /// Bytes of one answer.
    pub bytes_max: usize,
    /// Things of one page.
    pub page: usize,
}

impl Default for SpireLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(60),
            bytes_max: 8 << 20,
            page: 200,
        }
    }
}

/// Answers questions to one server.
pub struct SpirePort {
    runtime: Handle,
    server: SpireServer,
    limits: SpireLimits,
    stop: Arc<AtomicBool>,
    connection: Option<Connection>,
}

impl SpirePort {
    /// A port to `server`; nothing is opened yet. `runtime` must have worker threads; once `stop`
    /// is true every question is refused and says so.
    pub fn new(
        runtime: Handle,
        server: SpireServer,
        limits: SpireLimits,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            runtime,
            server,
            limits,
            stop,
            connection: None,
        }
    }

    fn answer(&mut self, call: Call, after: &str) -> Result<Page, Refusal> {
        let (runtime, stop) = (self.runtime.clone(), Arc::clone(&self.stop));
        let held = self.connection.take();
        let asked = self.ask_once(held, call, after);
        let (connection, answer) = wait(&runtime, &stop, asked)?;
        self.connection = connection;
        answer
    }

    /// The answer, and the connection to ask over next, unless it broke.
    async fn ask_once(
        &self,
        held: Option<Connection>,
        call: Call,
        after: &str,
    ) -> (Option<Connection>, Result<Page, Refusal>) {
        let mut connection = match held {
            Some(connection) => connection,
            None => match within(self.limits.connect, self.open()).await {
                Ok(connection) => connection,
                Err(refusal) => return (None, Err(refusal)),
            },
        };
        let question = page::question(call, self.limits.page, after);
        let called = connection.call(call.path(), &question, self.limits.bytes_max);
        let answer = within(self.limits.answer, called).await;
        let broken = answer.as_ref().is_err_and(|refusal| {
            matches!(
                refusal.code.as_str(),
                "timeout" | "too_long" | "closed" | "no_grpc"
            )
        });
        let answer = answer.and_then(|message| page::page(call, self.limits.page, &message));
        ((!broken).then_some(connection), answer)
    }

    async fn open(&self) -> Result<Connection, Refusal> {
        match &self.server {
            SpireServer::Socket(path) => {
                let stream = UnixStream::connect(path).await;
                let stream = stream.map_err(|error| unconnected(&error))?;
                Connection::open(stream, "localhost").await
            }
            SpireServer::Network { host, port, svid } => tls::open(host, *port, svid).await,
        }
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

fn unconnected(error: &std::io::Error) -> Refusal {
    let reason = match error.kind() {
        std::io::ErrorKind::PermissionDenied => Reason::Denied,
        _ => Reason::Failed,
    };
    Refusal::new(reason, format!("no connection: {error}")).code("connect")
}

impl Port for SpirePort {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        match question {
            Question::Spire { call, after } => {
                let page = self.answer(*call, after)?;
                Ok(Answer::Spire(Box::new(page)))
            }
            _ => Err(Refusal::new(
                Reason::Unsupported,
                "this port answers calls of SPIRE alone",
            )),
        }
    }
}
