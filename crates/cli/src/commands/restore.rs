//! `keyroll restore`: a backup back into an empty store.

use std::path::PathBuf;

use serde_json::json;
use store::Store;

use super::backup::{keys_needed, unsigned};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Page, show};
use crate::roll::{Roll, key_paths, location};
use crate::settings::Settings;
use crate::words::many;

/// Bring a backup back into an empty store
///
/// The store is that of `--store`. Put the key files beside it, or name them, before it is used.
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// The file that `keyroll backup` wrote
    file: PathBuf,
}

impl Restore {
    /// Restores.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let at = location(settings)?;
        let paths = key_paths(settings, &at)?;
        let name = self.file.display().to_string();
        let archived = Store::restore(&self.file, &at).map_err(Error::from_store(format!(
            "cannot restore `{name}` into {at}"
        )))?;
        let mut lead = keys_needed(&archived, &paths);
        if paths.fingerprint.exists() && paths.seal.exists() {
            Roll::open(settings)?
                .engine(settings)?
                .note_restored(&name)
                .map_err(Error::from_engine(
                    "it is restored, and its log does not say so",
                ))?;
        } else {
            lead.push(unsigned());
        }
        let page = Page {
            title: format!(
                "{name} is restored into {at}: {}",
                many(archived.rows, "row", "rows")
            ),
            lead,
            hints: vec!["`keyroll doctor` checks it".to_owned()],
            record: json!({
                "file": name,
                "store": at.to_string(),
                "rows": archived.rows,
                "tenants": archived.tenants,
                "fingerprint_keys": archived.fingerprint_keys,
            }),
            ..Page::default()
        };
        show(settings, &page)?;
        Ok(Outcome::CLEAN)
    }
}
