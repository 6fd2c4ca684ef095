//! Plans, and where what they began stands.

use model::Plan;
use serde_json::json;
use store::RevocationRow;

use crate::{Fields, fields};

/// A plan in one line; with `row`, where its revocation stands.
pub fn plan_line(plan: &Plan, row: Option<&RevocationRow>) -> Fields {
    let body = &plan.body;
    fields(json!({
        "plan": plan.id,
        "act": body.act,
        "subject": body.subject.entity,
        "name": body.subject.name,
        "state": row.map_or("planned", |row| row.state.as_str()),
        "detail": row.map(|row| &row.state),
        "created": body.created,
        "updated": row.map(|row| row.updated),
        "by": body.by,
    }))
}

/// All of a plan.
pub fn plan(plan: &Plan, row: Option<&RevocationRow>) -> Fields {
    fields(json!({
        "plan": plan,
        "state": row.map(|row| &row.state),
        "updated": row.map(|row| row.updated),
    }))
}
