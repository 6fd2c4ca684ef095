//! What records of logs are wrapped in on their way: EventBridge, SNS, Pub/Sub, pages.

use serde_json::Value;

/// Wraps in wraps are opened so deep.
const DEPTH_MAX: u32 = 4;
/// Records of one message.
const RECORDS_MAX: usize = 10_000;

/// The records in `message`, each as its platform writes it.
pub(super) fn records(message: Value) -> Vec<Value> {
    let mut records = Vec::new();
    unwrap(message, 0, &mut records);
    records
}

fn unwrap(message: Value, depth: u32, records: &mut Vec<Value>) {
    if depth > DEPTH_MAX || records.len() >= RECORDS_MAX {
        return;
    }
    let mut fields = match message {
        Value::Array(all) => {
            return all
                .into_iter()
                .for_each(|one| unwrap(one, depth + 1, records));
        }
        Value::Object(fields) => fields,
        _ => return,
    };
    // EventBridge.
    if fields.contains_key("detail-type")
        && let Some(detail) = fields.remove("detail")
    {
        return unwrap(detail, depth + 1, records);
    }
    // SNS to SQS, unless it is delivered raw.
    if fields.contains_key("TopicArn")
        && let Some(Value::String(text)) = fields.get("Message")
    {
        if let Ok(inner) = serde_json::from_str(text) {
            unwrap(inner, depth + 1, records);
        }
        return;
    }
    for page in ["Records", "records"] {
        if let Some(Value::Array(_)) = fields.get(page) {
            let all = fields.remove(page).unwrap_or_default();
            return unwrap(all, depth + 1, records);
        }
    }
    records.push(Value::Object(fields));
}
