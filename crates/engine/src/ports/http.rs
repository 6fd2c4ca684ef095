//! Answers questions to HTTP interfaces of AWS: signed, bounded, paced, never redirected, as the
//! collector, as the bearer of a key under revocation, or with a session which that bearer
//! minted before the cut.
//!
//! Must be used from a plain thread: it waits for an async client on the engine's runtime.
//!
//! Where a question goes follows from the source's own configuration (`endpoint`, `region`,
//! `profile`) and from the service the connector names, never from data: no answer can steer a
//! request. A [`Refusal`] carries as its code `connect`, `timeout`, `too_large`,
//! `no_credentials`, `no_secret` or `not_minted`.
//!
//! **Invariant:** no refusal holds a credential, a signature or an address with either. Held by
//! `no_refusal_repeats_a_credential`.

mod client;
mod outside;
mod pace;
mod sign;
mod site;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use connectors::{Answer, Port, Question, Refusal, Request, Response, Whom};
use model::{Reason, Secret};
use tokio::runtime::Handle;

pub use self::outside::OutsideLimits;
pub(crate) use self::outside::{Outside, is_host};

use self::client::Sender;
use self::pace::{Pace, pause_before};
use self::sign::Chain;
use self::site::Site;
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

/// The session that the bearer minted: not yet, held, or out of reach for ever.
enum Minted {
    Never,
    Held(Credentials),
    Gone(Refusal),
}

/// Answers questions to the HTTP interfaces of one AWS account.
pub struct HttpPort {
    runtime: Handle,
    site: Site,
    sender: Sender,
    chain: Chain,
    own_id: Option<String>,
    own: Option<Bearer>,
    bearer: Option<Bearer>,
    minted: Minted,
    pace: Pace,
    limits: HttpLimits,
    stop: Arc<AtomicBool>,
}

impl HttpPort {
    /// A port to the account behind `options`: `profile`, `region`, `endpoint`,
    /// `access_key_id` (see [`Self::opened_by`]), and `requests_per_second`. Nothing is opened yet. `runtime` must have worker threads; once
    /// `stop` is true every question is refused and says so.
    ///
    /// # Errors
    /// An option cannot be read, or this machine has no trust anchors.
    pub fn new(
        runtime: Handle,
        options: &BTreeMap<String, String>,
        bearer: Option<Bearer>,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, Error> {
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
        let profile = options.get("profile").cloned();
        let chain = Chain::new(profile, options.get("region").cloned());
        let told = wait(&runtime, &stop, chain.told());
        let told = told.map_err(Error::Refused)?;
        let site = Site::new(options, told)?;
        let sender = Sender::new(&site, &limits)?;
        Ok(Self {
            runtime,
            site,
            sender,
            chain,
            own_id: options.get("access_key_id").cloned(),
            own: None,
            bearer,
            minted: Minted::Never,
            pace: Pace::new(limits.per_second),
            limits,
            stop,
        })
    }

    /// With `secret`, which was sealed for this source, as the secret of its option
    /// `access_key_id`; without either the usual chain signs for the collector.
    #[must_use]
    pub fn opened_by(mut self, secret: Option<Secret>) -> Self {
        self.own = self
            .own_id
            .clone()
            .zip(secret)
            .map(|(user, secret)| Bearer { user, secret });
        self
    }

    /// The credentials with which `request` is signed; `None`: with none.
    fn credentials(&mut self, whom: Whom) -> Result<Option<Credentials>, Refusal> {
        match whom {
            Whom::Nobody => Ok(None),
            Whom::Collector if self.own.is_some() => {
                self.own.as_ref().map(sign::of_bearer).transpose()
            }
            Whom::Collector => wait(&self.runtime, &self.stop, self.chain.credentials())?.map(Some),
            Whom::Subject => self.subject().map(Some),
            Whom::Minted => self.session().map(Some),
            Whom::Held => Err(Refusal::new(
                Reason::Unsupported,
                "AWS has no sessions that are held open",
            )),
        }
    }

    fn subject(&self) -> Result<Credentials, Refusal> {
        let bearer = self.bearer.as_ref().ok_or_else(|| {
            Refusal::new(Reason::Unsupported, "the secret is not at hand").code("no_secret")
        })?;
        sign::of_bearer(bearer)
    }

    /// The session minted as the subject. The first question mints it, before the cut; later
    /// ones never mint another, for that one would be younger than the cut.
    fn session(&mut self) -> Result<Credentials, Refusal> {
        if matches!(self.minted, Minted::Never) {
            let minted = self.subject().and_then(|subject| {
                let request = sign::session_request();
                let response = self.exchange(&request, Some(&subject), 1)?;
                sign::session_in(&response)
            });
            self.minted = match minted {
                Ok(session) => Minted::Held(session),
                Err(refusal) => Minted::Gone(Refusal {
                    told: format!("no session could be minted: {}", refusal.told),
                    code: "not_minted".to_owned(),
                    reason: Reason::Unsupported,
                    stop: refusal.stop,
                }),
            };
        }
        match &self.minted {
            Minted::Held(session) => Ok(session.clone()),
            Minted::Gone(refusal) => Err(refusal.clone()),
            Minted::Never => {
                Err(Refusal::new(Reason::Failed, "no session was minted").code("not_minted"))
            }
        }
    }

    fn answer(&mut self, request: &Request) -> Result<Response, Refusal> {
        let credentials = self.credentials(request.whom)?;
        // A change that got no answer may have been made, and a probe is counted one by one:
        // only the collector's reads are sent again.
        let again = !request.changes && matches!(request.whom, Whom::Collector | Whom::Nobody);
        let tries = if again { self.limits.tries_max } else { 1 };
        self.exchange(request, credentials.as_ref(), tries)
    }

    /// Sends `request` until it is answered, at most `tries` times.
    fn exchange(
        &mut self,
        request: &Request,
        credentials: Option<&Credentials>,
        tries: u32,
    ) -> Result<Response, Refusal> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let now = std::time::Instant::now();
            let pause = self.pace.next(now).saturating_duration_since(now);
            let sent = async {
                tokio::time::sleep(pause).await;
                self.sender.send(&self.site, request, credentials).await
            };
            let got = wait(&self.runtime, &self.stop, sent)?;
            let again = match &got {
                Ok(response) => client::is_passing(response),
                Err(refusal) => matches!(refusal.code.as_str(), "connect" | "timeout"),
            };
            if !again || attempt >= tries {
                return got;
            }
            let pause = pause_before(attempt);
            wait(&self.runtime, &self.stop, async {
                tokio::time::sleep(pause).await;
            })?;
        }
    }
}

impl Port for HttpPort {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let Question::Http(request) = question else {
            return Err(Refusal::new(
                Reason::Unsupported,
                "this port answers HTTP questions only",
            ));
        };
        self.answer(request).map(Answer::Http)
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
