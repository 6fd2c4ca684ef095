//! The files of the checkout, without what is built or fetched.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing of ours.
const SKIPPED: &[&str] = &[".git", ".keyroll", ".make", "node_modules", "target"];

/// Deeper than any honest source tree.
const DEPTH_MAX: usize = 16;

/// A text file of the checkout.
#[derive(Debug)]
pub struct File {
    /// Path from the root, with `/`.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// The root of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Every text file whose path `wanted` accepts, in the order of paths. What is no UTF-8 (a
/// recording of bytes, a picture) is not a text file.
///
/// # Panics
/// If a folder cannot be read: the tree is ours.
#[must_use]
pub fn files(wanted: impl Fn(&str) -> bool) -> Vec<File> {
    let mut found = Vec::new();
    walk(&root(), "", 0, &mut |path, full| {
        if wanted(path)
            && let Ok(text) = fs::read_to_string(full)
        {
            found.push(File {
                path: path.to_owned(),
                text,
            });
        }
    });
    found
}

/// The names in the folder `path` of the checkout, sorted; none if it is absent.
#[must_use]
pub fn entries(path: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root().join(path)) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn walk(folder: &Path, prefix: &str, depth: usize, visit: &mut dyn FnMut(&str, &Path)) {
    assert!(
        depth <= DEPTH_MAX,
        "`{prefix}` lies deeper than {DEPTH_MAX} folders"
    );
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => panic!("cannot read the folder `{}`: {error}", folder.display()),
    };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}/{name}")
        };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !SKIPPED.contains(&name.as_str()) => {
                walk(&entry.path(), &path, depth + 1, visit);
            }
            Ok(kind) if kind.is_file() => visit(&path, &entry.path()),
            _ => {}
        }
    }
}
