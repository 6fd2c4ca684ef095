//! What lists are asked with, and how they answer.

use axum::extract::FromRequestParts;
use axum::extract::Query;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::Engine;
use model::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tell::{Coverage, Fields, Filter};
use utoipa::{IntoParams, ToSchema};

use super::Problem;

/// Lines of a page unless more are asked for.
const LINES: usize = 100;
/// Lines of a page at most.
const LINES_MAX: usize = 1_000;

/// Parameters, read strictly: one that is unknown or comes twice is refused.
#[derive(Clone, Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let read = Query::<T>::try_from_uri(&parts.uri);
        read.map(|Query(asked)| Self(asked)).map_err(|refused| {
            let cause = std::error::Error::source(&refused).map(ToString::to_string);
            let came = cause.unwrap_or_else(|| refused.to_string());
            Problem::unfit(
                "parameters of this path",
                &came,
                "`/openapi.json` lists them",
            )
        })
    }
}

/// What any list is asked with that has no filter.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// Lines of the page
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    pub(crate) limit: Option<String>,
    /// `next` of the page before
    pub(crate) after: Option<String>,
}

impl Paging {
    /// How many lines.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        limit(self.limit.as_deref())
    }

    /// How many lines to pass over, in a list that is held whole.
    pub(crate) fn passed(&self) -> Result<usize, Problem> {
        match &self.after {
            None => Ok(0),
            Some(after) => opened(after)?.parse().map_err(|_| no_place(after)),
        }
    }
}

/// How many lines a page has.
pub(crate) fn limit(given: Option<&str>) -> Result<usize, Problem> {
    let Some(given) = given else { return Ok(LINES) };
    let read = given.parse().ok().filter(|n| (1..=LINES_MAX).contains(n));
    read.ok_or_else(|| Problem::unfit("a limit of 1 to 1000", given, "leave it out for 100"))
}

/// A place in a list, as whoever asks carries it: nothing to be read or made.
pub(crate) fn closed(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// The place that [`closed`] made.
pub(crate) fn opened(after: &str) -> Result<String, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(after).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| no_place(after))
}

/// What came is no place in this list.
pub(crate) fn no_place(came: &str) -> Problem {
    Problem::unfit(
        "what `next` of the page before said",
        came,
        "begin again without `after`",
    )
}

/// A filter in the words of the command line.
pub(crate) fn filter(text: Option<&str>, now: Timestamp) -> Result<Filter, Problem> {
    Filter::parse(text.unwrap_or_default(), now).map_err(|error| {
        let hint = error.hint.clone();
        let next = hint.unwrap_or_else(|| "`keyroll ls --help` explains filters".to_owned());
        Problem::new(axum::http::StatusCode::BAD_REQUEST, error.to_string()).do_next(&next)
    })
}

/// An instant in a parameter.
pub(crate) fn instant(name: &str, given: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let read = given.map(|text| {
        text.parse().map_err(|_| {
            let expected = format!("`{name}` as a day or an instant");
            Problem::unfit(
                &expected,
                text,
                "write `2026-03-01` or `2026-03-01T12:00:00Z`",
            )
        })
    });
    read.transpose()
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page {
    /// Its lines, as `keyroll … -o json` prints them.
    #[schema(value_type = Vec<Object>)]
    pub(crate) items: Vec<Fields>,
    /// What `after` takes for the page that follows; null: this is the last.
    pub(crate) next: Option<String>,
    /// How many lines there are in all; null: nobody counted.
    pub(crate) total: Option<u64>,
    /// How much of the world stands behind it.
    #[schema(value_type = Behind)]
    pub(crate) coverage: Behind,
}

/// How much of the world stands behind an answer.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Behind {
    /// Sources that were read.
    sources: u64,
    /// Parts of them that could not be.
    gaps: u64,
}

impl Behind {
    /// How much stands behind the roll of `engine`.
    pub(crate) fn of(engine: &Engine) -> Result<Self, Problem> {
        let Coverage { sources, gaps } = engine
            .store
            .read(|reading| tell::coverage(reading, &engine.tenant))?;
        Ok(Self { sources, gaps })
    }
}

impl Page {
    /// A page of a list that is held whole.
    pub(crate) fn cut(
        all: impl ExactSizeIterator<Item = Fields>,
        paging: &Paging,
        coverage: Behind,
    ) -> Result<Self, Problem> {
        let (passed, limit) = (paging.passed()?, paging.limit()?);
        let total = all.len();
        let items: Vec<_> = all.skip(passed).take(limit).collect();
        let end = passed.saturating_add(items.len());
        Ok(Self {
            items,
            next: (end < total).then(|| closed(&end.to_string())),
            total: u64::try_from(total).ok(),
            coverage,
        })
    }
}
