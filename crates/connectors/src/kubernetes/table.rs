//! Secrets as a server prints them for people: a row each, with the type and the metadata of one, and
//! no value.
//!
//! Source: Kubernetes, "Kubernetes API Concepts", "Receiving resources as Tables".

use model::Reason;
use serde::Deserialize;
use serde_json::Value;

use super::sieve::Kept;
use crate::Refusal;

/// How a table is asked for.
pub(super) const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";
/// The code of an answer that is none.
pub(super) const NONE: &str = "no_table";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    kind: String,
    #[serde(default)]
    metadata: Place,
    #[serde(default)]
    column_definitions: Vec<Column>,
    #[serde(default)]
    rows: Vec<Row>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Place {
    #[serde(rename = "continue")]
    next: String,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

#[derive(Deserialize)]
struct Row {
    cells: Vec<Value>,
    object: Kept,
}

/// Hands each secret of one answer to `each`, with its type; where the next answer begins.
///
/// # Errors
/// It is no table with types in it, as of a server that does not make any.
pub(super) fn read(
    body: &str,
    each: &mut dyn FnMut(Value, &str),
) -> Result<Option<String>, Refusal> {
    let none = || {
        let told = "expected a table of secrets, got something else";
        Refusal::new(Reason::Failed, told).code(NONE)
    };
    let table: Table = serde_json::from_str(body).map_err(|_| none())?;
    let mut columns = table.column_definitions.iter();
    let at = columns.position(|one| one.name == "Type");
    let at = at.filter(|_| table.kind == "Table").ok_or_else(none)?;
    for row in table.rows {
        let type_ = row.cells.get(at).and_then(Value::as_str);
        each(row.object.0, type_.unwrap_or_default());
    }
    Ok(Some(table.metadata.next).filter(|next| !next.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_table_is_a_secret_with_its_type_and_no_value() {
        let body = r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"continue":"next"},
            "columnDefinitions":[{"name":"Name"},{"name":"Type"},{"name":"Data"}],
            "rows":[{"cells":["db","Opaque",1],"object":{"kind":"Secret","metadata":{"name":"db",
            "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"hidden-1"}},
            "data":{"password":"hidden-2"},"stringData":{"password":"hidden-3"}}}]}"#;
        let mut seen = Vec::new();
        let next = read(body, &mut |object, type_| {
            seen.push(format!("{type_} {object}"));
        });
        assert_eq!(next.unwrap().as_deref(), Some("next"));
        assert_eq!(seen.len(), 1);
        assert!(
            seen[0].starts_with("Opaque") && seen[0].contains("\"db\""),
            "{seen:?}"
        );
        assert!(!seen[0].contains("hidden"), "{seen:?}");
        for none in [
            r#"{"kind":"SecretList","items":[]}"#,
            r#"{"kind":"Table","columnDefinitions":[{"name":"Name"}],"rows":[]}"#,
            "[",
        ] {
            assert_eq!(read(none, &mut |_, _| {}).unwrap_err().code, NONE, "{none}");
        }
    }
}
