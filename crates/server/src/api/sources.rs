//! Sources, their runs, and what those could not read.

use axum::extract::{Path, State};
use engine::Engine;
use model::SourceId;

use super::ask::{Asked, Behind, Page, Paging};
use super::told::Told;
use super::{Api, Caller, Problem};

/// Runs of a source that can be paged through.
const RUNS_MAX: usize = 10_000;

/// List sources, when each was read last and what came of it
#[utoipa::path(get, path = "/v1/sources", tag = "sources", params(Paging), responses(
    (status = 200, body = Page, example = json!({
        "items": [{"id": "aws_iam:123456789012", "connector": "aws_iam", "remembered": true, "outcome": "whole"}],
        "next": null, "total": 1, "coverage": {"sources": 1, "gaps": 0}
    }))
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Told<Page>, Problem> {
    let work = move |engine: &Engine| {
        let all = engine
            .store
            .read(|reading| tell::sources(reading, &engine.tenant))?;
        Page::cut(all.iter().map(tell::source), &paging, Behind::of(engine)?)
    };
    Ok(Told(api.asking(&caller, work).await?))
}

/// The id of a source that there is.
pub(super) fn known(engine: &Engine, id: &str) -> Result<SourceId, Problem> {
    let all = engine
        .store
        .read(|reading| tell::sources(reading, &engine.tenant))?;
    let found = all.into_iter().find(|one| one.id.as_str() == id);
    found.map(|one| one.id).ok_or_else(|| {
        let what = format!("source `{}`", model::shorten(&model::clean(id), 80));
        Problem::missing(&what, "`/v1/sources` lists what there is")
    })
}

/// List the runs of a source, the latest first
#[utoipa::path(get, path = "/v1/sources/{id}/runs", tag = "sources", params(("id" = String, description = "Its id"), Paging), responses(
    (status = 200, body = Page, example = json!({
        "items": [{"source": "aws_iam:123456789012", "run": 4, "outcome": "partial", "seen": 211, "gaps": 1}],
        "next": null, "total": 4, "coverage": {"sources": 1, "gaps": 1}
    })),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such source")
))]
pub(crate) async fn runs(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(paging): Asked<Paging>,
) -> Result<Told<Page>, Problem> {
    let work = move |engine: &Engine| {
        let id = known(engine, &id)?;
        let passes = engine
            .store
            .read(|reading| reading.passes(&engine.tenant, Some(&id), RUNS_MAX))?;
        Page::cut(passes.iter().map(tell::run), &paging, Behind::of(engine)?)
    };
    Ok(Told(api.asking(&caller, work).await?))
}

/// List what could not be read, and the permission that would let it
#[utoipa::path(get, path = "/v1/gaps", tag = "sources", params(Paging), responses(
    (status = 200, body = Page, example = json!({
        "items": [{"source": "aws_iam:123456789012", "scope": ["users"], "reason": "denied", "needs": "iam:ListUsers"}],
        "next": null, "total": 1, "coverage": {"sources": 1, "gaps": 1}
    }))
))]
pub(crate) async fn gaps(
    State(api): State<Api>,
    caller: Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Told<Page>, Problem> {
    let work = move |engine: &Engine| {
        let gaps = engine
            .store
            .read(|reading| reading.gaps(&engine.tenant, None))?;
        Page::cut(gaps.iter().map(tell::gap), &paging, Behind::of(engine)?)
    };
    Ok(Told(api.asking(&caller, work).await?))
}
