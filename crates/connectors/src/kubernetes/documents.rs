//! What people export: lists as `kubectl get -o json|yaml` prints them, one object or list a
//! line, several after one another, and `kubectl cluster-info dump` with its logs between.

use model::Reason;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::sieve::{self, Head};
use crate::Refusal;
use crate::formats::yaml_documents;

/// One object in YAML is smaller: a server takes none beyond 1.5 MiB.
const YAML_BYTES_MAX: usize = 4 << 20;

/// The beginning and end of what `cluster-info dump` puts between its lists.
const LOGS: (&str, &str) = ("==== START logs for", "==== END logs for");

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named {
    kind: Value,
    #[serde(rename = "apiVersion")]
    version: Value,
}

impl From<Named> for Head {
    fn from(named: Named) -> Self {
        let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            kind: text(named.kind),
            version: text(named.version),
        }
    }
}

/// Hands each object in `text` to `each`, with what else is left of each document (a list's own
/// `metadata`). Whether there was any document at all.
///
/// # Errors
/// A document that is broken: those before it are read.
pub(super) fn read(text: &str, each: &mut dyn FnMut(Value)) -> Result<bool, Refusal> {
    let start = text.trim_start().chars().next();
    match start {
        Some('{' | '[') => json(text, each),
        Some('=') if text.trim_start().starts_with(LOGS.0) => json(text, each),
        Some(_) if is_yaml(text) => yaml(text, each),
        _ => Ok(false),
    }
}

/// Reads one answer of an interface: what is left of it, its own `metadata` for one.
///
/// # Errors
/// It is no JSON.
pub(super) fn answer(text: &str, each: &mut dyn FnMut(Value)) -> Result<Value, Refusal> {
    let broken = |error: serde_json::Error| unread("JSON", error.line());
    let head: Named = serde_json::from_str(text).map_err(broken)?;
    let mut from = serde_json::Deserializer::from_str(text);
    let left = sieve::sift(&mut from, &head.into(), each).map_err(broken)?;
    from.end().map_err(broken)?;
    Ok(left)
}

/// YAML that is no object of Kubernetes is somebody else's.
fn is_yaml(text: &str) -> bool {
    text.contains("apiVersion:") && text.contains("kind:")
}

fn json(text: &str, each: &mut dyn FnMut(Value)) -> Result<bool, Refusal> {
    let mut any = false;
    for (line, part) in between_logs(text) {
        let mut rest = part;
        let mut line = line;
        while !rest.trim_start().is_empty() {
            let mut documents = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
            let broken = |error: &serde_json::Error| unread("JSON", line + error.line() - 1);
            if let Some(Err(error)) = documents.next() {
                return Err(broken(&error));
            }
            let (document, behind) = rest.split_at(documents.byte_offset());
            if document.trim_start().starts_with('[') {
                let mut from = serde_json::Deserializer::from_str(document);
                sieve::sift(&mut from, &Head::default(), each).map_err(|error| broken(&error))?;
            } else {
                let head: Named = serde_json::from_str(document).map_err(|error| broken(&error))?;
                let mut from = serde_json::Deserializer::from_str(document);
                sieve::sift(&mut from, &head.into(), each).map_err(|error| broken(&error))?;
            }
            any = true;
            line += document.bytes().filter(|byte| *byte == b'\n').count();
            rest = behind;
        }
    }
    Ok(any)
}

/// The parts of a dump between the logs of its containers, with the line each begins at.
fn between_logs(text: &str) -> Vec<(usize, &str)> {
    if !text.contains(LOGS.0) {
        return vec![(1, text)];
    }
    let mut out = Vec::new();
    let (mut start, mut at, mut first, mut logs) = (0, 0, 1, false);
    for (n, line) in text.split_inclusive('\n').enumerate() {
        let next = at + line.len();
        if !logs && line.starts_with(LOGS.0) {
            out.push((first, &text[start..at]));
            logs = true;
        } else if logs && line.starts_with(LOGS.1) {
            (logs, start, first) = (false, next, n + 2);
        }
        at = next;
    }
    if !logs {
        out.push((first, &text[start..]));
    }
    out
}

fn yaml(text: &str, each: &mut dyn FnMut(Value)) -> Result<bool, Refusal> {
    let mut line = 1;
    let mut any = false;
    for document in yaml_documents(text) {
        if !document.trim().is_empty() {
            list(document, line, each)?;
            any = true;
        }
        line += document.bytes().filter(|byte| *byte == b'\n').count();
    }
    Ok(any)
}

/// A list as it is printed has its items at the first column, and each is read by itself: the
/// whole of it would be too much to hold as a tree. Any other document is read at once.
fn list(document: &str, line: usize, each: &mut dyn FnMut(Value)) -> Result<(), Refusal> {
    let Some((head, items)) = items(document) else {
        return one(document, line, &Head::default(), each);
    };
    let head = yaml_head(&head, line)?;
    for (at, item) in items {
        one(&item, line + at, &head, each)?;
    }
    Ok(())
}

/// What stands round the items of a list, and each item with its first line.
fn items(document: &str) -> Option<(String, Vec<(usize, String)>)> {
    let mut head = String::new();
    let mut items: Vec<(usize, String)> = Vec::new();
    let mut within = false;
    for (n, line) in document.split_inclusive('\n').enumerate() {
        match line.strip_prefix("- ") {
            _ if line.trim_end() == "items:" => within = true,
            Some(rest) if within => items.push((n, format!("  {rest}"))),
            None if within && line.starts_with([' ', '\n', '\r']) => {
                items.last_mut()?.1.push_str(line);
            }
            _ => {
                within = false;
                head.push_str(line);
            }
        }
    }
    (!items.is_empty()).then_some((head, items))
}

fn yaml_head(text: &str, line: usize) -> Result<Head, Refusal> {
    let named: Named = serde_saphyr::from_str_with_options(text, crate::formats::yaml_options())
        .map_err(|_| unread("YAML", line))?;
    Ok(named.into())
}

fn one(text: &str, line: usize, head: &Head, each: &mut dyn FnMut(Value)) -> Result<(), Refusal> {
    if text.len() > YAML_BYTES_MAX {
        let told = format!(
            "line {line}: an object of more than {} MiB",
            YAML_BYTES_MAX >> 20
        );
        return Err(Refusal::new(Reason::Unsupported, told));
    }
    let options = crate::formats::yaml_options();
    let head = match head.kind.as_str() {
        "" => yaml_head(text, line)?,
        _ => head.clone(),
    };
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, options, |from| {
        sieve::sift(from, &head, each)
    });
    read.map(drop).map_err(|error| {
        let at = error.location().map_or(1, |place| place.line());
        unread("YAML", line + usize::try_from(at).unwrap_or(1) - 1)
    })
}

fn unread(what: &str, line: usize) -> Refusal {
    let told = format!("expected {what}, got something else near line {line}");
    Refusal::new(Reason::Failed, told)
}
