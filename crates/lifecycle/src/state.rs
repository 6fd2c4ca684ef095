//! The state machine of a revocation (revocation.md section 2): every transition, as data in, data
//! out.

use model::{Duration, Grade, State, Timestamp};

use crate::proof::Proved;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// New logins are refused, and one denial was seen or none can be.
    Cut,
    /// No live session is left, or the provider knows none.
    SessionsEnded,
    /// The provider's last call succeeded, or it was gone already (S-4).
    ProviderAcked,
    /// The probes over the window begin.
    ProbingBegan,
    /// The probes add up to a proof: only [`crate::judge`] makes this.
    Proved(Proved),
    /// Something survives by design.
    Survives {
        /// Until when; `None`: without limit.
        until: Option<Timestamp>,
        /// What, and why.
        why: String,
    },
    /// No proof is possible any more, or none ever was.
    Unprovable {
        /// Why.
        why: String,
        /// How strong the evidence is all the same.
        grade: Grade,
    },
    /// A call failed.
    Failed {
        /// Why.
        why: String,
        /// How often in a row, this one included.
        tries: u32,
        /// Until the next try.
        pause: Duration,
    },
    /// What failed is tried again.
    Retried,
    /// The time of a residual came, or a probe became possible: the probes run again.
    ProbeAgain,
    /// Something was let in that had to be refused, or the provider has it back (RP-6).
    Reopened,
    /// A person attached evidence of another kind to what cannot be verified.
    Attested {
        /// Who.
        by: String,
        /// What they found, and how.
        why: String,
        /// The file that shows it: its name and SHA-256.
        file: Option<String>,
    },
    /// An operator forced it (S-2).
    Forced {
        /// Who, and why.
        why: String,
    },
}

/// An event that cannot happen in a state. The row stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a revocation that is {state} cannot become {event}")]
pub struct NotAllowed {
    /// Where it stands.
    state: &'static str,
    /// What was said to have happened.
    event: &'static str,
}

/// Where `event` at `now` leads from `state`.
///
/// # Errors
/// [`NotAllowed`]; nothing is skipped and nothing is taken back but by [`Event::Reopened`].
pub fn next(state: &State, event: Event, now: Timestamp) -> Result<State, NotAllowed> {
    use State::{AuthnCut, Probing, ProviderAcked, Requested, SessionsEnded};
    let refused = NotAllowed {
        state: state.as_str(),
        event: name(&event),
    };
    let to = match (state, event) {
        (Requested, Event::Cut) => AuthnCut,
        (AuthnCut, Event::SessionsEnded) => SessionsEnded,
        (SessionsEnded, Event::ProviderAcked) => ProviderAcked,
        (ProviderAcked, Event::ProbingBegan) => Probing,
        (Probing, Event::Proved(proved)) => proved.into_state(),
        (State::Failed { from, .. }, Event::Retried) => (**from).clone(),
        (
            State::Residual { .. } | State::Unverifiable { .. } | State::Attested { .. },
            Event::ProbeAgain,
        ) => Probing,
        (State::Failed { from, .. }, Event::Failed { why, tries, pause }) => {
            failed(from, why, tries, now + pause)
        }
        (state, Event::Failed { why, tries, pause }) if under_way(state) => {
            failed(state, why, tries, now + pause)
        }
        (state, Event::Survives { until, why }) if under_way(state) => {
            State::Residual { until, why }
        }
        (state, Event::Unprovable { why, grade }) if under_way(state) => {
            State::Unverifiable { why, grade }
        }
        (state, Event::Reopened) if *state != Requested => Requested,
        (State::Unverifiable { .. }, Event::Attested { by, why, file }) => {
            State::Attested { by, why, file }
        }
        (state, Event::Forced { why }) if state.is_open() => State::Unverifiable {
            why: format!("forced: {why}"),
            grade: Grade::C,
        },
        _ => return Err(refused),
    };
    Ok(to)
}

fn failed(from: &State, why: String, tries: u32, next: Timestamp) -> State {
    State::Failed {
        why,
        next,
        tries,
        from: Box::new(from.clone()),
    }
}

fn under_way(state: &State) -> bool {
    rank(state).is_some()
}

/// How far along the way a state is, from 0; `None` beside or at the end of it. One that failed
/// is as far as the state it goes on from.
pub fn rank(state: &State) -> Option<u32> {
    match state {
        State::Requested => Some(0),
        State::AuthnCut => Some(1),
        State::SessionsEnded => Some(2),
        State::ProviderAcked => Some(3),
        State::Probing => Some(4),
        State::Failed { from, .. } => rank(from),
        State::Proven { .. }
        | State::Residual { .. }
        | State::Unverifiable { .. }
        | State::Attested { .. } => None,
    }
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::Cut => "cut",
        Event::SessionsEnded => "free of sessions",
        Event::ProviderAcked => "acknowledged",
        Event::ProbingBegan => "probed",
        Event::Proved(_) => "proven",
        Event::Survives { .. } => "residual",
        Event::Unprovable { .. } => "unverifiable",
        Event::Failed { .. } => "failed",
        Event::Retried => "retried",
        Event::ProbeAgain => "probed again",
        Event::Reopened => "open again",
        Event::Attested { .. } => "attested",
        Event::Forced { .. } => "forced",
    }
}
