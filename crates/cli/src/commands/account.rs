//! `keyroll account`: who may sign in to the interface, as what. Each decision is evidence.

use clap::builder::PossibleValuesParser;
use engine::{Engine, Link};
use serde_json::json;
use store::Account as Known;

use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, Gauge, List, Page, Row, Sheet, Tone, show};
use crate::roll::{Roll, location};
use crate::settings::Settings;
use crate::words::{clock, when};

/// Say who may sign in
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Account {
    /// Make an account, and a link that gives it a password and a second factor
    Add {
        /// What it is called
        name: String,
        /// What it may do; more than one may be named
        #[arg(
            long,
            value_name = "ROLE",
            env = "KEYROLL_ROLE",
            default_value = "viewer",
            value_delimiter = ',',
            value_parser = PossibleValuesParser::new(["viewer", "owner", "operator", "approver", "admin"])
        )]
        role: Vec<String>,
    },
    /// List accounts
    List,
    /// Take password, second factor and sessions away; the link gives others
    Reset {
        /// Whose
        name: String,
    },
    /// Let it sign in no more; its sessions and tokens end at once
    Disable {
        /// Whose
        name: String,
    },
}

static SHEET: Sheet<'_> = Sheet {
    title: "Accounts",
    columns: &[
        Column::text("name"),
        Column::text("roles"),
        Column::fixed("state"),
        Column::fixed("signed in"),
    ],
    fields: &[
        Field::text("id"),
        Field::text("name"),
        Field::list("roles"),
        Field::flag("ready"),
        Field::flag("disabled"),
        Field::time("made"),
        Field::time("signed_in"),
    ],
    empty: "nobody may sign in yet; `keyroll account add NAME --role admin` makes an account",
};

impl Account {
    /// Decides, or lists.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let engine = match &self {
            Self::Add { .. } => Roll::open_or_make(settings, &location(settings)?)?,
            _ => Roll::open(settings)?,
        }
        .engine(settings)?;
        match self {
            Self::Add { name, role } => {
                let made = engine.add_account(&name, role);
                let (account, link) =
                    made.map_err(Error::from_denied("cannot make the account"))?;
                let title = format!("{} may sign in once the link is followed", account.name);
                linked(settings, &title, &account, &link)
            }
            Self::List => list(settings, &engine),
            Self::Reset { name } => {
                let account = named(&engine, &name)?;
                let link = engine.reset_account(&account.id);
                let link = link.map_err(Error::from_denied("cannot reset the account"))?;
                let title = format!("{} has no password and no second factor", account.name);
                linked(settings, &title, &account, &link)
            }
            Self::Disable { name } => {
                let account = named(&engine, &name)?;
                engine
                    .change_account(&account.id, None, Some(true))
                    .map_err(Error::from_denied("cannot disable the account"))?;
                told(
                    settings,
                    format!("{} may sign in no more", account.name),
                    Vec::new(),
                    json!({"id": account.id, "name": account.name, "disabled": true}),
                )
            }
        }
    }
}

/// The account that is called `name`.
pub(super) fn named(engine: &Engine, name: &str) -> Result<Known, Error> {
    let all = engine
        .accounts()
        .map_err(Error::from_denied("cannot read accounts"))?;
    let subject = name.trim().to_lowercase();
    all.into_iter()
        .find(|one| one.subject == subject)
        .ok_or_else(|| {
            let name = model::shorten(&model::clean(name), 60);
            Error::failed(format!("there is no account `{name}`"))
                .hint("`keyroll account list` shows those that are")
        })
}

fn linked(
    settings: &Settings,
    title: &str,
    account: &Known,
    link: &Link,
) -> Result<Outcome, Error> {
    let secret = String::from_utf8_lossy(link.secret.secret().expose()).into_owned();
    let lead = vec![
        Cell::new(format!("/invited#{secret}")),
        Cell::new(format!(
            "put the console's address before it; works once, until {}, and is not shown again",
            clock(link.ends)
        )),
    ];
    let record = json!({
        "id": account.id, "name": account.name, "roles": account.roles, "link": secret,
        "ends": link.ends,
    });
    told(settings, title.to_owned(), lead, record)
}

/// Tells what was decided.
pub(super) fn told(
    settings: &Settings,
    title: String,
    lead: Vec<Cell>,
    record: serde_json::Value,
) -> Result<Outcome, Error> {
    show(
        settings,
        &Page {
            title,
            lead,
            record,
            ..Page::default()
        },
    )?;
    Ok(Outcome::CLEAN)
}

fn list(settings: &Settings, engine: &Engine) -> Result<Outcome, Error> {
    let all = engine
        .accounts()
        .map_err(Error::from_denied("cannot read accounts"))?;
    let mut list = List::begin(settings, &SHEET)?;
    for one in &all {
        let state = match (one.disabled, one.ready) {
            (Some(_), _) => Cell::toned("disabled", Tone::Unknown),
            (None, None) => Cell::toned("invited", Tone::Unknown),
            (None, Some(_)) => Cell::new("ready"),
        };
        let last = one
            .signed_in
            .map_or_else(|| "never".to_owned(), |at| when(at, settings.now));
        let cells = vec![
            Cell::new(one.name.clone()),
            Cell::new(one.roles.join(", ")),
            state,
            Cell::new(last),
        ];
        let fields = Fields::from_iter([
            ("id".to_owned(), json!(one.id)),
            ("name".to_owned(), json!(one.name)),
            ("roles".to_owned(), json!(one.roles)),
            ("ready".to_owned(), json!(one.ready.is_some())),
            ("disabled".to_owned(), json!(one.disabled.is_some())),
            ("made".to_owned(), json!(one.made)),
            ("signed_in".to_owned(), json!(one.signed_in)),
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
