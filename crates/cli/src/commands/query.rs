//! `keyroll query`: read-only SQL over documented views.

use serde_json::{Value, json};
use store::{EXAMPLES, QueryLimits, VIEWS, meaning};

use crate::arguments::{Limit, Moment};
use crate::error::Error;
use crate::exit::Outcome;
use crate::moment::View;
use crate::output::{Cell, Column, Field, Fields, Gauge, List, Row, Sheet, Tone, plain};
use crate::settings::Settings;

/// Ask the roll in read-only SQL
///
/// The statement is in the dialect of the store's engine and sees the views that
/// `keyroll query --views` lists. Nothing else can be read, and nothing written.
/// `keyroll query --examples` lists questions to begin from.
///
///   keyroll query "SELECT provider, count(*) FROM identities GROUP BY provider"
///
/// With a time the views show the roll of then, and the dialect is that of SQLite; `sources`,
/// `versions` and `evidence` are not among them.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Query {
    /// One SELECT statement
    #[arg(required_unless_present_any = ["views", "examples"])]
    sql: Option<String>,
    /// List the views with their columns
    #[arg(long, env = "KEYROLL_VIEWS", value_parser = clap::builder::FalseyValueParser::new())]
    views: bool,
    /// List questions that can be pasted, at least one for each view
    #[arg(long, conflicts_with = "views", env = "KEYROLL_EXAMPLES", value_parser = clap::builder::FalseyValueParser::new())]
    examples: bool,
    #[command(flatten)]
    moment: Moment,
    #[command(flatten)]
    limit: Limit,
}

/// Views that do not tell of another moment: sources that were taken off are not kept, and the
/// others tell of all times at once.
const UNTOLD: &[&str] = &["sources", "versions", "evidence"];

static VIEWS_SHEET: Sheet<'_> = Sheet {
    title: "Views",
    columns: &[
        Column::fixed("view"),
        Column::text("holds"),
        Column::text("columns"),
    ],
    fields: &[
        Field::text("view"),
        Field::text("holds"),
        Field::list("columns"),
        Field::list("meanings"),
    ],
    empty: "",
};

static EXAMPLES_SHEET: Sheet<'_> = Sheet {
    title: "Examples",
    columns: &[
        Column::fixed("view"),
        Column::text("asks"),
        Column::whole("command"),
    ],
    fields: &[Field::text("view"), Field::text("asks"), Field::text("sql")],
    empty: "",
};

impl Query {
    /// Runs the statement, or lists the views.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        if self.examples {
            return examples(settings);
        }
        let Some(sql) = self.sql.filter(|_| !self.views) else {
            return views(settings);
        };
        let view = View::open(settings, &self.moment)?;
        let mut limits = QueryLimits::default();
        let mut hint = "`keyroll query --views` lists what can be read";
        if view.is_past() {
            limits.without = UNTOLD;
            hint = "of another moment `sources`, `versions` and `evidence` cannot be read; without a time they can, and `versions` says from when to when";
        }
        if let Some(most) = settings.limit(&self.limit) {
            limits.rows = usize::try_from(most).unwrap_or(usize::MAX);
        }
        let answer = view
            .roll
            .store
            .query(&view.roll.tenant, &sql, &limits)
            .map_err(Error::from_store("cannot run the query"))
            .map_err(|error| error.hint(hint))?;
        let columns: Vec<Column<'_>> = answer
            .columns
            .iter()
            .map(|name| Column::text(name))
            .collect();
        let mut names = Vec::new();
        for (at, name) in answer.columns.iter().enumerate() {
            let values = answer.rows.iter().filter_map(|row| row.get(at));
            names.push(Field::told_by(name, values));
        }
        let sheet = Sheet {
            title: "Answer",
            columns: &columns,
            fields: &names,
            empty: "no rows",
        };
        let mut list = List::begin(settings, &sheet)?;
        for values in &answer.rows {
            let cells = values.iter().map(cell).collect();
            let fields: Fields = answer
                .columns
                .iter()
                .cloned()
                .zip(values.iter().cloned())
                .collect();
            list.row(&Row {
                cells,
                fields,
                ..Row::default()
            })?;
        }
        let mut remarks = Vec::from_iter(view.told(settings));
        if answer.cut {
            remarks.push(format!(
                "the answer was cut at {} rows: ask for less, or with `--limit`",
                answer.rows.len()
            ));
        }
        list.end(&view.gauge(settings)?, &remarks)?;
        Ok(Outcome::CLEAN)
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::toned("null", Tone::Unknown),
        other => Cell::new(plain(other)),
    }
}

fn views(settings: &Settings) -> Result<Outcome, Error> {
    let mut list = List::begin(settings, &VIEWS_SHEET)?;
    for view in VIEWS {
        let meanings: Vec<_> = view.columns.iter().map(|name| meaning(name)).collect();
        let cells = vec![
            Cell::new(view.name),
            Cell::new(view.says),
            Cell::new(view.columns.join(", ")),
        ];
        let fields = Fields::from_iter([
            ("view".to_owned(), json!(view.name)),
            ("holds".to_owned(), json!(view.says)),
            ("columns".to_owned(), json!(view.columns)),
            ("meanings".to_owned(), json!(meanings)),
        ]);
        list.row(&Row {
            cells,
            fields,
            ..Row::default()
        })?;
    }
    list.end(&Gauge::none(), &[])?;
    Ok(Outcome::CLEAN)
}

fn examples(settings: &Settings) -> Result<Outcome, Error> {
    let mut list = List::begin(settings, &EXAMPLES_SHEET)?;
    for example in EXAMPLES {
        let cells = vec![
            Cell::new(example.view),
            Cell::new(example.asks),
            Cell::new(format!("keyroll query \"{}\"", example.sql)),
        ];
        let fields = Fields::from_iter([
            ("view".to_owned(), json!(example.view)),
            ("asks".to_owned(), json!(example.asks)),
            ("sql".to_owned(), json!(example.sql)),
        ]);
        list.row(&Row {
            cells,
            fields,
            ..Row::default()
        })?;
    }
    list.end(&Gauge::none(), &[])?;
    Ok(Outcome::CLEAN)
}
