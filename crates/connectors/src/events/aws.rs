//! What a queue of Amazon SQS hands out.
//!
//! Source: `ReceiveMessage` of the SQS reference; "Events from AWS services via CloudTrail" of the
//! EventBridge user guide.

use serde_json::Value;

use super::{lines, unwrap};

/// One message of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqsMessage {
    /// Its id.
    pub id: String,
    /// By which it is deleted.
    pub receipt: String,
    /// The records of logs in it, a JSON object a line.
    pub records: Vec<u8>,
}

/// The messages of an answer to `ReceiveMessage`; `None` where it is none.
pub fn sqs_messages(answer: &str) -> Option<Vec<SqsMessage>> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let Value::Object(answer) = answer else {
        return None;
    };
    let messages = match answer.get("Messages") {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(messages) => messages.as_array()?,
    };
    messages.iter().map(message).collect()
}

fn message(one: &Value) -> Option<SqsMessage> {
    let text = |name: &str| one.get(name).and_then(Value::as_str);
    let body = text("Body").unwrap_or_default();
    // What is no JSON brings nothing, and is taken out of the queue like all else.
    let records = serde_json::from_str(body).map(unwrap::records);
    Some(SqsMessage {
        id: text("MessageId")?.to_owned(),
        receipt: text("ReceiptHandle")?.to_owned(),
        records: lines(&records.unwrap_or_default()),
    })
}
