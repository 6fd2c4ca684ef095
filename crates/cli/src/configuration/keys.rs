//! Which keys a configuration file may have, which one a misspelt key was meant to be (CL-22), and
//! what each takes.

use serde_json::Value;

/// A value that its key does not take.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrongValue {
    /// The key's path.
    pub(super) key: String,
    /// What it takes.
    pub(super) expected: String,
    /// What came.
    pub(super) got: String,
}

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
            let meant = tell::nearest(name, properties.keys().map(String::as_str));
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

/// The first value of `table` that `schema` does not allow; its keys are known to exist.
pub(super) fn wrong(table: &toml::Table, schema: &Value) -> Option<WrongValue> {
    let properties = schema.get("properties").and_then(Value::as_object)?;
    table.iter().find_map(|(name, value)| {
        let part = properties.get(name)?;
        match value {
            toml::Value::Table(inner) if part.get("properties").is_some() => {
                let found = wrong(inner, part)?;
                Some(WrongValue {
                    key: format!("{name}.{}", found.key),
                    ..found
                })
            }
            _ if takes(part, value) => None,
            _ => Some(WrongValue {
                key: name.clone(),
                expected: expected(part),
                got: shown(value),
            }),
        }
    })
}

/// The words that a key takes, if it takes words.
fn words(part: &Value) -> Option<Vec<&str>> {
    if let Some(choices) = part.get("anyOf").and_then(Value::as_array) {
        return choices.iter().find_map(words);
    }
    let one_of = part.get("oneOf")?.as_array()?;
    let consts = one_of.iter().filter_map(|one| one.get("const")?.as_str());
    Some(consts.collect())
}

fn is_a(part: &Value, wanted: &str) -> bool {
    match part.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == wanted),
        Some(kind) => kind == wanted,
        None => false,
    }
}

fn bounds(part: &Value) -> (i64, i64) {
    let bound = |name: &str| part.get(name).and_then(Value::as_i64);
    (
        bound("minimum").unwrap_or(i64::MIN),
        bound("maximum").unwrap_or(i64::MAX),
    )
}

fn takes(part: &Value, value: &toml::Value) -> bool {
    if let Some(words) = words(part) {
        return value.as_str().is_some_and(|text| words.contains(&text));
    }
    match value {
        toml::Value::String(_) => is_a(part, "string"),
        toml::Value::Boolean(_) => is_a(part, "boolean"),
        toml::Value::Integer(n) => {
            let (least, most) = bounds(part);
            is_a(part, "integer") && (least..=most).contains(n)
        }
        toml::Value::Array(list) => {
            is_a(part, "array")
                && list
                    .iter()
                    .all(|one| part.get("items").is_some_and(|item| takes(item, one)))
        }
        _ => false,
    }
}

fn expected(part: &Value) -> String {
    if let Some(words) = words(part) {
        return format!("one of {}", words.join(", "));
    }
    if is_a(part, "integer") {
        return match bounds(part) {
            (least, i64::MAX) => format!("a whole number, {least} or more"),
            (least, most) => format!("a whole number from {least} to {most}"),
        };
    }
    let kinds = [
        ("string", "a text in quotes"),
        ("boolean", "true or false"),
        ("array", "a list of texts in brackets"),
    ];
    let kind = kinds.into_iter().find(|(kind, _)| is_a(part, kind));
    kind.map_or("a table", |(_, told)| told).to_owned()
}

/// What came. A list or a table is not repeated: it may hold what nobody wants to see printed.
fn shown(value: &toml::Value) -> String {
    match value {
        toml::Value::Array(_) => "a list".to_owned(),
        toml::Value::Table(_) => "a table".to_owned(),
        toml::Value::String(text) => format!("`{}`", model::shorten(&model::clean(text), 40)),
        other => format!("`{other}`"),
    }
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

    #[test]
    fn a_wrong_value_is_told_without_a_word_of_rust_and_never_repeated_from_a_list() {
        let schema = crate::configuration::schema();
        let told = |text: &str| {
            let found = wrong(&text.parse().unwrap(), &schema).unwrap();
            format!("{}: {}, {}", found.key, found.expected, found.got)
        };
        for (text, expected) in [
            ("limit = 'many'", "limit: a whole number, 0 or more, `many`"),
            ("limit = -1", "limit: a whole number, 0 or more, `-1`"),
            (
                "min_coverage = 101",
                "min_coverage: a whole number from 0 to 100, `101`",
            ),
            (
                "fail_on = 3",
                "fail_on: one of info, low, medium, high, critical, `3`",
            ),
            (
                "color = 'blue'",
                "color: one of auto, always, never, `blue`",
            ),
            ("progress = 1", "progress: true or false, `1`"),
            ("scan = 3", "scan: a table, `3`"),
            (
                "scan.sources = 'x'",
                "scan.sources: a list of texts in brackets, `x`",
            ),
            (
                "output = [1]",
                "output: a list of texts in brackets, a list",
            ),
            (
                "store = ['postgres://a:b@c/d']",
                "store: a text in quotes, a list",
            ),
        ] {
            assert_eq!(told(text), expected);
        }
        let right = "limit = 0\nmin_coverage = 100\nfail_on = 'low'\noutput = ['json']\n\
                     progress = false\n[scan]\nsources = []\n";
        assert_eq!(wrong(&right.parse().unwrap(), &schema), None);
    }
}
