//! `keyroll gaps`: what each source could not read, and what would let it.

use model::{Reason, SourceId};
use store::SourceGap;

use crate::arguments::Limit;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, List, Row, Sheet, Tone};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::when;

/// List what could not be read, and the permission that would let it
///
/// A gap is a part of a source that the latest pass could not read. What may lie there is
/// unknown, and nothing there counts as gone.
#[derive(Debug, clap::Args)]
pub(crate) struct Gaps {
    /// Only of this source
    source: Option<SourceId>,
    #[command(flatten)]
    limit: Limit,
}

static SHEET: Sheet<'_> = Sheet {
    title: "Gaps",
    columns: &[
        Column::text("source"),
        Column::text("part"),
        Column::fixed("reason"),
        Column::text("told"),
        Column::whole("needs"),
        Column::fixed("seen"),
    ],
    fields: &[
        Field::text("source"),
        Field::list("scope"),
        Field::text("reason"),
        Field::text("told"),
        Field::text("needs"),
        Field::time("at"),
    ],
    empty: "no gaps: every source was read whole in its latest pass",
};

impl Gaps {
    /// Lists the gaps of the latest passes.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        let gaps = roll.read(|reading, tenant| reading.gaps(tenant, self.source.as_ref()))?;
        let mut list = List::begin(settings, &SHEET)?;
        let most = settings.limit(&self.limit).unwrap_or(u64::MAX);
        for found in &gaps {
            if list.rows() == most {
                break;
            }
            let gap = &found.gap;
            let needs = gap.needs.as_deref();
            let cells = vec![
                Cell::new(found.source.as_str()),
                Cell::new(gap.scope.to_string()),
                Cell::toned(gap.reason.as_str(), Tone::Warn),
                Cell::new(gap.told.clone()),
                needs.map_or_else(Cell::default, Cell::new),
                Cell::new(when(found.started, settings.now)),
            ];
            list.row(&Row {
                cells,
                fields: tell::gap(found),
                ..Row::default()
            })?;
        }
        let mut gauge = roll.gauge()?;
        let all = gaps.len() as u64;
        gauge.more_than_shown = (list.rows() < all).then_some(all);
        list.end(&gauge, &ready(&gaps))?;
        Ok(Outcome::CLEAN)
    }
}

/// Where the rights that were missing can be had ready to paste.
fn ready(gaps: &[SourceGap]) -> Vec<String> {
    let denied = |connector: &str| {
        let of = |one: &&SourceGap| one.source.connector() == connector;
        let mut of = gaps.iter().filter(of);
        of.any(|one| one.gap.reason == Reason::Denied || one.gap.needs.is_some())
    };
    let systems = [("aws_iam", "aws"), ("postgres_roles", "postgres")];
    let systems = systems.into_iter().filter(|one| denied(one.0));
    systems
        .map(|(_, system)| {
            format!(
                "`keyroll sources policy {system}` prints the rights that it wants, ready to paste"
            )
        })
        .collect()
}
