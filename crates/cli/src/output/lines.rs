//! Lines that editors and CI read: `path:line:column: severity: message [rule]`.
//!
//! One finding a line, whatever its texts hold: control characters are escaped, and so is a colon
//! in a path's place of a number. What has no place in a file is counted and left out.

use std::io::{self, Write};

use serde_json::Value;

use super::list::Emit;
use super::{Fields, Row};

/// Findings as lines.
#[derive(Default)]
pub(super) struct Lines {
    placeless: u64,
}

impl Emit for Lines {
    fn row(&mut self, out: &mut dyn Write, row: &Row, _: &Fields) -> io::Result<()> {
        // The selection of fields is for people's formats; these lines have a shape of their own.
        match line(&row.fields) {
            Some(line) => writeln!(out, "{line}"),
            None => {
                self.placeless += 1;
                Ok(())
            }
        }
    }

    fn end(&mut self, _: &mut dyn Write, _: &[String]) -> io::Result<()> {
        Ok(())
    }

    fn remarks(&self) -> Vec<String> {
        if self.placeless == 0 {
            return Vec::new();
        }
        vec![format!(
            "{} without a place in a file: `-o table` lists them too",
            crate::words::many(self.placeless, "finding", "findings")
        )]
    }
}

/// The line of one finding, if it lies in a file. `error` and `warning` are the words that
/// problem matchers know; our own severity stands behind them.
fn line(fields: &Fields) -> Option<String> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let path = fields.get("path").and_then(Value::as_str)?;
    let line = fields.get("line").and_then(Value::as_u64).unwrap_or(1);
    let word = match (text("verdict"), text("severity")) {
        ("unknown", _) => "note",
        (_, "critical" | "high") => "error",
        (_, "medium") => "warning",
        _ => "note",
    };
    let message = format!(
        "{}: {} ({}); next: {}",
        text("name"),
        text("why"),
        text("severity"),
        text("next")
    );
    Some(format!(
        "{}:{line}:1: {word}: {} [{}]",
        model::clean(path),
        model::clean(&message),
        text("rule")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(value: Value) -> Option<String> {
        let Value::Object(fields) = value else {
            return None;
        };
        line(&fields)
    }

    #[test]
    fn a_finding_is_one_line_whatever_it_is_called() {
        let finding = json!({"path": "a\nb/.env", "line": 3, "severity": "high", "verdict": "fail",
            "name": "X\u{1b}[2J in .env", "why": "it is staged\r\nerror: y", "next": "n", "rule": "new-secret"});
        let line = told(finding).unwrap();
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(
            line.contains(":3:1: error: ") && line.ends_with("[new-secret]"),
            "{line}"
        );
        assert_eq!(told(json!({"severity": "high"})), None);
    }
}
