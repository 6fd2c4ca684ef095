//! `keyroll sources`: which sources are remembered, and whether they answer.

mod policy;
mod systems;
mod test;

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::Path;

use engine::Spec;
use model::{Secret, SourceId};
use serde_json::json;
use store::PassOutcome;

use crate::arguments::Consent;
use crate::error::Error;
use crate::exit::Outcome;
use crate::machine::{Asking, machine};
use crate::output::{Cell, Column, Field, List, Page, Row, Sheet, Tone, show};
use crate::roll::{Roll, location};
use crate::settings::Settings;
use crate::terminal::Hushed;
use crate::words::{count, when};

/// Manage the sources that are read again
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Sources {
    /// List sources, when each was read last and what came of it
    List,
    /// Remember a source; what opens it is sealed
    Add {
        /// `postgres://user@host/database`, `aws:PROFILE`, `k8s:CONTEXT`, `tls://host:port`, a directory, `export:PATH`, `kubernetes:PATH`, or what `keyroll sources systems` lists
        source: String,
        /// Read the password or token from standard input
        #[arg(long, env = "KEYROLL_PASSWORD_STDIN", value_parser = clap::builder::FalseyValueParser::new())]
        password_stdin: bool,
        #[command(flatten)]
        asking: Asking,
    },
    /// Forget a source and destroy what opened it; what it saw stays on the roll
    Remove {
        /// Its id, as `sources list` shows it
        source: SourceId,
        #[command(flatten)]
        consent: Consent,
    },
    /// Ask a source who it is, and say which permissions it wants; of AWS, which of them lack
    Test {
        /// Its id, as `sources list` shows it, or what it would be added by: `aws:PROFILE`
        source: String,
        #[command(flatten)]
        asking: Asking,
    },
    /// List the systems that can be read: how each is named, and what opens it
    Systems,
    /// Print the rights that a kind of source wants, ready to be pasted
    Policy {
        /// Of which system
        system: policy::System,
        /// The rights to revoke with, too
        #[arg(long, env = "KEYROLL_ACT", value_parser = clap::builder::FalseyValueParser::new())]
        act: bool,
    },
}

static SHEET: Sheet<'_> = Sheet {
    title: "Sources",
    columns: &[
        Column::text("source"),
        Column::fixed("kind"),
        Column::fixed("remembered"),
        Column::fixed("read"),
        Column::text("result"),
        Column::number("seen"),
        Column::number("gaps"),
    ],
    fields: &[
        Field::text("id"),
        Field::text("connector"),
        Field::text("target"),
        Field::text("kind_of_target"),
        Field::flag("remembered"),
        Field::time("last_pass"),
        Field::text("outcome"),
        Field::count("seen"),
        Field::count("gaps"),
    ],
    empty: "no source was read yet; `keyroll scan` reads this machine, `keyroll sources add` remembers others",
};

impl Sources {
    /// Does what was asked for.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        match self {
            Self::List => list(settings),
            Self::Add {
                source,
                password_stdin,
                asking,
            } => add(settings, &source, password_stdin, &asking),
            Self::Remove { source, consent } => remove(settings, &source, consent),
            Self::Test { source, asking } => test::run(settings, &source, &asking),
            Self::Systems => systems::list(settings),
            Self::Policy { system, act } => policy::print(settings, system, act),
        }
    }
}

fn list(settings: &Settings) -> Result<Outcome, Error> {
    let roll = Roll::open(settings)?;
    let all = roll.read(tell::sources)?;
    let mut list = List::begin(settings, &SHEET)?;
    for one in &all {
        let kind = one.config.as_ref().map(|one| one.kind_of_target.as_str());
        let mut cells = vec![
            Cell::new(one.id.as_str()),
            kind.map_or_else(Cell::default, Cell::new),
            Cell::new(if one.config.is_some() { "yes" } else { "no" }),
        ];
        cells.extend(match &one.latest {
            Some(pass) => vec![
                Cell::new(when(pass.started, settings.now)),
                outcome(pass.outcome),
                Cell::new(count(pass.counts.seen)),
                Cell::new(count(pass.gaps)),
            ],
            None => vec![
                Cell::toned("never", Tone::Unknown),
                Cell::default(),
                Cell::default(),
                Cell::default(),
            ],
        });
        list.row(&Row {
            cells,
            fields: tell::source(one),
            ..Row::default()
        })?;
    }
    list.end(&roll.gauge()?, &[])?;
    Ok(Outcome::CLEAN)
}

fn outcome(outcome: Option<PassOutcome>) -> Cell {
    match outcome {
        Some(PassOutcome::Whole) => Cell::new("read whole"),
        Some(PassOutcome::Partial) => Cell::toned("read in part", Tone::Warn),
        Some(PassOutcome::Failed) => Cell::toned("failed", Tone::Bad),
        None => Cell::toned("did not end", Tone::Warn),
    }
}

/// A password is shorter; what is longer was piped by mistake.
const PASSWORD_BYTES_MAX: u64 = 64 * 1024;

/// The first line of standard input; where somebody types it, nobody else sees it. An empty one
/// would be sealed and never open anything.
fn password(settings: &Settings) -> Result<Secret, Error> {
    let mut line = String::new();
    let _hushed = if std::io::stdin().is_terminal() {
        let hushed = Hushed::input(&settings.interrupt)
            .map_err(Error::because("cannot keep the password off the screen"))?;
        let mut stderr = settings.terminal.stderr();
        write!(stderr, "Password or token (not shown): ")?;
        stderr.flush()?;
        Some(hushed)
    } else {
        None
    };
    std::io::stdin()
        .lock()
        .take(PASSWORD_BYTES_MAX)
        .read_line(&mut line)
        .map_err(Error::because("cannot read the password"))?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(Error::usage(
            "--password-stdin: expected a password on standard input, got nothing",
        )),
        password => Ok(Secret::from(password)),
    }
}

fn add(
    settings: &Settings,
    text: &str,
    password_stdin: bool,
    asking: &Asking,
) -> Result<Outcome, Error> {
    let spec = Spec::parse(text, Path::exists).map_err(|error| Error::usage(error.to_string()))?;
    let roll = Roll::open_or_make(settings, &location(settings)?)?;
    let engine = roll.engine(settings)?;
    let doing = || Error::from_engine("cannot remember the source");
    let machine = machine(&settings.environment, asking);
    let (config, mut secret) = engine.describe(&spec, &machine).map_err(doing())?;
    if password_stdin {
        secret = Some(password(settings)?);
    }
    let stop = std::sync::Arc::default();
    let config = engine
        .named(config, secret.as_ref(), &stop)
        .map_err(doing())?;
    let config = engine
        .add_source(config, secret.as_ref())
        .map_err(doing())?;
    let id = config.id.as_str();
    let sealed = if config.sealed_path.is_some() {
        "what opens it is sealed"
    } else {
        "it has no secret of its own"
    };
    show(
        settings,
        &Page {
            title: format!("{id} is remembered"),
            lead: vec![Cell::new(sealed)],
            hints: vec![format!(
                "`keyroll sources test {id}` asks whether it answers, `keyroll scan {id}` reads it"
            )],
            record: json!({"id": config.id, "connector": config.connector, "target": config.target, "sealed": config.sealed_path.is_some()}),
            ..Page::default()
        },
    )?;
    Ok(Outcome::CLEAN)
}

fn remove(settings: &Settings, id: &SourceId, consent: Consent) -> Result<Outcome, Error> {
    let roll = Roll::open(settings)?;
    let engine = roll.engine(settings)?;
    let question = format!(
        "Forget {} and destroy what opens it? Plans can then not reach it.",
        id.as_str()
    );
    agreed(settings, consent, &question)?;
    engine
        .remove_source(id)
        .map_err(Error::from_engine("cannot forget the source"))?;
    show(
        settings,
        &Page {
            title: format!("{} is forgotten", id.as_str()),
            lead: vec![Cell::new("what it saw stays on the roll")],
            record: json!({"id": id, "removed": true}),
            ..Page::default()
        },
    )?;
    Ok(Outcome::CLEAN)
}

/// Asks on a terminal; elsewhere `--yes` has to be given.
///
/// # Errors
/// Nobody agreed.
pub(crate) fn agreed(settings: &Settings, consent: Consent, question: &str) -> Result<(), Error> {
    if consent.yes {
        return Ok(());
    }
    if !settings.terminal.input {
        return Err(
            Error::usage(format!("nobody can be asked here: {question}")).hint("add `--yes`"),
        );
    }
    let mut stderr = settings.terminal.stderr();
    write!(stderr, "{} [y/N] ", model::clean(question))?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(Error::because("cannot read the answer"))?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Error::failed("not agreed: nothing was done")),
    }
}
