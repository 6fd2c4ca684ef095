//! Things of the roll as cells and fields: the same word for the same state everywhere.

use model::{EntityId, Severity, State, Timestamp, Told, Verdict};

use crate::output::{Cell, Tone};
use crate::words::when;

/// A time for people: relative, with a word for none and a look of its own for nobody knows.
pub(crate) fn time(told: &Told<Timestamp>, absent: &str, now: Timestamp) -> Cell {
    match told {
        Told::Is(at) => Cell::new(when(*at, now)),
        Told::Absent => Cell::new(absent),
        Told::CannotTell => Cell::unknown(),
    }
}

/// The end of a credential: red once it is over, amber for its last month.
pub(crate) fn expiry(told: &Told<Timestamp>, now: Timestamp) -> Cell {
    let mut cell = time(told, "never", now);
    if let Told::Is(at) = told {
        cell.tone = if *at <= now {
            Tone::Bad
        } else if at.since(now) <= model::Duration::days(30) {
            Tone::Warn
        } else {
            Tone::Plain
        };
    }
    cell
}

/// A word that may be missing.
pub(crate) fn word(text: Option<&str>) -> Cell {
    text.map_or_else(Cell::unknown, Cell::new)
}

/// Who answers for something: confirmed, suggested or nobody.
pub(crate) fn owner(confirmed: Option<&str>, hint: Option<&str>) -> Cell {
    match (confirmed, hint) {
        (Some(owner), _) => Cell::new(owner),
        (None, Some(hint)) => Cell::toned(format!("{hint}?"), Tone::Unknown),
        (None, None) => Cell::toned("unknown", Tone::Unknown),
    }
}

/// A severity in its tone.
pub(crate) fn severity(severity: Severity) -> Cell {
    let tone = match severity {
        Severity::Critical | Severity::High => Tone::Bad,
        Severity::Medium => Tone::Warn,
        Severity::Low | Severity::Info => Tone::Plain,
    };
    Cell::toned(severity.as_str(), tone)
}

/// A verdict in its tone; unknown is never shown as pass.
pub(crate) fn verdict(verdict: &Verdict) -> Cell {
    match verdict {
        Verdict::Pass => Cell::new("pass"),
        Verdict::Fail(_) => Cell::toned("fail", Tone::Bad),
        Verdict::Unknown(_) => Cell::toned("unknown", Tone::Unknown),
    }
}

/// Where a revocation stands, in one line. Proven is the only green.
pub(crate) fn state(state: &State, now: Timestamp) -> Cell {
    match state {
        State::Requested => Cell::new("requested: nothing is cut yet"),
        State::AuthnCut => Cell::toned("cut: new logins are refused", Tone::Warn),
        State::SessionsEnded => Cell::toned("cut, and no session is left", Tone::Warn),
        State::ProviderAcked => Cell::toned("removed at its provider; not proven yet", Tone::Warn),
        State::Probing => Cell::toned("being probed; not proven yet", Tone::Warn),
        State::Proven { at, denials, over } => Cell::toned(
            format!(
                "proven dead {}: {denials} denials over {over}",
                when(*at, now)
            ),
            Tone::Good,
        ),
        State::Residual {
            until: Some(until),
            why,
        } => Cell::toned(
            format!(
                "residual until {} ({}): {why}",
                crate::words::clock(*until),
                when(*until, now)
            ),
            Tone::Warn,
        ),
        State::Residual { until: None, why } => {
            Cell::toned(format!("residual without end: {why}"), Tone::Bad)
        }
        State::Unverifiable { why, grade } => Cell::toned(
            format!("unverifiable, evidence of grade {grade:?}: {why}"),
            Tone::Unknown,
        ),
        State::Attested { by, why, file } => {
            let file = file
                .as_ref()
                .map_or_else(String::new, |file| format!(" ({file})"));
            Cell::toned(format!("attested by {by}: {why}{file}"), Tone::Unknown)
        }
        State::Failed {
            why, next, tries, ..
        } => Cell::toned(
            format!(
                "failed {tries} times, tried again {}: {why}",
                when(*next, now)
            ),
            Tone::Bad,
        ),
    }
}

/// An id for tables: whole, so that it can be copied.
pub(crate) fn id(id: &EntityId) -> Cell {
    Cell::new(id.as_str())
}
