//! Errors of the client and the server as refusals: code kept, nothing secret told.

use std::error::Error as _;

use connectors::Refusal;
use model::Reason;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

/// What the client's error says, in the words of ports.
pub(super) fn of(error: &Error) -> Refusal {
    if let Some(db) = error.as_db_error() {
        return of_server(db);
    }
    if error.is_closed() {
        return Refusal::new(Reason::Failed, "the connection is closed").code("closed");
    }
    // The client's own chain of causes: addresses and protocol, never what was sent.
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        told = format!("{told}: {next}");
        cause = next.source();
    }
    let io = error
        .source()
        .is_some_and(|source| source.is::<std::io::Error>());
    let refusal = Refusal::new(Reason::Failed, told);
    if io { refusal.code("08006") } else { refusal }
}

fn of_server(error: &DbError) -> Refusal {
    let state = error.code();
    let reason = match state.code() {
        "42501" => Reason::Denied,
        "42P01" | "42883" | "42703" | "0A000" => Reason::Unsupported,
        code if code.starts_with("28") => Reason::Denied,
        code if code.starts_with("53") => Reason::Throttled,
        _ => Reason::Failed,
    };
    let code = if *state == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        format!("{}:{}", state.code(), error.routine().unwrap_or_default())
    } else {
        state.code().to_owned()
    };
    let told = match error.detail() {
        Some(detail) => format!("{} ({detail})", error.message()),
        None => error.message().to_owned(),
    };
    Refusal::new(reason, model::shorten(&told, 400)).code(code)
}
