//! `keyroll evidence verify`: whether a bundle is whole and untouched. Needs no store.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use evidence::{Check, LINE_BYTES_MAX, PublicKey, Scope, Verified};
use serde_json::json;

use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Page, Section, Tone, show};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::{clock, count, many};

/// Check a bundle with nothing but the log's public key
///
/// Exits with 0 if every bit is as it was signed, with 1 if not.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The bundle; `-`: standard input
    file: PathBuf,
    /// The log's public key, or a file that holds it (`keyroll evidence key` prints it); that of
    /// this machine's roll by default
    #[arg(long, value_name = "KEY|FILE", env = "KEYROLL_KEY")]
    key: Option<String>,
}

impl Verify {
    /// Checks line by line; memory does not grow with the bundle.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let key = match &self.key {
            Some(given) => public_key(given)?,
            None => own_key(settings)?,
        };
        let name = self.file.display().to_string();
        let opening = format!("cannot read `{name}`");
        let found = if self.file == Path::new("-") {
            check(BufReader::new(io::stdin().lock()), &key)
        } else {
            let file = File::open(&self.file).map_err(Error::because(opening.clone()))?;
            check(BufReader::new(file), &key)
        };
        let found = found.map_err(|error| match error {
            Broken::Read(error) => Error::because(opening)(error),
            Broken::Bundle(error) => Error::because(format!("`{name}` does not verify"))(error)
                .hint("keep the file as it is, and compare it with another copy"),
        })?;
        show(settings, &page(&name, &found, &key))?;
        Ok(Outcome::CLEAN)
    }
}

enum Broken {
    Read(io::Error),
    Bundle(evidence::Error),
}

fn check(mut lines: impl BufRead, key: &PublicKey) -> Result<Verified, Broken> {
    let mut check = Check::new(key);
    let mut line = Vec::new();
    loop {
        line.clear();
        // One byte more than a line may have: the check then says that it is too long.
        let most = LINE_BYTES_MAX as u64 + 1;
        let read = lines
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut line)
            .map_err(Broken::Read)?;
        if read == 0 {
            return check.end().map_err(Broken::Bundle);
        }
        check.line(&line).map_err(Broken::Bundle)?;
    }
}

/// The key of the roll on this machine.
fn own_key(settings: &Settings) -> Result<PublicKey, Error> {
    let asked = || {
        Error::usage(
            "expected `--key` with the log's public key: this machine has no roll of its own",
        )
        .hint("`keyroll evidence key` prints it on the machine that keeps the log")
    };
    let roll = Roll::open(settings).map_err(|_| asked())?;
    PublicKey::parse(roll.engine(settings)?.ledger.public_key())
        .map_err(Error::because("the log's public key does not read back"))
}

/// The key itself, or the first line of a file.
fn public_key(given: &str) -> Result<PublicKey, Error> {
    let hint = "`keyroll evidence key` prints it on the machine that keeps the log; get it from \
                there, not from whoever gave you the bundle";
    let text = if given.contains('+') {
        given.to_owned()
    } else {
        let mut text = String::new();
        let read = File::open(given).and_then(|file| file.take(4096).read_to_string(&mut text));
        read.map_err(Error::because(format!(
            "cannot read the key file `{}`",
            model::clean(given)
        )))
        .map_err(|error| error.hint(hint))?;
        text
    };
    PublicKey::parse(text.trim())
        .map_err(|error| Error::because("--key: this is no public key of a log")(error).hint(hint))
}

fn page(name: &str, found: &Verified, key: &PublicKey) -> Page {
    let scope = match &found.scope {
        Scope::Log => "the whole log: nothing is missing or out of order".to_owned(),
        Scope::Range { from, to } => {
            format!(
                "leaves {from} to {}: nothing between them is missing",
                to.saturating_sub(1)
            )
        }
        Scope::Subjects(ids) => {
            let ids: Vec<_> = ids.iter().map(String::as_str).collect();
            let ids = ids.join("` or `");
            format!("leaves about `{ids}`: it proves what it holds, not that it holds all")
        }
    };
    let mut pairs = vec![
        ("holds".to_owned(), Cell::new(scope)),
        (
            "leaves".to_owned(),
            Cell::new(format!(
                "{} of {}",
                count(found.leaves),
                count(found.head.size)
            )),
        ),
        ("log".to_owned(), Cell::new(found.origin.clone())),
        ("key".to_owned(), Cell::new(key.to_string())),
        ("root".to_owned(), Cell::new(found.head.root.to_string())),
    ];
    if let (Some(from), Some(to)) = (found.from, found.to) {
        pairs.push(("from".to_owned(), Cell::new(clock(from))));
        pairs.push(("to".to_owned(), Cell::new(clock(to))));
    }
    let kinds: Vec<String> = found
        .kinds
        .iter()
        .map(|(kind, n)| many(*n, kind.as_str(), kind.as_str()))
        .collect();
    pairs.push(("kinds".to_owned(), Cell::new(kinds.join(", "))));
    let kinds: serde_json::Map<_, _> = found
        .kinds
        .iter()
        .map(|(kind, n)| (kind.as_str().to_owned(), json!(n)))
        .collect();
    Page {
        title: format!("Evidence in {name}"),
        lead: vec![Cell::toned(
            "verified: every leaf is as it was signed",
            Tone::Good,
        )],
        sections: vec![Section::pairs("", pairs)],
        record: json!({
            "verified": true,
            "origin": found.origin,
            "key": key.to_string(),
            "size": found.head.size,
            "root": found.head.root.to_string(),
            "leaves": found.leaves,
            "tiles": found.tiles,
            "from": found.from,
            "to": found.to,
            "kinds": kinds,
            "subjects": found.subjects,
            "more_subjects": found.more_subjects,
        }),
        ..Page::default()
    }
}
