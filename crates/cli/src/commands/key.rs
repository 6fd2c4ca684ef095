//! `keyroll key`: the keys that seal what this roll must hold: list them, make a new one, seal
//! anew under it.

use model::Timestamp;
use serde_json::json;

use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, Gauge, List, Page, Row, Sheet, Tone, show};
use crate::progress::Progress;
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::{count, many};

/// Rotate the keys that seal what this roll holds
///
/// What opens a source and what signs the evidence are sealed under the newest term of a key ring;
/// the ring itself is sealed by the seal key's file, which stays as it is. Each decision is
/// evidence.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Key {
    /// List the terms of the key ring, and how much is sealed under each
    List,
    /// Make a new term, which seals from now on; older ones go on opening
    Rotate,
    /// Seal anew under the newest term whatever an older one sealed
    Rewrap,
}

static SHEET: Sheet<'_> = Sheet {
    title: "Key ring",
    columns: &[
        Column::number("term"),
        Column::fixed("does"),
        Column::number("sealed at most"),
        Column::number("values"),
    ],
    fields: &[
        Field::count("term"),
        Field::flag("active"),
        Field::count("encryptions"),
        Field::count("values"),
        Field::flag("rotation_due"),
    ],
    empty: "the key ring has no term",
};

impl Key {
    /// Does what was asked for.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        match self {
            Self::List => list(settings),
            Self::Rotate => rotate(settings),
            Self::Rewrap => rewrap(settings),
        }
    }
}

fn list(settings: &Settings) -> Result<Outcome, Error> {
    let roll = Roll::open(settings)?;
    let engine = roll.engine(settings)?;
    let terms = engine
        .key_terms()
        .map_err(Error::from_engine("cannot read the key ring"))?;
    let mut list = List::begin(settings, &SHEET)?;
    let mut old = 0;
    for term in &terms {
        let due = term.active && term.encryptions >= vault::ROTATION_DUE;
        old += if term.active { 0 } else { term.values };
        let does = match (term.active, due) {
            (true, true) => Cell::toned("seals, nears its end", Tone::Warn),
            (true, false) => Cell::new("seals"),
            (false, _) => Cell::new("opens"),
        };
        list.row(&Row {
            cells: vec![
                Cell::new(term.number.to_string()),
                does,
                Cell::new(count(term.encryptions)),
                Cell::new(count(term.values)),
            ],
            fields: Fields::from_iter([
                ("term".to_owned(), json!(term.number)),
                ("active".to_owned(), json!(term.active)),
                ("encryptions".to_owned(), json!(term.encryptions)),
                ("values".to_owned(), json!(term.values)),
                ("rotation_due".to_owned(), json!(due)),
            ]),
            ..Row::default()
        })?;
    }
    let mut remarks = Vec::new();
    if old > 0 {
        remarks.push(format!(
            "{} under older terms: `keyroll key rewrap` seals them anew",
            many(old, "value is", "values are")
        ));
    }
    list.end(&Gauge::none(), &remarks)?;
    Ok(Outcome::CLEAN)
}

fn rotate(settings: &Settings) -> Result<Outcome, Error> {
    let roll = Roll::open(settings)?;
    let engine = roll.engine(settings)?;
    let term = engine
        .rotate_keys()
        .map_err(Error::from_engine("cannot rotate the keys"))?;
    let at: Timestamp = engine.now();
    let page = Page {
        title: format!("term {term} seals from now on"),
        lead: vec![Cell::new(
            "what older terms sealed goes on opening; the key files are as they were",
        )],
        hints: vec!["`keyroll key rewrap` seals anew what older terms sealed".to_owned()],
        record: json!({"term": term, "at": at}),
        ..Page::default()
    };
    show(settings, &page)?;
    Ok(Outcome::CLEAN)
}

fn rewrap(settings: &Settings) -> Result<Outcome, Error> {
    let roll = Roll::open(settings)?;
    let engine = roll.engine(settings)?;
    let done = {
        let progress = Progress::start(settings);
        let mut told = |done: u64, all: u64| {
            progress.says(&format!("sealing anew: {} of {}", count(done), count(all)));
        };
        engine
            .rewrap(&mut told)
            .map_err(Error::from_engine("cannot seal all of it anew"))
            .map_err(|error| error.hint("the same again goes on where it stopped"))?
    };
    let title = match done.values {
        0 => format!("everything is sealed under term {} already", done.term),
        values => format!(
            "{} sealed anew under term {}",
            many(values, "value is", "values are"),
            done.term
        ),
    };
    let page = Page {
        title,
        record: json!({"term": done.term, "values": done.values}),
        ..Page::default()
    };
    show(settings, &page)?;
    Ok(Outcome::CLEAN)
}
