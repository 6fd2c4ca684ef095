//! `keyroll backup`: the whole roll in one file.

use std::path::PathBuf;

use serde_json::json;
use store::Archived;

use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Page, Tone, show};
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
        let paths = key_paths(settings, roll.store.location())?;
        let unsigned = noted(settings, &roll, &paths, &name)?;
        settings.interrupt.removes_file(&self.file);
        let archived = roll
            .store
            .backup(&self.file)
            .map_err(Error::from_store(format!(
                "cannot write the backup `{name}`"
            )))?;
        let page = Page {
            title: format!(
                "the roll is in {name}: {}",
                many(archived.rows, "row", "rows")
            ),
            lead: keys_stay(&paths).into_iter().chain(unsigned).collect(),
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

/// Puts into the log that a copy leaves for `to`; answers what to say where no key is there to
/// sign it. A roll whose keys are lost is worth a copy more than any other.
pub(crate) fn noted(
    settings: &Settings,
    roll: &Roll,
    paths: &engine::KeyPaths,
    to: &str,
) -> Result<Option<Cell>, Error> {
    if !(paths.fingerprint.exists() && paths.seal.exists()) {
        return Ok(Some(unsigned()));
    }
    roll.engine(settings)?
        .note_copied(to)
        .map_err(Error::from_engine("cannot copy the roll"))?;
    Ok(None)
}

/// What is said where the log cannot hold it.
pub(crate) fn unsigned() -> Cell {
    let told = "the evidence log does not say so: without both key files nobody can sign it";
    Cell::toned(told, Tone::Unknown)
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
