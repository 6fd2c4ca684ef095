//! Which keys a configuration file may have, and which one a misspelt key was meant to be (CL-22).

use serde_json::Value;

/// A key that no configuration has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownKey {
    /// Its path: `scan.source`.
    pub(super) key: String,
    /// The nearest key that exists.
    pub(super) meant: Option<String>,
}

/// The first key of `table` that `schema` does not have.
pub(super) fn unknown(table: &toml::Table, schema: &Value) -> Option<UnknownKey> {
    in_part(table, schema, "")
}

// The depth is that of the schema, not of the file.
fn in_part(table: &toml::Table, schema: &Value, above: &str) -> Option<UnknownKey> {
    let properties = schema.get("properties").and_then(Value::as_object)?;
    for (name, value) in table {
        let Some(part) = properties.get(name) else {
            let meant = crate::words::nearest(name, properties.keys().map(String::as_str));
            return Some(UnknownKey {
                key: format!("{above}{name}"),
                meant: meant.map(|meant| format!("{above}{meant}")),
            });
        };
        if let toml::Value::Table(inner) = value
            && let Some(found) = in_part(inner, part, &format!("{above}{name}."))
        {
            return Some(found);
        }
    }
    None
}

/// Every key of `schema`, with the parts of a path joined by dots.
pub(super) fn all(schema: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, part) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        match part.get("properties").and_then(Value::as_object) {
            Some(inner) => keys.extend(inner.keys().map(|below| format!("{name}.{below}"))),
            None => keys.push(name.clone()),
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_named_with_the_one_that_was_meant() {
        let schema = crate::configuration::schema();
        let table = |text: &str| text.parse::<toml::Table>().unwrap();
        assert_eq!(
            unknown(&table("fail_on = 'high'\n[scan]\nsources = ['.']"), &schema),
            None
        );
        let found = unknown(&table("[scan]\nsource = ['.']"), &schema).unwrap();
        assert_eq!(
            (found.key.as_str(), found.meant.as_deref()),
            ("scan.source", Some("scan.sources"))
        );
        let found = unknown(&table("zzz = 1"), &schema).unwrap();
        assert_eq!((found.key.as_str(), found.meant), ("zzz", None));
    }
}
