//! `keyroll mute`: silence a finding until a day, with a reason. Each decision is evidence.

use model::{Finding, Timestamp};
use serde_json::json;

use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, Gauge, List, Page, Row, Sheet, Tone, show};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::{clock, when};
use tell::span;

/// Silence a finding until a day
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Mute {
    /// Mute a finding
    Add {
        /// The finding: `fnd-…`, as `keyroll findings -o json` names it
        finding: String,
        /// Why it may wait
        #[arg(long, env = "KEYROLL_REASON")]
        reason: String,
        /// Until when: a span such as `30d`, or a day such as `2026-12-31`
        #[arg(
            long,
            value_name = "SPAN|DAY",
            env = "KEYROLL_UNTIL",
            allow_hyphen_values = true
        )]
        until: String,
    },
    /// Hear of it again
    Remove {
        /// The finding
        finding: String,
    },
    /// List mutes, ended ones too
    List,
}

static SHEET: Sheet<'_> = Sheet {
    title: "Mutes",
    columns: &[
        Column::fixed("finding"),
        Column::text("reason"),
        Column::text("by"),
        Column::fixed("since"),
        Column::fixed("until"),
    ],
    fields: &[
        Field::text("finding"),
        Field::text("reason"),
        Field::text("by"),
        Field::time("at"),
        Field::time("until"),
        Field::flag("ended"),
    ],
    empty: "nothing is muted",
};

impl Mute {
    /// Decides, or lists.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        match self {
            Self::Add {
                finding,
                reason,
                until,
            } => add(settings, &roll, &finding, &reason, &until),
            Self::Remove { finding } => {
                let engine = roll.engine(settings)?;
                let leaf = engine
                    .unmute(&finding)
                    .map_err(Error::from_engine("cannot end the mute"))?;
                told(
                    settings,
                    &format!("{finding} is heard again"),
                    leaf,
                    json!({"finding": finding, "muted": false, "evidence": leaf}),
                )
            }
            Self::List => list(settings, &roll),
        }
    }
}

fn add(
    settings: &Settings,
    roll: &Roll,
    id: &str,
    reason: &str,
    until: &str,
) -> Result<Outcome, Error> {
    let until = end(until, settings.now)?;
    let engine = roll.engine(settings)?;
    let judged = tell::judge(&engine, &|finding: &Finding| finding.id.as_str() == id)
        .map_err(Error::from_engine("cannot judge the roll"))?;
    let finding = judged.findings().next().ok_or_else(|| {
        Error::failed(format!(
            "there is no finding `{}` now",
            model::shorten(&model::clean(id), 60)
        ))
        .hint("`keyroll findings --muted --json finding,title,name` lists them")
    })?;
    let leaf = engine
        .mute(finding, reason, until)
        .map_err(Error::from_engine("cannot mute the finding"))?;
    let title = format!("{id} is muted until {}", clock(until));
    told(
        settings,
        &title,
        leaf,
        json!({"finding": id, "muted": true, "until": until, "reason": reason, "evidence": leaf}),
    )
}

fn end(text: &str, now: Timestamp) -> Result<Timestamp, Error> {
    if let Some(span) = span(text) {
        return Ok(now + span);
    }
    text.parse().map_err(|_| {
        let got = model::shorten(&model::clean(text), 40);
        Error::usage(format!(
            "--until: expected a span such as `30d` or a day such as `2026-12-31`, got `{got}`"
        ))
    })
}

fn told(
    settings: &Settings,
    title: &str,
    leaf: u64,
    record: serde_json::Value,
) -> Result<Outcome, Error> {
    let lead = vec![Cell::new(format!(
        "recorded as leaf {leaf} of the evidence"
    ))];
    show(
        settings,
        &Page {
            title: title.to_owned(),
            lead,
            record,
            ..Page::default()
        },
    )?;
    Ok(Outcome::CLEAN)
}

fn list(settings: &Settings, roll: &Roll) -> Result<Outcome, Error> {
    let mutes = roll.read(|reading, tenant| reading.mutes(tenant))?;
    let mut list = List::begin(settings, &SHEET)?;
    for mute in &mutes {
        let ended = mute.until <= settings.now;
        let until = if ended {
            Cell::toned(
                format!("ended {}", when(mute.until, settings.now)),
                Tone::Unknown,
            )
        } else {
            Cell::new(when(mute.until, settings.now))
        };
        let cells = vec![
            Cell::new(mute.finding.as_str()),
            Cell::new(mute.reason.clone()),
            Cell::new(mute.by.clone()),
            Cell::new(when(mute.at, settings.now)),
            until,
        ];
        let fields = Fields::from_iter([
            ("finding".to_owned(), json!(mute.finding)),
            ("reason".to_owned(), json!(mute.reason)),
            ("by".to_owned(), json!(mute.by)),
            ("at".to_owned(), json!(mute.at)),
            ("until".to_owned(), json!(mute.until)),
            ("ended".to_owned(), json!(ended)),
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
