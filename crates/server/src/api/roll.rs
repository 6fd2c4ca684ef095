//! What is on the roll: lines, facets, one thing and where what is known of it comes from.

use axum::extract::{Path, State};
use engine::{Engine, Looked};
use model::EntityId;
use serde::{Deserialize, Serialize};
use store::Order;
use tell::{Fields, Filter};
use utoipa::{IntoParams, ToSchema};

use super::ask::{self, Asked, Behind, Page};
use super::told::Told;
use super::{Api, Caller, Problem};

/// Lines read from the store at a time.
const BLOCK: usize = 1_000;
/// Lines looked at for one page of a filter that the store cannot answer by itself.
const LOOKED_AT_MAX: usize = 20_000;

/// What the list of the roll is asked with.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Lines {
    /// In the language of `keyroll ls`: `class=workload env=prod expires<30d billing`
    #[param(example = "class=workload owner=none")]
    filter: Option<String>,
    /// `name`, `expires` (only what ends), `last_used` (only what was used)
    sort: Option<String>,
    /// Lines of the page
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<String>,
    /// `next` of the page before
    after: Option<String>,
    /// What was true then, as known now: a day or an instant
    as_of: Option<String>,
}

/// List identities and loose credentials
#[utoipa::path(get, path = "/v1/identities", tag = "roll", params(Lines), responses(
    (status = 200, body = Page, example = json!({
        "items": [{"id": "idn-5b1f0c6f2a9d4e37", "kind": "identity", "name": "billing", "type": "postgres_role"}],
        "next": null, "total": 1, "coverage": {"sources": 3, "gaps": 1}
    }))
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<Lines>,
) -> Result<Told<Page>, Problem> {
    let moment = ask::instant("as_of", asked.as_of.as_deref())?;
    let then = move |engine: &Engine| lines(engine, &asked);
    Ok(Told(api.asking_at(&caller, moment, then).await?))
}

fn lines(engine: &Engine, asked: &Lines) -> Result<Page, Problem> {
    let filter = ask::filter(asked.filter.as_deref(), engine.now())?;
    let limit = ask::limit(asked.limit.as_deref())?;
    let order = match asked.sort.as_deref() {
        None | Some("name") => Order::Name,
        Some("expires") => Order::Expires,
        Some("last_used") => Order::LastUsed,
        Some(other) => {
            let next = "leave it out for names";
            return Err(Problem::unfit(
                "`sort` to be `name`, `expires` or `last_used`",
                other,
                next,
            ));
        }
    };
    let after = asked.after.as_deref().map(ask::opened).transpose()?;
    let (lowered, whole) = filter.lowered();
    let (items, next) = walk(engine, &filter, order, after, limit)?;
    // What an order leaves out is not counted.
    let total = match whole && order == Order::Name {
        true => Some(
            engine
                .store
                .read(|reading| reading.count(&engine.tenant, &lowered))?,
        ),
        false => None,
    };
    Ok(Page {
        items,
        next: next.as_deref().map(ask::closed),
        total,
        coverage: Behind::of(engine)?,
    })
}

/// The lines after `after` that the filter means, and the place behind them. The place is that of
/// a line, so what comes or goes meanwhile moves nothing.
pub(super) fn walk(
    engine: &Engine,
    filter: &Filter,
    order: Order,
    after: Option<String>,
    limit: usize,
) -> Result<(Vec<Fields>, Option<String>), Problem> {
    let (lowered, whole) = filter.lowered();
    let mut page = store::Page {
        after,
        limit: if whole { limit } else { BLOCK },
        order,
    };
    let (mut items, mut looked_at) = (Vec::new(), 0);
    loop {
        let got = engine
            .store
            .read(|reading| reading.roll(&engine.tenant, &lowered, &page))?;
        looked_at += got.rows.len();
        let last = got.rows.len().saturating_sub(1);
        for (n, row) in got.rows.iter().enumerate() {
            if !whole && !filter.holds(row) {
                continue;
            }
            items.push(tell::line(row));
            if items.len() == limit {
                let more = n < last || got.next.is_some();
                return Ok((items, more.then(|| order.place_of(row))));
            }
        }
        match got.next {
            Some(next) if looked_at < LOOKED_AT_MAX => page.after = Some(next),
            // Too few were found among too many: whoever asks goes on from here.
            next => return Ok((items, next)),
        }
    }
}

/// What facets are asked with.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Counted {
    /// In the language of `keyroll ls`, plain terms only
    #[param(example = "provider=aws")]
    filter: Option<String>,
    /// What was true then, as known now: a day or an instant
    as_of: Option<String>,
}

/// How many lines have a value.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Facet {
    field: &'static str,
    /// Empty: nothing is told.
    value: String,
    count: u64,
}

/// Count by field
#[utoipa::path(get, path = "/v1/identities/facets", tag = "roll", params(Counted), responses(
    (status = 200, body = Vec<Facet>, example = json!([{"field": "class", "value": "workload", "count": 12}]))
))]
pub(crate) async fn facets(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<Counted>,
) -> Result<Told<Vec<Facet>>, Problem> {
    let moment = ask::instant("as_of", asked.as_of.as_deref())?;
    let count = move |engine: &Engine| {
        let (lowered, whole) = ask::filter(asked.filter.as_deref(), engine.now())?.lowered();
        if !whole {
            let came = asked.filter.unwrap_or_default();
            let expected = "plain terms: `field=value`, a word, `expires<…`, `used>…`";
            return Err(Problem::unfit(expected, &came, "leave the other terms out"));
        }
        let facets = engine
            .store
            .read(|reading| reading.facets(&engine.tenant, &lowered))?;
        let of = |(field, values): (&'static str, Vec<(String, u64)>)| {
            values.into_iter().map(move |(value, count)| Facet {
                field,
                value,
                count,
            })
        };
        Ok(facets.into_iter().flat_map(of).collect())
    };
    Ok(Told(api.asking_at(&caller, moment, count).await?))
}

/// What one thing is asked with.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct At {
    /// What was true then, as known now: a day or an instant
    as_of: Option<String>,
}

/// The thing with this id or alias.
pub(super) fn look(engine: &Engine, id: &str) -> Result<Looked, Problem> {
    let missing = || {
        let what = format!("`{}` on the roll", model::shorten(&model::clean(id), 60));
        Problem::missing(&what, "`/v1/identities` lists what there is")
    };
    let Ok(id) = id.parse::<EntityId>() else {
        return Err(missing());
    };
    let row = engine
        .store
        .read(|reading| reading.entity_row(&engine.tenant, &id))?;
    Ok(engine.look(&row.ok_or_else(missing)?.id)?)
}

/// Show one thing: what it is, whose, where it lies, what it may do
#[utoipa::path(get, path = "/v1/identities/{id}", tag = "roll", params(("id" = String, description = "Its id, or one it had"), At), responses(
    (status = 200, body = Object, example = json!({"id": "idn-5b1f0c6f2a9d4e37", "name": "billing", "held": [], "findings": []})),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "Nothing on the roll has this id")
))]
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked<At>,
) -> Result<Told<Fields>, Problem> {
    let moment = ask::instant("as_of", asked.as_of.as_deref())?;
    let tell = move |engine: &Engine| {
        let looked = look(engine, &id)?;
        Ok(tell::Thing::of(engine, looked)?.record())
    };
    Ok(Told(api.asking_at(&caller, moment, tell).await?))
}

/// Show where what is known of one thing comes from
#[utoipa::path(get, path = "/v1/identities/{id}/why", tag = "roll", params(("id" = String, description = "Its id, or one it had"), At), responses(
    (status = 200, body = Object, example = json!({"id": "idn-5b1f0c6f2a9d4e37", "sightings": [], "facts": {}})),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "Nothing on the roll has this id")
))]
pub(crate) async fn why(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked<At>,
) -> Result<Told<Fields>, Problem> {
    let moment = ask::instant("as_of", asked.as_of.as_deref())?;
    let past = moment.is_some();
    let tell = move |engine: &Engine| {
        let looked = look(engine, &id)?;
        Ok(tell::Why::of(engine, looked, past)?.record())
    };
    Ok(Told(api.asking_at(&caller, moment, tell).await?))
}

/// Who owns a thing, as a person decides.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"owner": "team-billing", "role": "business"}))]
pub(crate) struct Owner {
    /// Who: 1 to 400 characters
    #[schema(min_length = 1, max_length = 400)]
    owner: String,
    /// In which sense: `business` answers for why it exists, `system` for how it runs
    #[serde(default)]
    role: Sense,
}

/// In which sense somebody owns something.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sense {
    /// Answers for why it exists.
    #[default]
    Business,
    /// Answers for how it runs.
    System,
}

impl From<Sense> for model::Ownership {
    fn from(sense: Sense) -> Self {
        match sense {
            Sense::Business => Self::Business,
            Sense::System => Self::System,
        }
    }
}

/// The leaf of evidence that a decision made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"evidence": 41}))]
pub(crate) struct Leaf {
    /// Its index in the log.
    pub(super) evidence: u64,
}

/// Confirm who owns a thing
#[utoipa::path(put, path = "/v1/identities/{id}/owner", tag = "decisions", params(("id" = String, description = "Its id")), request_body = Owner, responses(
    (status = 200, body = Leaf),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "Nothing on the roll has this id")
))]
pub(crate) async fn own(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    axum::Json(owner): axum::Json<Owner>,
) -> Result<Told<Leaf>, Problem> {
    let decide = move |engine: &Engine| {
        let id = look(engine, &id)?.row.id;
        let evidence = engine.set_owner(&id, Some(&owner.owner), owner.role.into())?;
        Ok(Leaf { evidence })
    };
    Ok(Told(api.asking(&caller, decide).await?))
}

/// In which sense nobody owns it any more.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Disowned {
    /// `business` or `system`
    #[serde(default)]
    #[param(inline)]
    role: Sense,
}

/// Decide that nobody owns a thing any more
#[utoipa::path(delete, path = "/v1/identities/{id}/owner", tag = "decisions", params(("id" = String, description = "Its id"), Disowned), responses(
    (status = 200, body = Leaf),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "Nothing on the roll has this id")
))]
pub(crate) async fn disown(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked<Disowned>,
) -> Result<Told<Leaf>, Problem> {
    let decide = move |engine: &Engine| {
        let id = look(engine, &id)?.row.id;
        let evidence = engine.set_owner(&id, None, asked.role.into())?;
        Ok(Leaf { evidence })
    };
    Ok(Told(api.asking(&caller, decide).await?))
}
