//! Whether the server is well, and what a monitoring system is told.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::told::Told;
use super::{Api, Caller, Problem};

/// That the server is well.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ok"}))]
pub(crate) struct Well {
    status: &'static str,
}

/// Whether the process answers
#[utoipa::path(get, path = "/healthz", tag = "server", responses((status = 200, body = Well)))]
pub(crate) async fn healthz() -> Told<Well> {
    Told(Well { status: "ok" })
}

/// Whether the store answers
#[utoipa::path(get, path = "/readyz", tag = "server", responses((status = 200, body = Well)))]
pub(crate) async fn readyz(State(api): State<Api>) -> Result<Told<Well>, Problem> {
    api.waiting(|api| Ok(api.engine().store.schema_version()?))
        .await?;
    Ok(Told(Well { status: "ok" }))
}

/// Measures, as OpenMetrics text
#[utoipa::path(get, path = "/metrics", tag = "server", responses(
    (status = 200, body = String, content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8")
))]
pub(crate) async fn metrics(State(api): State<Api>, caller: Caller) -> Result<Response, Problem> {
    let of_roll = api.asking(&caller, |engine| Ok(engine.metrics()?)).await?;
    let ours = api.0.counts.text();
    // Each is a whole text; one text has one end.
    let roll = of_roll.trim_end().trim_end_matches("# EOF");
    let text = format!("{roll}{ours}");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
