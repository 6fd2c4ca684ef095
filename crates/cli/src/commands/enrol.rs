//! `keyroll enrol`: let a scanner on another machine fingerprint under this roll's key, so that
//! what it sees can be matched here.

use std::path::{Path, PathBuf};

use engine::{fingerprint_key_of, read_key_file};
use model::Secret;
use serde_json::json;
use vault::FingerprintKey;

use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Page, Section, show};
use crate::roll::{Roll, key_paths, location};
use crate::settings::Settings;

/// Share the fingerprint key with scanners elsewhere
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Enrol {
    /// Write the fingerprint key into a file for another machine; whoever has it can test guesses
    Export {
        /// Where to; it must not be there yet
        file: PathBuf,
    },
    /// Take a fingerprint key from another machine, before the first scan here
    Import {
        /// The file that `enrol export` wrote
        file: PathBuf,
    },
    /// Say under which key secrets are fingerprinted here
    Status,
}

const WHAT: &str = "fingerprint key file";

impl Enrol {
    /// Exports, imports or tells.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        match self {
            Self::Export { file } => export(settings, &file),
            Self::Import { file } => import(settings, &file),
            Self::Status => status(settings),
        }
    }
}

fn export(settings: &Settings, file: &Path) -> Result<Outcome, Error> {
    let roll = Roll::open(settings)?;
    let engine = roll.engine(settings)?;
    engine
        .export_fingerprint_key(file)
        .map_err(Error::from_engine("cannot write the key"))?;
    let id = &engine.keys.fingerprint_key;
    let name = file.display().to_string();
    show(
        settings,
        &Page {
            title: format!("fingerprint key {id} is in {name}"),
            lead: vec![Cell::new(
                "carry it over a safe way, and delete it there once it is imported",
            )],
            hints: vec![format!(
                "on the other machine: `keyroll enrol import {name}`"
            )],
            record: json!({"file": name, "fingerprint_key": id}),
            ..Page::default()
        },
    )?;
    Ok(Outcome::CLEAN)
}

fn import(settings: &Settings, file: &Path) -> Result<Outcome, Error> {
    let at = location(settings)?;
    let paths = key_paths(settings, &at)?;
    let content = read_key_file(WHAT, file).map_err(Error::from_engine("cannot read the key"))?;
    let content =
        content.ok_or_else(|| Error::failed(format!("there is no file `{}`", file.display())))?;
    let key = FingerprintKey::from_file(&content)
        .map_err(Error::because("this is no fingerprint key"))?;
    let own = own(&paths.fingerprint)?.map(|own| own.id());
    // A roll that cannot take the decision down takes no key.
    let roll = Roll::open_or_make(settings, &at)?;
    let used = fingerprint_key_of(&roll.store, &roll.tenant)
        .map_err(Error::from_engine("cannot read the roll"))?;
    let another = |known: &&String| **known != key.id();
    if let Some(known) = own.iter().chain(&used).find(another) {
        let told = format!(
            "this roll has fingerprint key {known} already; what it holds cannot be fingerprinted anew"
        );
        return Err(
            Error::failed(told).hint("use another `--store` for what is to be matched elsewhere")
        );
    }
    let id = key.id();
    roll.enrol(settings, key)?;
    told(
        settings,
        &format!("secrets are fingerprinted under key {id} here"),
        &id,
        &paths.fingerprint,
    )
}

fn status(settings: &Settings) -> Result<Outcome, Error> {
    let at = location(settings)?;
    let paths = key_paths(settings, &at)?;
    let key = own(&paths.fingerprint)?.ok_or_else(|| {
        Error::failed(format!("there is no fingerprint key at `{}` yet", paths.fingerprint.display()))
            .hint("the first `keyroll scan` makes one; `keyroll enrol import FILE` takes that of another roll")
    })?;
    told(
        settings,
        &format!("secrets are fingerprinted under key {}", key.id()),
        &key.id(),
        &paths.fingerprint,
    )
}

fn own(path: &Path) -> Result<Option<FingerprintKey>, Error> {
    let content = read_key_file(WHAT, path).map_err(Error::from_engine("cannot read the key"))?;
    let read = |content: Secret| FingerprintKey::from_file(&content);
    content
        .map(read)
        .transpose()
        .map_err(Error::because(format!(
            "`{}` is no fingerprint key",
            path.display()
        )))
}

fn told(settings: &Settings, title: &str, id: &str, path: &Path) -> Result<Outcome, Error> {
    let path = path.display().to_string();
    show(
        settings,
        &Page {
            title: title.to_owned(),
            sections: vec![Section::pairs(
                "",
                vec![("file".to_owned(), Cell::new(path.clone()))],
            )],
            record: json!({"fingerprint_key": id, "file": path}),
            ..Page::default()
        },
    )?;
    Ok(Outcome::CLEAN)
}
