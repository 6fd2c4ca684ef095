//! `keyroll config`: the settings in force, and what a configuration file may hold.

use std::io::Write;

use serde_json::json;

use crate::configuration::{self, Layers};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, Gauge, List, Row, Sheet, Tone, json_text};
use crate::settings::Settings;

/// Show settings and their schema
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Config {
    /// Print the JSON Schema of a configuration file
    Schema,
    /// Show each setting and where it comes from
    Show,
}

static SHEET: Sheet<'_> = Sheet {
    title: "Settings",
    columns: &[
        Column::fixed("setting"),
        Column::text("value"),
        Column::text("from"),
    ],
    fields: &[
        Field::text("setting"),
        Field::any("value"),
        Field::text("from"),
    ],
    empty: "",
};

impl Config {
    /// Prints what was asked for.
    pub(crate) fn run(self, settings: &Settings, layers: &Layers) -> Result<Outcome, Error> {
        match self {
            Self::Schema => {
                let mut out = settings.terminal.stdout();
                writeln!(out, "{}", json_text(&configuration::schema()))?;
            }
            Self::Show => show(settings, layers)?,
        }
        Ok(Outcome::CLEAN)
    }
}

fn show(settings: &Settings, layers: &Layers) -> Result<(), Error> {
    let mut list = List::begin(settings, &SHEET)?;
    for (name, value, origin) in settings.told() {
        let origin = origin.to_string();
        let shown = match &value {
            serde_json::Value::Null => Cell::toned("(not set)", Tone::Unknown),
            serde_json::Value::String(text) => Cell::new(text.clone()),
            other => Cell::new(other.to_string()),
        };
        let fields = Fields::from_iter([
            ("setting".to_owned(), json!(name)),
            ("value".to_owned(), value),
            ("from".to_owned(), json!(origin)),
        ]);
        list.row(&Row {
            cells: vec![Cell::new(name), shown, Cell::new(origin)],
            fields,
            ..Row::default()
        })?;
    }
    let found: Vec<String> = layers.origins().map(ToString::to_string).collect();
    let remark = if found.is_empty() {
        "no configuration file was found".to_owned()
    } else {
        format!(
            "configuration, the first has the last word: {}",
            found.join(", ")
        )
    };
    list.end(&Gauge::none(), &[remark])
}
