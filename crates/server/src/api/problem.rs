//! What goes wrong, as RFC 9457 tells it.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A problem: what was expected, what came, what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "about:blank", "title": "Bad Request", "status": 400,
    "detail": "expected a limit of 1 to 1000, got 0; leave it out for 100",
    "instance": "/v1/identities", "request_id": "5b1f0c6f2a9d4e37",
    "expected": "a limit of 1 to 1000", "came": "0", "next": "leave it out for 100"
}))]
pub struct Problem {
    /// `about:blank`: the status tells the kind.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What was expected, what came and what to do, in a sentence.
    detail: String,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// What the log of the server calls this request.
    request_id: String,
    /// What was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    /// What came.
    #[serde(skip_serializing_if = "Option::is_none")]
    came: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Seconds after which to come again.
    #[serde(skip)]
    retry_after: Option<u32>,
}

/// The media type of a problem.
pub(crate) const MEDIA: &str = "application/problem+json";
/// Whoever finds the store gone comes again after so many seconds.
const STORE_AWAY: u32 = 2;
/// Whoever finds too much going on comes again after so many seconds.
const BUSY: u32 = 1;

impl Problem {
    /// A problem of this status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Unknown"),
            status: status.as_u16(),
            detail: detail.into(),
            instance: None,
            request_id: String::new(),
            expected: None,
            came: None,
            next: None,
            retry_after: None,
        }
    }

    /// The request makes no sense: 400.
    pub fn unfit(expected: &str, came: &str, next: &str) -> Self {
        let came = model::shorten(&model::clean(came), 120);
        let mut problem = Self::new(
            StatusCode::BAD_REQUEST,
            format!("expected {expected}, got {came}; {next}"),
        );
        problem.expected = Some(expected.to_owned());
        problem.came = Some(came);
        problem.next = Some(next.to_owned());
        problem
    }

    /// There is no such thing: 404.
    pub fn missing(what: &str, next: &str) -> Self {
        let what = model::shorten(&model::clean(what), 120);
        Self::new(StatusCode::NOT_FOUND, format!("there is no {what}")).do_next(next)
    }

    /// Nobody is known to ask: 401.
    pub fn unknown_caller(next: &str) -> Self {
        let told = "expected a session or a token, got none that holds";
        Self::new(StatusCode::UNAUTHORIZED, told).do_next(next)
    }

    /// Whoever asks may not: 403.
    pub fn forbidden(detail: impl Into<String>, next: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail).do_next(next)
    }

    /// Something stands in the way for now: 409.
    pub fn conflict(detail: impl Into<String>, next: &str) -> Self {
        Self::new(StatusCode::CONFLICT, detail).do_next(next)
    }

    /// Too much is going on: 503.
    pub fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "more is asked at once than is answered at once; ask again",
        )
        .retry(BUSY)
    }

    /// The store does not answer: 503. Nothing of the request was kept that was not acknowledged.
    pub fn store_away() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the store does not answer; ask again",
        )
        .retry(STORE_AWAY)
    }

    /// Something of ours broke: 500. Why is in the log, not in the answer.
    pub fn ours() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server could not answer; its log says why under this request's id",
        )
    }

    /// With what to do.
    #[must_use]
    pub fn do_next(mut self, next: &str) -> Self {
        self.detail = format!("{}; {next}", self.detail);
        self.next = Some(next.to_owned());
        self
    }

    /// Come again after so many seconds.
    #[must_use]
    pub const fn retry(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Of this request.
    pub(crate) fn of(mut self, request_id: &str, path: &str) -> Self {
        request_id.clone_into(&mut self.request_id);
        self.instance = Some(model::shorten(path, 300));
        self
    }

    /// As bytes on the wire.
    pub(crate) fn write(&self) -> Response {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == 401 {
            let way = HeaderValue::from_static("Bearer realm=\"keyroll\"");
            headers.insert(header::WWW_AUTHENTICATE, way);
        }
        response
    }
}

impl IntoResponse for Problem {
    /// Left for whoever knows the request's id to write (`around.rs`).
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        use store::Error as Of;
        match error {
            Of::Conflict { what: "the page" } => Self::unfit(
                "what `next` of a list of the same order said",
                "something else",
                "begin again without `after`",
            ),
            Of::QueryRefused { .. } | Of::QueryFailed { .. } | Of::Location { .. } => {
                Self::new(StatusCode::BAD_REQUEST, error.to_string())
            }
            Of::Conflict { .. } | Of::Fenced { .. } => {
                Self::conflict(error.to_string(), "ask again")
            }
            Of::Corrupt { .. } => Self::ours(),
            _ => Self::store_away(),
        }
    }
}

impl From<engine::Error> for Problem {
    fn from(error: engine::Error) -> Self {
        match error {
            engine::Error::Store(error) => error.into(),
            engine::Error::Unfit(why) => Self::new(StatusCode::BAD_REQUEST, why),
            engine::Error::Busy { .. } => Self::conflict(error.to_string(), "wait for it").retry(5),
            engine::Error::Refused(refusal) => {
                Self::new(StatusCode::BAD_GATEWAY, refusal.to_string())
            }
            _ => Self::ours(),
        }
    }
}
