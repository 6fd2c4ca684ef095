//! The programme at a glance.

use std::collections::BTreeMap;

use axum::extract::State;
use engine::Engine;
use model::{Duration, Severity, Verdict};
use serde_json::json;
use store::{Filter, RevocationFilter};
use tell::Fields;

use super::told::Told;
use super::{Api, Caller, Problem, expiry};

/// Revocations that are counted.
const OPEN_MAX: usize = 10_000;
/// Passes looked at for what changed.
const PASSES_MAX: usize = 1_000;

/// Show the programme at a glance
///
/// What is on the roll by class, provider and environment, what is wrong by severity, what ends
/// soon, what is unowned and unused, what is not proven, what sources could not read, and what
/// changed within a day.
#[utoipa::path(get, path = "/v1/home", tag = "home", responses(
    (status = 200, body = Object, example = json!({
        "total": 211, "by": {"class": {"workload": 120}}, "findings": {"critical": 1, "unknown": 4},
        "expiring": {"over": 2, "in_30_days": 7}, "unowned": 40, "unused_90_days": 12,
        "residual": {"residual": 1}, "gaps": {"aws_iam:123456789012": 1}, "sources": 3,
        "within_a_day": {"runs": 3, "new": 2, "changed": 5, "missing": 0}
    }))
))]
pub(crate) async fn home(State(api): State<Api>, caller: Caller) -> Result<Told<Fields>, Problem> {
    let held = api.clone();
    let work = move |engine: &Engine| {
        let judged = held.0.judgement.of(engine)?;
        let mut findings: BTreeMap<&str, u64> =
            Severity::ALL.iter().map(|one| (one.as_str(), 0)).collect();
        for one in judged.findings().filter(|one| one.mute.is_none()) {
            let word = match one.verdict {
                Verdict::Unknown(_) => "unknown",
                _ => one.severity.as_str(),
            };
            *findings.entry(word).or_default() += 1;
        }
        let mut home = counted(engine)?;
        home.insert("findings".to_owned(), json!(findings));
        home.insert("findings_left_out".to_owned(), json!(judged.cut));
        Ok(home)
    };
    Ok(Told(api.asking(&caller, work).await?))
}

fn counted(engine: &Engine) -> Result<Fields, Problem> {
    let (now, tenant) = (engine.now(), &engine.tenant);
    let listed = Filter {
        listed: Some(true),
        missing: Some(false),
        ..Filter::default()
    };
    let unowned = Filter {
        owned: Some(false),
        ..listed.clone()
    };
    let unused = Filter {
        unused_since: Some(now - Duration::days(90)),
        ..listed.clone()
    };
    let told = engine.store.read(|reading| {
        let mut by = serde_json::Map::new();
        for (field, values) in reading.facets(tenant, &listed)? {
            by.insert(
                field.to_owned(),
                values
                    .into_iter()
                    .map(|(value, n)| (value, json!(n)))
                    .collect(),
            );
        }
        let mut residual = BTreeMap::<&str, u64>::new();
        for row in reading.revocations(tenant, RevocationFilter::Open, OPEN_MAX)? {
            *residual.entry(row.state.as_str()).or_default() += 1;
        }
        let mut gaps = BTreeMap::<String, u64>::new();
        for gap in reading.gaps(tenant, None)? {
            *gaps.entry(gap.source.as_str().to_owned()).or_default() += 1;
        }
        let passes = reading.passes(tenant, None, PASSES_MAX)?;
        let day = passes
            .iter()
            .filter(|pass| now.since(pass.started) <= Duration::days(1));
        let (mut runs, mut new, mut changed, mut missing) = (0_u64, 0, 0, 0);
        for pass in day {
            runs += 1;
            new += pass.counts.new;
            changed += pass.counts.changed;
            missing += pass.counts.missing;
        }
        let over = reading.count(tenant, &expiry::ending(now))?;
        let soon = reading.count(tenant, &expiry::ending(now + Duration::days(30)))?;
        Ok(json!({
            "total": reading.count(tenant, &listed)?,
            "by": by,
            "expiring": {"over": over, "in_30_days": soon - over.min(soon)},
            "unowned": reading.count(tenant, &unowned)?,
            "unused_90_days": reading.count(tenant, &unused)?,
            "residual": residual,
            "gaps": gaps,
            "sources": tell::coverage(reading, tenant)?.sources,
            "within_a_day": {"runs": runs, "new": new, "changed": changed, "missing": missing},
        }))
    })?;
    match told {
        serde_json::Value::Object(fields) => Ok(fields),
        _ => Err(Problem::ours()),
    }
}
