//! The console: files that were built into the program, or a page that says how to build them.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};

use super::Problem;

/// One file of the console.
struct Page {
    /// Its path: `/assets/index-1a2b.js`.
    path: &'static str,
    /// Its media type.
    kind: &'static str,
    /// Tells one version of it from another.
    tag: &'static str,
    /// It.
    bytes: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// A file of the console. Its views have paths of their own, which are all the one page; a path
/// with an extension is a file, and one of the interface is none of the console's.
pub(crate) async fn page(method: Method, uri: Uri) -> Response {
    let path = uri.path();
    if path == "/v1" || path.starts_with("/v1/") {
        return Problem::missing("such path", "`/openapi.json` lists those there are")
            .into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return Problem::new(
            axum::http::StatusCode::METHOD_NOT_ALLOWED,
            "expected GET or HEAD: this is a page",
        )
        .into_response();
    }
    let is_file = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains('.'));
    let wanted = if is_file { path } else { "/index.html" };
    match PAGES.iter().find(|page| page.path == wanted) {
        Some(page) => page.answer(),
        None => Problem::missing("such file", "`/` is the console").into_response(),
    }
}

impl Page {
    fn answer(&self) -> Response {
        let mut response = Response::new(Body::from(self.bytes));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(header::ETAG, HeaderValue::from_static(self.tag));
        // What lies under assets has a name made of what it holds.
        let kept = match self.path.starts_with("/assets/") {
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
        response
    }
}
