//! `keyroll findings baseline`: write down what is known, so that only new findings gate.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::baseline;
use crate::error::Error;
use crate::exit::Outcome;
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::many;

/// Write down what is known, so that only new findings gate
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Kept {
    /// Write the findings of today to a file, `-` for standard output
    ///
    /// It holds fingerprints, rules and paths, and nothing of a secret; it can be committed.
    /// `keyroll scan --baseline FILE` leaves out what it knows.
    Write {
        /// Where to
        file: PathBuf,
    },
}

impl Kept {
    /// Writes the baseline.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let Self::Write { file } = self;
        let roll = Roll::open(settings)?;
        let engine = roll.engine(settings)?;
        let judged =
            tell::judge(&engine, &|_| true).map_err(Error::from_engine("cannot judge the roll"))?;
        let text = baseline::text(judged.findings())?;
        if file == Path::new("-") {
            let mut stdout = settings.terminal.stdout();
            stdout.write_all(text.as_bytes())?;
            return Ok(Outcome::CLEAN);
        }
        let shown = model::clean(&file.display().to_string());
        std::fs::write(&file, text).map_err(Error::because(format!("cannot write `{shown}`")))?;
        if !settings.quiet {
            let count = judged.findings().count() as u64;
            writeln!(
                settings.terminal.stderr(),
                "{} written to {shown}; `keyroll scan --baseline {shown}` leaves them out",
                many(count, "finding", "findings")
            )?;
        }
        Ok(Outcome::CLEAN)
    }
}
