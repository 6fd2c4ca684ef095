//! Sends births on: one signed request each, tried until it is taken, kept until then.
//!
//! Source: Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Duration, Secret, SourceId, Tenant, Timestamp};
use store::{Durability, JournalPart, Lease, Writing};

use super::{Alert, Receiver, lock};
use crate::held::Held;
use crate::ports::fetch;
use crate::{Error, crash};

/// What is not taken for so long is given up.
const FOR: Duration = Duration::days(3);
/// Sent in one go.
const BATCH: usize = 100;

/// Whoever does not take is asked again after so long, and after twice as long each time.
const PAUSE: Duration = Duration::seconds(1);
/// A pause is no longer: of all while nobody answers, and of one that is refused as it is.
const PAUSE_MAX: Duration = Duration::hours(1);
const PAUSE_OF_ALL_MAX: Duration = Duration::minutes(5);

/// What came of sending one.
#[derive(Clone, Copy)]
enum Sent {
    Taken,
    /// It was not taken for too long.
    GivenUp,
    /// By an answer that is of this one alone, as far as anybody can tell: others are sent on.
    Refused,
    /// There was no answer, or one that says to come again later.
    Unanswered,
}

impl Sent {
    const fn word(self) -> &'static str {
        match self {
            Self::Taken => "alert_sent",
            Self::GivenUp => "alert_given_up",
            Self::Refused | Self::Unanswered => "alert_not_taken",
        }
    }
}

/// What is not asked for a while. Kept in memory: who comes anew asks at once.
#[derive(Default)]
pub(super) struct Pauses {
    of_all: Pause,
    of_one: BTreeMap<String, Pause>,
}

#[derive(Default)]
struct Pause {
    times: u32,
    until: Option<Timestamp>,
}

impl Pause {
    fn lasts(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    fn begin(&mut self, now: Timestamp, most: Duration) {
        let long = PAUSE.0.saturating_mul(1 << self.times.min(20));
        self.times = self.times.saturating_add(1);
        self.until = Some(now + Duration(long.min(most.0)));
    }
}

/// Where births are sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    url: String,
    secret: Secret,
}

impl Outgoing {
    /// To `url`, signed by `secret`.
    ///
    /// # Errors
    /// The address is neither https nor on this machine; nobody could check a signature by an
    /// empty secret.
    pub fn new(url: &str, secret: Secret) -> Result<Self, Error> {
        fetch::address(url)?;
        let secret = match secret.expose().trim_ascii().strip_prefix(b"whsec_") {
            Some(rest) => STANDARD
                .decode(rest)
                .map(Secret::new)
                .unwrap_or(secret.clone()),
            None => Secret::new(secret.expose().trim_ascii().to_vec()),
        };
        if secret.is_empty() {
            return Err(Error::Unfit(
                "expected a secret to sign alerts by, got none".to_owned(),
            ));
        }
        Ok(Self {
            url: url.to_owned(),
            secret,
        })
    }

    /// The signature of a body.
    fn signature(&self, id: &str, at: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.expose());
        let signed = [format!("{id}.{at}.").as_bytes(), body].concat();
        format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)))
    }
}

fn outbox() -> SourceId {
    SourceId::new("events-alerts", "webhook")
}

/// Puts down what is to be sent, in the transaction that makes it true.
pub(super) fn put(
    writing: &mut Writing<'_>,
    tenant: &Tenant,
    alerts: &[Alert],
    now: Timestamp,
) -> Result<(), Error> {
    for alert in alerts {
        let one = JournalPart {
            part: format!("{:020} {}", now.0.max(0), alert.id),
            about: "alert 1".to_owned(),
            started: now,
            body: alert.to_json().to_string().into_bytes(),
        };
        writing.keep_part(tenant, &outbox(), &one)?;
    }
    Ok(())
}

impl Receiver {
    /// Sends what is to be sent. How many were taken; those that were not wait for the next time.
    ///
    /// # Errors
    /// The store gave out, or the network is not there at all.
    pub fn send(&self, stop: &Arc<AtomicBool>) -> Result<usize, Error> {
        let Some(outgoing) = &self.outgoing else {
            return Ok(0);
        };
        let engine = &self.engine;
        let mut held = lock(&self.sends);
        if held.is_none() {
            *held = match Held::collecting(engine, &outbox()) {
                Ok(turn) => Some(turn),
                Err(Error::Busy { .. }) => return Ok(0),
                Err(error) => return Err(error),
            };
        }
        let Some(lease) = held.as_ref().map(|held| held.lease().clone()) else {
            return Ok(0);
        };
        let sent = self.send_all(outgoing, stop, &lease);
        if sent.is_err() {
            *held = None;
        }
        sent
    }

    fn send_all(
        &self,
        outgoing: &Outgoing,
        stop: &Arc<AtomicBool>,
        lease: &Lease,
    ) -> Result<usize, Error> {
        let engine = &self.engine;
        let mut pauses = lock(&self.pauses);
        if pauses.of_all.lasts(engine.now()) {
            return Ok(0);
        }
        let (mut sent, mut asked, mut after) = (0, 0, String::new());
        loop {
            let parts = engine
                .store
                .read(|reading| reading.journal_parts(&engine.tenant, &outbox(), &after, BATCH))?;
            let Some(last) = parts.last() else {
                return Ok(sent);
            };
            after.clone_from(&last.part);
            for part in parts {
                let pause = pauses.of_one.get(&part.part);
                if pause.is_some_and(|pause| pause.lasts(engine.now())) {
                    continue;
                }
                if asked == BATCH {
                    return Ok(sent);
                }
                asked += 1;
                match self.send_one(outgoing, stop, &part, lease)? {
                    Sent::Taken => sent += 1,
                    Sent::GivenUp => {}
                    Sent::Refused => {
                        let pause = pauses.of_one.entry(part.part).or_default();
                        pause.begin(engine.now(), PAUSE_MAX);
                        pauses.of_all = Pause::default();
                        continue;
                    }
                    // One that does not answer is not asked a hundred times in a row.
                    Sent::Unanswered => {
                        pauses.of_all.begin(engine.now(), PAUSE_OF_ALL_MAX);
                        return Ok(sent);
                    }
                }
                pauses.of_one.remove(&part.part);
                pauses.of_all = Pause::default();
            }
        }
    }

    /// Sends one on, and forgets it where it was taken or is given up.
    fn send_one(
        &self,
        outgoing: &Outgoing,
        stop: &Arc<AtomicBool>,
        part: &JournalPart,
        lease: &Lease,
    ) -> Result<Sent, Error> {
        let (engine, now) = (&self.engine, self.engine.now());
        let id = part.part.rsplit(' ').next().unwrap_or_default().to_owned();
        let at = now.seconds();
        let headers = [
            ("webhook-id", id.clone()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", outgoing.signature(&id, at, &part.body)),
        ];
        let runtime = engine.runtime()?;
        let answer = fetch::post(&runtime, stop, &outgoing.url, &headers, part.body.clone());
        let sent = match answer.map(|answer| answer.status) {
            Ok(200..300) => Sent::Taken,
            _ if now > part.started + FOR => Sent::GivenUp,
            Err(_) | Ok(408 | 429 | 500..) => Sent::Unanswered,
            Ok(_) => Sent::Refused,
        };
        self.count("", sent.word());
        if matches!(sent, Sent::Taken | Sent::GivenUp) {
            crash::point("an alert is sent");
            engine.store.write(Durability::Full, |writing| {
                writing.fence(&engine.tenant, lease)?;
                writing.forget_part(&engine.tenant, &outbox(), &part.part)?;
                Ok::<_, Error>(())
            })?;
        }
        Ok(sent)
    }
}
