//! Google Pub/Sub, pushed and pulled.
//!
//! Source: "Push subscriptions", "Authenticate for push subscriptions" and `subscriptions.pull` of
//! Google's manual. A sink of Cloud Logging writes one log entry a message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{
    Closed, Delivery, KeySet, Opened, Then, TokenRules, Why, bearer, lines, posted, refused, unwrap,
};

pub(super) fn open(
    rules: &TokenRules,
    subscription: Option<&str>,
    delivery: &Delivery<'_>,
    keys: Option<&KeySet>,
) -> Result<Opened, Closed> {
    posted(delivery)?;
    bearer::check(rules, keys, delivery)?;
    let payload = super::json(delivery.body)?;
    let from = payload.get("subscription").and_then(Value::as_str);
    if subscription.is_some_and(|own| from != Some(own)) {
        return Err(refused(Why::NotMeant, "it is of another subscription"));
    }
    let message = payload.get("message").and_then(message);
    let (id, records) = message
        .ok_or_else(|| refused(Why::Malformed, "expected a `message` with an id and data"))?;
    Ok(Opened {
        id,
        then: Then::Take {
            records,
            undated: false,
        },
    })
}

/// Id and records of a message.
fn message(message: &Value) -> Option<(String, Vec<u8>)> {
    let id = message.get("messageId").and_then(Value::as_str)?;
    let data = message
        .get("data")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let data = STANDARD.decode(data).ok()?;
    let records = serde_json::from_slice(&data).map(unwrap::records);
    Some((id.to_owned(), lines(&records.unwrap_or_default())))
}

/// One message that was pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulledMessage {
    /// Its id.
    pub id: String,
    /// By which it is acknowledged.
    pub ack: String,
    /// The records of logs in it, a JSON object a line.
    pub records: Vec<u8>,
}

/// The messages of an answer to `pull`; `None` where it is none.
pub fn pulled_messages(answer: &str) -> Option<Vec<PulledMessage>> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let Value::Object(answer) = answer else {
        return None;
    };
    let messages = match answer.get("receivedMessages") {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(messages) => messages.as_array()?,
    };
    let pulled = |one: &Value| {
        let (id, records) = message(one.get("message")?)?;
        Some(PulledMessage {
            id,
            ack: one.get("ackId").and_then(Value::as_str)?.to_owned(),
            records,
        })
    };
    messages.iter().map(pulled).collect()
}
