//! Who may own a thing, by the evidence.

use inventory::owners::{Answer, Suggestion};
use serde_json::json;

/// Whom the evidence suggests, who of them has left, and how many machines it names.
pub fn owners(answer: &Answer) -> serde_json::Value {
    let left = answer.left.iter().map(
        |one| json!({"who": one.who.name(), "left_at": one.leaver.since, "because": one.reasons}),
    );
    json!({
        "suggested": answer.ranked.iter().map(Suggestion::told).collect::<Vec<_>>(),
        "left": left.collect::<Vec<_>>(),
        "machines": answer.machines,
    })
}
