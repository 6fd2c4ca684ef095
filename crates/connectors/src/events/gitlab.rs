//! Webhooks and streams of audit events of GitLab.
//!
//! Source: "Webhooks" (secret token, signing token) and "Audit event streaming" of GitLab's
//! manual; Standard Webhooks 1.0 for the signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Duration, Secret};
use serde_json::Value;

use super::{Closed, Delivery, Opened, Then, Why, check, lines, posted, refused};
use crate::logs::lenient::time;

/// What was signed longer ago is sent anew under a new time (Standard Webhooks).
const WITHIN: Duration = Duration::minutes(5);
/// A stream is tried again for less.
const STREAM_WITHIN: Duration = Duration::days(1);
/// Signatures looked at of one delivery.
const SIGNATURES_MAX: usize = 8;

pub(super) fn open(secrets: &[Secret], delivery: &Delivery<'_>) -> Result<Opened, Closed> {
    posted(delivery)?;
    let signature = delivery.header("webhook-signature")?;
    let signed_id = match signature {
        Some(signature) => Some(signed(secrets, signature, delivery)?),
        None => {
            let token = delivery.header("x-gitlab-token")?;
            let stream = delivery.header("x-gitlab-event-streaming-token")?;
            check::shown(secrets, token.or(stream))?;
            None
        }
    };
    let payload = super::json(delivery.body)?;
    let audit = payload.get("event_type").is_some() && payload.get("entity_type").is_some();
    if audit && signed_id.is_none() {
        let at = payload.get("created_at").and_then(Value::as_str);
        check::in_time(at.and_then(time), delivery.at, STREAM_WITHIN)?;
    }
    // Without a signature no header is more than what whoever knows the token wrote.
    let id = signed_id.unwrap_or_else(|| check::digest(delivery.body));
    let records = if audit { vec![payload] } else { Vec::new() };
    Ok(Opened {
        id,
        then: Then::Take {
            records: lines(&records),
            undated: false,
        },
    })
}

/// The id of a delivery whose signature holds.
fn signed(secrets: &[Secret], signature: &str, delivery: &Delivery<'_>) -> Result<String, Closed> {
    let lacks = || {
        refused(
            Why::Unsigned,
            "no `webhook-id` or `webhook-timestamp` beside the signature",
        )
    };
    let id = delivery.header("webhook-id")?.ok_or_else(lacks)?;
    let at = delivery.header("webhook-timestamp")?.ok_or_else(lacks)?;
    let keys: Vec<_> = secrets.iter().filter_map(key).collect();
    let parts = [id.as_bytes(), b".", at.as_bytes(), b".", delivery.body];
    let mut fits = false;
    for one in signature.split(' ').take(SIGNATURES_MAX) {
        let tag = one
            .strip_prefix("v1,")
            .and_then(|tag| STANDARD.decode(tag).ok());
        if let Some(tag) = tag {
            fits |= check::is_signed(keys.iter().map(Secret::expose), &parts, &tag);
        }
    }
    if !fits {
        return Err(refused(
            Why::WrongSignature,
            "the signature is of another delivery or token",
        ));
    }
    check::in_time(time(at), delivery.at, WITHIN)?;
    Ok(id.to_owned())
}

/// The key in a signing token, `whsec_` and base64; any other text is the key itself.
fn key(secret: &Secret) -> Option<Secret> {
    match secret.expose().strip_prefix(b"whsec_") {
        Some(rest) => STANDARD.decode(rest).ok().map(Secret::new),
        None => Some(secret.clone()),
    }
}
