//! Subscriptions of Azure Event Grid, in its own schema and in CloudEvents.
//!
//! Source: "Webhook event delivery", "Event Grid event schema", "Azure subscription as an Event
//! Grid source" of Microsoft's manual; "HTTP 1.1 Web Hooks for Event Delivery" of CloudEvents.
//! What it tells of resources is told again in the words of the activity log.

use model::{Duration, Timestamp};
use serde_json::{Value, json};

use super::{Closed, Delivery, Opened, Then, Why, check, lines, posted, refused};
use crate::logs::lenient::time;

/// It tries for a day.
const WITHIN: Duration = Duration::hours(25);
/// A code is shorter.
const CODE_MAX: usize = 512;

pub(super) fn open(
    delivery: &Delivery<'_>,
    checked: impl FnOnce(&Delivery<'_>) -> Result<(), Closed>,
) -> Result<Opened, Closed> {
    // Whether a validation shows what a delivery shows is not said: it is answered in any case,
    // proves that somebody is here, and lets in nobody.
    if delivery.method == "OPTIONS" {
        return permitted(delivery);
    }
    posted(delivery)?;
    let validates = delivery.header("aeg-event-type")? == Some("SubscriptionValidation");
    if !validates {
        checked(delivery)?;
    }
    let events = match super::json(delivery.body)? {
        Value::Array(events) => events,
        one => vec![one],
    };
    if validates {
        let code = events.first().and_then(code);
        let code = code.ok_or_else(|| refused(Why::Malformed, "expected a validation code"))?;
        return Ok(Opened {
            id: check::digest(delivery.body),
            then: Then::Answer {
                body: json!({"validationResponse": code}).to_string(),
                headers: Vec::new(),
            },
        });
    }
    let (mut stale, mut in_time) = (None, false);
    let mut ids = String::new();
    let mut records = Vec::new();
    for event in &events {
        let at = event.get("eventTime").or_else(|| event.get("time"));
        let at = at.and_then(Value::as_str).and_then(time);
        // One that is too old is passed over: for it the others would be sent in vain for a day.
        match check::in_time(at, delivery.at, WITHIN) {
            Err(Closed::Refused(old)) if old.why == Why::Stale && at < Some(delivery.at) => {
                stale = Some(Closed::Refused(old));
                continue;
            }
            other => other?,
        }
        in_time = true;
        ids.push_str(event.get("id").and_then(Value::as_str).unwrap_or_default());
        ids.push(' ');
        records.extend(at.and_then(|at| record(event, at)));
    }
    if let Some(stale) = stale.filter(|_| !in_time) {
        return Err(stale);
    }
    let named = !ids.trim().is_empty() && ids.len() <= 512;
    Ok(Opened {
        id: if named {
            ids.trim().to_owned()
        } else {
            check::digest(delivery.body)
        },
        then: Then::Take {
            records: lines(&records),
            undated: false,
        },
    })
}

/// The code by which a subscription is validated.
fn code(event: &Value) -> Option<&str> {
    let kind = event.get("eventType").and_then(Value::as_str)?;
    let code = event
        .pointer("/data/validationCode")
        .and_then(Value::as_str)?;
    (kind == "Microsoft.EventGrid.SubscriptionValidationEvent" && code.len() <= CODE_MAX)
        .then_some(code)
}

/// That whoever asks may send: how CloudEvents are validated.
fn permitted(delivery: &Delivery<'_>) -> Result<Opened, Closed> {
    let origin = delivery.header("webhook-request-origin")?;
    let fits = |origin: &&str| {
        origin.len() <= 253
            && origin
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
    };
    let origin = origin
        .filter(fits)
        .ok_or_else(|| refused(Why::Malformed, "expected a `WebHook-Request-Origin`"))?;
    Ok(Opened {
        id: check::digest(origin.as_bytes()),
        then: Then::Answer {
            body: String::new(),
            headers: vec![
                ("webhook-allowed-origin", origin.to_owned()),
                ("webhook-allowed-rate", "*".to_owned()),
            ],
        },
    })
}

/// An event of a subscription's resources as the command line lists the activity log; what came
/// as a record of a log already as it is.
fn record(event: &Value, at: Timestamp) -> Option<Value> {
    let kind = event
        .get("eventType")
        .or_else(|| event.get("type"))?
        .as_str()?;
    let data = event.get("data")?;
    let Some(what) = kind.strip_prefix("Microsoft.Resources.Resource") else {
        return data.is_object().then(|| data.clone());
    };
    let done = if what.ends_with("Success") {
        "Succeeded"
    } else {
        "Failed"
    };
    let of = |name: &str| data.get(name).cloned().unwrap_or(Value::Null);
    Some(json!({
        "eventDataId": event.get("id"),
        "eventTimestamp": at.to_string(),
        "operationName": {"value": of("operationName")},
        "status": {"value": done},
        "subStatus": {"value": data.pointer("/httpRequest/statusCode").cloned().unwrap_or_else(|| of("statusCode"))},
        "category": {"value": "Administrative"},
        "claims": of("claims"),
        "caller": data.pointer("/claims/name"),
        "resourceId": of("resourceUri"),
        "subscriptionId": of("subscriptionId"),
    }))
}
