//! Sends births on: one signed request each, tried until it is taken, kept until then.
//!
//! Source: Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Duration, Secret, SourceId, Tenant, Timestamp};
use store::{Durability, JournalPart, Writing};

use super::{Alert, Receiver, lock};
use crate::ports::fetch;
use crate::{Error, crash};

/// What is not taken for so long is given up.
const FOR: Duration = Duration::days(3);
/// Sent in one go.
const BATCH: usize = 100;

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
        let (engine, now) = (&self.engine, self.engine.now());
        // Of several that receive into one store, the one that brings in sends on as well.
        if lock(&self.held).is_none() {
            return Ok(0);
        }
        let parts = engine
            .store
            .read(|reading| reading.journal_parts(&engine.tenant, &outbox(), "", BATCH))?;
        let mut sent = 0;
        for part in parts {
            let id = part.part.rsplit(' ').next().unwrap_or_default().to_owned();
            let at = now.seconds();
            let headers = [
                ("webhook-id", id.clone()),
                ("webhook-timestamp", at.to_string()),
                ("webhook-signature", outgoing.signature(&id, at, &part.body)),
            ];
            let runtime = engine.runtime()?;
            let answer = fetch::post(&runtime, stop, &outgoing.url, &headers, part.body);
            let taken = answer.is_ok_and(|answer| (200..300).contains(&answer.status));
            let given_up = !taken && now > part.started + FOR;
            self.count(
                "",
                if taken {
                    "alert_sent"
                } else if given_up {
                    "alert_given_up"
                } else {
                    "alert_not_taken"
                },
            );
            if !taken && !given_up {
                // One that does not answer is not asked a hundred times in a row.
                break;
            }
            crash::point("an alert is sent");
            engine.store.write(Durability::Full, |writing| {
                writing.forget_part(&engine.tenant, &outbox(), &part.part)?;
                Ok::<_, Error>(())
            })?;
            sent += usize::from(taken);
        }
        Ok(sent)
    }
}
