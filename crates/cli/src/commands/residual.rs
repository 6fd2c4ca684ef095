//! `keyroll residual`: revocations that are not proven, until they are.

use crate::arguments::Limit;
use crate::error::Error;
use crate::exit::Outcome;
use crate::roll::Roll;
use crate::settings::Settings;

/// List revocations that are not proven yet
///
/// Those under way, failed and retried, residual until a time, and unverifiable ones. The list
/// empties only by proof; nothing is ever dropped from it.
#[derive(Debug, clap::Args)]
pub(crate) struct Residual {
    #[command(flatten)]
    limit: Limit,
}

impl Residual {
    /// Lists what is open.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        super::plan::list(settings, &roll, true, &self.limit)
    }
}
