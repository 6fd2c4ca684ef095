//! Outside truth: data that nobody here wrote, kept beside the checkout, never inside it.

use crate::aloud;
use std::path::{Path, PathBuf};

/// The folder `folder` of the outside data, or `None`, said aloud, where it is absent.
///
/// The data lies at `KEYROLL_TRUTH`, by default `../shared/truth` beside the checkout.
#[must_use]
pub fn truth(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("KEYROLL_TRUTH").map_or_else(beside_the_checkout, PathBuf::from);
    // In one form: what reads files takes no path that leads upwards.
    let path = root.join(folder);
    let path = path.canonicalize().unwrap_or(path);
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    if path.is_dir() {
        aloud(&format!("found truth `{folder}` for {test}"));
        Some(path)
    } else {
        aloud(&format!(
            "skipped {test}: no truth `{folder}` (set `KEYROLL_TRUTH` to the folder that holds it)"
        ));
        None
    }
}

/// The root of the checkout.
#[must_use]
pub fn checkout() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

fn beside_the_checkout() -> PathBuf {
    checkout().join("../shared/truth")
}

#[cfg(test)]
mod tests {
    use super::{checkout, truth};

    #[test]
    fn a_folder_that_is_absent_is_none() {
        assert_eq!(truth("no folder has this name"), None);
    }

    #[test]
    fn the_checkout_is_where_the_lock_file_is() {
        assert!(checkout().join("Cargo.lock").is_file());
    }
}
