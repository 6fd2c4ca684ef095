//! YAML 1.2: a list is a sequence of mappings; remarks and the gauge are comments behind it.

use std::io::{self, Write};

use serde_json::Value;

use super::list::Emit;
use super::{Fields, Row};

/// One sequence; an empty list is `[]`.
#[derive(Default)]
pub(super) struct Sequence {
    begun: bool,
}

impl Emit for Sequence {
    fn row(&mut self, out: &mut dyn Write, _: &Row, fields: &Fields) -> io::Result<()> {
        self.begun = true;
        out.write_all(text(&Value::Array(vec![Value::Object(fields.clone())])).as_bytes())
    }

    fn end(&mut self, out: &mut dyn Write, footer: &[String]) -> io::Result<()> {
        if !self.begun {
            out.write_all(b"[]\n")?;
        }
        for line in footer {
            // What is cleaned holds no line break, so a comment it stays.
            writeln!(out, "# {}", model::clean(line))?;
        }
        Ok(())
    }

    fn carries_footer(&self) -> bool {
        true
    }
}

/// A value as YAML. Texts that are not plain words stand in double quotes, escaped as in JSON,
/// which YAML 1.2 reads alike.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

// The depth is that of what the commands build, not of foreign input.
fn block(value: &Value, depth: usize, out: &mut String) {
    let pad = "  ".repeat(depth);
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (at, (name, value)) in map.iter().enumerate() {
                // The first member of a sequence's item stands behind its dash.
                if at > 0 || !out.ends_with("- ") {
                    out.push_str(&pad);
                }
                out.push_str(&scalar(&Value::String(name.clone())));
                out.push(':');
                under(value, depth, out);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for value in list {
                out.push_str(&pad);
                out.push_str("- ");
                if is_block(value) && value.is_object() {
                    block(value, depth + 1, out);
                } else {
                    // A sequence in a sequence is written in one line.
                    out.push_str(&scalar(value));
                    out.push('\n');
                }
            }
        }
        other => {
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

fn under(value: &Value, depth: usize, out: &mut String) {
    if is_block(value) {
        out.push('\n');
        block(value, depth + 1, out);
    } else {
        out.push(' ');
        out.push_str(&scalar(value));
        out.push('\n');
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => false,
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        other => super::json::line(other),
    }
}

/// A word that no reader takes for anything but text.
fn is_plain(text: &str) -> bool {
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !reserved.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_reads_back_the_same() {
        let value = json!([
            {"id": "x", "n": 1, "none": null, "yes": "yes", "list": ["a: b", "- c", "#d"],
             "deep": {"a b": {"c": [], "d": {}}, "times": [{"at": "2026-03-01T00:00:00Z", "k": [1, [2]]}]},
             "odd": "\u{202e}\n\u{1b}[2J", "number-like": "0123", "float": "1e3"},
            {"empty": ""}
        ]);
        let yaml = text(&value);
        assert_eq!(
            serde_saphyr::from_str::<Value>(&yaml).unwrap(),
            value,
            "{yaml}"
        );
        assert!(!yaml.contains(['\u{202e}', '\u{1b}']));
    }
}
