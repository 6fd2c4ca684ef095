//! Answers questions to HTTP interfaces: bounded, paced, never redirected, as the collector or as
//! the bearer of a credential under revocation. Whoever has to be let in signs for AWS (`aws.rs`),
//! is given a token of Microsoft Entra (`azure.rs`) or shows one (`token.rs`), as the connector
//! declares.
//!
//! Must be used from a plain thread: it waits for an async client on the engine's runtime.
//!
//! Where a question goes follows from the source's own configuration and from what the connector
//! declares, never from data: no answer can steer a request. A [`Refusal`] carries as its code
//! `connect`, `timeout`, `too_large`, `no_credentials`, `no_secret` or `not_minted`.
//!
//! **Invariant:** no refusal holds a credential, a signature or an address with either. Held by
//! `no_refusal_repeats_a_credential`.

mod ahead;
mod aws;
mod azure;
mod budget;
mod client;
pub(crate) mod fetch;
pub mod foreign;
mod google;
mod jwt;
mod kubernetes;
mod outside;
mod pace;
mod program;
mod sign;
mod site;
mod token;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connectors::{Answer, Login, Port, Question, Refusal, Request, Response, Whom};
use model::{Reason, Secret};
use tokio::runtime::Handle;

pub(crate) use self::kubernetes::program_of;
pub use self::outside::OutsideLimits;
pub(crate) use self::outside::{Outside, is_host};

use self::aws::Aws;
pub(crate) use self::aws::NOT_TAKEN;
use self::azure::Azure;
use self::client::{Door, Sealed, Sender};
use self::kubernetes::Kubernetes;
use self::pace::{Pace, pause_before};
use self::token::Token;
use super::Bearer;
use crate::Error;

/// Bounds on one question.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the whole answer is there.
    pub answer: Duration,
    /// Bytes of one answer.
    pub bytes_max: usize,
    /// How often a read is sent, all told, while it is throttled or unanswered.
    pub tries_max: u32,
    /// Questions a second.
    pub per_second: u32,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(60),
            bytes_max: 16 << 20,
            tries_max: 4,
            per_second: 20,
        }
    }
}

/// How a source lets in.
enum Way {
    Aws(Box<Aws>),
    Azure(Box<Azure>),
    Kubernetes(Box<Kubernetes>),
    Token(Box<Token>),
}

/// Answers questions to the HTTP interface of one source.
pub struct HttpPort {
    way: Way,
    line: Line,
}

impl HttpPort {
    /// A port to the interface behind `target` and `options`: `endpoint`, `requests_per_second`,
    /// and for AWS `profile`, `region`, `access_key_id`, `assume_role`, for Azure `tenant`, `client`, `authority`,
    /// `certificate`, `token_file`, `managed_endpoint`, for a cluster `context`, `kubeconfig`,
    /// `cluster`, `exec`, `insecure`. What opens it is `secret`, sealed for
    /// this source; where AWS has none, the usual chain signs. Nothing is opened yet. `runtime`
    /// must have worker threads; once `stop` is true every question is refused and says so.
    ///
    /// # Errors
    /// An option cannot be read, or this machine has no trust anchors.
    pub fn new(
        runtime: Handle,
        login: Login,
        (target, options): (&str, &BTreeMap<String, String>),
        secret: Option<Secret>,
        bearer: Option<Bearer>,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, Error> {
        let mut limits = limits(options)?;
        if let (Login::Token(login), None) = (login, options.get("requests_per_second")) {
            limits.per_second = login.per_second;
        }
        let (way, door) = match login {
            Login::Aws => {
                let aws = Aws::new((&runtime, &stop), options, secret, bearer)?;
                let door = Door::public(aws.is_loopback())?;
                (Way::Aws(Box::new(aws)), door)
            }
            Login::Token(login) => {
                let token = Token::new(login, target, options, secret, bearer)?;
                let door = Door::public(token.is_loopback())?;
                (Way::Token(Box::new(token)), door)
            }
            Login::Azure => {
                let azure = Azure::new(options, secret)?;
                let door = Door::public(azure.is_loopback())?;
                (Way::Azure(Box::new(azure)), door)
            }
            Login::Kubernetes => {
                let (cluster, door) = Kubernetes::new(options, secret)?;
                (Way::Kubernetes(Box::new(cluster)), door)
            }
        };
        Self::through(runtime, way, door, limits, stop)
    }

    fn through(
        runtime: Handle,
        way: Way,
        door: Door,
        limits: HttpLimits,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, Error> {
        Ok(Self {
            way,
            line: Line {
                wire: Arc::new(Wire {
                    sender: Sender::new(door, &limits)?,
                    pace: Mutex::new(Pace::new(limits.per_second)),
                }),
                runtime,
                limits,
                stop,
            },
        })
    }
}

fn limits(options: &BTreeMap<String, String>) -> Result<HttpLimits, Error> {
    let mut limits = HttpLimits::default();
    if let Some(text) = options.get("requests_per_second") {
        limits.per_second = text
            .parse()
            .ok()
            .filter(|n| (1..=1000).contains(n))
            .ok_or_else(|| {
                Error::Unfit(format!(
                    "expected `requests_per_second` from 1 to 1000, got `{}`",
                    model::clean(text)
                ))
            })?;
    }
    Ok(limits)
}

/// The line to an interface, whoever is let in: how fast, how often, how long.
struct Line {
    runtime: Handle,
    wire: Arc<Wire>,
    limits: HttpLimits,
    stop: Arc<AtomicBool>,
}

/// What all questions of a line go through, one after the other or several on their way.
struct Wire {
    sender: Sender,
    pace: Mutex<Pace>,
}

impl Wire {
    /// Sends what `seal` makes until it is answered, at most `tries` times; a signature bears its
    /// time, so each try is sealed anew.
    async fn exchange(
        &self,
        tries: u32,
        seal: impl Fn() -> Result<Sealed, Refusal>,
    ) -> Result<Response, Refusal> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let now = std::time::Instant::now();
            let pause = self.pace().next(now).saturating_duration_since(now);
            tokio::time::sleep(pause).await;
            let got = self.sender.send(seal()?).await;
            if let Ok((_, asks)) = &got
                && let Some(budget) = asks.budget
            {
                self.pace().spread(std::time::Instant::now(), budget);
            }
            let again = match &got {
                Ok((response, asks)) => client::is_passing(response, asks),
                Err(refusal) => matches!(refusal.code.as_str(), "connect" | "timeout"),
            };
            if !again || attempt >= tries {
                return got.map(|(response, _)| response);
            }
            let told = got.ok().and_then(|(_, asks)| asks.wait);
            tokio::time::sleep(pause_before(attempt, told)).await;
        }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        // Whoever panicked while it counted has counted.
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// How often `request` may be sent. A change that got no answer may have been made, and a
    /// probe is counted one by one: only the collector's reads are sent again.
    fn tries(&self, request: &Request) -> u32 {
        if is_read(request) {
            self.limits.tries_max
        } else {
            1
        }
    }

    /// As [`Wire::exchange`], and waits for the answer.
    fn exchange(
        &mut self,
        tries: u32,
        seal: impl Fn() -> Result<Sealed, Refusal>,
    ) -> Result<Response, Refusal> {
        wait(&self.runtime, &self.stop, self.wire.exchange(tries, seal))?
    }
}

/// Whether `request` is a read of the collector.
fn is_read(request: &Request) -> bool {
    !request.changes && matches!(request.whom, Whom::Collector | Whom::Nobody)
}

impl Port for HttpPort {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let Question::Http(request) = question else {
            return Err(Refusal::new(
                Reason::Unsupported,
                "this port answers HTTP questions only",
            ));
        };
        let answer = match &mut self.way {
            Way::Aws(aws) => aws.answer(&mut self.line, request),
            Way::Azure(azure) => azure.answer(&mut self.line, request),
            Way::Kubernetes(cluster) => cluster.answer(&mut self.line, request),
            Way::Token(token) => token.answer(&mut self.line, request),
        };
        answer.map(Answer::Http)
    }

    fn soon(&mut self, questions: &[Question]) {
        let Way::Aws(aws) = &mut self.way else {
            return;
        };
        for question in questions {
            if let Question::Http(request) = question
                && is_read(request)
            {
                aws.soon(&mut self.line, request);
            }
        }
    }
}

/// Waits for `work`, or until the pass is stopped.
pub(super) fn wait<T>(
    runtime: &Handle,
    stop: &AtomicBool,
    work: impl Future<Output = T>,
) -> Result<T, Refusal> {
    let stopped = || Refusal {
        stop: true,
        ..Refusal::new(Reason::Failed, "the pass was stopped")
    };
    if stop.load(Ordering::Relaxed) {
        return Err(stopped());
    }
    runtime.block_on(async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                _ = look.tick() => if stop.load(Ordering::Relaxed) {
                    return Err(stopped());
                },
            }
        }
    })
}

#[cfg(test)]
mod tests;
