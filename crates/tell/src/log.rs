//! A leaf of the evidence log.

use evidence::Leaf;
use serde_json::json;

use crate::{Fields, fields};

/// A leaf, and where it stands in the log.
pub fn leaf(index: u64, leaf: &Leaf) -> Fields {
    fields(json!({
        "leaf": index,
        "at": leaf.at(),
        "kind": leaf.kind().as_str(),
        "actor": leaf.actor(),
        "subject": leaf.subject(),
        "body": leaf.body(),
    }))
}
