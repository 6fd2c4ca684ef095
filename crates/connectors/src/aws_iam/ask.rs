//! Asking AWS, whatever form an interface speaks: refusals in the words of gaps, pages to a named
//! bound.

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

/// The answer of an interface that speaks JSON, or of EC2, as the command line would print it.
pub(crate) fn answer(cx: &mut Context<'_>, request: Request) -> Result<Value, Refusal> {
    let in_xml = request.service == "ec2";
    let response = cx.http(request)?;
    if !(200..300).contains(&response.status) {
        return Err(refusal(&response));
    }
    if in_xml {
        return Ok(xml::in_pascal_case(xml::to_json(&response.body)?));
    }
    // The parser's own message could repeat a part of the answer, and so of a variable's value.
    let answer = serde_json::from_str::<Value>(&response.body).ok();
    answer.filter(Value::is_object).ok_or_else(|| {
        Refusal::new(
            Reason::Failed,
            "expected an answer of AWS in JSON, got something else",
        )
    })
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
    let Some((code, message)) = xml::error(&response.body).or_else(|| json_error(response)) else {
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
    if let Some(todo) = of_the_caller(&code, &message) {
        return Refusal::new(Reason::Denied, todo).code(code);
    }
    let reason = match code.as_str() {
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "NotAuthorized"
        | "OptInRequired" => Reason::Denied,
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

/// Codes that speak of whoever asks: no permission would help.
const OF_THE_CALLER: &[(&[&str], &str)] = &[
    (
        &["RequestTimeTooSkewed", "RequestExpired"],
        "AWS does not take the time of this request: set this machine's clock, then ask again",
    ),
    (
        &["ExpiredToken", "ExpiredTokenException"],
        "the credentials have expired: sign in again (`aws sso login`, or export new ones), then \
         ask again",
    ),
    (
        &[
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "InvalidAccessKeyId",
            "AuthFailure",
            "InvalidToken",
        ],
        "AWS does not know these credentials: they are mistyped, deleted or of another partition, \
         or this region is switched off for the account",
    ),
    (
        &[
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
        ],
        "AWS does not take the signature: the secret does not belong to the access key",
    ),
];

/// What whoever asks has to do, where the refusal speaks of it and of no permission.
fn of_the_caller(code: &str, message: &str) -> Option<&'static str> {
    let (_, told) = OF_THE_CALLER
        .iter()
        .find(|(codes, _)| codes.contains(&code))?;
    // A clock that is wrong is told by the message alone where the signature bears the time.
    let skewed = ["Signature expired", "Signature not yet current"];
    if skewed.iter().any(|start| message.contains(start)) {
        return OF_THE_CALLER.first().map(|(_, told)| *told);
    }
    Some(told)
}

/// Keeps that `scope` was refused, and the permission `needs` where one would lift the refusal.
pub(crate) fn gap(
    cx: &mut Context<'_>,
    scope: &Scope,
    refusal: &Refusal,
    needs: &str,
) -> Result<(), Stop> {
    cx.gap(scope, refusal, needed(refusal, needs))
}

/// `needs`, where the refusal is one that a permission would lift.
pub(crate) fn needed<'a>(refusal: &Refusal, needs: &'a str) -> Option<&'a str> {
    let mut codes = OF_THE_CALLER.iter().flat_map(|(codes, _)| codes.iter());
    (!codes.any(|code| *code == refusal.code)).then_some(needs)
}

/// What an interface that speaks JSON says of a failure: its code and its message. Those that
/// name the code in a header alone are known by their status.
fn json_error(response: &Response) -> Option<(String, String)> {
    let error: Value = serde_json::from_str(&response.body).ok()?;
    let text = |names: &[&str]| {
        let held = names.iter().find_map(|name| error.get(*name)?.as_str());
        held.map(str::to_owned)
    };
    let message = text(&["message", "Message", "errorMessage"]);
    let code = text(&["__type", "code", "Code"]);
    // `com.amazon.coral.service#AccessDeniedException`, `AccessDeniedException:http://…`
    let code = code.map(|code| {
        let code = code.rsplit('#').next().unwrap_or_default();
        code.split(':').next().unwrap_or_default().to_owned()
    });
    let code = match (code, response.status) {
        (Some(code), _) => code,
        (None, 403) => "AccessDeniedException".to_owned(),
        (None, 429) => "TooManyRequestsException".to_owned(),
        (None, _) => return None,
    };
    Some((
        model::shorten(&model::clean(&code), 80),
        message.unwrap_or_default(),
    ))
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
            gap(cx, scope, &refusal, needs)?;
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
