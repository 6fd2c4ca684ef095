//! Receives events that platforms send: checked, kept before they are answered, brought into the
//! roll, and told of who was born.
//!
//! Start at [`Receiver`]. [`Receiver::take`] is one delivery: it answers 200 once what the
//! delivery brings is durable, and never before. [`Receiver::drain`] brings what waits into the
//! roll as a pass, tells of each birth, and only then forgets what waited. A process that dies
//! between any two steps leaves what it answered for, and the next one goes on: nothing is lost,
//! and an alert may be told twice under one id.
//!
//! **Invariant:** what is refused writes nothing.
//! Held by `what_is_refused_is_counted_and_writes_nothing`.

mod alert;
mod door;
mod drain;
mod inbox;
mod outgoing;
mod pull;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connectors::events::{self, Closed, Delivery, Events, KeySet, Opened, Sender, Then, Trusted};
use model::{Secret, Timestamp};

pub use alert::Alert;
pub use drain::Drained;
pub use outgoing::Outgoing;
pub use pull::{Pull, Pulled};

use self::door::{Door, Known, Learnt};
use crate::held::Held;
use crate::{Engine, Error};

/// Deliveries that wait for the roll at most, of each source.
const QUEUE_MAX: u64 = 10_000;
/// Whoever finds the queue full is told to come again after so many seconds.
const RETRY_AFTER: u64 = 5;
/// Keys that are fetched for one delivery.
const FETCHES_MAX: usize = 2;

/// A source of events.
#[derive(Clone, Debug)]
pub struct EventSource {
    /// What it is called, also in its path: lower-case letters, digits and hyphens.
    pub name: String,
    /// Who sends, or is asked.
    pub from: From,
    /// The keys of whoever signs tokens.
    pub keys: Option<KeysOf>,
    /// The certificate of SNS, where it is not to be fetched.
    pub certificate: Option<Vec<u8>>,
}

/// How events come.
#[derive(Clone, Debug)]
pub enum From {
    /// They are sent here.
    Sent(Sender),
    /// They are asked for.
    Asked(Pull),
}

impl From {
    /// What the platform is called.
    pub const fn platform(&self) -> &'static str {
        match self {
            Self::Sent(sender) => sender.platform(),
            Self::Asked(pull) => pull.platform(),
        }
    }
}

/// Where the keys of an issuer of tokens are.
#[derive(Clone, Debug)]
pub enum KeysOf {
    /// Given here.
    Set(KeySet),
    /// At an address that a person configured.
    At(String),
}

/// What a delivery is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Status of HTTP.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// A JSON text, or nothing.
    pub body: String,
}

impl Answered {
    fn of(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    fn told(status: u16, told: &str) -> Self {
        Self {
            status,
            body: serde_json::json!({"error": told}).to_string(),
            ..Self::default()
        }
    }
}

/// What became of deliveries, by source and kind.
pub type Counts = BTreeMap<(String, &'static str), u64>;

/// Receives events.
pub struct Receiver {
    engine: Engine,
    doors: BTreeMap<String, Door>,
    outgoing: Option<Outgoing>,
    queue_max: u64,
    counts: Mutex<Counts>,
    /// Of several that send on from one store, one does.
    sends: Mutex<Option<Held>>,
    /// What is not sent on for a while.
    pauses: Mutex<outgoing::Pauses>,
    stop: Arc<AtomicBool>,
}

impl Receiver {
    /// One for `sources`; births are also sent to `outgoing`. What waits from before is taken up.
    ///
    /// # Errors
    /// A name is none or is there twice, or the store gave out.
    pub fn open(
        engine: &Engine,
        sources: Vec<EventSource>,
        outgoing: Option<Outgoing>,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, Error> {
        let mut doors = BTreeMap::new();
        for source in sources {
            let door = Door::new(engine, source)?;
            let path = door.path.clone();
            if doors.insert(path.clone(), door).is_some() {
                return Err(Error::Unfit(format!(
                    "two sources of events are called `{path}`"
                )));
            }
        }
        Ok(Self {
            engine: engine.clone(),
            doors,
            outgoing,
            queue_max: QUEUE_MAX,
            counts: Mutex::default(),
            sends: Mutex::default(),
            pauses: Mutex::default(),
            stop,
        })
    }

    /// The same, with so many deliveries of each source waiting at most.
    #[must_use]
    pub const fn with_queue(mut self, most: u64) -> Self {
        self.queue_max = most;
        self
    }

    /// The paths at which events are awaited, and of which platform.
    pub fn paths(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let sent = self
            .doors
            .values()
            .filter(|door| matches!(door.source.from, From::Sent(_)));
        sent.map(|door| (door.path.as_str(), door.source.from.platform()))
    }

    /// What became of deliveries so far.
    pub fn counts(&self) -> Counts {
        lock(&self.counts).clone()
    }

    /// Counts what happened before a delivery came here: `oversized`, `slow`.
    pub fn count(&self, path: &str, what: &'static str) {
        let name = if self.doors.contains_key(path) {
            path
        } else {
            ""
        };
        *lock(&self.counts)
            .entry((name.to_owned(), what))
            .or_default() += 1;
    }

    /// Answers one delivery to `path`. Must be called from a thread that may wait.
    pub fn take(&self, path: &str, delivery: &Delivery<'_>) -> Answered {
        let door = self.doors.get(path);
        let Some((door, sender)) = door.and_then(|door| Some((door, door.sender()?))) else {
            self.count(path, "unknown_path");
            return Answered::told(404, "no source of events is at this path");
        };
        let opened = match self.opened(door, sender, delivery) {
            Ok(opened) => opened,
            Err(Closed::Refused(refused)) => {
                self.count(path, refused.why.word());
                return Answered::told(refused.why.status(), refused.told);
            }
            // It may well be signed: whoever sent it tries again.
            Err(Closed::WantsKeys | Closed::WantsCertificate(_)) => {
                self.count(path, "no_keys");
                return self.later("the keys of the issuer cannot be had");
            }
        };
        match opened.then {
            Then::Answer { body, headers } => {
                self.count(path, "challenge");
                Answered {
                    status: 200,
                    headers,
                    body,
                }
            }
            Then::Confirm { url } => match door.fetch(&self.engine, &self.stop, &url) {
                Ok(_) => {
                    self.count(path, "confirmed");
                    Answered::of(200)
                }
                Err(_) => {
                    self.count(path, "not_confirmed");
                    self.later("the subscription cannot be confirmed")
                }
            },
            Then::Take { records, undated } => {
                // Records that tell no time bear that of their coming: a body that names itself is
                // the same whenever it comes.
                let named = opened.id == door::name_of(delivery.body);
                let came = Came {
                    id: &opened.id,
                    same: if named {
                        opened.id.as_bytes()
                    } else {
                        &records
                    },
                    records: &records,
                    undated,
                    at: delivery.at,
                };
                let kept = self.keep(door, &came);
                self.answer_of(path, &kept)
            }
        }
    }

    /// Opens a delivery, with keys that are fetched where they lack.
    fn opened(
        &self,
        door: &Door,
        sender: &Sender,
        delivery: &Delivery<'_>,
    ) -> Result<Opened, Closed> {
        for _ in 0..FETCHES_MAX {
            let known = door.known();
            let trusted = Trusted {
                keys: known.keys.as_ref(),
                certificates: &known.certificates,
            };
            let closed = match events::open(sender, delivery, &trusted) {
                Err(closed @ (Closed::WantsKeys | Closed::WantsCertificate(_))) => closed,
                other => return other,
            };
            let tried = known.of;
            drop(known);
            match door.learn(&self.engine, &self.stop, &closed, (tried, delivery.at)) {
                Learnt::Something => {}
                // A key that its issuer does not have signs nothing.
                Learnt::LacksIt => return Err(Closed::Refused(door::UNKNOWN_KEY)),
                Learnt::Nothing => return Err(closed),
            }
        }
        Err(Closed::WantsKeys)
    }

    /// Keeps what a delivery brings, durably.
    fn keep(&self, door: &Door, came: &Came<'_>) -> Result<Kept, Error> {
        let &Came {
            id, same, records, ..
        } = came;
        let at = came.at;
        match door.recent(id, same) {
            Known::New => {}
            Known::Same => return Ok(Kept::Again),
            Known::Other => return Ok(Kept::Other),
        }
        let (events, unread) = Events::read(records, at);
        if unread.is_some() {
            self.count(&door.path, "unread");
        }
        if events.is_empty() && unread.is_none() {
            door.remember(id, same);
            return Ok(Kept::Nothing);
        }
        let kept = inbox::put(
            &self.engine,
            door,
            id,
            (&events, unread.as_deref()),
            came.undated,
            (at, self.queue_max),
        )?;
        if matches!(kept, Kept::Taken) {
            door.remember(id, same);
        }
        Ok(kept)
    }

    fn answer_of(&self, path: &str, kept: &Result<Kept, Error>) -> Answered {
        let (what, answer) = match kept {
            Ok(Kept::Taken) => ("taken", Answered::of(200)),
            Ok(Kept::Nothing) => ("nothing_kept", Answered::of(200)),
            // At least once is what platforms promise: a refusal would make them send it again.
            Ok(Kept::Again) => ("repeated", Answered::of(200)),
            Ok(Kept::Other) => (
                "replayed",
                Answered::told(409, "this id came before, with other content"),
            ),
            Ok(Kept::Full) => ("queue_full", self.later("the queue is full")),
            Err(_) => ("not_kept", self.later("it could not be kept")),
        };
        self.count(path, what);
        answer
    }

    fn later(&self, told: &str) -> Answered {
        let mut answer = Answered::told(503, told);
        answer
            .headers
            .push(("retry-after", RETRY_AFTER.to_string()));
        answer
    }
}

/// What a delivery brings.
#[derive(Clone, Copy)]
struct Came<'a> {
    /// What its platform calls it.
    id: &'a str,
    /// What does not differ where it comes again.
    same: &'a [u8],
    /// Records of logs, a JSON object a line.
    records: &'a [u8],
    /// Whether some of them bear the time of the delivery.
    undated: bool,
    /// When it came.
    at: Timestamp,
}

/// What became of what a delivery brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// It waits for the roll, durably.
    Taken,
    /// It tells of nothing that is kept.
    Nothing,
    /// It was here before.
    Again,
    /// Another one was here before under its id.
    Other,
    /// No more may wait.
    Full,
}

/// What opens a source: the value that a file or a variable holds, without the end of its line;
/// several on lines of their own, while one is being changed for another.
pub fn secrets_in(value: &Secret) -> Vec<Secret> {
    let lines = value.expose().split(|byte| *byte == b'\n');
    let lines = lines
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty());
    lines.map(|line| Secret::new(line.to_vec())).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a thread that panicked left is whole: each change is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
