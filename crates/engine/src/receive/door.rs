//! One source of events: what it is called, whose keys it trusts, what came lately.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};

use connectors::events::{Closed, Events, KeySet, Refused, Sender, Why};
use connectors::{Refusal, Response};
use model::{Duration, SourceId, Timestamp};

use super::{EventSource, From, KeysOf, lock};
use crate::ports::{HttpPort, fetch};
use crate::{Engine, Error};

/// Deliveries that are remembered, the latest of each source.
const RECENT_MAX: usize = 65_536;
/// Keys of an issuer are fetched no more often.
const KEYS_EVERY: Duration = Duration::minutes(1);
/// Certificates that are kept.
const CERTIFICATES_MAX: usize = 16;

/// That a token names a key that its issuer does not have.
pub(super) const UNKNOWN_KEY: Refused = Refused {
    why: Why::WrongSignature,
    told: "the token is signed by a key that its issuer does not have",
};

/// One source of events.
pub(super) struct Door {
    /// `/github/acme`.
    pub(super) path: String,
    pub(super) source: EventSource,
    /// Under which it stands on the roll.
    pub(super) id: SourceId,
    /// Under which what waits, what is known and what came undated is kept.
    pub(super) waiting: SourceId,
    pub(super) standing: SourceId,
    pub(super) undated: SourceId,
    known: Mutex<Keys>,
    recent: Mutex<Recent>,
    /// What all events came to so far; none until it is loaded.
    pub(super) events: Mutex<Option<Events>>,
    /// Who is asked, once it was.
    pub(super) port: Mutex<Option<HttpPort>>,
    /// When all of it was told last.
    pub(super) told_all: Mutex<Option<Timestamp>>,
}

/// Keys of others.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) keys: Option<KeySet>,
    pub(super) certificates: BTreeMap<String, Vec<u8>>,
    asked: Option<Timestamp>,
}

/// Whether a delivery came before.
pub(super) enum Known {
    New,
    Same,
    Other,
}

#[derive(Default)]
struct Recent {
    by_id: BTreeMap<String, (u64, Vec<u8>)>,
    in_order: BTreeMap<u64, String>,
    next: u64,
}

impl Door {
    pub(super) fn new(engine: &Engine, source: EventSource) -> Result<Self, Error> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=64).contains(&source.name.len()) || !source.name.bytes().all(fits) {
            return Err(Error::Unfit(format!(
                "expected a name of lower-case letters, digits and hyphens, got `{}`",
                model::shorten(&model::clean(&source.name), 80)
            )));
        }
        let name = format!("{}/{}", source.from.platform(), source.name);
        let keys = match &source.keys {
            Some(KeysOf::Set(keys)) => Some(keys.clone()),
            _ => None,
        };
        let door = Self {
            path: format!("/{name}"),
            // Rules that look at logs look at events as well.
            id: SourceId::new("logs", &format!("events/{name}")),
            waiting: SourceId::new("events-waiting", &name),
            standing: SourceId::new("events-standing", &name),
            undated: SourceId::new("events-undated", &name),
            source,
            known: Mutex::new(Keys {
                keys,
                ..Keys::default()
            }),
            recent: Mutex::default(),
            events: Mutex::default(),
            port: Mutex::default(),
            told_all: Mutex::default(),
        };
        // A store that cannot be read is told now and not at the first delivery.
        engine
            .store
            .read(|reading| reading.journal_len(&engine.tenant, &door.waiting))?;
        Ok(door)
    }

    pub(super) const fn sender(&self) -> Option<&Sender> {
        match &self.source.from {
            From::Sent(sender) => Some(sender),
            From::Asked(_) => None,
        }
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Keys> {
        lock(&self.known)
    }

    pub(super) fn knows_keys(&self) -> bool {
        lock(&self.known).keys.is_some()
    }

    /// Learns what lacks. Whether there is something new to try.
    pub(super) fn learn(
        &self,
        engine: &Engine,
        stop: &Arc<AtomicBool>,
        wants: &Closed,
        now: Timestamp,
    ) -> bool {
        match wants {
            Closed::WantsCertificate(address) => {
                let pem = match &self.source.certificate {
                    Some(pem) => Some(pem.clone()),
                    None => self.fetch(engine, stop, address).ok(),
                };
                let mut known = lock(&self.known);
                if known.certificates.len() >= CERTIFICATES_MAX {
                    known.certificates.clear();
                }
                let learnt = pem.map(|pem| known.certificates.insert(address.clone(), pem));
                learnt.is_some()
            }
            Closed::WantsKeys => {
                let Some(KeysOf::At(address)) = &self.source.keys else {
                    return false;
                };
                {
                    let mut known = lock(&self.known);
                    if known.asked.is_some_and(|asked| now < asked + KEYS_EVERY) {
                        return false;
                    }
                    known.asked = Some(now);
                }
                let set = self.fetch(engine, stop, address).ok();
                let set = set.and_then(|set| KeySet::read(&set));
                let learnt = set.is_some();
                if learnt {
                    lock(&self.known).keys = set;
                }
                learnt
            }
            Closed::Refused(_) => false,
        }
    }

    /// What is at an address that follows from the configuration.
    pub(super) fn fetch(
        &self,
        engine: &Engine,
        stop: &Arc<AtomicBool>,
        address: &str,
    ) -> Result<Vec<u8>, Refusal> {
        let unmade = |_| Refusal::new(model::Reason::Failed, "no thread is left for the network");
        let runtime = engine.runtime().map_err(unmade)?;
        let Response { status, body, .. } = fetch::get(&runtime, stop, address)?;
        if status == 200 {
            Ok(body.into_bytes())
        } else {
            Err(
                Refusal::new(model::Reason::Failed, "expected an answer 200")
                    .code(status.to_string()),
            )
        }
    }

    /// Whether a delivery came lately.
    pub(super) fn recent(&self, id: &str, same: &[u8]) -> Known {
        match lock(&self.recent).by_id.get(id) {
            None => Known::New,
            Some((_, digest)) if *digest == digest_of(same) => Known::Same,
            Some(_) => Known::Other,
        }
    }

    pub(super) fn remember(&self, id: &str, same: &[u8]) {
        let mut recent = lock(&self.recent);
        let n = recent.next;
        recent.next += 1;
        let was = recent.by_id.insert(id.to_owned(), (n, digest_of(same)));
        if let Some((old, _)) = was {
            recent.in_order.remove(&old);
        }
        recent.in_order.insert(n, id.to_owned());
        while recent.in_order.len() > RECENT_MAX {
            if let Some((_, oldest)) = recent.in_order.pop_first() {
                recent.by_id.remove(&oldest);
            }
        }
    }
}

/// The name of bytes that have none: their digest, in hexadecimal digits.
pub(super) fn name_of(bytes: &[u8]) -> String {
    let digest = digest_of(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn digest_of(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
        .as_ref()
        .to_vec()
}
