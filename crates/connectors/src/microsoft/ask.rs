//! Asking Microsoft Graph and Azure Resource Manager: page after page, refusals in the words of gaps.
//!
//! Source: Microsoft Graph, "Paging Microsoft Graph data in your app", "Microsoft Graph error
//! responses"; Azure REST, "Asynchronous operations and paging".

use std::collections::BTreeSet;

use model::Reason;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Context, Refusal, Request, Response};

/// More pages than any list has.
const PAGES_MAX: usize = 10_000;
/// Parameters of a link to the next page.
const PARAMETERS_MAX: usize = 32;
/// What the interfaces are called, for the engine to know their hosts.
pub(crate) const GRAPH: &str = "graph";
pub(crate) const MANAGEMENT: &str = "management";

/// A read of one interface.
pub(crate) fn get(service: &str, segments: &[&str], parameters: &[(&str, &str)]) -> Request {
    let request = Request {
        service: service.to_owned(),
        ..Request::get(segments)
    };
    let each = parameters.iter();
    each.fold(request, |request, (name, value)| {
        request.parameter(name, value)
    })
}

/// Every page of a list, each given to `take` as it comes: what was read before a refusal counts.
///
/// # Errors
/// A page was refused, is no page, came twice, or the list is shorter than it says.
pub(crate) fn pages(
    cx: &mut Context<'_>,
    first: Request,
    take: &mut dyn FnMut(&Value),
) -> Result<(), Refusal> {
    let (mut request, mut listed, mut met) = (first, 0_usize, BTreeSet::new());
    let mut counted = None;
    for _ in 0..PAGES_MAX {
        let response = cx.http(request.clone())?;
        let page = answer(&response)?;
        let list = page.get("value").and_then(Value::as_array);
        let Some(list) = list else {
            let told = "expected a list with `value`, got something else";
            return Err(Refusal::new(Reason::Failed, told));
        };
        if !met.insert(<[u8; 32]>::from(Sha256::digest(&response.body))) {
            let told = "the same page came twice; what follows it was not read";
            return Err(Refusal::new(Reason::Failed, told));
        }
        listed += list.len();
        counted = counted.or_else(|| page.get("@odata.count").and_then(Value::as_u64));
        take(&page);
        let Some(link) = ["@odata.nextLink", "nextLink"]
            .iter()
            .find_map(|name| page.get(*name)?.as_str())
            .filter(|link| !link.is_empty())
        else {
            return match counted.filter(|count| usize::try_from(*count).is_ok_and(|n| n > listed)) {
                Some(count) => {
                    let told = format!("the list says that it has {count} and gave {listed}");
                    Err(Refusal::new(Reason::Failed, told))
                }
                None => Ok(()),
            };
        };
        // Where a page is asked for is no business of an answer: of its link the parameters count.
        request.parameters = parameters(link).into_iter().collect();
    }
    let told = format!("more than {PAGES_MAX} pages");
    Err(Refusal::new(Reason::Unsupported, told))
}

/// One object.
///
/// # Errors
/// It was refused, or is no object.
pub(crate) fn one(cx: &mut Context<'_>, request: Request) -> Result<Value, Refusal> {
    let response = cx.http(request)?;
    answer(&response)
}

/// Whether the interface heard no question at all: no login, a wrong one, nobody there.
pub(crate) fn keeps_out(refusal: &Refusal) -> bool {
    // An answer that is none of Microsoft's says nothing of the next one.
    let codes = [
        "no_credentials",
        "401",
        "InvalidAuthenticationToken",
        "AuthenticationFailed",
        "ExpiredAuthenticationToken",
        "connect",
        "timeout",
    ];
    let unnamed = refusal.code.is_empty() && refusal.reason == Reason::Denied;
    unnamed || codes.contains(&refusal.code.as_str())
}

/// The answer, or why there is none, in Microsoft's own words.
fn answer(response: &Response) -> Result<Value, Refusal> {
    let value = serde_json::from_str::<Value>(&response.body).ok();
    let value = value.filter(Value::is_object);
    let error = value.as_ref().and_then(|value| value.get("error"));
    if response.status == 200 && error.is_none() {
        let told = "expected JSON of Microsoft, got something else";
        return value.ok_or_else(|| Refusal::new(Reason::Failed, told));
    }
    let said = |name: &str| error.and_then(|one| one.get(name)?.as_str());
    let code = said("code").map_or_else(|| response.status.to_string(), str::to_owned);
    let reason = match response.status {
        // A licence that the tenant has not is nothing that a permission would help.
        403 if code.contains("NonPremiumTenant") => Reason::Unsupported,
        401 | 403 => Reason::Denied,
        404 => Reason::Unsupported,
        429 => Reason::Throttled,
        _ => Reason::Failed,
    };
    let told = said("message").unwrap_or("Microsoft gave no reason");
    Err(Refusal::new(reason, model::shorten(told, 400)).code(model::shorten(&code, 60)))
}

/// The parameters in an address.
fn parameters(link: &str) -> Vec<(String, String)> {
    let query = link.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let decoded = |text: &str| crate::login::decoded(&text.replace('+', " "));
    pairs
        .take(PARAMETERS_MAX)
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_link_to_the_next_page_only_its_parameters_are_taken() {
        let link = "https://evil.example/other?api-version=2022-04-01&%24skiptoken=a%2Bb+c#x";
        let told = parameters(link);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            told,
            [
                pair("api-version", "2022-04-01"),
                pair("$skiptoken", "a+b c")
            ]
        );
        assert!(parameters("no address").is_empty());
    }

    #[test]
    fn a_licence_that_lacks_is_no_permission_that_lacks() {
        let told = |status: u16, code: &str| {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"no"}}}}"#);
            let response = Response {
                status,
                request_id: String::new(),
                body,
                next: std::collections::BTreeMap::new(),
                whole: false,
            };
            answer(&response).unwrap_err().reason
        };
        assert_eq!(told(403, "Authorization_RequestDenied"), Reason::Denied);
        let licence = "Authentication_RequestFromNonPremiumTenantOrB2CTenant";
        assert_eq!(told(403, licence), Reason::Unsupported);
        assert_eq!(told(429, "TooManyRequests"), Reason::Throttled);
    }
}
