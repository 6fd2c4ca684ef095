//! Plans: making them, carrying them out, and what is not proven yet.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use engine::Engine;
use model::{Duration, Plan, PlanId};
use serde::{Deserialize, Serialize};
use store::{RevocationFilter, RevocationRow};
use tell::Fields;
use utoipa::ToSchema;

use super::ask::{Asked, Behind, Page, Paging};
use super::told::Told;
use super::{Api, Caller, Problem, roll};

/// Plans that can be paged through.
const PLANS_MAX: usize = 10_000;
/// How long one request goes on with a plan; what is not proven then stays in the queue.
const PATIENCE: Duration = Duration::minutes(15);

/// List plans and where they stand, the latest first
#[utoipa::path(get, path = "/v1/plans", tag = "plans", params(Paging), responses(
    (status = 200, body = Page, example = json!({
        "items": [{"plan": "pln-0a1b2c", "act": "revoke", "name": "old key", "state": "planned"}],
        "next": null, "total": 1, "coverage": {"sources": 1, "gaps": 0}
    }))
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Told<Page>, Problem> {
    let work = move |engine: &Engine| {
        let (plans, rows) = engine.store.read(|reading| {
            let plans = reading.plans(&engine.tenant, PLANS_MAX)?;
            Ok((
                plans,
                reading.revocations(&engine.tenant, RevocationFilter::All, PLANS_MAX)?,
            ))
        })?;
        let line = |plan: &Plan| tell::plan_line(plan, rows.iter().find(|row| row.plan == plan.id));
        Page::cut(plans.iter().map(line), &paging, Behind::of(engine)?)
    };
    Ok(Told(api.asking(&caller, work).await?))
}

/// List revocations that are not proven
#[utoipa::path(get, path = "/v1/residual", tag = "plans", params(Paging), responses(
    (status = 200, body = Page, example = json!({
        "items": [{"plan": "pln-0a1b2c", "act": "revoke", "name": "old key", "state": "residual"}],
        "next": null, "total": 1, "coverage": {"sources": 1, "gaps": 0}
    }))
))]
pub(crate) async fn residual(
    State(api): State<Api>,
    caller: Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Told<Page>, Problem> {
    let work = move |engine: &Engine| {
        let open = engine.store.read(|reading| {
            let rows = reading.revocations(&engine.tenant, RevocationFilter::Open, PLANS_MAX)?;
            let mut open = Vec::with_capacity(rows.len());
            for row in rows {
                if let Some(plan) = reading.plan(&engine.tenant, &row.plan)? {
                    open.push((plan, row));
                }
            }
            Ok(open)
        })?;
        let lines = open
            .iter()
            .map(|(plan, row)| tell::plan_line(plan, Some(row)));
        Page::cut(lines, &paging, Behind::of(engine)?)
    };
    Ok(Told(api.asking(&caller, work).await?))
}

fn find(engine: &Engine, id: &str) -> Result<(Plan, Option<RevocationRow>), Problem> {
    let found = engine.store.read(|reading| {
        let Some(plan) = reading.plan(&engine.tenant, &PlanId(id.to_owned()))? else {
            return Ok(None);
        };
        let row = reading.revocation(&engine.tenant, &plan.id)?;
        Ok(Some((plan, row)))
    })?;
    found.ok_or_else(|| {
        let what = format!("plan `{}`", model::shorten(&model::clean(id), 40));
        Problem::missing(&what, "`/v1/plans` lists what there is")
    })
}

/// Show a plan and what came of it
#[utoipa::path(get, path = "/v1/plans/{id}", tag = "plans", params(("id" = String, description = "Its id")), responses(
    (status = 200, body = Object, example = json!({"plan": {"id": "pln-0a1b2c"}, "state": null, "updated": null})),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such plan")
))]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Told<Fields>, Problem> {
    let work = move |engine: &Engine| {
        let (plan, row) = find(engine, &id)?;
        Ok(tell::plan(&plan, row.as_ref()))
    };
    Ok(Told(api.asking(&caller, work).await?))
}

/// What is to be planned.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"act": "revoke", "target": "crd-0a1b2c3d4e5f6g7h8i9j0k1l"}))]
pub(crate) struct Wanted {
    /// The act
    act: Act,
    /// The id of a credential, or of an identity with one credential
    target: String,
}

/// What can be planned.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    /// To revoke a credential.
    Revoke,
}

/// Plan an act; nothing changes until it is applied
#[utoipa::path(post, path = "/v1/plans", tag = "plans", request_body = Wanted, responses(
    (status = 201, body = Object, description = "The plan", example = json!({"plan": {"id": "pln-0a1b2c"}, "state": null, "updated": null})),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "Nothing on the roll has this id")
))]
pub(crate) async fn make(
    State(api): State<Api>,
    caller: Caller,
    axum::Json(wanted): axum::Json<Wanted>,
) -> Result<(StatusCode, axum::Json<Fields>), Problem> {
    let work = move |engine: &Engine| {
        let Act::Revoke = wanted.act;
        let id = roll::look(engine, &wanted.target)?.row.id;
        Ok(tell::plan(&engine.plan_revoke(&id)?, None))
    };
    let plan = api.asking(&caller, work).await?;
    Ok((StatusCode::CREATED, axum::Json(plan)))
}

/// That something goes on, and where to look.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"look": "/v1/plans/pln-0a1b2c"}))]
pub(crate) struct Begun {
    /// Where it shows how far it is.
    pub(super) look: String,
}

/// Carry a plan out, and go on until it is proven
///
/// The answer comes at once; the work goes on. Each step and each proof is a leaf of the evidence
/// and an event.
#[utoipa::path(post, path = "/v1/plans/{id}/apply", tag = "plans", params(("id" = String, description = "Its id")), responses(
    (status = 202, body = Begun),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such plan"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "It is being carried out")
))]
pub(crate) async fn apply(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<Begun>), Problem> {
    let held = api.clone();
    let work = move |engine: &Engine| {
        let (plan, _) = find(engine, &id)?;
        let look = format!("/v1/plans/{}", plan.id);
        let engine = engine.clone();
        held.0.busy.begin(&format!("plan {}", plan.id), move || {
            let stop = Arc::new(AtomicBool::new(false));
            // Where it stands is in the store and in the log, whatever came of it.
            let _ = engine.apply(&plan.id, PATIENCE, &stop, &mut |_| {});
        })?;
        Ok(Begun { look })
    };
    let begun = api.asking(&caller, work).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(begun)))
}
