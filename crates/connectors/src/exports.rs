//! Files that hold exports: whatever lies at and below the places that a source names.

use std::collections::BTreeSet;

use model::Reason;

use crate::{Context, EntryKind, Refusal};

/// Files looked at in one pass.
const FILES_MAX: usize = 100_000;
/// Directories below a named one.
const DEPTH_MAX: usize = 16;

/// What the source names: its option `dirs`, one a line, or its target.
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

/// Adds the files at and below `place` to `files`, and what cannot be looked at to `trouble`.
pub(crate) fn gather(
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
