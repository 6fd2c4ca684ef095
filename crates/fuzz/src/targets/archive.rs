//! An archive to be restored: a header, tables, rows, and a last line that vouches for them.

use std::io::Write;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use store::{Location, Store};

use super::Listed;

pub(super) const TARGETS: &[Listed] = &[(
    "archive",
    "an archive is refused before anything is opened for writing, or read to its end",
    archive,
)];

/// Tries the input as it is, and with a last line that fits it, so that a changed row is not
/// only met by the sum over all.
fn archive(input: &[u8]) {
    let mut vouched = input.to_vec();
    if !vouched.ends_with(b"\n") {
        vouched.push(b'\n');
    }
    let rows = vouched
        .split(|byte| *byte == b'\n')
        .filter(|line| line.first() == Some(&b'['))
        .count();
    let sum: String = Sha256::digest(&vouched)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let end = serde_json::json!({"rows": rows, "sha256": sum});
    vouched.extend_from_slice(format!("{end}\n").as_bytes());
    for bytes in [input, &vouched] {
        restore(bytes);
    }
}

/// Restores into a place that cannot be: what is read to its end fails there.
fn restore(bytes: &[u8]) {
    let from: PathBuf = std::env::temp_dir().join(format!("keyroll-fuzz-{}", std::process::id()));
    let written = std::fs::File::create(&from).and_then(|mut file| file.write_all(bytes));
    if written.is_ok() {
        let nowhere = Location::Sqlite(PathBuf::from("/dev/null/roll.db"));
        assert!(
            Store::restore(&from, &nowhere).is_err(),
            "restored to nowhere"
        );
    }
    // It is made again for every input.
    let _ = std::fs::remove_file(&from);
}
