//! Jupyter notebooks (nbformat 3 and 4): rules search the text of each cell and of its outputs.
//!
//! A secret's place is its cell: `text` is `cell 3` or `output of cell 3`, counted from 1, and
//! `text_line` the line within it.

use serde_json::Value;

use super::{FileAt, Format, FormatSpec, Seen, tree};

/// More cells than this in one notebook are not looked at.
const CELLS_MAX: usize = 10_000;

pub(super) struct Notebook;

impl Format for Notebook {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "notebook",
            reads: "secrets in the cells and outputs of Jupyter notebooks",
            places: &["*.ipynb"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name.ends_with(".ipynb")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::json(file, seen) else {
            return;
        };
        let version = value.get("nbformat").and_then(Value::as_i64);
        if !matches!(version, Some(3 | 4)) {
            seen.unsupported("expected a notebook of format 3 or 4, got another");
            return;
        }
        let sheets = tree::list(&value, &["worksheets"]).iter();
        let cells = sheets.chain([&value]);
        let cells = cells.flat_map(|one| tree::list(one, &["cells"]));
        for (n, cell) in (1..).zip(cells) {
            if n > CELLS_MAX {
                seen.unsupported(format!(
                    "holds more than {CELLS_MAX} cells; the rest was not read"
                ));
                break;
            }
            read_cell(n, cell, seen);
        }
        if let Some(told) = value.get("metadata") {
            seen.text("metadata", told.to_string());
        }
        // The bytes hold the same texts, escaped, and pictures.
        seen.texts_are_all = true;
    }
}

fn read_cell(n: usize, cell: &Value, seen: &mut Seen) {
    let source = joined(cell.get("source").or_else(|| cell.get("input")));
    if !source.is_empty() {
        seen.text(format!("cell {n}"), source);
    }
    let mut shown = String::new();
    for output in tree::list(cell, &["outputs"]) {
        for part in ["text", "evalue", "traceback"] {
            shown.push_str(&joined(output.get(part)));
            shown.push('\n');
        }
        for (kind, data) in tree::members(output, &["data"]) {
            // A picture says nothing in letters.
            if kind.starts_with("image/") && kind != "image/svg+xml" {
                continue;
            }
            match data {
                Value::Object(_) => shown.push_str(&data.to_string()),
                _ => shown.push_str(&joined(Some(data))),
            }
            shown.push('\n');
        }
    }
    if !shown.trim().is_empty() {
        seen.text(format!("output of cell {n}"), shown);
    }
}

/// A text that may be written as a list of its lines.
fn joined(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}
