//! Asking an AWS Query interface: refusals in the words of gaps, pages to a named bound.

use std::collections::BTreeSet;

use model::{Reason, Scope};
use serde_json::Value;

use super::xml;
use crate::{Context, Refusal, Request, Response, Stop};

/// IAM's version of its interface, the only one there is.
pub(crate) const IAM_VERSION: &str = "2010-05-08";
/// STS's version of its interface, the only one there is.
pub(crate) const STS_VERSION: &str = "2011-06-15";
/// Pages of one list: at 100 a page, more than any account may hold.
const PAGES_MAX: usize = 1000;
/// After so many refusals of one action in a row its whole part is called unread.
pub(crate) const REFUSALS_MAX: u32 = 3;

/// A request of IAM.
pub(crate) fn iam(action: &str, parameters: &[(&str, &str)]) -> Request {
    Request::form("iam", parameters)
        .parameter("Action", action)
        .parameter("Version", IAM_VERSION)
}

/// A request of STS.
pub(crate) fn sts(action: &str) -> Request {
    Request::form("sts", &[("Action", action), ("Version", STS_VERSION)])
}

/// The answer's result, as the command line would print it.
pub(crate) fn result(cx: &mut Context<'_>, request: Request) -> Result<Value, Refusal> {
    let response = cx.http(request)?;
    if !(200..300).contains(&response.status) {
        return Err(refusal(&response));
    }
    let answer = xml::to_json(&response.body)?;
    // `<XResponse><XResult>…</XResult><ResponseMetadata/></XResponse>`
    let Value::Object(map) = answer else {
        return Err(Refusal::new(
            Reason::Failed,
            "expected an answer of AWS, got an empty one",
        ));
    };
    let mut map = map;
    let name = map.keys().find(|name| name.ends_with("Result")).cloned();
    match name.and_then(|name| map.remove(&name)) {
        Some(result) => Ok(result),
        None if map.contains_key("ResponseMetadata") => Ok(Value::Null),
        None => Err(Refusal::new(
            Reason::Failed,
            "expected an answer of AWS, got XML without a result",
        )),
    }
}

/// Why AWS did not answer, in the words of gaps.
///
/// The provider's message is kept only where it tells of a missing permission: others may
/// repeat the signed request.
pub(crate) fn refusal(response: &Response) -> Refusal {
    let Some((code, message)) = xml::error(&response.body) else {
        let reason = if response.status == 429 || response.status == 503 {
            Reason::Throttled
        } else {
            Reason::Failed
        };
        return Refusal::new(
            reason,
            format!(
                "source unavailable: HTTP status {} without an error document of AWS",
                response.status
            ),
        );
    };
    let reason = match code.as_str() {
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "AuthorizationError"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "OptInRequired"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "AuthFailure"
        | "ExpiredTokenException" => Reason::Denied,
        "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "SlowDown"
        | "ServiceUnavailable" => Reason::Throttled,
        "InvalidAction" | "UnknownOperationException" | "NotImplemented" => Reason::Unsupported,
        _ => Reason::Failed,
    };
    let told = if reason == Reason::Denied && !message.contains("x-amz") {
        model::shorten(&message, 240)
    } else {
        format!("HTTP status {}", response.status)
    };
    Refusal::new(reason, told).code(code)
}

/// Asks page after page and hands each to `take`; what went wrong becomes a gap at `scope`, and
/// what was read before it counts. Whether every page was read.
pub(crate) fn pages(
    cx: &mut Context<'_>,
    scope: &Scope,
    needs: &str,
    request: &Request,
    take: &mut dyn FnMut(&Value),
) -> Result<bool, Stop> {
    match try_pages(cx, request, take) {
        Ok(()) => Ok(true),
        Err(refusal) => {
            cx.gap(scope, &refusal, Some(needs))?;
            Ok(false)
        }
    }
}

/// As [`pages`], with the refusal handed back.
pub(crate) fn try_pages(
    cx: &mut Context<'_>,
    request: &Request,
    take: &mut dyn FnMut(&Value),
) -> Result<(), Refusal> {
    let mut markers = BTreeSet::new();
    let mut request = request.clone();
    for _ in 0..PAGES_MAX {
        let page = result(cx, request.clone())?;
        take(&page);
        let more = matches!(page.get("IsTruncated"), Some(Value::String(text)) if text == "true");
        let Some(marker) = page.get("Marker").and_then(Value::as_str).filter(|_| more) else {
            if more {
                return Err(Refusal::new(
                    Reason::Failed,
                    "a list says that it goes on, but not where",
                ));
            }
            return Ok(());
        };
        if !markers.insert(marker.to_owned()) {
            return Err(Refusal::new(
                Reason::Failed,
                "a list repeats itself: the same marker came twice",
            ));
        }
        request = request.parameter("Marker", marker);
    }
    Err(Refusal::new(
        Reason::Unsupported,
        format!("a list has more than {PAGES_MAX} pages, the limit"),
    ))
}
