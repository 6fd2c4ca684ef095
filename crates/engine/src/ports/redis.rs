//! Answers questions to a Redis or Valkey server: bounded, and only with commands that read.
//!
//! Must be used from a plain thread: it blocks on its socket. Its protocol is four kinds of
//! reply (RESP2), read here with bounds on bytes, depth and time that a client for applications
//! has no reason to keep: whoever answers may be hostile.
//!
//! A [`Refusal`] carries the first word of the server's error as its code (`NOPERM`,
//! `WRONGPASS`), with words beside: `connect`, `closed`, `timeout`, `too_long`, `no_redis`, and
//! `nil` where the server knows nothing of what was asked for.
//!
//! **Invariant:** no command that changes anything is sent, whoever asks (`READING`).

mod reply;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use connectors::{Answer, Port, Question, Refusal, Reply};
use model::Reason;

use self::wire::Wire;
use super::bounded;
use crate::spec::Server;

pub use self::reply::{Said, read_reply};

/// Every command that may be sent, with what follows it.
const READING: &[&[&str]] = &[&["ACL", "USERS"], &["ACL", "GETUSER"], &["CLIENT", "LIST"]];

/// Bounds on one question.
#[derive(Clone, Debug)]
pub struct RedisLimits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until a reply is read whole.
    pub reply: Duration,
    /// Bytes of one reply.
    pub bytes_max: u64,
}

impl Default for RedisLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            reply: Duration::from_secs(60),
            bytes_max: 64 << 20,
        }
    }
}

/// Answers questions to one server.
pub struct RedisPort {
    server: Server,
    limits: RedisLimits,
    stop: Arc<AtomicBool>,
    wire: Option<Wire>,
}

impl RedisPort {
    /// A port to `server`; nothing is opened yet. Once `stop` is true every question is refused
    /// and says so.
    pub fn new(server: Server, limits: RedisLimits, stop: Arc<AtomicBool>) -> Self {
        Self {
            server,
            limits,
            stop,
            wire: None,
        }
    }

    fn answer(&mut self, words: &[String]) -> Result<Reply, Refusal> {
        let reads = |allowed: &&[&str]| {
            let begins = words.iter().zip(*allowed);
            words.len() >= allowed.len()
                && begins.into_iter().all(|(word, allowed)| word == allowed)
        };
        if !READING.iter().any(reads) {
            let told = "this port sends commands that read users and sessions alone";
            return Err(Refusal::new(Reason::Unsupported, told));
        }
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => self.log_in()?,
        };
        let until = Instant::now() + self.limits.reply;
        let said = wire.ask(
            words.iter().map(String::as_bytes),
            until,
            self.limits.bytes_max,
        )?;
        self.wire = Some(wire);
        match said {
            Said::Reply(Reply::Nil) => {
                Err(Refusal::new(Reason::Failed, "nothing of that name").code("nil"))
            }
            Said::Reply(reply) => Ok(reply),
            Said::Error(text) => Err(refused(&text)),
        }
    }

    fn log_in(&self) -> Result<Wire, Refusal> {
        let mut wire = Wire::open(&self.server, self.limits.connect, Arc::clone(&self.stop))?;
        let Some(password) = &self.server.password else {
            return Ok(wire);
        };
        let until = Instant::now() + self.limits.reply;
        let named: [&[u8]; 3] = [b"AUTH", self.server.user.as_bytes(), password.expose()];
        // Servers older than users take a password alone.
        match wire.ask(named.into_iter(), until, self.limits.bytes_max)? {
            Said::Reply(_) => Ok(wire),
            Said::Error(text) => Err(refused(&text)),
        }
    }

    /// Logs in, asks nothing, and leaves.
    pub(crate) fn try_login(&self) -> Result<(), Refusal> {
        self.log_in().map(|_| ())
    }
}

/// What the server's error says: its first word, and the rest. What we sent is not in it.
fn refused(text: &str) -> Refusal {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let reason = match word {
        "NOPERM" | "NOAUTH" | "WRONGPASS" | "DENIED" => Reason::Denied,
        "LOADING" | "BUSY" | "TRYAGAIN" | "CLUSTERDOWN" | "MASTERDOWN" => Reason::Throttled,
        "ERR" if rest.to_ascii_lowercase().starts_with("unknown") => Reason::Unsupported,
        "ERR" if rest.contains("max number of clients") => Reason::Throttled,
        _ => Reason::Failed,
    };
    Refusal::new(reason, model::shorten(rest, 400)).code(model::shorten(word, 40))
}

impl Port for RedisPort {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(bounded::stopped());
        }
        match question {
            Question::Redis { words } => self.answer(words).map(Answer::Reply),
            _ => Err(Refusal::new(
                Reason::Unsupported,
                "this port answers commands of Redis alone",
            )),
        }
    }
}
