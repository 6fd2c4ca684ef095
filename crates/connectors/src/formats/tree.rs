//! What formats made of nested tables share: one bounded tree from YAML, JSON or TOML.
//!
//! Errors of the parsers quote what they read, so none of their words is passed on.

use serde_json::Value;

use super::text::is_reference;
use super::{FileAt, Seen};

/// Tables nested deeper than this are not looked into.
const DEPTH_MAX: usize = 64;
/// Trees larger than this are not read.
const BYTES_MAX: usize = 32 << 20;
/// So many bytes of a long document stand for one of its nodes, at least.
const NODE_BYTES: usize = 8;

/// Nodes of one document at most, however long it is: some two hundred bytes of memory each.
const NODES_MAX: usize = 1 << 20;

/// A short document may be as dense as it likes.
const DENSE_BYTES_MAX: usize = 4 << 20;
/// A longer one has so many bytes for each of its values, at least: in memory each takes ten times
/// what the shortest takes in the file.
const VALUE_BYTES: usize = 5;

/// Whether a document holds more values than are kept in memory; that is a gap.
fn is_too_dense(text: &str, seen: &mut Seen) -> bool {
    if text.len() <= DENSE_BYTES_MAX {
        return false;
    }
    let values = memchr::memchr2_iter(b',', b':', text.as_bytes()).count();
    let dense = values > text.len() / VALUE_BYTES;
    if dense {
        seen.unsupported("holds more values than are read of one document");
    }
    dense
}

/// The file as JSON; a gap where it is none.
pub(super) fn json(file: &FileAt<'_>, seen: &mut Seen) -> Option<Value> {
    let text = file.text(seen);
    if is_too_dense(text, seen) {
        return None;
    }
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
    if is_too_dense(text, seen) {
        return None;
    }
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

/// A gap where `name` stands and is no list. What is filled in from elsewhere may become one.
pub(super) fn expect_list(value: &Value, name: &'static str, seen: &mut Seen) {
    let odd = |at: &&Value| !at.is_array() && !is_open(at);
    if value.get(name).filter(odd).is_some() {
        seen.broken(format!("expected a list of {name}, got something else"));
    }
}

/// A gap where `name` stands and is no table.
pub(super) fn expect_table(value: &Value, name: &'static str, seen: &mut Seen) {
    let odd = |at: &&Value| !at.is_object() && !is_open(at);
    if value.get(name).filter(odd).is_some() {
        seen.broken(format!("expected a table of {name}, got something else"));
    }
}

/// A gap where `name` stands and is no table of tables.
pub(super) fn expect_tables(value: &Value, name: &'static str, seen: &mut Seen) {
    expect_table(value, name, seen);
    if members(value, &[name]).any(|(_, one)| !one.is_object() && !is_open(one)) {
        seen.broken(format!(
            "expected a table for each of the {name}, got something else"
        ));
    }
}

/// Whether nothing stands there, or what is filled in from elsewhere.
fn is_open(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(is_reference)
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
/// aliases and size. Of several documents the first that has something is taken.
pub(super) fn yaml(file: &FileAt<'_>, seen: &mut Seen) -> Option<Value> {
    let text = file.text(seen);
    documents(text, 1, seen).into_iter().next()
}

/// The documents of a YAML stream that hold something, `most` of them at most. One that is a
/// template is set aside: it is no YAML before it is rendered.
pub(super) fn documents(text: &str, most: usize, seen: &mut Seen) -> Vec<Value> {
    let mut out = Vec::new();
    if text.len() > BYTES_MAX {
        seen.unsupported(format!("YAML of more than {} MiB", BYTES_MAX >> 20));
        return out;
    }
    let mut line = 1;
    for document in documents_of(text) {
        let first = line;
        line += document.bytes().filter(|byte| *byte == b'\n').count();
        if document.trim().is_empty() {
            continue;
        }
        if out.len() >= most {
            break;
        }
        match serde_saphyr::from_str_with_options(document, options_for(document.len())) {
            Ok(Value::Null) => {}
            Ok(value) => out.push(value),
            Err(_) if document.contains("{{") || document.contains("{%") => {
                seen.set_aside("template");
            }
            Err(told) if is_budget(&told) => {
                seen.unsupported("holds more values than are read of one document");
            }
            Err(told) => {
                let at = told.location().map_or(0, |place| place.line());
                let line = u64::try_from(first)
                    .unwrap_or(u64::MAX)
                    .saturating_add(at)
                    .saturating_sub(1);
                seen.broken(format!(
                    "expected YAML, got something else near line {line}"
                ));
            }
        }
    }
    out
}

/// Whether the parser stopped because there was more than it may make.
fn is_budget(told: &serde_saphyr::Error) -> bool {
    use serde_saphyr::Error;
    match told {
        Error::Budget { .. } => true,
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => is_budget(error),
        _ => false,
    }
}

/// As the readers of such files are: of a name that stands twice the last value counts.
pub(crate) fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
    }
}

/// The same for a document of so many bytes: the parser counts what it makes, so that a short one
/// cannot make much, and a long one holds more.
fn options_for(bytes: usize) -> serde_saphyr::Options {
    let mut options = options();
    if let Some(budget) = &mut options.budget {
        let nodes = (bytes / NODE_BYTES).min(NODES_MAX);
        budget.max_nodes = budget.max_nodes.max(nodes);
        // Each node begins, and some end.
        budget.max_events = budget.max_events.max(2 * nodes);
    }
    options
}

/// The documents of a stream: between lines that begin with `---`.
pub(crate) fn documents_of(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        if line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
        {
            out.push(&text[start..at]);
            start = at;
        }
        at += line.len();
    }
    out.push(&text[start..]);
    out
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
pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_dashes_parts_documents_and_one_in_a_text_does_not() {
        let text = "---\na: 1\n--- # next\nb: |\n  ---\n  x\n---x: 2\n";
        assert_eq!(
            documents_of(text),
            ["", "---\na: 1\n", "--- # next\nb: |\n  ---\n  x\n---x: 2\n"]
        );
    }

    #[test]
    fn a_name_that_stands_twice_hides_nothing_else_of_its_file() {
        let mut seen = Seen::default();
        let text = "a: 1\nb: {c: .inf}\na: &x {d: 2, e: 3}\nf:\n  <<: *x\n  d: 4\n";
        let told = documents(text, 1, &mut seen);
        assert!(seen.gaps.is_empty(), "{:?}", seen.gaps);
        assert_eq!(told[0]["f"], serde_json::json!({"d": 4, "e": 3}));
        assert_eq!(told[0]["a"]["d"], 2);
    }

    /// 32 MiB of the shortest lists and names there are: what is held of them does not grow with
    /// how many there are.
    #[test]
    fn a_dense_document_is_a_gap_and_one_that_is_as_long_and_not_dense_is_read() {
        let dense = "- [a,b,c,d,e,f,g]\n".repeat(BYTES_MAX / 18);
        let mut seen = Seen::default();
        assert!(documents(&dense, 1, &mut seen).is_empty());
        let told = "holds more values than are read of one document".to_owned();
        assert_eq!(seen.gaps, [(model::Reason::Unsupported, told)]);
        let long = format!("- {}\n", "x".repeat(1_000)).repeat(BYTES_MAX / 1_003);
        let mut seen = Seen::default();
        assert_eq!(documents(&long, 1, &mut seen).len(), 1, "{:?}", seen.gaps);
    }

    #[test]
    fn aliases_that_multiply_are_a_gap_and_no_flood() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let before = format!("*a{}, ", n - 1).repeat(10);
            text.push_str(&format!("a{n}: &a{n} [{before}]\n"));
        }
        let mut seen = Seen::default();
        assert!(documents(&text, 1, &mut seen).is_empty());
        assert_eq!(seen.gaps.len(), 1, "{:?}", seen.gaps);
    }
}
