//! `keyroll backup`: the whole roll in one file.

use std::path::PathBuf;

use serde_json::json;
use store::Archived;

use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Page, show};
use crate::roll::{Roll, key_paths};
use crate::settings::Settings;
use crate::words::many;

/// Copy the whole roll into a file
///
/// The keys do not travel: keep the key files by another way. Without them what is sealed in the
/// backup stays sealed, and secrets cannot be matched.
#[derive(Debug, clap::Args)]
pub(crate) struct Backup {
    /// Where to; it must not be there yet
    file: PathBuf,
}

impl Backup {
    /// Writes the backup.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        let name = self.file.display().to_string();
        if self.file.exists() {
            let told = format!("expected a new file for the backup, got `{name}`, which is there");
            return Err(Error::usage(told).hint("name another one: nothing is written over"));
        }
        settings.interrupt.removes_file(&self.file);
        let archived = roll
            .store
            .backup(&self.file)
            .map_err(Error::from_store(format!(
                "cannot write the backup `{name}`"
            )))?;
        let paths = key_paths(settings, roll.store.location())?;
        let page = Page {
            title: format!(
                "the roll is in {name}: {}",
                many(archived.rows, "row", "rows")
            ),
            lead: keys_stay(&paths),
            hints: vec![format!(
                "`keyroll restore {name} --store NEW` brings it back into an empty store"
            )],
            record: json!({
                "file": name,
                "rows": archived.rows,
                "tenants": archived.tenants,
                "fingerprint_keys": archived.fingerprint_keys,
                "keys_travel": false,
            }),
            ..Page::default()
        };
        show(settings, &page)?;
        Ok(Outcome::CLEAN)
    }
}

/// The keys do not travel (decision 6).
pub(crate) fn keys_stay(paths: &engine::KeyPaths) -> Vec<Cell> {
    vec![
        Cell::new("the keys do not travel with it; keep these two files by another way:"),
        Cell::new(format!("  {} (fingerprints)", paths.fingerprint.display())),
        Cell::new(format!("  {} (seal)", paths.seal.display())),
    ]
}

/// Which keys what was copied needs where it is now.
pub(crate) fn keys_needed(archived: &Archived, paths: &engine::KeyPaths) -> Vec<Cell> {
    let ids = archived.fingerprint_keys.join(", ");
    let mut lines = vec![Cell::new(format!(
        "it needs the keys it was made with (fingerprint key {ids}):"
    ))];
    for (path, what) in [(&paths.fingerprint, "fingerprints"), (&paths.seal, "seal")] {
        let there = if path.exists() {
            "is there"
        } else {
            "is not there yet"
        };
        lines.push(Cell::new(format!("  {} ({what}) {there}", path.display())));
    }
    lines
}
