//! `keyroll owner`: who answers for something, as a person decides. Each decision is evidence.

pub(crate) mod suggest;

use model::{EntityId, Ownership};
use serde_json::json;

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
        #[command(flatten)]
        sense: As,
    },
    /// Say that nobody owns it any more
    Clear {
        /// An id, the beginning of one, or a name
        id: String,
        #[command(flatten)]
        sense: As,
    },
    /// List confirmed owners
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// List whom the evidence suggests as owner, how surely, and why
    ///
    /// Tags, labels, CODEOWNERS, creators and authors name somebody; the score is how likely they
    /// own it, of 100. Below 70 nobody is suggested. Without an id it goes over everything that
    /// has no owner. Whoever has left (`keyroll scan leavers:FILE`) is not suggested.
    Suggest {
        /// Only for these: ids, beginnings of one, or names; weak candidates too
        ids: Vec<String>,
        /// Weak candidates too
        #[arg(long, env = "KEYROLL_ALL", value_parser = clap::builder::FalseyValueParser::new())]
        all: bool,
        #[command(flatten)]
        limit: Limit,
    },
    /// Confirm a suggested owner; the reasons go into the evidence with it
    Accept {
        /// An id, the beginning of one, or a name
        id: String,
        /// Which of those suggested; the likeliest, if the evidence is strong enough
        who: Option<String>,
        #[command(flatten)]
        sense: As,
    },
}

/// The sense that is decided in.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct As {
    /// In which sense
    #[arg(
        long = "as",
        visible_alias = "role",
        value_name = "SENSE",
        env = "KEYROLL_AS",
        default_value = "business"
    )]
    sense: Sense,
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

impl Owner {
    /// Decides, or lists.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        match self {
            Self::Set { id, owner, sense } => {
                decide(settings, &roll, &id, Some(&owner), sense.sense)
            }
            Self::Clear { id, sense } => decide(settings, &roll, &id, None, sense.sense),
            Self::List { limit } => confirmed(settings, &roll, &limit),
            Self::Suggest { ids, all, limit } => suggest::list(settings, &roll, &ids, all, &limit),
            Self::Accept { id, who, sense } => {
                accept(settings, &roll, &id, who.as_deref(), sense.sense)
            }
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

fn accept(
    settings: &Settings,
    roll: &Roll,
    id: &str,
    who: Option<&str>,
    sense: Sense,
) -> Result<Outcome, Error> {
    let engine = roll.engine(settings)?;
    let doing = || Error::from_engine("cannot record who owns this");
    let looked = engine.find(id).and_then(|id| engine.look(&id));
    let looked = looked.map_err(doing())?;
    let taken = suggest::taken(&engine, &looked, who, sense)?;
    let row = &looked.row;
    let leaf = engine.accept_owner(&row.id, &taken).map_err(doing())?;
    let because: Vec<_> = taken.reasons.iter().map(Cell::new).collect();
    let mut lead = vec![Cell::new(format!(
        "recorded as leaf {leaf} of the evidence, with score {} and its reasons:",
        taken.score
    ))];
    lead.extend(because);
    show(
        settings,
        &Page {
            title: format!("{} is owned by {} now", row.name, taken.who),
            lead,
            record: json!({"id": row.id, "name": row.name, "owner": taken.who.name(), "as": taken.role, "score": taken.score, "because": taken.reasons, "evidence": leaf}),
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
