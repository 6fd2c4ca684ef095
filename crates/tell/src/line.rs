//! A line of the roll.

use model::{Timestamp, Told};
use serde_json::{Value, json};
use store::Row;

use crate::{Fields, fields};

/// A row of the roll for machines.
pub fn line(row: &Row) -> Fields {
    fields(json!({
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        "type": row.type_,
        "provider": row.provider,
        "class": row.class,
        "environment": row.environment,
        "status": row.status,
        "privilege": row.privilege,
        "holder": row.holder,
        "owner": row.owner,
        "owner_hint": row.owner_hint,
        "sources": row.sources,
        "places": row.places,
        "credentials": row.credentials,
        "created_at": time(&row.created_at),
        "rotated_at": time(&row.rotated_at),
        "last_used_at": time(&row.last_used_at),
        "expires_at": time(&row.expires_at),
        "first_seen": row.first_seen,
        "missing_since": row.missing_since,
    }))
}

/// A time for machines: RFC 3339, `"never"` where the source says that there is none, `null`
/// where no source can tell.
pub fn time(told: &Told<Timestamp>) -> Value {
    match told {
        Told::Is(at) => json!(at),
        Told::Absent => json!("never"),
        Told::CannotTell => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_none_differs_from_one_that_nobody_can_tell() {
        let at = Timestamp::from_seconds(86_400);
        assert_eq!(time(&Told::Is(at)), json!("1970-01-02T00:00:00Z"));
        assert_eq!(time(&Told::Absent), json!("never"));
        assert_eq!(time(&Told::CannotTell), Value::Null);
    }
}
