//! `keyroll evidence export`: a bundle that verifies on another machine with only the public key.

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use engine::Engine;
use evidence::{Export as Bundle, Fault, Leaf, PublicKey, Scope, TileId, Tiles};
use model::Tenant;
use serde_json::json;
use store::Reading;

use super::read::PAGE;
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
    /// Only leaves about this id: `crd-…`, `pln-…`, `fnd-…`
    #[arg(long, value_name = "ID", env = "KEYROLL_SUBJECT", conflicts_with_all = ["from", "to"])]
    subject: Option<String>,
    /// From this leaf
    #[arg(long, value_name = "LEAF", env = "KEYROLL_FROM_LEAF")]
    from: Option<u64>,
    /// Up to and without this leaf
    #[arg(long, value_name = "LEAF", env = "KEYROLL_TO_LEAF")]
    to: Option<u64>,
}

impl Export {
    /// Writes the bundle; what is written was checked against the signed checkpoint.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        let engine = roll.engine(settings)?;
        let text = engine.ledger.public_key().to_owned();
        let key = public_key(&engine)?;
        let to_stdout = self.file == Path::new("-");
        let name = self.file.display().to_string();
        let mut out: Box<dyn Write> = if to_stdout {
            Box::new(BufWriter::new(std::io::stdout().lock()))
        } else {
            let made = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&self.file);
            Box::new(BufWriter::new(
                made.map_err(Error::because(format!("cannot make `{name}`")))?,
            ))
        };
        let written = self.write(&roll, &key, &mut *out);
        let leaves = match written {
            Ok(leaves) => leaves,
            Err(error) => {
                if !to_stdout {
                    // A bundle that was cut off proves nothing; that it cannot be removed changes nothing.
                    let _ = std::fs::remove_file(&self.file);
                }
                return Err(error);
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

    fn scope(&self, size: u64) -> Scope {
        match (&self.subject, self.from, self.to) {
            (Some(subject), _, _) => Scope::Subject(subject.clone()),
            (None, None, None) => Scope::Log,
            (None, from, to) => Scope::Range {
                from: from.unwrap_or(0),
                to: to.unwrap_or(size),
            },
        }
    }

    fn write(&self, roll: &Roll, key: &PublicKey, out: &mut dyn Write) -> Result<u64, Error> {
        // One view of the store for all of it: the log may grow meanwhile.
        let mut told = Ok(0);
        let read = roll.read(|reading, tenant| {
            told = self.stream(
                &Stored {
                    reading: RefCell::new(reading),
                    tenant,
                },
                key,
                out,
            );
            Ok(())
        });
        read.and(told)
    }

    fn stream(
        &self,
        stored: &Stored<'_, '_>,
        key: &PublicKey,
        out: &mut dyn Write,
    ) -> Result<u64, Error> {
        let broken = || Error::because::<evidence::Error>("cannot export the evidence");
        let note = stored.read(|reading, tenant| reading.evidence_checkpoint(tenant))?;
        let note =
            note.ok_or_else(|| Error::failed("the log is empty: nothing was decided or done yet"))?;
        let head = key.open(&note).map_err(broken())?;
        let scope = self.scope(head.size);
        let (mut bundle, bytes) =
            Bundle::begin(stored, &note, key, scope.clone()).map_err(broken())?;
        out.write_all(&bytes)?;
        let (mut next, end) = match scope {
            Scope::Range { from, to } => (from, to),
            Scope::Log | Scope::Subject(_) => (0, head.size),
        };
        let mut written = 0;
        while next < end {
            let leaves =
                stored.read(|reading, tenant| reading.evidence_leaves(tenant, next, PAGE))?;
            let Some((last, _)) = leaves.last() else {
                break;
            };
            next = last + 1;
            for (index, record) in leaves.iter().filter(|(index, _)| *index < end) {
                if let Scope::Subject(subject) = &scope
                    && Leaf::from_bytes(record).map_err(broken())?.subject() != subject
                {
                    continue;
                }
                out.write_all(&bundle.leaf(*index, record).map_err(broken())?)?;
                written += 1;
            }
        }
        if written == 0 {
            let told = self.subject.as_deref().map_or_else(
                || "no leaf lies in that range".to_owned(),
                |subject| format!("no leaf is about `{}`", model::clean(subject)),
            );
            return Err(Error::failed(told).hint("`keyroll evidence show` lists the log"));
        }
        out.write_all(&bundle.end().map_err(broken())?)?;
        out.flush()?;
        Ok(written)
    }
}

/// Checks every leaf, tile and the checkpoint of the log, and answers how many leaves there are.
///
/// # Errors
/// Whatever does not match, or the store.
pub(crate) fn whole(roll: &Roll, engine: &Engine) -> Result<u64, Error> {
    let key = public_key(engine)?;
    let all = Export {
        file: PathBuf::new(),
        subject: None,
        from: None,
        to: None,
    };
    all.write(roll, &key, &mut std::io::sink())
}

/// Checks that the checkpoint of the log is signed by its key.
///
/// # Errors
/// It is not, or the store refused.
pub(crate) fn checkpoint(roll: &Roll, engine: &Engine) -> Result<(), Error> {
    let key = public_key(engine)?;
    let note = roll
        .read(|reading, tenant| reading.evidence_checkpoint(tenant))?
        .unwrap_or_default();
    key.open(&note)
        .map(|_| ())
        .map_err(Error::because("the checkpoint does not verify"))
}

/// The public key of the log.
pub(super) fn public_key(engine: &Engine) -> Result<PublicKey, Error> {
    PublicKey::parse(engine.ledger.public_key())
        .map_err(Error::because("the log's public key does not read back"))
}

/// The tiles of the log as the store has them, in one view.
struct Stored<'a, 's> {
    reading: RefCell<&'a mut Reading<'s>>,
    tenant: &'a Tenant,
}

impl<'s> Stored<'_, 's> {
    fn read<T>(
        &self,
        each: impl FnOnce(&mut Reading<'s>, &Tenant) -> Result<T, store::Error>,
    ) -> Result<T, Error> {
        each(&mut self.reading.borrow_mut(), self.tenant)
            .map_err(Error::from_store("cannot read the evidence"))
    }
}

impl Tiles for Stored<'_, '_> {
    fn tile(&self, id: TileId) -> Result<Option<Vec<u8>>, Fault> {
        self.reading
            .borrow_mut()
            .evidence_tile(self.tenant, id.level, id.index)
            .map_err(Into::into)
    }
}
