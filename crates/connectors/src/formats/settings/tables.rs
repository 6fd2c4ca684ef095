//! Nested tables, flattened into settings that stand side by side.

use serde_json::Value;

use super::Setting;

/// Attributes nested deeper are not looked at.
const DEPTH_MAX: usize = 12;
/// More settings than this of one resource are not looked at.
const SETTINGS_MAX: usize = 5_000;
/// A longer text is not looked at for settings within.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// The members that hold name and value where a list says what a table could.
const PAIRS: &[(&str, &str)] = &[
    ("name", "value"),
    ("Name", "Value"),
    ("Key", "Value"),
    ("OptionName", "Value"),
    ("ParameterKey", "ParameterValue"),
];

/// Settings of one table each.
#[derive(Debug, Default)]
pub(in crate::formats) struct Tables {
    tables: Vec<Vec<Owned>>,
    count: usize,
    /// Whether a bound was met.
    pub(in crate::formats) cut: bool,
}

#[derive(Debug)]
struct Owned {
    name: String,
    field: String,
    value: String,
    stated: bool,
}

impl Tables {
    /// The tables of `value`, which stands at `base`; `sensitive` has its shape and is true where
    /// it is marked.
    pub(in crate::formats) fn of(base: &str, value: &Value, sensitive: &Value) -> Self {
        let mut out = Self::default();
        out.walk(base, value, sensitive, 0);
        out
    }

    /// Each table as settings.
    pub(in crate::formats) fn each(&self) -> impl Iterator<Item = Vec<Setting<'_>>> {
        self.tables.iter().map(|table| {
            table
                .iter()
                .map(|one| Setting {
                    name: &one.name,
                    field: one.field.clone(),
                    value: &one.value,
                    stated: one.stated,
                })
                .collect()
        })
    }

    fn walk(&mut self, base: &str, value: &Value, sensitive: &Value, depth: usize) {
        if depth > DEPTH_MAX || self.count > SETTINGS_MAX {
            self.cut = true;
            return;
        }
        match value {
            Value::Object(members) => {
                let mut table = Vec::new();
                for (name, value) in members {
                    let marks = sensitive.get(name).unwrap_or(sensitive);
                    let marks = if marks.is_object() && !value.is_object() && !value.is_array() {
                        &Value::Bool(false)
                    } else {
                        marks
                    };
                    match value {
                        Value::String(text) => match document(text) {
                            Some(inner) => {
                                self.walk(&below(base, name), &inner, marks, depth + 1);
                            }
                            None => {
                                table.push(owned(base, name, text, marks == &Value::Bool(true)))
                            }
                        },
                        Value::Number(number) => {
                            table.push(owned(base, name, &number.to_string(), false));
                        }
                        Value::Object(_) | Value::Array(_) => {
                            self.walk(&below(base, name), value, marks, depth + 1);
                        }
                        _ => {}
                    }
                }
                self.add(table);
            }
            Value::Array(list) => {
                for (n, value) in list.iter().enumerate() {
                    let marks = sensitive.get(n).unwrap_or(sensitive);
                    let at = format!("{base}[{n}]");
                    match value {
                        Value::String(text) if marks == &Value::Bool(true) => {
                            self.add(vec![owned("", &at, text, true)]);
                        }
                        _ if self.pair(base, value, marks) => {}
                        _ => self.walk(&at, value, marks, depth + 1),
                    }
                }
            }
            _ => {}
        }
    }

    /// `{name = "DB_PASSWORD", value = "…"}`: how lists of variables are written.
    fn pair(&mut self, base: &str, value: &Value, marks: &Value) -> bool {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let members = value.as_object().map_or(0, serde_json::Map::len);
        let pair = PAIRS
            .iter()
            .find_map(|(name, value)| Some((text(name)?, text(value)?, *value)));
        let (Some((name, text, within)), 2 | 3) = (pair, members) else {
            return false;
        };
        self.add(vec![owned(base, name, text, marked(marks, within))]);
        true
    }

    fn add(&mut self, table: Vec<Owned>) {
        self.count += table.len();
        if !table.is_empty() {
            self.tables.push(table);
        }
    }
}

fn marked(sensitive: &Value, name: &str) -> bool {
    sensitive == &Value::Bool(true) || sensitive.get(name) == Some(&Value::Bool(true))
}

fn below(base: &str, name: &str) -> String {
    if base.is_empty() {
        name.to_owned()
    } else {
        format!("{base}.{name}")
    }
}

fn owned(base: &str, name: &str, value: &str, stated: bool) -> Owned {
    Owned {
        name: name.to_owned(),
        field: below(base, name),
        value: value.to_owned(),
        stated,
    }
}

/// A JSON document written in an attribute, unless it is a credential file as a whole.
fn document(text: &str) -> Option<Value> {
    let text = text.trim();
    let wrapped = text.starts_with('{') && text.ends_with('}')
        || text.starts_with('[') && text.ends_with(']');
    let whole = text.contains("\"auths\"") || text.contains("\"service_account\"");
    (wrapped && !whole && text.len() <= DOCUMENT_BYTES_MAX)
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}
