//! What surrounds every request: its id, its time, the headers of its answer, its count.

use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::{BodyExt, Limited};

use super::problem::MEDIA;
use super::{Api, Problem};

/// An answer begins within this, or is given up.
const ANSWERED: Duration = Duration::from_secs(30);
/// What the frame itself says of a wrong request is shorter.
const REFUSAL_BYTES: usize = 4 * 1024;
/// The longest id of a request that is taken over from whoever asks.
const ID_MAX: usize = 64;

/// What every page is allowed: nothing from elsewhere, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types svelte-trusted-html";

const ALWAYS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Surrounds every request.
pub(crate) async fn around(State(api): State<Api>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = id_of(&request);
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "else".to_owned(), |path| path.as_str().to_owned());
    let answered = tokio::time::timeout(ANSWERED, next.run(request)).await;
    let response = match answered {
        Ok(response) => response,
        Err(_) => {
            let told = "the answer took longer than 30 s and was given up; ask for less at once";
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, told).retry(5);
            axum::response::IntoResponse::into_response(problem)
        }
    };
    let response = in_our_words(response, &id, &path).await;
    let mut response = unchanged(response, known.as_ref(), &method);
    let headers = response.headers_mut();
    for (name, value) in &ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    api.0
        .counts
        .took(&route, &method, response.status(), begun.elapsed());
    response
}

/// The id that whoever asks gave, if it is a plain word; otherwise one by chance.
fn id_of(request: &Request) -> String {
    let given = request.headers().get("x-request-id");
    let given = given.and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        let mut letters = id.bytes();
        (1..=ID_MAX).contains(&id.len())
            && letters.all(|one| one.is_ascii_alphanumeric() || b"-_.".contains(&one))
    };
    given.filter(plain).map_or_else(by_chance, str::to_owned)
}

pub(crate) fn by_chance() -> String {
    // Each is seeded anew; an id names a line of a log and guards nothing.
    let word = || std::hash::RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", word(), word())
}

/// Every refusal is a problem, those of the frame itself too.
async fn in_our_words(mut response: Response, id: &str, path: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return problem.of(id, path).write();
    }
    let status = response.status();
    let is_ours = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|one| one == MEDIA);
    if is_ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (head, body) = response.into_parts();
    let body = Limited::new(body, REFUSAL_BYTES).collect().await;
    let told = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
    let told = told.unwrap_or_default();
    let detail = match (status, told.is_empty()) {
        (StatusCode::METHOD_NOT_ALLOWED, _) => {
            let allowed = head
                .headers
                .get(header::ALLOW)
                .and_then(|one| one.to_str().ok());
            format!(
                "expected one of the methods {}",
                allowed.unwrap_or("of /openapi.json")
            )
        }
        (_, true) => "the request cannot be answered".to_owned(),
        (_, false) => model::shorten(&model::clean(&told), 400),
    };
    let mut answer = Problem::new(status, detail).of(id, path).write();
    if let Some(allow) = head.headers.get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
}

/// Nothing but "as it was", where whoever asks has it already.
fn unchanged(response: Response, known: Option<&HeaderValue>, method: &Method) -> Response {
    let safe = matches!(*method, Method::GET | Method::HEAD);
    let tag = response.headers().get(header::ETAG);
    let same = match (
        tag.and_then(|tag| tag.to_str().ok()),
        known.and_then(|one| one.to_str().ok()),
    ) {
        (Some(tag), Some(known)) => known
            .split(',')
            .any(|one| one.trim().trim_start_matches("W/") == tag),
        _ => false,
    };
    if !safe || !same || response.status() != StatusCode::OK {
        return response;
    }
    let (mut head, _) = response.into_parts();
    head.status = StatusCode::NOT_MODIFIED;
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::empty())
}
