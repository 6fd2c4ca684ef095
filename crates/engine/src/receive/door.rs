//! One source of events: what it is called, whose keys it trusts, what came lately.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};

use connectors::events::{Closed, Events, KeySet, Refused, Sender, Why};
use connectors::{Refusal, Response};
use model::{Duration, SourceId, Timestamp};

use super::{EventSource, From, KeysOf, lock};
use crate::held::Held;
use crate::ports::{HttpPort, fetch};
use crate::{Engine, Error};

/// Deliveries that are remembered, the latest of each source.
const RECENT_MAX: usize = 65_536;
/// Keys of an issuer are fetched no more often.
const KEYS_EVERY: Duration = Duration::minutes(1);
/// Certificates that are fetched in a minute at most, one after another.
const FETCHES_A_MINUTE: usize = 4;
const MINUTE: Duration = Duration::minutes(1);
/// What could not be had is not fetched again for so long.
const FAILED_FOR: Duration = Duration::minutes(5);
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
    /// Whose turn it is to bring in what waits: of several that receive into one store, one does.
    pub(super) turn: SourceId,
    pub(super) held: Mutex<Option<Held>>,
    known: Mutex<Keys>,
    fetches: Mutex<Fetches>,
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
    /// When whoever asked for these keys came; none while none were had.
    pub(super) of: Option<Timestamp>,
    asked: Option<Timestamp>,
}

/// What came of learning keys or a certificate.
pub(super) enum Learnt {
    /// There is something new to try.
    Something,
    /// The issuer does not have that key.
    LacksIt,
    /// Nothing: it cannot be had, or not yet. A later delivery may find it.
    Nothing,
}

/// Certificates that were fetched lately, at the wish of whoever has shown nothing.
#[derive(Default)]
struct Fetches {
    under_way: bool,
    begun: Vec<Timestamp>,
    failed: BTreeMap<String, Timestamp>,
}

impl Fetches {
    /// Whether one at `address` may be fetched now; it then is under way.
    fn begin(&mut self, address: &str, now: Timestamp) -> bool {
        self.begun.retain(|begun| now < *begun + MINUTE);
        self.failed.retain(|_, failed| now < *failed + FAILED_FOR);
        let may = !self.under_way
            && self.begun.len() < FETCHES_A_MINUTE
            && !self.failed.contains_key(address);
        if may {
            self.under_way = true;
            self.begun.push(now);
        }
        may
    }

    fn end(&mut self, address: &str, had: bool, now: Timestamp) {
        self.under_way = false;
        // As few are remembered as may be fetched in that time.
        if !had {
            self.failed.insert(address.to_owned(), now);
        }
    }
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
            turn: SourceId::new("events-drain", &name),
            held: Mutex::default(),
            source,
            known: Mutex::new(Keys {
                keys,
                ..Keys::default()
            }),
            fetches: Mutex::default(),
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

    /// Forgets what all events came to: it is loaded again.
    pub(super) fn forget(&self) {
        *lock(&self.events) = None;
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Keys> {
        lock(&self.known)
    }

    /// Learns what lacks. `tried`: of when the keys are that were tried. `now`: when the delivery
    /// came.
    pub(super) fn learn(
        &self,
        engine: &Engine,
        stop: &Arc<AtomicBool>,
        wants: &Closed,
        (tried, now): (Option<Timestamp>, Timestamp),
    ) -> Learnt {
        match wants {
            Closed::WantsCertificate(address) => {
                let pem = match &self.source.certificate {
                    Some(pem) => Some(pem.clone()),
                    None => self.certificate(engine, stop, address, now),
                };
                let Some(pem) = pem else {
                    return Learnt::Nothing;
                };
                let mut known = lock(&self.known);
                if known.certificates.len() >= CERTIFICATES_MAX {
                    known.certificates.clear();
                }
                known.certificates.insert(address.clone(), pem);
                Learnt::Something
            }
            Closed::WantsKeys => {
                let address = match &self.source.keys {
                    None => return Learnt::Nothing,
                    Some(KeysOf::Set(_)) => return Learnt::LacksIt,
                    Some(KeysOf::At(address)) => address,
                };
                // Only a set of after this delivery came shows that its issuer lacks the key: it
                // may have been made since an earlier one.
                if tried.is_some_and(|tried| tried >= now) {
                    return Learnt::LacksIt;
                }
                {
                    let mut known = lock(&self.known);
                    if known.of != tried {
                        return Learnt::Something;
                    }
                    if known.asked.is_some_and(|asked| now < asked + KEYS_EVERY) {
                        return Learnt::Nothing;
                    }
                    known.asked = Some(now);
                }
                let set = self.fetch(engine, stop, address).ok();
                let Some(set) = set.and_then(|set| KeySet::read(&set)) else {
                    return Learnt::Nothing;
                };
                let mut known = lock(&self.known);
                known.keys = Some(set);
                known.of = Some(now);
                Learnt::Something
            }
            Closed::Refused(_) => Learnt::Nothing,
        }
    }

    /// A certificate, fetched. Whoever wants it has shown nothing yet: no more than one is fetched
    /// at a time, few a minute, and none that could not be had lately.
    fn certificate(
        &self,
        engine: &Engine,
        stop: &Arc<AtomicBool>,
        address: &str,
        now: Timestamp,
    ) -> Option<Vec<u8>> {
        lock(&self.fetches).begin(address, now).then_some(())?;
        let pem = self.fetch(engine, stop, address).ok();
        lock(&self.fetches).end(address, pem.is_some(), now);
        pem
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

#[cfg(test)]
mod tests {
    use super::{FAILED_FOR, FETCHES_A_MINUTE, Fetches};
    use model::{Duration, Timestamp};

    #[test]
    fn one_certificate_is_fetched_at_a_time_few_a_minute_and_none_that_failed_lately() {
        let start = Timestamp::from_seconds(1_800_000_000);
        let mut fetches = Fetches::default();
        assert!(fetches.begin("0", start));
        assert!(!fetches.begin("other", start), "one is under way");
        fetches.end("0", false, start);
        assert!(!fetches.begin("0", start), "it could not be had just now");
        for n in 1..FETCHES_A_MINUTE {
            let address = n.to_string();
            assert!(fetches.begin(&address, start));
            fetches.end(&address, true, start);
        }
        let late = start + Duration::seconds(59);
        assert!(!fetches.begin("other", late), "enough for this minute");
        let later = start + Duration::minutes(1);
        assert!(!fetches.begin("0", later), "it failed a minute ago");
        assert!(fetches.begin("other", later));
        fetches.end("other", true, later);
        assert!(fetches.begin("0", start + FAILED_FOR));
    }
}
