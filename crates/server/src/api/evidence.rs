//! The evidence log: who decided and did what.

use ::evidence::Leaf;
use axum::extract::{Path, State};
use engine::Engine;
use tell::Fields;

use super::ask::{self, Asked, Behind, Page, Paging};
use super::told::Told;
use super::{Api, Caller, Problem};

/// List the leaves of the log, oldest first
#[utoipa::path(get, path = "/v1/evidence", tag = "evidence", params(Paging), responses(
    (status = 200, body = Page, example = json!({
        "items": [{"leaf": 0, "at": "2026-03-01T12:00:00Z", "kind": "decision", "actor": "person:ann", "subject": "idn-5b1f0c6f2a9d4e37", "body": {}}],
        "next": null, "total": 1, "coverage": {"sources": 1, "gaps": 0}
    }))
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Told<Page>, Problem> {
    let work = move |engine: &Engine| {
        let (from, limit) = (paging.passed()?, paging.limit()?);
        let from = u64::try_from(from).map_err(|_| Problem::ours())?;
        let (size, leaves) = engine.store.read(|reading| {
            let leaves = reading.evidence_leaves(&engine.tenant, from, limit)?;
            Ok((reading.evidence_size(&engine.tenant)?, leaves))
        })?;
        let items: Vec<_> = leaves.iter().map(read).collect::<Result<_, _>>()?;
        let end = from.saturating_add(items.len() as u64);
        Ok(Page {
            items,
            next: (end < size).then(|| ask::closed(&end.to_string())),
            total: Some(size),
            coverage: Behind::of(engine)?,
        })
    };
    Ok(Told(api.asking(&caller, work).await?))
}

/// Show one leaf of the log
#[utoipa::path(get, path = "/v1/evidence/{index}", tag = "evidence", params(("index" = String, description = "Its index, from 0")), responses(
    (status = 200, body = Object, example = json!({"leaf": 0, "kind": "decision", "actor": "person:ann"})),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "The log has no such leaf")
))]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    Path(index): Path<String>,
) -> Result<Told<Fields>, Problem> {
    let work = move |engine: &Engine| {
        let missing = || {
            let what = format!("leaf `{}`", model::shorten(&model::clean(&index), 30));
            Problem::missing(&what, "`/v1/evidence` tells how many there are")
        };
        let wanted: u32 = index.parse().map_err(|_| missing())?;
        let leaves = engine
            .store
            .read(|reading| reading.evidence_leaves(&engine.tenant, wanted.into(), 1))?;
        let found = leaves.iter().find(|(at, _)| *at == u64::from(wanted));
        read(found.ok_or_else(missing)?)
    };
    Ok(Told(api.asking(&caller, work).await?))
}

/// A leaf as it is told.
pub(super) fn read((index, bytes): &(u64, Vec<u8>)) -> Result<Fields, Problem> {
    let leaf = Leaf::from_bytes(bytes).map_err(|_| Problem::ours())?;
    Ok(tell::leaf(*index, &leaf))
}
