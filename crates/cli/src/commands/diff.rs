//! `keyroll diff`: what appeared, changed and went between two times.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Difference, What};
use model::{EntityId, Tenant, Timestamp};
use serde_json::json;
use store::Reading;

use crate::arguments::Limit;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, List, Row, Sheet, Tone};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::clock;

/// Show what appeared, changed and went between two times
///
/// Without `--from`, since before the latest pass began: what the last scan changed. Told are what
/// sources saw otherwise, things that became one or two, and owners: whatever two lists `ls
/// --known-at` of both times show otherwise of a thing itself.
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
        Field::text("with"),
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
            let most = most.saturating_add(1);
            let differences = match from <= to {
                true => engine::between(reading, tenant, (from, to), settings.now, most)?,
                false => Vec::new(),
            };
            let names = names(reading, tenant, &differences)?;
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

/// What things are called now, by the ids that the differences name them by.
fn names(
    reading: &mut Reading<'_>,
    tenant: &Tenant,
    differences: &[Difference],
) -> Result<BTreeMap<EntityId, String>, store::Error> {
    let ids: BTreeSet<&EntityId> = differences.iter().map(|one| &one.entity).collect();
    let ids: Vec<_> = ids.into_iter().cloned().collect();
    let rows = reading.entity_rows(tenant, &ids)?.into_iter();
    let mut names: BTreeMap<_, _> = rows.map(|row| (row.id, row.name)).collect();
    for id in ids {
        // It is part of another one by now.
        if !names.contains_key(&id)
            && let Some(row) = reading.entity_row(tenant, &id)?
        {
            names.insert(id, row.name);
        }
    }
    Ok(names)
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

fn row(difference: &Difference, name: &str) -> Row {
    let with = match &difference.what {
        What::Merged(other) | What::Split(other) | What::Moved(other) => Some(other),
        _ => None,
    };
    let (word, changed, tone) = match &difference.what {
        What::New => ("new", Vec::new(), Tone::Plain),
        What::Changed(names) => ("changed", names.iter().cloned().collect(), Tone::Plain),
        What::Missing => ("gone", Vec::new(), Tone::Warn),
        What::Back => ("back", Vec::new(), Tone::Plain),
        What::Merged(other) => ("merged", vec![format!("into {other}")], Tone::Plain),
        What::Split(other) => ("split", vec![format!("from {other}")], Tone::Plain),
        What::Moved(other) => ("moved", vec![format!("from {other}")], Tone::Plain),
        What::Owned => ("changed", vec!["owner".to_owned()], Tone::Plain),
    };
    let changed: Vec<String> = changed;
    let sighting = difference.sighting.as_ref();
    let source = sighting.map(|sighting| sighting.source.as_str());
    let cells = vec![
        Cell::toned(word, tone),
        Cell::new(difference.entity.as_str()),
        Cell::new(name),
        Cell::new(source.unwrap_or_default()),
        Cell::new(changed.join(", ")),
        Cell::new(clock(difference.at)),
    ];
    let changed = match with {
        Some(_) => Vec::new(),
        None => changed,
    };
    let fields = Fields::from_iter([
        ("what".to_owned(), json!(word)),
        ("id".to_owned(), json!(difference.entity)),
        ("name".to_owned(), json!(name)),
        ("kind".to_owned(), json!(difference.entity.kind())),
        ("source".to_owned(), json!(source)),
        (
            "native".to_owned(),
            json!(sighting.map(|sighting| &sighting.native)),
        ),
        ("changed".to_owned(), json!(changed)),
        ("with".to_owned(), json!(with)),
        ("at".to_owned(), json!(difference.at)),
    ]);
    Row {
        cells,
        fields,
        ..Row::default()
    }
}
