//! What ends when: a calendar and a list.

use axum::extract::State;
use engine::Engine;
use model::{Duration, Kind, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Filter, Order};
use utoipa::{IntoParams, ToSchema};

use super::ask::{self, Asked, Behind, Page};
use super::told::Told;
use super::{Api, Caller, Problem};

/// Days of a calendar at most.
const DAYS_MAX: i64 = 400;
/// Days of a calendar unless said.
const DAYS: i64 = 90;

/// What a calendar is asked with.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Span {
    /// The first day; today, if it is left out
    from: Option<String>,
    /// The day after the last; 90 days later, if it is left out
    to: Option<String>,
}

/// How many end on a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"day": "2026-03-01", "count": 3}))]
pub(crate) struct Day {
    day: String,
    count: u64,
}

fn span(
    now: Timestamp,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(Timestamp, Timestamp), Problem> {
    let day = |at: Timestamp| Timestamp::from_seconds(at.seconds().div_euclid(86_400) * 86_400);
    let from = day(ask::instant("from", from)?.unwrap_or(now));
    let to = match ask::instant("to", to)? {
        Some(to) => day(to),
        None => from + Duration::days(DAYS),
    };
    if to <= from || to.since(from) > Duration::days(DAYS_MAX) {
        let came = format!("{from} to {to}");
        let expected = "1 to 400 days, the first before the last";
        return Err(Problem::unfit(expected, &came, "ask for less at once"));
    }
    Ok((from, to))
}

/// Count what ends on each day; days on which nothing does are left out
#[utoipa::path(get, path = "/v1/expiry/days", tag = "expiry", params(Span), responses(
    (status = 200, body = Vec<Day>)
))]
pub(crate) async fn days(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<Span>,
) -> Result<Told<Vec<Day>>, Problem> {
    let work = move |engine: &Engine| {
        let (from, to) = span(engine.now(), asked.from.as_deref(), asked.to.as_deref())?;
        let count = |before: Timestamp| {
            let filter = ending(before);
            engine
                .store
                .read(|reading| reading.count(&engine.tenant, &filter))
        };
        let (mut days, mut day, mut before) = (Vec::new(), from, count(from)?);
        while day < to {
            let next = day + Duration::days(1);
            let upto = count(next)?;
            if upto > before {
                days.push(Day {
                    day: day.to_string().chars().take(10).collect(),
                    count: upto - before,
                });
            }
            (day, before) = (next, upto);
        }
        Ok(days)
    };
    Ok(Told(api.asking(&caller, work).await?))
}

/// Credentials that end before an instant and are still found.
pub(super) fn ending(before: Timestamp) -> Filter {
    Filter {
        kind: Some(Kind::Credential),
        missing: Some(false),
        expires_before: Some(before),
        ..Filter::default()
    }
}

/// What the list is asked with.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Lines {
    /// The first day; today, if it is left out
    from: Option<String>,
    /// The day after the last; 90 days later, if it is left out
    to: Option<String>,
    /// Lines of the page
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<String>,
    /// `next` of the page before
    after: Option<String>,
}

/// List credentials that end, the soonest first
#[utoipa::path(get, path = "/v1/expiry", tag = "expiry", params(Lines), responses(
    (status = 200, body = Page, example = json!({
        "items": [{"id": "crd-5b1f0c6f2a9d4e37", "name": "cert", "expires_at": "2026-03-01T12:00:00Z"}],
        "next": null, "total": 1, "coverage": {"sources": 1, "gaps": 0}
    }))
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<Lines>,
) -> Result<Told<Page>, Problem> {
    let work = move |engine: &Engine| {
        let (from, to) = span(engine.now(), asked.from.as_deref(), asked.to.as_deref())?;
        let after = match &asked.after {
            Some(after) => ask::opened(after)?,
            None => Order::Expires.from(from),
        };
        let page = store::Page {
            after: Some(after),
            limit: ask::limit(asked.limit.as_deref())?,
            order: Order::Expires,
        };
        let (got, until, since) = engine.store.read(|reading| {
            let got = reading.roll(&engine.tenant, &ending(to), &page)?;
            let until = reading.count(&engine.tenant, &ending(to))?;
            Ok((got, until, reading.count(&engine.tenant, &ending(from))?))
        })?;
        Ok(Page {
            items: got.rows.iter().map(tell::line).collect(),
            next: got.next.as_deref().map(ask::closed),
            total: Some(until.saturating_sub(since)),
            coverage: Behind::of(engine)?,
        })
    };
    Ok(Told(api.asking(&caller, work).await?))
}
