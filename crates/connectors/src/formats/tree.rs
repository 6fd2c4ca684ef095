//! What formats made of nested tables share: one bounded tree from YAML, JSON or TOML.
//!
//! Errors of the parsers quote what they read, so none of their words is passed on.

use serde_json::Value;

use super::text::is_reference;
use super::{FileAt, Seen};

/// Tables nested deeper than this are not looked into.
const DEPTH_MAX: usize = 64;
/// Trees larger than this are not read.
const BYTES_MAX: usize = 4 << 20;

/// The file as JSON; a gap where it is none.
pub(super) fn json(file: &FileAt<'_>, seen: &mut Seen) -> Option<Value> {
    let text = file.text(seen);
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(told) => {
            seen.broken(format!(
                "expected JSON, got something else at line {}",
                told.line()
            ));
            None
        }
    }
}

/// The file as JSON with comments and commas at the end, as editors write it; a gap where it is
/// none. Lines stay where they are.
pub(super) fn json_with_comments(file: &FileAt<'_>, seen: &mut Seen) -> Option<Value> {
    let text = file.text(seen);
    match serde_json::from_str(text).or_else(|_| serde_json::from_str(&without_comments(text))) {
        Ok(value) => Some(value),
        Err(told) => {
            seen.broken(format!(
                "expected JSON, got something else at line {}",
                told.line()
            ));
            None
        }
    }
}

fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some(_)) if quoted => {
                out.push(letter);
                out.extend(letters.next());
                continue;
            }
            ('"', _) => quoted = !quoted,
            ('/', Some('/')) if !quoted => {
                while letters.next_if(|next| *next != '\n').is_some() {}
                continue;
            }
            ('/', Some('*')) if !quoted => {
                let mut before = ' ';
                for next in letters.by_ref() {
                    if next == '\n' {
                        out.push(next);
                    }
                    if (before, next) == ('*', '/') {
                        break;
                    }
                    before = next;
                }
                continue;
            }
            ('}' | ']', _) if !quoted => {
                let end = out.trim_end().len();
                if out[..end].ends_with(',') {
                    out.replace_range(end - 1..end, " ");
                }
            }
            _ => {}
        }
        out.push(letter);
    }
    out
}

/// The texts at `path`: those of a list, or the one that stands there.
pub(super) fn texts<'a>(value: &'a Value, path: &[&str]) -> Vec<&'a str> {
    match path.iter().try_fold(value, |at, name| at.get(name)) {
        Some(Value::String(text)) => vec![text.as_str()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The list at `path`; empty where there is none.
pub(super) fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    let at = path.iter().try_fold(value, |at, name| at.get(name));
    at.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The names and texts of the table at `path`, numbers included.
pub(super) fn pairs<'a>(value: &'a Value, path: &[&str]) -> Vec<(&'a str, &'a str)> {
    members(value, path)
        .filter_map(|(name, value)| Some((name, value.as_str()?)))
        .collect()
}

/// Hands every text below `value` to `each`, by depth at most [`DEPTH_MAX`].
pub(super) fn each_text<'a>(value: &'a Value, each: &mut impl FnMut(&'a str)) {
    fn walk<'a>(value: &'a Value, depth: usize, each: &mut impl FnMut(&'a str)) {
        match value {
            Value::String(text) => each(text),
            Value::Array(list) if depth < DEPTH_MAX => {
                list.iter().for_each(|one| walk(one, depth + 1, each));
            }
            Value::Object(table) if depth < DEPTH_MAX => {
                table.values().for_each(|one| walk(one, depth + 1, each));
            }
            _ => {}
        }
    }
    walk(value, 0, each);
}

/// The file as YAML, of which JSON is a part; a gap where it is none. The parser bounds depth,
/// aliases and size.
pub(super) fn yaml(file: &FileAt<'_>, seen: &mut Seen) -> Option<Value> {
    let text = file.text(seen);
    if text.len() > BYTES_MAX {
        return None;
    }
    match serde_saphyr::from_str(text) {
        Ok(value) => Some(value),
        Err(told) => {
            let line = told.location().map_or(0, |location| location.line());
            seen.broken(format!(
                "expected YAML, got something else near line {line}"
            ));
            None
        }
    }
}

/// The file as TOML; a gap where it is none.
pub(super) fn toml(file: &FileAt<'_>, seen: &mut Seen) -> Option<Value> {
    let text = file.text(seen);
    match toml::from_str(text) {
        Ok(value) => Some(value),
        Err(told) => {
            let at = told.span().map_or(0, |span| span.start);
            let line = 1 + text.get(..at).unwrap_or_default().matches('\n').count();
            seen.broken(format!("expected TOML, got something else at line {line}"));
            None
        }
    }
}

/// The text at `path`; `None` where there is none or it is filled in from elsewhere.
pub(super) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    let at = path.iter().try_fold(value, |at, name| at.get(name))?;
    at.as_str().filter(|text| !is_reference(text))
}

/// The members of the table at `path`.
pub(super) fn members<'a>(
    value: &'a Value,
    path: &[&str],
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let at = path.iter().try_fold(value, |at, name| at.get(name));
    at.and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}
