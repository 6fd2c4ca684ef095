//! CSV as RFC 4180 has it, for spreadsheets.
//!
//! A text that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or
//! a carriage return) gets an apostrophe before it: names are foreign text. Numbers are left
//! alone. Whoever needs every byte as it is takes JSON.

use std::io::{self, Write};

use serde_json::Value;

use super::list::{Emit, Look, plain};
use super::{Fields, Row};

/// Rows of comma-separated values, with a head.
pub(super) struct Sheet {
    heads: Vec<String>,
    begun: bool,
    terminal: bool,
}

impl Sheet {
    pub(super) fn new(sheet: &super::Sheet<'_>, selected: &[String], look: Look) -> Self {
        let heads = if selected.is_empty() {
            sheet
                .fields
                .iter()
                .map(|field| field.name.to_owned())
                .collect()
        } else {
            selected.to_vec()
        };
        Self {
            heads,
            begun: false,
            terminal: look.terminal,
        }
    }

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            record(out, &self.heads)?;
        }
        Ok(())
    }
}

impl Emit for Sheet {
    fn row(&mut self, out: &mut dyn Write, _: &Row, fields: &Fields) -> io::Result<()> {
        self.begin(out)?;
        let cell = |head: &String| {
            let text = fields.get(head).map(guarded).unwrap_or_default();
            if self.terminal {
                model::clean(&text)
            } else {
                text
            }
        };
        record(out, &self.heads.iter().map(cell).collect::<Vec<_>>())
    }

    fn end(&mut self, out: &mut dyn Write, _: &[String]) -> io::Result<()> {
        self.begin(out)
    }
}

fn record(out: &mut dyn Write, cells: &[String]) -> io::Result<()> {
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer(out);
    writer.write_record(cells).map_err(io::Error::other)?;
    writer.flush()
}

fn guarded(value: &Value) -> String {
    let text = plain(value);
    let foreign = matches!(value, Value::String(_) | Value::Array(_));
    if foreign && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return format!("'{text}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_formula_is_disarmed_and_a_number_is_not() {
        assert_eq!(guarded(&json!("=HYPERLINK(\"x\")")), "'=HYPERLINK(\"x\")");
        assert_eq!(guarded(&json!("@sum")), "'@sum");
        assert_eq!(guarded(&json!(-5)), "-5");
        assert_eq!(guarded(&json!("a=b")), "a=b");
        assert_eq!(guarded(&json!(null)), "");
    }

    #[test]
    fn quotes_and_lines_are_kept_as_rfc_4180_has_them() {
        let mut out = Vec::new();
        record(
            &mut out,
            &["a\"b".into(), "c\nd".into(), "e,f".into(), String::new()],
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"a\"\"b\",\"c\nd\",\"e,f\",\r\n"
        );
    }
}
