//! What is wrong, judged over the whole roll, and mutes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use engine::Engine;
use model::{Finding, Severity, Verdict};
use serde::Deserialize;
use tell::{Fields, Judged};
use utoipa::{IntoParams, ToSchema};

use super::ask::{self, Asked, Behind, Page, Paging};
use super::roll::Leaf;
use super::told::Told;
use super::{Api, Caller, Problem};

/// Judgements hold so long although nothing changed: rules look at the clock.
const HOLDS: Duration = Duration::from_secs(60);

/// What the rules said of the whole roll, until something changes.
#[derive(Default)]
pub(crate) struct Judgement {
    /// Held while the roll is judged, so that it is judged once, however many ask.
    last: Mutex<Option<Judging>>,
}

struct Judging {
    /// Ends of the feed and of the evidence: what changed is after them.
    upto: Vec<u64>,
    at: Instant,
    judged: Arc<Judged>,
}

impl Judgement {
    /// What the rules say now.
    pub(crate) fn of(&self, engine: &Engine) -> Result<Arc<Judged>, Problem> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let upto = engine.store.read(|reading| {
            let tenant = &engine.tenant;
            let mut upto = vec![reading.evidence_size(tenant)?];
            for shard in 0..reading.shards() {
                upto.push(u64::try_from(reading.feed_end(tenant, shard)?).unwrap_or(0));
            }
            Ok(upto)
        })?;
        if let Some(held) = last.as_ref()
            && held.upto == upto
            && held.at.elapsed() < HOLDS
        {
            return Ok(Arc::clone(&held.judged));
        }
        let judged = Arc::new(tell::judge(engine, &|_| true)?);
        *last = Some(Judging {
            upto,
            at: Instant::now(),
            judged: Arc::clone(&judged),
        });
        Ok(judged)
    }
}

/// What the list of findings is asked with.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only of this rule
    rule: Option<String>,
    /// Only at least so severe: `info`, `low`, `medium`, `high`, `critical`
    severity: Option<String>,
    /// `fail` or `unknown`
    verdict: Option<String>,
    /// Muted ones too: `true` or `false`
    muted: Option<String>,
    /// Only about the thing with this id
    identity: Option<String>,
    /// Lines of the page
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<String>,
    /// `next` of the page before
    after: Option<String>,
}

impl Wanted {
    /// Which findings are meant.
    fn keeps(&self) -> Result<impl Fn(&Finding) -> bool, Problem> {
        if let Some(rule) = &self.rule
            && !assess::RULES.iter().any(|one| one.id == rule)
        {
            let ids = assess::RULES.iter().map(|one| one.id);
            let next = match tell::nearest(rule, ids) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "`keyroll findings --help` lists them".to_owned(),
            };
            return Err(Problem::unfit("a rule there is", rule, &next));
        }
        let severity = self.severity.as_deref().map(severity).transpose()?;
        let unknown = match self.verdict.as_deref() {
            None => None,
            Some("fail") => Some(false),
            Some("unknown") => Some(true),
            Some(other) => {
                return Err(Problem::unfit(
                    "`fail` or `unknown`",
                    other,
                    "leave it out for both",
                ));
            }
        };
        let muted = match self.muted.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                return Err(Problem::unfit(
                    "`true` or `false`",
                    other,
                    "leave it out for those not muted",
                ));
            }
        };
        let (rule, identity) = (self.rule.clone(), self.identity.clone());
        Ok(move |finding: &Finding| {
            rule.as_deref().is_none_or(|rule| finding.rule == rule)
                && identity
                    .as_deref()
                    .is_none_or(|id| finding.entity.as_str() == id)
                && severity.is_none_or(|least| finding.severity >= least)
                && unknown.is_none_or(|one| matches!(finding.verdict, Verdict::Unknown(_)) == one)
                && (muted || finding.mute.is_none())
        })
    }
}

fn severity(word: &str) -> Result<Severity, Problem> {
    let known = Severity::ALL.into_iter().find(|one| one.as_str() == word);
    known.ok_or_else(|| {
        let next = "leave it out for all";
        Problem::unfit("`info`, `low`, `medium`, `high` or `critical`", word, next)
    })
}

/// List what is wrong, the gravest first
#[utoipa::path(get, path = "/v1/findings", tag = "findings", params(Wanted), responses(
    (status = 200, body = Page, example = json!({
        "items": [{"finding": "fnd-1", "rule": "unowned", "severity": "high", "verdict": "fail", "id": "idn-5b1f0c6f2a9d4e37"}],
        "next": null, "total": 1, "coverage": {"sources": 3, "gaps": 1}
    }))
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Told<Page>, Problem> {
    let held = api.clone();
    let work = move |engine: &Engine| {
        let keeps = wanted.keeps()?;
        let judged = held.0.judgement.of(engine)?;
        let all: Vec<_> = judged.findings().filter(|one| keeps(one)).collect();
        let paging = Paging {
            limit: wanted.limit.clone(),
            after: wanted.after.clone(),
        };
        let lines = all.into_iter().map(tell::finding);
        Page::cut(lines, &paging, Behind::of(engine)?)
    };
    Ok(Told(api.asking(&caller, work).await?))
}

/// The finding with this id.
fn find(judged: &Judged, id: &str) -> Result<Finding, Problem> {
    let found = judged.findings().find(|one| one.id.as_str() == id);
    found.cloned().ok_or_else(|| {
        let what = format!("finding `{}` now", model::shorten(&model::clean(id), 60));
        Problem::missing(&what, "`/v1/findings?muted=true` lists what there is")
    })
}

/// Show one finding
#[utoipa::path(get, path = "/v1/findings/{id}", tag = "findings", params(("id" = String, description = "Its id")), responses(
    (status = 200, body = Object, example = json!({"finding": "fnd-1", "rule": "unowned", "next": "keyroll owner set idn-5b1f0c6f2a9d4e37 OWNER"})),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such finding now")
))]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Told<Fields>, Problem> {
    let held = api.clone();
    let work = move |engine: &Engine| {
        let judged = held.0.judgement.of(engine)?;
        Ok(tell::finding(&find(&judged, &id)?))
    };
    Ok(Told(api.asking(&caller, work).await?))
}

/// Until when a finding is muted, and why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"until": "30d", "reason": "is replaced on Monday"}))]
pub(crate) struct Mute {
    /// A day, an instant, or a span from now: `30d`
    until: String,
    /// Why: 1 to 400 characters
    #[schema(min_length = 1, max_length = 400)]
    reason: String,
}

/// Mute a finding until a day
#[utoipa::path(put, path = "/v1/findings/{id}/mute", tag = "decisions", params(("id" = String, description = "Its id")), request_body = Mute, responses(
    (status = 200, body = Leaf),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such finding now")
))]
pub(crate) async fn mute(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    axum::Json(mute): axum::Json<Mute>,
) -> Result<Told<Leaf>, Problem> {
    let held = api.clone();
    let work = move |engine: &Engine| {
        let until = match tell::span(&mute.until) {
            Some(span) => engine.now() + span,
            None => ask::instant("until", Some(&mute.until))?.ok_or_else(Problem::ours)?,
        };
        let judged = held.0.judgement.of(engine)?;
        let evidence = engine.mute(&find(&judged, &id)?, &mute.reason, until)?;
        Ok(Leaf { evidence })
    };
    Ok(Told(api.asking(&caller, work).await?))
}

/// End a mute
#[utoipa::path(delete, path = "/v1/findings/{id}/mute", tag = "decisions", params(("id" = String, description = "Its id")), responses(
    (status = 200, body = Leaf),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "No such finding is muted")
))]
pub(crate) async fn unmute(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Told<Leaf>, Problem> {
    let work = move |engine: &Engine| {
        let mutes = engine.store.read(|reading| reading.mutes(&engine.tenant))?;
        if !mutes.iter().any(|one| one.finding.as_str() == id) {
            let what = format!("mute of `{}`", model::shorten(&model::clean(&id), 60));
            return Err(Problem::missing(
                &what,
                "`/v1/findings?muted=true` shows them",
            ));
        }
        let evidence = engine.unmute(&id)?;
        Ok(Leaf { evidence })
    };
    Ok(Told(api.asking(&caller, work).await?))
}
