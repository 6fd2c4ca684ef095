//! `keyroll evidence`: read the log, carry it to another machine, check it there.

mod export;
mod read;
mod verify;

use crate::arguments::Limit;
use crate::error::Error;
use crate::exit::Outcome;
use crate::settings::Settings;

/// Export, verify and read the evidence
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Evidence {
    Export(export::Export),
    Verify(verify::Verify),
    /// List what is in the log
    Show {
        /// Only leaves about this id: `crd-…`, `pln-…`, `fnd-…`
        #[arg(long, value_name = "ID", env = "KEYROLL_SUBJECT")]
        subject: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Print the public key that verifies the log
    Key,
}

impl Evidence {
    /// Does what was asked for.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        match self {
            Self::Export(export) => export.run(settings),
            Self::Verify(verify) => verify.run(settings),
            Self::Show { subject, limit } => read::list(settings, subject.as_deref(), &limit),
            Self::Key => read::key(settings),
        }
    }
}
