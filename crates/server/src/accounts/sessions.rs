//! `/v1/sessions`: where one is signed in.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{in_person, own};
use crate::api::{Api, Caller, Problem, Told};

/// Where one is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0123456789abcdef", "name": "Mozilla/5.0", "since": "2026-03-01T00:00:00Z",
    "last_seen": "2026-03-01T01:00:00Z",
    "ends": "2026-03-01T12:00:00Z", "from": "192.0.2.7", "current": true
}))]
pub(crate) struct Session {
    id: String,
    /// The program, in its own words.
    name: String,
    since: String,
    /// To within a minute.
    last_seen: String,
    ends: String,
    /// The address that signed in.
    from: String,
    /// Whether it is the one that asks.
    current: bool,
}

/// One's own sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sessions {
    items: Vec<Session>,
}

/// One's own sessions
#[utoipa::path(get, path = "/v1/sessions", tag = "accounts", responses((status = 200, body = Sessions)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Told<Sessions>, Problem> {
    // Whoever comes without an account has none.
    let all = match caller.account.clone() {
        Some(account) => {
            let sessions = api.asking(&caller, move |engine| Ok(engine.sessions(&account)?));
            sessions.await?
        }
        None => Vec::new(),
    };
    let items = all.into_iter().map(|one| Session {
        current: caller.session.as_ref() == Some(&one.id),
        since: one.made.to_string(),
        last_seen: one.seen.to_string(),
        ends: one.ends.to_string(),
        id: one.id,
        from: one.address,
        name: one.agent,
    });
    Ok(Told(Sessions {
        items: items.collect(),
    }))
}

/// Ends one of one's own sessions
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "accounts", params(("id" = String, Path)), responses(
    (status = 204, description = "It has ended"),
    (status = 404, description = "There is none of yours", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "Whoever asks has no account", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn end(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    in_person(&caller)?;
    let account = own(&api, &caller).await?;
    api.asking(&caller, move |engine| {
        Ok(engine.end_session(&account.id, &id)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
