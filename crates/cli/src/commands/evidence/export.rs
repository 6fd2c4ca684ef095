//! `keyroll evidence export`: a bundle that verifies on another machine with only the public key.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use evidence::Scope;
use serde_json::json;

use crate::arguments::whole;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Page, show};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::many;

/// Write the log, or a part of it, into a bundle that proves itself
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// Where to; it must not be there yet. `-`: standard output
    file: PathBuf,
    /// Only leaves about this id, and those it had before: `crd-…`, `idn-…`, `fnd-…`
    #[arg(long, value_name = "ID", env = "KEYROLL_SUBJECT", conflicts_with_all = ["from", "to"])]
    subject: Option<String>,
    /// From this leaf
    #[arg(long, value_name = "LEAF", env = "KEYROLL_FROM_LEAF", value_parser = whole, allow_negative_numbers = true)]
    from: Option<u64>,
    /// Up to and without this leaf
    #[arg(long, value_name = "LEAF", env = "KEYROLL_TO_LEAF", value_parser = whole, allow_negative_numbers = true)]
    to: Option<u64>,
}

impl Export {
    /// Writes the bundle; what is written was checked against the signed checkpoint.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        let engine = roll.engine(settings)?;
        let text = engine.ledger.public_key().to_owned();
        let scope = self.scope(&roll)?;
        let to_stdout = self.file == Path::new("-");
        let name = self.file.display().to_string();
        let mut out: Box<dyn Write> = if to_stdout {
            Box::new(BufWriter::new(std::io::stdout().lock()))
        } else {
            let made = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&self.file);
            let made = made.map_err(Error::because(format!("cannot make `{name}`")))?;
            settings.interrupt.removes_file(&self.file);
            Box::new(BufWriter::new(made))
        };
        let leaves = match engine.export_evidence(scope, &mut *out) {
            Ok(leaves) => leaves,
            Err(error) => {
                if !to_stdout {
                    // A bundle that was cut off proves nothing; that it cannot be removed changes nothing.
                    let _ = std::fs::remove_file(&self.file);
                }
                return Err(Error::from_engine("cannot export the evidence")(error));
            }
        };
        if to_stdout {
            return Ok(Outcome::CLEAN);
        }
        show(
            settings,
            &Page {
                title: format!("{} in {name}", many(leaves, "leaf", "leaves")),
                lead: vec![Cell::new(format!("public key: {text}"))],
                hints: vec![format!(
                    "`keyroll evidence verify {name} --key {text}` checks it on any machine"
                )],
                record: json!({"file": name, "leaves": leaves, "key": text}),
                ..Page::default()
            },
        )?;
        Ok(Outcome::CLEAN)
    }

    fn scope(&self, roll: &Roll) -> Result<Scope, Error> {
        Ok(match (&self.subject, self.from, self.to) {
            (Some(subject), _, _) => {
                Scope::Subjects(roll.read(|reading, tenant| reading.ids_of(tenant, subject))?)
            }
            (None, None, None) => Scope::Log,
            (None, from, to) => Scope::Range {
                from: from.unwrap_or(0),
                to: to.unwrap_or(u64::MAX),
            },
        })
    }
}
