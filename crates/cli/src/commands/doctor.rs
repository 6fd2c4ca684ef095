//! `keyroll doctor`: whether everything Keyroll stands on is in order; each line says what to do.

mod checks;

use serde_json::json;

use crate::configuration::Layers;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, Gauge, List, Row, Sheet, Tone};
use crate::settings::Settings;

/// Check versions, files, keys, sources and evidence
///
/// Exits with 1 if a check fails; warnings do not count.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {}

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Ok,
    Warn,
    Fail,
}

/// One line: what was checked, how it went, what to do.
struct Check {
    what: &'static str,
    health: Health,
    told: String,
    todo: String,
}

impl Check {
    fn ok(what: &'static str, told: impl Into<String>) -> Self {
        Self {
            what,
            health: Health::Ok,
            told: told.into(),
            todo: String::new(),
        }
    }
    fn warn(what: &'static str, told: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            what,
            health: Health::Warn,
            told: told.into(),
            todo: todo.into(),
        }
    }
    fn fail(what: &'static str, told: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            what,
            health: Health::Fail,
            told: told.into(),
            todo: todo.into(),
        }
    }
}

static SHEET: Sheet<'_> = Sheet {
    title: "Health",
    columns: &[
        Column::fixed("check"),
        Column::fixed("health"),
        Column::text("told"),
        Column::whole("to do"),
    ],
    fields: &[
        Field::text("check"),
        Field::text("health"),
        Field::text("told"),
        Field::text("todo"),
    ],
    empty: "",
};

impl Doctor {
    /// Checks everything; one check that fails does not stop the others.
    pub(crate) fn run(self, settings: &Settings, layers: &Layers) -> Result<Outcome, Error> {
        let checks = checks::all(settings, layers);
        let mut list = List::begin(settings, &SHEET)?;
        for check in &checks {
            let (word, tone) = match check.health {
                Health::Ok => ("ok", Tone::Plain),
                Health::Warn => ("warn", Tone::Warn),
                Health::Fail => ("FAIL", Tone::Bad),
            };
            let cells = vec![
                Cell::new(check.what),
                Cell::toned(word, tone),
                Cell::new(check.told.clone()),
                Cell::new(check.todo.clone()),
            ];
            let fields = Fields::from_iter([
                ("check".to_owned(), json!(check.what)),
                ("health".to_owned(), json!(word.to_ascii_lowercase())),
                ("told".to_owned(), json!(check.told)),
                (
                    "todo".to_owned(),
                    json!((!check.todo.is_empty()).then_some(&check.todo)),
                ),
            ]);
            list.row(&Row {
                cells,
                fields,
                ..Row::default()
            })?;
        }
        let failed = checks.iter().any(|check| check.health == Health::Fail);
        list.end(&Gauge::none(), &[])?;
        Ok(Outcome {
            failed,
            ..Outcome::CLEAN
        })
    }
}
