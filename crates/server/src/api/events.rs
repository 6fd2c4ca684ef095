//! `GET /v1/events`: what happens, as it happens, and from where a reader left off.
//!
//! One reader of the change feed serves all streams. The id of an event is the place in the feed
//! after it, so that whoever comes back with `Last-Event-ID` is told what it missed, from the
//! store, before what happens next.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use engine::Engine;
use futures_util::Stream;
use futures_util::stream::unfold;
use model::Timestamp;
use serde_json::{Value, json};
use store::Happening;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use super::{Api, Caller, Problem};

/// Streams at once; each costs a connection and a place in the channel.
const STREAMS_MAX: usize = 1_000;
/// Rounds that a slow reader may be behind before it is told to begin anew.
const BEHIND_MAX: usize = 256;
/// Entries of a shard that are read at once.
const BLOCK: usize = 1_000;
/// The feed is looked at so often.
const LOOK: Duration = Duration::from_secs(1);
/// A stream on which nothing happens shows so often that it lives.
const ALIVE: Duration = Duration::from_secs(15);

/// Where somebody stands: in each shard of the feed, in the evidence, and among runs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    shards: Vec<i64>,
    evidence: u64,
    runs: Timestamp,
}

/// What happened in one round.
#[derive(Clone, Debug)]
struct Round {
    from: Place,
    to: Place,
    events: Arc<Vec<(&'static str, Value)>>,
}

/// Streams of events.
pub(crate) struct Streams {
    places: Arc<Semaphore>,
    /// None: the server ends, and streams with it.
    rounds: Mutex<Option<broadcast::Sender<Round>>>,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(STREAMS_MAX)),
            rounds: Mutex::new(Some(broadcast::channel(BEHIND_MAX).0)),
        }
    }
}

impl Streams {
    /// Ends every stream.
    pub(crate) fn end(&self) {
        self.rounds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    fn sender(&self) -> Option<broadcast::Sender<Round>> {
        self.rounds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the feed from `from` on until the server ends; to be called on a thread of its own.
    fn read(&self, engine: &Engine, mut from: Option<Place>) {
        loop {
            let Some(sender) = self.sender() else { return };
            // While the store is away nothing happens; what happened meanwhile is told then.
            let round = match &from {
                None => now(engine).map(|at| (at, None)),
                Some(place) => after(engine, place).map(|round| (round.to.clone(), Some(round))),
            };
            if let Ok((at, round)) = round {
                from = Some(at);
                if let Some(round) = round.filter(|one| !one.events.is_empty()) {
                    // Nobody listens: it is in the store for whoever comes back.
                    let _ = sender.send(round);
                }
            }
            drop(sender);
            std::thread::park_timeout(LOOK);
        }
    }
}

/// Begins to tell what happens from now on.
pub(crate) fn begin(api: &Api) -> std::io::Result<()> {
    // Taken before anybody can connect, so that nobody is told less than happened since. Where the
    // store is away, from when it is there.
    let from = now(api.engine()).ok();
    let api = api.clone();
    let reading = move || api.0.streams.read(api.engine(), from);
    std::thread::Builder::new().spawn(reading).map(drop)
}

/// Where the feed ends now.
fn now(engine: &Engine) -> Result<Place, store::Error> {
    engine.store.read(|reading| {
        let tenant = &engine.tenant;
        let mut shards = Vec::new();
        for shard in 0..reading.shards() {
            shards.push(reading.feed_end(tenant, shard)?);
        }
        let latest = reading.passes(tenant, None, BLOCK)?;
        Ok(Place {
            shards,
            evidence: reading.evidence_size(tenant)?,
            runs: latest
                .iter()
                .filter_map(|pass| pass.finished)
                .max()
                .unwrap_or(Timestamp::MIN),
        })
    })
}

/// What happened after `from`, a block of each shard at most.
fn after(engine: &Engine, from: &Place) -> Result<Round, store::Error> {
    let tenant = &engine.tenant;
    let (to, events) = engine.store.read(|reading| {
        let (mut to, mut events) = (from.clone(), Vec::new());
        for (shard, seq) in (0_u32..).zip(&mut to.shards) {
            for entry in reading.changes(tenant, shard, *seq, BLOCK)? {
                let kind = if entry.what == Happening::New { "born" } else { "changed" };
                let told = json!({"id": entry.entity, "what": entry.what.as_str(), "at": entry.at});
                events.push((kind, told));
                *seq = entry.seq;
            }
        }
        for pass in reading.passes(tenant, None, BLOCK)?.iter().rev() {
            if pass.finished.is_some_and(|at| at > from.runs) {
                events.push(("run", tell::run(pass).into()));
                to.runs = to.runs.max(pass.finished.unwrap_or(to.runs));
            }
        }
        for (index, bytes) in reading.evidence_leaves(tenant, from.evidence, BLOCK)? {
            to.evidence = index + 1;
            if let Ok(leaf) = ::evidence::Leaf::from_bytes(&bytes) {
                let told = json!({"leaf": index, "kind": leaf.kind().as_str(), "subject": leaf.subject(), "at": leaf.at()});
                events.push(("proof", told));
            }
        }
        Ok((to, events))
    })?;
    Ok(Round {
        from: from.clone(),
        to,
        events: Arc::new(events),
    })
}

impl Place {
    /// As the id of an event: `e9.r1700000000000000.0.4.12…`.
    fn id(&self) -> String {
        let shards: Vec<_> = self.shards.iter().map(ToString::to_string).collect();
        format!("e{}.r{}.{}", self.evidence, self.runs.0, shards.join("."))
    }

    fn parse(id: &str, shards: usize) -> Option<Self> {
        let mut parts = id.split('.');
        let evidence = parts.next()?.strip_prefix('e')?.parse().ok()?;
        let runs = Timestamp(parts.next()?.strip_prefix('r')?.parse().ok()?);
        let places = parts.map(|one| one.parse().ok().filter(|n| *n >= 0));
        let places: Vec<i64> = places.take(shards + 1).collect::<Option<_>>()?;
        (places.len() == shards).then_some(Self {
            shards: places,
            evidence,
            runs,
        })
    }
}

/// One stream.
struct Reader {
    api: Api,
    at: Place,
    rounds: broadcast::Receiver<Round>,
    /// What is to be sent, the last first.
    ready: Vec<Event>,
    /// Whether it still reads from the store what it missed.
    behind: bool,
    _place: OwnedSemaphorePermit,
}

/// Follow what happens
///
/// Server-sent events: `run` (a source was read), `born` and `changed` (things of the roll), `proof`
/// (a leaf of the evidence), and `again`: too much was missed, read anew what you show. An `id` as
/// `Last-Event-ID` goes on after that event.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(
    ("last-event-id" = Option<String>, Header, description = "The id of the last event that was received")
), responses(
    (status = 200, body = String, content_type = "text/event-stream", example = "event: born\nid: e9.r0.1.0\ndata: {\"id\":\"idn-5b1f0c6f2a9d4e37\"}\n\n")
))]
pub(crate) async fn events(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = Arc::clone(&api.0.streams.places).try_acquire_owned();
    let place = place.map_err(|_| Problem::busy())?;
    let rounds = api
        .0
        .streams
        .sender()
        .ok_or_else(Problem::busy)?
        .subscribe();
    let end = api.asking(&caller, |engine| Ok(now(engine)?)).await?;
    let given = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let left = given.map(|id| Place::parse(id, end.shards.len()));
    let reader = Reader {
        api,
        behind: matches!(left, Some(Some(_))),
        // What is no id of ours is that of another store: nobody knows what was missed.
        ready: match left {
            Some(None) => vec![again(&end)],
            _ => Vec::new(),
        },
        at: left.flatten().unwrap_or(end),
        rounds,
        _place: place,
    };
    let stream = unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(ALIVE)))
}

fn again(at: &Place) -> Event {
    Event::default().event("again").id(at.id()).data("{}")
}

impl Reader {
    /// The next event; `None`: the server ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop() {
                return Some(event);
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            match self.rounds.recv().await {
                Ok(round) if round.to == self.at => {}
                Ok(round) if round.from == self.at => self.take(&round),
                // Another place than the feed's reader was at: the store tells what lies between.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => self.behind = true,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    fn take(&mut self, round: &Round) {
        let last = round.events.len().saturating_sub(1);
        let events = round
            .events
            .iter()
            .enumerate()
            .rev()
            .map(|(n, (kind, told))| {
                let event = Event::default().event(kind).data(told.to_string());
                // Within a round there is no place to go on from but its beginning.
                if n == last {
                    event.id(round.to.id())
                } else {
                    event
                }
            });
        self.ready = events.collect();
        self.at = round.to.clone();
    }

    /// Reads from the store what was missed.
    async fn catch_up(&mut self) -> Option<()> {
        let at = self.at.clone();
        let read = self
            .api
            .waiting(move |api| Ok(after(api.engine(), &at)))
            .await;
        match read {
            Ok(Ok(round)) if round.events.is_empty() => self.behind = false,
            Ok(Ok(round)) => self.take(&round),
            Ok(Err(store::Error::BehindRetention { .. })) => {
                self.at = self.api.waiting(|api| Ok(now(api.engine())?)).await.ok()?;
                self.ready = vec![again(&self.at)];
            }
            // Whoever reads comes back with the id that it has.
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_and_what_is_none_is_not_taken_for_one() {
        let place = Place {
            shards: vec![0, 7, 131_072],
            evidence: 9,
            runs: Timestamp(1_700_000_000_000_000),
        };
        assert_eq!(Place::parse(&place.id(), 3), Some(place.clone()));
        for wrong in [
            "",
            "e1",
            "e1.r1",
            "e1.r1.-1.0.0",
            "x",
            "e1.r1.0.0.0.0",
            "e1.r1.0.0",
        ] {
            assert_eq!(Place::parse(wrong, 3), None, "{wrong}");
        }
    }
}
