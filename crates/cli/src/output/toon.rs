//! TOON (Token-Oriented Object Notation): JSON's data model in few tokens, for language models.
//!
//! What is written is what every version of its specification since 1.3 reads alike: objects by
//! indentation, arrays with their length, arrays of alike objects without parts as a table with
//! a comma between its cells. Rows are held until the last is known, because an array says first
//! how many it has.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::list::Emit;
use super::{Fields, Row};

/// One array at the root; an empty list is `[0]:`.
#[derive(Default)]
pub(super) struct Array {
    rows: Vec<Value>,
}

impl Emit for Array {
    fn row(&mut self, _: &mut dyn Write, _: &Row, fields: &Fields) -> io::Result<()> {
        self.rows.push(Value::Object(fields.clone()));
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, _: &[String]) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        writeln!(out, "{}", text(&Value::Array(rows)))
    }
}

/// A value as TOON, without a line break at its end.
pub(super) fn text(value: &Value) -> String {
    let mut lines = Vec::new();
    match value {
        Value::Object(map) => object(map, 0, &mut lines),
        Value::Array(list) => array("", list, 0, &mut lines),
        other => lines.push(scalar(other)),
    }
    lines.join("\n")
}

// The depth is that of what the commands build, not of foreign input.
fn object(map: &Map<String, Value>, depth: usize, lines: &mut Vec<String>) {
    for (name, value) in map {
        member(&key(name), value, depth, lines);
    }
}

fn member(key: &str, value: &Value, depth: usize, lines: &mut Vec<String>) {
    match value {
        Value::Array(list) => array(key, list, depth, lines),
        Value::Object(map) => {
            lines.push(format!("{}{key}:", pad(depth)));
            object(map, depth + 1, lines);
        }
        other => lines.push(format!("{}{key}: {}", pad(depth), scalar(other))),
    }
}

/// An array under its header; `key` is empty at the root and in an array.
fn array(key: &str, list: &[Value], depth: usize, lines: &mut Vec<String>) {
    let (pad_, length) = (pad(depth), list.len());
    if list.iter().all(is_scalar) {
        let values: Vec<String> = list.iter().map(scalar).collect();
        let space = if values.is_empty() { "" } else { " " };
        lines.push(format!("{pad_}{key}[{length}]:{space}{}", values.join(",")));
    } else if let Some(heads) = alike(list) {
        let names: Vec<String> = heads.iter().map(|name| self::key(name)).collect();
        lines.push(format!("{pad_}{key}[{length}]{{{}}}:", names.join(",")));
        for row in list {
            let cells = heads.iter().map(|name| scalar(&row[name.as_str()]));
            lines.push(format!(
                "{}{}",
                pad(depth + 1),
                cells.collect::<Vec<_>>().join(",")
            ));
        }
    } else {
        lines.push(format!("{pad_}{key}[{length}]:"));
        for one in list {
            item(one, depth + 1, lines);
        }
    }
}

/// One element of an array that is no table: what it holds stands behind its hyphen.
fn item(value: &Value, depth: usize, lines: &mut Vec<String>) {
    let begun = lines.len();
    match value {
        Value::Object(map) if map.is_empty() => return lines.push(format!("{}-", pad(depth))),
        Value::Object(map) => object(map, depth + 1, lines),
        Value::Array(list) => array("", list, depth + 1, lines),
        other => lines.push(format!("{}{}", pad(depth + 1), scalar(other))),
    }
    // The hyphen takes the place of one step of indentation.
    if let Some(first) = lines.get_mut(begun) {
        *first = format!("{}- {}", pad(depth), first.trim_start());
    }
}

/// The fields of `list`, if it is of objects that have the same ones and no parts.
fn alike(list: &[Value]) -> Option<Vec<&String>> {
    let first = list.first()?.as_object()?;
    let fits = |value: &Value| {
        value.as_object().is_some_and(|map| {
            map.len() == first.len()
                && first
                    .keys()
                    .all(|name| map.get(name).is_some_and(is_scalar))
        })
    };
    (!first.is_empty() && list.iter().all(fits)).then(|| first.keys().collect())
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

fn pad(depth: usize) -> String {
    "  ".repeat(depth)
}

fn key(name: &str) -> String {
    let mut letters = name.chars();
    let plain = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name.to_owned() } else { quoted(name) }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// The format has five escapes and no more: what would steer a terminal or deceive a reader is
/// spelt out as text before (`model::clean`).
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => {
                out.push_str(&model::clean(other.encode_utf8(&mut [0; 4])).replace('\\', "\\\\"))
            }
        }
    }
    out.push('"');
    out
}

/// A text that needs no quotes: no reader takes it for anything but itself.
fn is_plain(text: &str) -> bool {
    let first = text.chars().next();
    let numeric = text
        .trim_start_matches('-')
        .starts_with(|c: char| c.is_ascii_digit());
    !numeric
        && first.is_some_and(|c| c != '-' && !c.is_whitespace())
        && !text.ends_with(char::is_whitespace)
        && !matches!(text, "true" | "false" | "null")
        && !text.contains(|c: char| ":\"\\[]{},|#\n\r\t".contains(c) || c.is_control())
        && model::clean(text) == text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn back(value: &Value) -> Value {
        let toon = text(value);
        toon_format::decode_strict(&toon).unwrap_or_else(|e| panic!("{e}\n{toon}"))
    }

    #[test]
    fn what_is_written_is_read_the_same_by_another_implementation() {
        for value in [
            json!([]),
            json!([{"id": "x", "n": 1, "none": null, "yes": "true"}, {"id": "y, z", "n": -2.5, "none": "05", "yes": true}]),
            json!([{"id": "a", "list": ["a: b", "- c", ""], "deep": {"k": [1, [2, 3]], "e": {}, "l": []}}, {"id": "b"}, 7, []]),
            json!({"a b": {"c": []}, "rows": [{"x": 1}, {"x": 2}], "mixed": [{"t": [{"q": 1}, {"q": 2}], "z": "1e3"}], "name": " lead"}),
            json!(["plain", "has \"quotes\"", "back\\slash", "tab\there"]),
            json!({"times": ["2026-03-01T00:00:00Z"], "empty": "", "dash": "-", "path": "/srv/a#b|c"}),
        ] {
            assert_eq!(back(&value), value, "{}", text(&value));
        }
    }

    #[test]
    fn rows_alike_become_a_table() {
        let value = json!([{"id": "crd-1", "n": 1}, {"id": "crd-2", "n": null}]);
        assert_eq!(text(&value), "[2]{id,n}:\n  crd-1,1\n  crd-2,null");
        assert_eq!(text(&json!([])), "[0]:");
    }

    #[test]
    fn nothing_that_steers_a_terminal_comes_out() {
        let toon = text(&json!({"name": "a\u{1b}[2J\u{202e}b"}));
        assert!(!toon.contains(['\u{1b}', '\u{202e}']), "{toon}");
        assert_eq!(back(&json!({"n": "x\u{1b}"})), json!({"n": "x\\u{1b}"}));
    }
}
