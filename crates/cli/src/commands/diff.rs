//! `keyroll diff`: what appeared, changed and went between two times.

use std::collections::{BTreeMap, BTreeSet};

use model::{EntityId, Timestamp};
use serde_json::json;
use store::What;

use crate::arguments::Limit;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, List, Row, Sheet, Tone};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::clock;

/// Show what appeared, changed and went between two times
///
/// Without `--from`, since before the latest pass began: what the last scan changed.
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// From when: `2026-03-01`, `2026-03-01T12:00:00Z`
    #[arg(long, value_name = "TIME", env = "KEYROLL_FROM")]
    from: Option<Timestamp>,
    /// Until when; now by default
    #[arg(long, value_name = "TIME", env = "KEYROLL_TO")]
    to: Option<Timestamp>,
    #[command(flatten)]
    limit: Limit,
}

static SHEET: Sheet<'_> = Sheet {
    title: "Differences",
    columns: &[
        Column::fixed("what"),
        Column::fixed("id"),
        Column::text("name"),
        Column::text("source"),
        Column::text("changed"),
        Column::fixed("at"),
    ],
    fields: &[
        Field::text("what"),
        Field::text("id"),
        Field::text("name"),
        Field::text("kind"),
        Field::text("source"),
        Field::text("native"),
        Field::list("changed"),
        Field::time("at"),
    ],
    empty: "nothing changed in that time",
};

/// More differences than this are not read at once.
const DIFFERENCES_MAX: usize = 100_000;

impl Diff {
    /// Lists the differences.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        let to = self.to.unwrap_or(settings.now);
        let most = settings.limit(&self.limit).map_or(DIFFERENCES_MAX, |most| {
            usize::try_from(most).unwrap_or(usize::MAX)
        });
        let (from, differences, names) = roll.read(|reading, tenant| {
            let from = match self.from {
                Some(from) => from,
                // The instant before, so that what the pass itself brought is among them.
                None => latest(&reading.passes(tenant, None, 100)?),
            };
            let differences = reading.diff(tenant, from, to, most.saturating_add(1))?;
            let mut ids: Vec<EntityId> = differences.iter().map(|one| one.entity.clone()).collect();
            ids.sort();
            ids.dedup();
            let rows = reading.entity_rows(tenant, &ids)?;
            let names: BTreeMap<_, _> = rows.into_iter().map(|row| (row.id, row.name)).collect();
            Ok((from, differences, names))
        })?;
        if from > to {
            let told = format!(
                "expected `--from` before `--to`, got {} and {}",
                clock(from),
                clock(to)
            );
            return Err(Error::usage(told));
        }
        let mut list = List::begin(settings, &SHEET)?;
        for difference in differences.iter().take(most) {
            let name = names.get(&difference.entity).map_or("", String::as_str);
            list.row(&row(difference, name))?;
        }
        let mut remarks = vec![format!("from {} to {}", clock(from), clock(to))];
        if differences.len() > most {
            remarks.push("there is more: narrow the time, or `--limit 0`".to_owned());
        }
        list.end(&roll.gauge()?, &remarks)?;
        Ok(Outcome::CLEAN)
    }
}

/// Just before the scan that ended last: its sources were read one after the other, each part of
/// each once. `passes`: the latest first.
fn latest(passes: &[store::Pass]) -> Timestamp {
    let Some(mut begun) = passes.first().map(|pass| pass.started) else {
        return Timestamp::MIN;
    };
    let mut read = BTreeSet::new();
    for pass in passes {
        let near = begun.since(pass.started) <= model::Duration::minutes(5);
        if !near || !read.insert((&pass.source, &pass.scope)) {
            break;
        }
        begun = pass.started.min(begun);
    }
    begun - model::Duration(1)
}

fn row(difference: &store::Difference, name: &str) -> Row {
    let (word, changed, tone) = match &difference.what {
        What::New => ("new", Vec::new(), Tone::Plain),
        What::Changed(names) => ("changed", names.iter().cloned().collect(), Tone::Plain),
        What::Missing => ("gone", Vec::new(), Tone::Warn),
        What::Back => ("back", Vec::new(), Tone::Plain),
    };
    let changed: Vec<String> = changed;
    let cells = vec![
        Cell::toned(word, tone),
        Cell::new(difference.entity.as_str()),
        Cell::new(name),
        Cell::new(difference.sighting.source.as_str()),
        Cell::new(changed.join(", ")),
        Cell::new(clock(difference.at)),
    ];
    let fields = Fields::from_iter([
        ("what".to_owned(), json!(word)),
        ("id".to_owned(), json!(difference.entity)),
        ("name".to_owned(), json!(name)),
        ("kind".to_owned(), json!(difference.sighting.kind)),
        ("source".to_owned(), json!(difference.sighting.source)),
        ("native".to_owned(), json!(difference.sighting.native)),
        ("changed".to_owned(), json!(changed)),
        ("at".to_owned(), json!(difference.at)),
    ]);
    Row {
        cells,
        fields,
        ..Row::default()
    }
}
