//! `keyroll migrate`: the whole roll into another store, on either engine.

use serde_json::json;
use store::{Location, Options, Store};

use super::backup::{keys_stay, noted};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Page, show};
use crate::roll::{Roll, key_paths};
use crate::settings::Settings;
use crate::words::many;

/// Copy the whole roll into another store
///
/// From a file to PostgreSQL, back, or between two of a kind. The other store must be empty; this
/// one is left as it is. The keys do not travel.
#[derive(Debug, clap::Args)]
pub(crate) struct Migrate {
    /// The other store: a file, or `postgres://…`
    to: String,
}

impl Migrate {
    /// Copies.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        let to: Location = self
            .to
            .parse()
            .map_err(Error::from_store("the other store"))?;
        if to == *roll.store.location() {
            return Err(Error::usage(format!("expected another store than {to}")));
        }
        let other = Store::open(&to, &Options::default())
            .map_err(Error::from_store(format!("cannot open {to}")))?;
        let paths = key_paths(settings, roll.store.location())?;
        let unsigned = noted(settings, &roll, &paths, &to.to_string())?;
        let archived = roll
            .store
            .copy_to(&other)
            .map_err(Error::from_store(format!("cannot copy the roll to {to}")))?;
        let mut hints = vec![format!("`keyroll doctor --store {to}` checks it")];
        if matches!(to, Location::Postgres(_)) {
            hints.push(
                "a store on PostgreSQL needs `--fingerprint-key-file` and `--seal-key-file`"
                    .to_owned(),
            );
        }
        let page = Page {
            title: format!(
                "the roll is in {to}: {}",
                many(archived.rows, "row", "rows")
            ),
            lead: keys_stay(&paths).into_iter().chain(unsigned).collect(),
            hints,
            record: json!({
                "from": roll.store.location().to_string(),
                "to": to.to_string(),
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
