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

/// Puts down what a delivery brings.
pub(super) fn put(
    engine: &Engine,
    door: &Door,
    id: &str,
    events: &Events,
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
        writing.keep_part(tenant, &door.waiting, &one)?;
        crash::point("a delivery is about to be kept");
        Ok(Kept::Taken)
    })?;
    crash::point("a delivery is kept");
    Ok(kept)
}

/// What waits, the first of it first.
pub(super) fn waiting(
    engine: &Engine,
    door: &Door,
    most: usize,
) -> Result<Vec<JournalPart>, Error> {
    let parts = engine
        .store
        .read(|reading| reading.journal_parts(&engine.tenant, &door.waiting, "", most))?;
    Ok(parts)
}

/// What a row that waits holds; nothing where another version wrote it.
pub(super) fn events_of(part: &JournalPart) -> Events {
    Events::from_bytes(&part.body).unwrap_or_default()
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
