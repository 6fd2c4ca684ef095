//! `keyroll evidence show` and `key`: the log as people read it, and the key that verifies it.

use std::io::Write;

use evidence::Leaf;

use crate::arguments::Limit;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Gauge, List, Row, Sheet};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::clock;

static SHEET: Sheet<'_> = Sheet {
    title: "Evidence",
    columns: &[
        Column::number("leaf"),
        Column::fixed("at"),
        Column::fixed("kind"),
        Column::text("by"),
        Column::text("about"),
        Column::text("what"),
    ],
    fields: &[
        Field::count("leaf"),
        Field::time("at"),
        Field::text("kind"),
        Field::text("actor"),
        Field::text("subject"),
        Field::any("body"),
    ],
    empty: "the log is empty: nothing was decided or done yet",
};

/// Leaves read at a time.
const PAGE: usize = 1000;

/// Lists the leaves, oldest first.
pub(super) fn list(
    settings: &Settings,
    subject: Option<&str>,
    limit: &Limit,
) -> Result<Outcome, Error> {
    let roll = Roll::open(settings)?;
    let ids = subject.map(|id| roll.read(|reading, tenant| reading.ids_of(tenant, id)));
    let ids = ids.transpose()?;
    let most = settings.limit(limit).unwrap_or(u64::MAX);
    let mut list = List::begin(settings, &SHEET)?;
    let mut from = 0;
    let mut cut = false;
    'pages: loop {
        let leaves = roll.read(|reading, tenant| reading.evidence_leaves(tenant, from, PAGE))?;
        let Some((last, _)) = leaves.last() else {
            break;
        };
        from = last + 1;
        for (index, bytes) in &leaves {
            let leaf = Leaf::from_bytes(bytes)
                .map_err(Error::because(format!("leaf {index} does not read back")))?;
            if ids
                .as_ref()
                .is_some_and(|ids| !ids.contains(leaf.subject()))
            {
                continue;
            }
            if list.rows() == most {
                cut = true;
                break 'pages;
            }
            list.row(&row(*index, &leaf))?;
        }
    }
    let remarks = if cut {
        vec!["there is more: `--limit 0` shows all".to_owned()]
    } else {
        Vec::new()
    };
    list.end(&Gauge::none(), &remarks)?;
    Ok(Outcome::CLEAN)
}

fn row(index: u64, leaf: &Leaf) -> Row {
    let cells = vec![
        Cell::new(index.to_string()),
        Cell::new(clock(leaf.at())),
        Cell::new(leaf.kind().as_str()),
        Cell::new(leaf.actor()),
        Cell::new(leaf.subject()),
        Cell::new(model::shorten(&leaf.body().to_string(), 160)),
    ];
    Row {
        cells,
        fields: tell::leaf(index, leaf),
        ..Row::default()
    }
}

/// Prints the public key of the log.
pub(super) fn key(settings: &Settings) -> Result<Outcome, Error> {
    let roll = Roll::open(settings)?;
    let engine = roll.engine(settings)?;
    writeln!(settings.terminal.stdout(), "{}", engine.ledger.public_key())?;
    Ok(Outcome::CLEAN)
}
