//! `keyroll residual`: revocations that are not proven, until they are.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::builder::FalseyValueParser;
use engine::{Applied, Crowd, Tried};
use model::State;
use serde_json::json;

use super::apply::Patience;
use crate::arguments::{Consent, Limit};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, List, Row, Sheet, Tone};
use crate::progress::Progress;
use crate::roll::Roll;
use crate::settings::Settings;
use crate::shown;

/// List revocations that are not proven yet
///
/// Those under way, failed and retried, residual until a time, and unverifiable ones. The list
/// empties only by proof, or where a person vouches for one (`keyroll plan attest`); nothing is
/// ever dropped from it. `--retry` goes on with all that are due, several at once, and exits with
/// 5 if any is still open. Run it so from a timer.
#[derive(Debug, clap::Args)]
pub(crate) struct Residual {
    /// Go on with every one that is due, as `keyroll apply` does with one
    #[arg(long, env = "KEYROLL_RETRY", value_parser = FalseyValueParser::new())]
    retry: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    limit: Limit,
}

static SHEET: Sheet<'_> = Sheet {
    title: "Revocations tried again",
    columns: &[
        Column::text("name"),
        Column::whole("state"),
        Column::fixed("plan"),
    ],
    fields: &[
        Field::text("plan"),
        Field::text("id"),
        Field::text("name"),
        Field::text("source"),
        Field::text("state"),
        Field::any("detail"),
        Field::text("why"),
    ],
    empty: "nothing is due: `keyroll residual` shows what is open, and until when",
};

impl Residual {
    /// Lists what is open, or goes on with it.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        if self.retry {
            return self.retry(settings, &roll);
        }
        super::plan::list(settings, &roll, true, &self.limit)
    }

    fn retry(&self, settings: &Settings, roll: &Roll) -> Result<Outcome, Error> {
        let engine = roll.engine(settings)?;
        let doing = || Error::from_engine("cannot go on with them");
        let due = engine.due().map_err(doing())?;
        if due > 0 {
            let question = format!("Go on with {due} revocations that were begun and are due?");
            super::sources::agreed(settings, self.consent, &question)?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let mut tried = {
            let progress = Progress::start(settings);
            engine
                .retry_due(self.patience.wait, &Crowd::default(), &stop, &|one| {
                    progress.says(&format!("{} was tried", one.name));
                })
                .map_err(doing())?
        };
        tried.sort_by(|a, b| (&a.name, &a.plan).cmp(&(&b.name, &b.plan)));
        let mut list = List::begin(settings, &SHEET)?;
        let mut open = 0;
        for one in &tried {
            open += usize::from(!proven(one));
            list.row(&row(one, settings))?;
        }
        list.end(&roll.gauge()?, &[])?;
        Ok(Outcome {
            incomplete: open > 0,
            ..Outcome::CLEAN
        })
    }
}

fn proven(one: &Tried<Applied>) -> bool {
    let applied = one.came.as_ref().and_then(|came| came.as_ref().ok());
    applied.is_some_and(|applied| matches!(applied.state, State::Proven { .. }))
}

fn row(one: &Tried<Applied>, settings: &Settings) -> Row {
    let (state, why) = match &one.came {
        Some(Ok(applied)) => (Some(&applied.state), None),
        Some(Err(error)) => (None, Some(error.to_string())),
        None => (None, Some(super::verify_revoked::NOT_ASKED.to_owned())),
    };
    let shown = match (state, &why) {
        (Some(state), _) => shown::state(state, settings.now),
        (None, why) => Cell::toned(why.clone().unwrap_or_default(), Tone::Unknown),
    };
    Row {
        cells: vec![
            Cell::new(one.name.clone()),
            shown,
            Cell::new(one.plan.to_string()),
        ],
        fields: Fields::from_iter([
            ("plan".to_owned(), json!(one.plan)),
            ("id".to_owned(), json!(one.subject)),
            ("name".to_owned(), json!(one.name)),
            ("source".to_owned(), json!(one.target)),
            ("state".to_owned(), json!(state.map(State::as_str))),
            ("detail".to_owned(), json!(state)),
            ("why".to_owned(), json!(why)),
        ]),
        ..Row::default()
    }
}
