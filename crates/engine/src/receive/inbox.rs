//! What waits for the roll, in the store: it survives loss of power before it is answered for.
//!
//! Kept is what records come to, never a record: no body of a delivery reaches the store.

use connectors::events::Events;
use model::Timestamp;
use store::{Durability, JournalPart};

use super::Kept;
use super::door::{Door, name_of};
use crate::{Engine, Error, crash};

/// One row.
const ABOUT: &str = "events 1";
/// One that tells what of a delivery could not be read.
const UNREAD: &str = "unread 1";

/// Puts down what a delivery brings.
pub(super) fn put(
    engine: &Engine,
    door: &Door,
    id: &str,
    (events, unread): (&Events, Option<&str>),
    undated: bool,
    (at, most): (Timestamp, u64),
) -> Result<Kept, Error> {
    let tenant = &engine.tenant;
    let name = name_of(id.as_bytes());
    let one = JournalPart {
        // In the order of their coming; the same one may come twice and is one row by its id.
        part: format!("{:020} {name}", at.0.max(0)),
        about: ABOUT.to_owned(),
        started: at,
        body: events.to_bytes(),
    };
    let kept = engine.store.write(Durability::Full, |writing| {
        if writing.journal_len(tenant, &door.waiting)? >= most {
            return Ok::<_, Error>(Kept::Full);
        }
        if undated {
            // What tells no time got that of its coming: told again later it would change that. It
            // is remembered without an end, since whoever recorded it may send it at any time.
            if writing
                .journal_part(tenant, &door.undated, &name)?
                .is_some()
            {
                return Ok(Kept::Again);
            }
            let seen = JournalPart {
                part: name.clone(),
                body: Vec::new(),
                ..one.clone()
            };
            writing.keep_part(tenant, &door.undated, &seen)?;
        }
        if !events.is_empty() {
            writing.keep_part(tenant, &door.waiting, &one)?;
        }
        if let Some(unread) = unread {
            let unread = JournalPart {
                part: format!("{} unread", one.part),
                about: UNREAD.to_owned(),
                started: at,
                body: unread.as_bytes().to_vec(),
            };
            writing.keep_part(tenant, &door.waiting, &unread)?;
        }
        crash::point("a delivery is about to be kept");
        Ok(Kept::Taken)
    })?;
    crash::point("a delivery is kept");
    Ok(kept)
}

/// What waits after `after`, the first of it first.
pub(super) fn waiting(
    engine: &Engine,
    door: &Door,
    after: &str,
    most: usize,
) -> Result<Vec<JournalPart>, Error> {
    let parts = engine
        .store
        .read(|reading| reading.journal_parts(&engine.tenant, &door.waiting, after, most))?;
    Ok(parts)
}

/// A row that waits.
pub(super) struct Waits {
    pub(super) part: JournalPart,
    pub(super) came: Came,
}

/// What a row that waits holds.
pub(super) enum Came {
    Events(Events),
    /// What of a delivery could not be read.
    Unread(String),
}

impl Waits {
    /// `None` where it cannot be read: another version may have written it, and may read it yet.
    pub(super) fn read(part: JournalPart) -> Option<Self> {
        let came = match part.about.as_str() {
            ABOUT => Came::Events(Events::from_bytes(&part.body)?),
            UNREAD => Came::Unread(String::from_utf8(part.body.clone()).ok()?),
            _ => return None,
        };
        Some(Self { part, came })
    }
}

/// All that events came to before.
pub(super) fn standing(engine: &Engine, door: &Door) -> Result<Events, Error> {
    let mut events = Events::default();
    let mut after = String::new();
    loop {
        let parts = engine
            .store
            .read(|reading| reading.journal_parts(&engine.tenant, &door.standing, &after, 1_000))?;
        let Some(last) = parts.last() else {
            return Ok(events);
        };
        after.clone_from(&last.part);
        for part in &parts {
            events.take_row(&part.part, &part.body);
        }
    }
}
