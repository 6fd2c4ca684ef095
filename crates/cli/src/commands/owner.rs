//! `keyroll owner`: who answers for something, as a person decides. Each decision is evidence.

use engine::Ownership;
use model::{Attribute, EntityId, Told};
use serde_json::json;
use store::{Filter, Page as RollPage};

use crate::arguments::Limit;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, List, Page, Row, Sheet, show};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::when;

/// Say who answers for something
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Owner {
    /// Confirm an owner
    Set {
        /// An id, the beginning of one, or a name
        id: String,
        /// A person or a team: `team-billing`, `ann@example.com`
        owner: String,
        /// In which sense
        #[arg(
            long = "as",
            value_name = "SENSE",
            env = "KEYROLL_AS",
            default_value = "business"
        )]
        sense: Sense,
    },
    /// Say that nobody owns it any more
    Clear {
        /// An id, the beginning of one, or a name
        id: String,
        /// In which sense
        #[arg(
            long = "as",
            value_name = "SENSE",
            env = "KEYROLL_AS",
            default_value = "business"
        )]
        sense: Sense,
    },
    /// List confirmed owners
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// List whom sources suggest as owner
    Suggest {
        /// Only for this thing
        id: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
}

/// In which sense somebody owns something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sense {
    /// Answers for why it exists
    Business,
    /// Answers for how it runs
    System,
}

impl From<Sense> for Ownership {
    fn from(sense: Sense) -> Self {
        match sense {
            Sense::Business => Self::Business,
            Sense::System => Self::System,
        }
    }
}

static CONFIRMED: Sheet<'_> = Sheet {
    title: "Owners",
    columns: &[
        Column::fixed("id"),
        Column::text("name"),
        Column::text("owner"),
        Column::fixed("as"),
        Column::text("said by"),
        Column::fixed("when"),
    ],
    fields: &[
        Field::text("id"),
        Field::text("name"),
        Field::text("owner"),
        Field::text("as"),
        Field::text("by"),
        Field::time("at"),
    ],
    empty: "nobody is confirmed as owner of anything; `keyroll owner suggest` shows whom sources name",
};

static SUGGESTED: Sheet<'_> = Sheet {
    title: "Suggested owners",
    columns: &[
        Column::fixed("id"),
        Column::text("name"),
        Column::text("suggested"),
        Column::text("by"),
        Column::whole("next"),
    ],
    fields: &[
        Field::text("id"),
        Field::text("name"),
        Field::text("suggested"),
        Field::text("attribute"),
        Field::text("by"),
        Field::text("next"),
    ],
    empty: "no source names an owner of anything that has none",
};

impl Owner {
    /// Decides, or lists.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        match self {
            Self::Set { id, owner, sense } => decide(settings, &roll, &id, Some(&owner), sense),
            Self::Clear { id, sense } => decide(settings, &roll, &id, None, sense),
            Self::List { limit } => confirmed(settings, &roll, &limit),
            Self::Suggest { id, limit } => suggested(settings, &roll, id.as_deref(), &limit),
        }
    }
}

fn decide(
    settings: &Settings,
    roll: &Roll,
    id: &str,
    owner: Option<&str>,
    sense: Sense,
) -> Result<Outcome, Error> {
    let engine = roll.engine(settings)?;
    let doing = || Error::from_engine("cannot record who owns this");
    let id = engine.find(id).map_err(doing())?;
    let row = engine.look(&id).map_err(doing())?.row;
    let leaf = engine
        .set_owner(&row.id, owner, sense.into())
        .map_err(doing())?;
    let told = match owner {
        Some(owner) => format!("{} is owned by {owner} now", row.name),
        None => format!("{} has no confirmed owner now", row.name),
    };
    show(
        settings,
        &Page {
            title: told,
            lead: vec![Cell::new(format!(
                "recorded as leaf {leaf} of the evidence"
            ))],
            record: json!({"id": row.id, "name": row.name, "owner": owner, "as": Ownership::from(sense), "evidence": leaf}),
            ..Page::default()
        },
    )?;
    Ok(Outcome::CLEAN)
}

fn confirmed(settings: &Settings, roll: &Roll, limit: &Limit) -> Result<Outcome, Error> {
    let most = settings.limit(limit).unwrap_or(u64::MAX);
    let owners = roll.read(|reading, tenant| {
        let owners = reading.owners(tenant)?;
        let ids: Vec<EntityId> = owners.iter().map(|one| one.entity.clone()).collect();
        let rows = reading.entity_rows(tenant, &ids)?;
        Ok(owners
            .into_iter()
            .map(|one| {
                let name = rows
                    .iter()
                    .find(|row| row.id == one.entity)
                    .map(|row| row.name.clone());
                (one, name.unwrap_or_default())
            })
            .collect::<Vec<_>>())
    })?;
    let mut list = List::begin(settings, &CONFIRMED)?;
    for (owned, name) in owners.iter().filter(|(owned, _)| owned.owner.is_some()) {
        if list.rows() == most {
            break;
        }
        let owner = owned.owner.as_deref().unwrap_or_default();
        let cells = vec![
            Cell::new(owned.entity.as_str()),
            Cell::new(name.clone()),
            Cell::new(owner),
            Cell::new(owned.kind.clone()),
            Cell::new(owned.by.clone()),
            Cell::new(when(owned.at, settings.now)),
        ];
        let fields = Fields::from_iter([
            ("id".to_owned(), json!(owned.entity)),
            ("name".to_owned(), json!(name)),
            ("owner".to_owned(), json!(owner)),
            ("as".to_owned(), json!(owned.kind)),
            ("by".to_owned(), json!(owned.by)),
            ("at".to_owned(), json!(owned.at)),
        ]);
        list.row(&Row {
            cells,
            fields,
            ..Row::default()
        })?;
    }
    list.end(&roll.gauge()?, &[])?;
    Ok(Outcome::CLEAN)
}

fn suggested(
    settings: &Settings,
    roll: &Roll,
    id: Option<&str>,
    limit: &Limit,
) -> Result<Outcome, Error> {
    let most = settings.limit(limit).unwrap_or(u64::MAX);
    let mut list = List::begin(settings, &SUGGESTED)?;
    if let Some(id) = id {
        let engine = roll.engine(settings)?;
        let looked = engine.find(id).and_then(|id| engine.look(&id));
        let looked = looked.map_err(Error::from_engine("cannot read the roll"))?;
        for attribute in [Attribute::OWNER_HINT, Attribute::CREATED_BY] {
            for fact in looked.entity.facts.get(&attribute).into_iter().flatten() {
                if let Told::Is(value) = &fact.told {
                    list.row(&suggestion(
                        &looked.row,
                        &value.to_string(),
                        attribute.as_str(),
                        fact.source.as_str(),
                    ))?;
                }
            }
        }
    } else {
        let filter = Filter {
            owned: Some(false),
            missing: Some(false),
            ..Filter::default()
        };
        let mut page = RollPage {
            limit: 500,
            ..RollPage::default()
        };
        'pages: loop {
            let got = roll.read(|reading, tenant| reading.roll(tenant, &filter, &page))?;
            for row in &got.rows {
                let Some(hint) = &row.owner_hint else {
                    continue;
                };
                if list.rows() == most {
                    break 'pages;
                }
                list.row(&suggestion(row, hint, Attribute::OWNER_HINT.as_str(), ""))?;
            }
            match got.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
    }
    list.end(&roll.gauge()?, &[])?;
    Ok(Outcome::CLEAN)
}

fn suggestion(row: &store::Row, who: &str, attribute: &str, source: &str) -> Row {
    // The suggestion is foreign text: it is offered for typing only where it is one plain word.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    let owner = if !who.is_empty() && who.chars().all(plain) && !who.starts_with('-') {
        who
    } else {
        "OWNER"
    };
    let next = format!("keyroll owner set {} {owner}", row.id);
    let by = if source.is_empty() {
        "its sources".to_owned()
    } else {
        format!("{source} ({})", attribute.replace('_', " "))
    };
    let cells = vec![
        Cell::new(row.id.as_str()),
        Cell::new(row.name.clone()),
        Cell::new(who),
        Cell::new(by),
        Cell::new(next.clone()),
    ];
    let fields = Fields::from_iter([
        ("id".to_owned(), json!(row.id)),
        ("name".to_owned(), json!(row.name)),
        ("suggested".to_owned(), json!(who)),
        ("attribute".to_owned(), json!(attribute)),
        (
            "by".to_owned(),
            json!((!source.is_empty()).then_some(source)),
        ),
        ("next".to_owned(), json!(next)),
    ]);
    Row {
        cells,
        fields,
        ..Row::default()
    }
}
