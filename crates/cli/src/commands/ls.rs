//! `keyroll ls`: identities and loose credentials, filtered.

use model::{Attribute, KeyKind, Kind, Tenant, Timestamp, Told};
use serde_json::json;
use store::{Page, Reading, Row};
use tell::Filter;

use crate::arguments::{Limit, Moment};
use crate::error::Error;
use crate::exit::Outcome;
use crate::moment::{Then, View};
use crate::output::{self, Cell, Column, Field, Fields, Format, List, Sheet, Tone};
use crate::settings::Settings;
use crate::shown;
use crate::words::many;

/// Rows asked for at a time.
const PAGE: usize = 500;

/// List identities and loose credentials
///
/// A filter is words and terms that must all hold:
///
///   keyroll ls class=workload provider=aws env=prod
///   keyroll ls type=postgres_role owner=none expires<30d
///   keyroll ls kind=credential used>90d 'name~old key' status!=inactive
///
/// Fields: kind, class, type, provider, env, status, privilege, owner, name; times: created,
/// rotated, used, expires, seen, missing. A plain word searches names. `kind=…` shows things
/// that are not listed by themselves, such as credentials with a known holder.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Ls {
    /// Words and terms such as `env=prod`, `expires<30d`, `owner=none`
    filter: Vec<String>,
    /// Count by field instead of listing
    #[arg(long, env = "KEYROLL_FACETS", value_parser = clap::builder::FalseyValueParser::new())]
    facets: bool,
    #[command(flatten)]
    moment: Moment,
    #[command(flatten)]
    limit: Limit,
}

static SHEET: Sheet<'_> = Sheet {
    title: output::ROLL,
    columns: &[
        Column::fixed("id"),
        Column::text("name"),
        Column::text("type"),
        Column::text("env"),
        Column::text("owner"),
        Column::fixed("last used"),
        Column::fixed("expires"),
        Column::number("seen by"),
    ],
    fields: &[
        Field::text("id"),
        Field::text("kind"),
        Field::text("name"),
        Field::text("type"),
        Field::text("provider"),
        Field::text("class"),
        Field::text("environment"),
        Field::text("status"),
        Field::text("privilege"),
        Field::text("holder"),
        Field::text("owner"),
        Field::text("owner_hint"),
        Field::count("sources"),
        Field::count("places"),
        Field::count("credentials"),
        Field::when("created_at"),
        Field::when("rotated_at"),
        Field::when("last_used_at"),
        Field::when("expires_at"),
        Field::time("first_seen"),
        Field::time("missing_since"),
    ],
    empty: "nothing on the roll matches; `keyroll scan` reads more, `keyroll ls --facets` shows what there is",
};

static FACETS: Sheet<'_> = Sheet {
    title: "The roll by field",
    columns: &[
        Column::fixed("field"),
        Column::text("value"),
        Column::number("count"),
    ],
    fields: &[
        Field::text("field"),
        Field::text("value"),
        Field::count("count"),
    ],
    empty: "nothing on the roll matches; `keyroll scan` reads more",
};

impl Ls {
    /// Lists, page by page.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let asked_from = Then::asked(&self.moment, settings.now);
        let now = asked_from.map_or(settings.now, |then| then.at);
        let filter = parse(&self.filter, now)?;
        let (asked, whole) = filter.lowered();
        if self.facets && !whole {
            return Err(Error::usage("facets are counted for plain terms only: `field=value`, a word, `expires<…`, `used>…`")
                .hint("leave the other terms out"));
        }
        let view = View::open(settings, &self.moment)?;
        let roll = &view.roll;
        if self.facets {
            return facets(settings, &view, &asked);
        }
        let mut list = List::begin(settings, &SHEET)?;
        let mut gauge = view.gauge(settings)?;
        list.over(&gauge);
        let most = settings.limit(&self.limit).unwrap_or(u64::MAX);
        let mut page = Page {
            limit: PAGE,
            ..Page::default()
        };
        let mut cut = false;
        let bill = settings.wanted.has(Format::Cyclonedx);
        let mut without_class = 0;
        'pages: loop {
            let got = roll.read(|reading, tenant| reading.roll(tenant, &asked, &page))?;
            for row in got.rows.iter().filter(|row| whole || filter.holds(row)) {
                if list.rows() == most {
                    cut = true;
                    break 'pages;
                }
                without_class += u64::from(row.kind != Kind::Identity);
                let detail = match bill {
                    true => roll.read(|reading, tenant| detail(reading, tenant, row))?,
                    false => Fields::new(),
                };
                list.row(&output::Row {
                    cells: cells(row, now),
                    fields: tell::line(row),
                    detail,
                })?;
            }
            match got.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        if cut && whole {
            gauge.more_than_shown =
                Some(roll.read(|reading, tenant| reading.count(tenant, &asked))?);
        }
        let mut remarks = Vec::from_iter(view.told(settings));
        if cut && !whole {
            remarks.push("there is more: `--limit 0` shows all".to_owned());
        }
        if without_class > 0 && settings.wanted.has(Format::Ocsf) {
            remarks.push(left_out(without_class));
        }
        list.end(&gauge, &remarks)?;
        Ok(Outcome::CLEAN)
    }
}

fn left_out(lines: u64) -> String {
    let what = many(lines, "line is", "lines are");
    format!("{what} no identity: OCSF has no class for that, they were left out")
}

/// The filter in what was typed.
///
/// # Errors
/// A term that cannot be understood.
pub(crate) fn parse(words: &[String], now: Timestamp) -> Result<Filter, Error> {
    Filter::parse(&words.join(" "), now).map_err(|error| {
        let usage = Error::usage(error.to_string());
        match error.hint {
            Some(hint) => usage.hint(hint),
            None => usage.hint("`keyroll ls --help` explains filters"),
        }
    })
}

fn facets(settings: &Settings, view: &View, filter: &store::Filter) -> Result<Outcome, Error> {
    let facets = view
        .roll
        .read(|reading, tenant| reading.facets(tenant, filter))?;
    let mut list = List::begin(settings, &FACETS)?;
    for (field, values) in facets {
        for (value, count) in values {
            let shown = if value.is_empty() {
                Cell::toned("(none told)", Tone::Unknown)
            } else {
                Cell::new(value.clone())
            };
            let cells = vec![
                Cell::new(field.to_string()),
                shown,
                Cell::new(crate::words::count(count)),
            ];
            let fields = Fields::from_iter([
                ("field".to_owned(), json!(field)),
                ("value".to_owned(), json!(value)),
                ("count".to_owned(), json!(count)),
            ]);
            list.row(&output::Row {
                cells,
                fields,
                ..output::Row::default()
            })?;
        }
    }
    let remarks = Vec::from_iter(view.told(settings));
    list.end(&view.gauge(settings)?, &remarks)?;
    Ok(Outcome::CLEAN)
}

fn cells(row: &Row, now: Timestamp) -> Vec<Cell> {
    let name = match (row.missing_since, row.status.as_deref()) {
        (Some(_), _) => Cell::toned(format!("{} (gone)", row.name), Tone::Unknown),
        (None, Some(status @ ("inactive" | "disabled"))) => {
            Cell::toned(format!("{} ({status})", row.name), Tone::Unknown)
        }
        _ => Cell::new(row.name.clone()),
    };
    let type_ = match &row.privilege {
        Some(privilege) => Cell::toned(format!("{} ({privilege})", row.type_), Tone::Warn),
        None if row.type_.is_empty() => Cell::unknown(),
        None => Cell::new(row.type_.clone()),
    };
    vec![
        shown::id(&row.id),
        name,
        type_,
        shown::word(row.environment.as_deref()),
        shown::owner(row.owner.as_deref(), row.owner_hint.as_deref()),
        shown::time(&row.last_used_at, "never", now),
        shown::expiry(&row.expires_at, now),
        Cell::new(row.sources.to_string()),
    ]
}

/// What a bill of materials tells of a credential beyond its line.
fn detail(reading: &mut Reading<'_>, tenant: &Tenant, row: &Row) -> Result<Fields, store::Error> {
    let mut detail = Fields::new();
    if row.kind != Kind::Credential {
        return Ok(detail);
    }
    let sightings = reading.sightings_of(tenant, &row.id)?;
    let hash = sightings.iter().flat_map(|one| &one.observation.keys);
    let hash = hash.filter(|key| key.kind == KeyKind::CertificateSha256);
    if let Some(key) = hash.min() {
        detail.insert("sha256".to_owned(), json!(key.value));
    }
    let entity = inventory::assemble(&row.id, Vec::new(), sightings);
    for attribute in [
        Attribute::SUBJECT,
        Attribute::ISSUER,
        Attribute::SERIAL,
        Attribute::VALID_FROM,
    ] {
        if let Told::Is(value) = entity.fact(&attribute) {
            detail.insert(attribute.as_str().to_owned(), json!(value));
        }
    }
    Ok(detail)
}
