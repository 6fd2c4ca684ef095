//! Files that hold what programs printed: found below what was named, and read as JSON.

use std::collections::BTreeSet;

use model::Reason;
use serde_json::Value;

use crate::{Context, EntryKind, Refusal};

/// Larger than the largest account's export.
pub(crate) const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Files looked at in one pass.
const FILES_MAX: usize = 100_000;
/// Directories below a named one.
const DEPTH_MAX: usize = 16;

/// The files and directories that a source names: option `dirs`, one a line, or its target.
pub(crate) fn places(cx: &Context<'_>) -> Vec<String> {
    let named: BTreeSet<String> = cx
        .option("dirs")
        .unwrap_or(cx.target())
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    named.into_iter().collect()
}

/// Every file at and below what the source names, and what could not be listed.
pub(crate) fn files(cx: &mut Context<'_>) -> (Vec<String>, Vec<(String, Refusal)>) {
    let (mut files, mut trouble) = (Vec::new(), Vec::new());
    for place in places(cx) {
        gather(cx, &place, 0, &mut files, &mut trouble);
    }
    (files, trouble)
}

fn gather(
    cx: &mut Context<'_>,
    place: &str,
    depth: usize,
    files: &mut Vec<String>,
    trouble: &mut Vec<(String, Refusal)>,
) {
    if depth > DEPTH_MAX || files.len() >= FILES_MAX {
        let told = format!("more than {FILES_MAX} files or {DEPTH_MAX} levels of directories");
        trouble.push((place.to_owned(), Refusal::new(Reason::Unsupported, told)));
        return;
    }
    let entries = match cx.list(place) {
        Ok(entries) => entries,
        // A place that is named may be a file.
        Err(refusal) if depth == 0 && !refusal.stop && cx.read(place, 1).is_ok() => {
            files.push(place.to_owned());
            return;
        }
        Err(refusal) => {
            trouble.push((place.to_owned(), refusal));
            return;
        }
    };
    for entry in entries {
        if trouble.last().is_some_and(|(_, refusal)| refusal.stop) {
            return;
        }
        let path = format!("{}/{}", place.trim_end_matches('/'), entry.name);
        match entry.kind {
            EntryKind::Directory => gather(cx, &path, depth + 1, files, trouble),
            EntryKind::File => {
                if files.len() >= FILES_MAX {
                    let told = format!("more than {FILES_MAX} files");
                    trouble.push((path, Refusal::new(Reason::Unsupported, told)));
                    return;
                }
                files.push(path);
            }
            EntryKind::Link | EntryKind::Other => {}
        }
    }
}

/// The text of an export, without a mark of byte order; and whether it is JSON, by what it begins
/// with or by its name.
pub(crate) fn is_json(path: &str, bytes: &[u8]) -> bool {
    let mut letters = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let claims = [".json", ".jsonl", ".ndjson"];
    match letters.next() {
        Some(b'{' | b'[') => true,
        Some(_) => claims.iter().any(|end| name.ends_with(end)),
        None => false,
    }
}

/// One JSON value, or several after one another (a page each, or one a line).
///
/// # Errors
/// It is no JSON; whatever came before that was given to `take`.
pub(crate) fn json(bytes: &[u8], take: &mut dyn FnMut(&Value)) -> Result<(), Refusal> {
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        let value = value.map_err(|error| {
            let told = format!(
                "expected JSON, got something else at line {} column {}",
                error.line(),
                error.column()
            );
            Refusal::new(Reason::Failed, told)
        })?;
        take(&value);
    }
    Ok(())
}

/// Gives what the JSON at `path` holds to `take`; whether it is JSON at all.
///
/// # Errors
/// It should be JSON and cannot be read as that, or cannot be read.
pub(crate) fn take(
    cx: &mut Context<'_>,
    path: &str,
    take: &mut dyn FnMut(&Value),
) -> Result<bool, Refusal> {
    let file = cx.read(path, FILE_BYTES_MAX)?;
    let bytes = file.bytes.expose();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if file.cut {
        return Err(too_large());
    }
    if !is_json(path, bytes) {
        return Ok(false);
    }
    json(bytes, take).map(|()| true)
}

/// The refusal of a file that is larger than is read.
pub(crate) fn too_large() -> Refusal {
    let told = format!("larger than the limit of {} MiB", FILE_BYTES_MAX >> 20);
    Refusal::new(Reason::Unsupported, told)
}
