//! Which services each user and role used last, and which it may use and did not.
//!
//! Source: IAM API Reference, `GenerateServiceLastAccessedDetails` and
//! `GetServiceLastAccessedDetails`; IAM User Guide, "Refine permissions using last accessed
//! information". AWS makes each report while one waits. They are all asked for before the regions
//! are read and fetched after that, so that nobody waits for one.

use std::collections::{BTreeMap, BTreeSet};

use model::{Reason, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::{Account, Principal};
use super::ahead;
use super::ask::{gap, iam};
use super::principals::Each;
use super::shape::{text, time};
use crate::{Context, Refusal, Request, Stop};

/// The part that these reports are.
const PART: &str = "last_accessed";
/// An account may have 5,000 users and 10,000 roles.
const REPORTS_MAX: usize = 20_000;
/// How often all reports that are not ready are asked for.
const ROUNDS: usize = 8;

/// What a report says of the services that somebody may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Services {
    /// Those that were used, and when last.
    pub(crate) used: BTreeMap<String, Timestamp>,
    /// Those that were not, as far back as AWS keeps it.
    pub(crate) unused: BTreeSet<String>,
}

/// A report that was asked for.
#[derive(Serialize, Deserialize)]
pub(super) struct Report {
    whose: Principal,
    job: String,
}

/// Asks for the reports of all users and roles.
pub(super) fn ask_for(cx: &mut Context<'_>, found: &Account) -> Result<Vec<Report>, Stop> {
    let known = found.principals.values();
    let known = known.filter(|one| one.recorded && !one.arn.is_empty());
    let known: Vec<Principal> = known
        .map(|one| Principal {
            role: one.role,
            name: one.name.clone(),
            arn: one.arn.clone(),
            id: one.id.clone(),
            ..Principal::default()
        })
        .collect();
    if known.len() > REPORTS_MAX {
        let told = format!(
            "more users and roles than the limit of {REPORTS_MAX}; what the others used last was \
             not asked for"
        );
        let refusal = Refusal::new(Reason::Unsupported, told);
        gap(cx, &Scope::of(PART), &refusal, "")?;
    }
    let mut each = Each::default();
    let mut reports = Vec::new();
    let known: Vec<_> = known.into_iter().take(REPORTS_MAX).collect();
    let wanted =
        |whose: &Principal| iam("GenerateServiceLastAccessedDetails", &[("Arn", &whose.arn)]);
    for (at, whose) in known.iter().enumerate() {
        ahead::soon(cx, &known, (at, false), |whose| each.worth(wanted(whose)));
        let part = Scope::of(PART).part(&whose.name);
        let mut job = None;
        each.ask(cx, &part, &wanted(whose), &mut |page| {
            job = page.as_object().and_then(|page| text(page, "JobId"));
        })?;
        reports.extend(job.map(|job| Report {
            whose: whose.clone(),
            job,
        }));
    }
    Ok(reports)
}

/// Fetches the reports that were asked for.
pub(super) fn fetch(
    cx: &mut Context<'_>,
    found: &mut Account,
    mut reports: Vec<Report>,
) -> Result<(), Stop> {
    let mut each = Each::default();
    for _ in 0..ROUNDS {
        let mut waiting = Vec::new();
        for (at, report) in reports.iter().enumerate() {
            ahead::soon(cx, &reports, (at, false), |report| {
                each.worth(asked(report))
            });
            match one(cx, &mut each, report)? {
                State::Told(services) => tell(found, &report.whose, services),
                State::Waiting => waiting.push(at),
                State::Nothing => {}
            }
        }
        let mut at = 0..;
        reports.retain(|_| {
            at.next()
                .is_some_and(|at| waiting.binary_search(&at).is_ok())
        });
        if reports.is_empty() {
            return Ok(());
        }
    }
    for Report { whose, .. } in reports {
        let told = "the report of the services that it used was not ready in time";
        let refusal = Refusal::new(Reason::Failed, told);
        gap(cx, &Scope::of(PART).part(&whose.name), &refusal, "")?;
    }
    Ok(())
}

/// How far a report is.
enum State {
    Told(Services),
    Waiting,
    Nothing,
}

fn one(cx: &mut Context<'_>, each: &mut Each, report: &Report) -> Result<State, Stop> {
    let part = Scope::of(PART).part(&report.whose.name);
    let request = asked(report);
    let mut services = Services::default();
    let mut state = String::new();
    let whole = each.ask(cx, &part, &request, &mut |page| {
        let told = page.get("JobStatus").and_then(Value::as_str);
        state = told.unwrap_or_default().to_owned();
        take(&mut services, page);
    })?;
    Ok(match (whole, state.as_str()) {
        (true, "COMPLETED") => State::Told(services),
        (true, "IN_PROGRESS") => State::Waiting,
        (true, "FAILED") => {
            let refusal = Refusal::new(Reason::Failed, "AWS could not make this report");
            gap(cx, &part, &refusal, "")?;
            State::Nothing
        }
        _ => State::Nothing,
    })
}

fn asked(report: &Report) -> Request {
    let of = [("JobId", report.job.as_str()), ("MaxItems", "1000")];
    iam("GetServiceLastAccessedDetails", &of)
}

fn take(services: &mut Services, page: &Value) {
    let list = page.get("ServicesLastAccessed").and_then(Value::as_array);
    for one in list.into_iter().flatten().filter_map(Value::as_object) {
        let Some(name) = text(one, "ServiceNamespace") else {
            continue;
        };
        match time(one.get("LastAuthenticated")) {
            Some(at) => drop(services.used.insert(name, at)),
            None => drop(services.unused.insert(name)),
        }
    }
}

fn tell(found: &mut Account, whose: &Principal, services: Services) {
    let latest = services.used.iter().max_by_key(|(_, at)| **at);
    let latest = latest.map(|(name, at)| (*at, name.clone()));
    found.principal(Principal {
        service_used: latest,
        services: Some(services),
        ..whose.clone()
    });
}
