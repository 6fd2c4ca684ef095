//! Where a thing lies and who works with it, for people.

use engine::Looked;
use model::Timestamp;
use tell::Place;

use crate::output::{Cell, Tone};
use crate::shown;
use crate::words::when;

/// A place in one line.
pub(super) fn cell(place: &Place<'_>, now: Timestamp) -> Cell {
    let mut line = place.line();
    if let Some(history) = place.history() {
        line.push_str(&format!("; {history}"));
    }
    match place.gone_since() {
        Some(at) => Cell::toned(
            format!("{line}; gone since {}", when(at, now)),
            Tone::Unknown,
        ),
        None => Cell::new(line),
    }
}

/// Who works with it, over all sources.
pub(super) fn users(thing: &Looked) -> Vec<Vec<Cell>> {
    let row = |one: &assess::Workload| {
        let sources: Vec<_> = one.sources.iter().map(model::SourceId::as_str).collect();
        vec![
            one.id.as_ref().map_or_else(Cell::default, shown::id),
            Cell::new(model::clean(&one.name)),
            Cell::new(sources.join(", ")),
        ]
    };
    thing.users.iter().map(row).collect()
}
