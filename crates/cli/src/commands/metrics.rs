//! `keyroll metrics`: the roll and its revocations in numbers, for a monitoring system.

use std::io::Write;

use crate::error::Error;
use crate::exit::Outcome;
use crate::roll::Roll;
use crate::settings::Settings;

/// Print what a monitoring system watches, as OpenMetrics text
///
/// What is on the roll, what sources could not read and when they were last read, revocations by
/// state, how long the oldest open one waits, and how long cuts and proofs took. Only `proven` is
/// done: alarm on any other state that stays. For Prometheus, let a timer write it where the
/// node exporter's textfile collector reads:
/// `keyroll metrics > keyroll.new && mv keyroll.new keyroll.prom`
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Metrics {}

impl Metrics {
    /// Prints all of it.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let engine = Roll::open(settings)?.engine(settings)?;
        let text = engine
            .metrics()
            .map_err(Error::from_engine("cannot count what is on the roll"))?;
        settings.terminal.stdout().write_all(text.as_bytes())?;
        Ok(Outcome::CLEAN)
    }
}
