//! `keyroll token`: what programs show to the interface. Each decision is evidence.

use clap::builder::PossibleValuesParser;
use engine::Engine;
use serde_json::json;

use super::account::{named, told};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, Gauge, List, Row, Sheet, Tone};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::words::{clock, when};

/// Make tokens for programs
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Token {
    /// Make a token; it is shown once
    Add {
        /// Whose it is: it may never do more than that account
        account: String,
        /// What it is for
        name: String,
        /// What it may do; more than one may be named
        #[arg(
            long,
            value_name = "PERMISSION",
            env = "KEYROLL_PERMISSION",
            default_value = "read",
            value_delimiter = ',',
            value_parser = PossibleValuesParser::new(["read", "own", "decide", "act", "approve", "administer"])
        )]
        permission: Vec<String>,
        /// How many days it works
        #[arg(long, value_name = "N", env = "KEYROLL_DAYS", default_value_t = 90)]
        days: i64,
    },
    /// List tokens, ended ones too
    List,
    /// Revoke a token for ever
    Revoke {
        /// The token's id, as the list names it
        id: String,
    },
}

static SHEET: Sheet<'_> = Sheet {
    title: "Tokens",
    columns: &[
        Column::fixed("id"),
        Column::text("name"),
        Column::text("account"),
        Column::text("may"),
        Column::fixed("until"),
        Column::fixed("last used"),
    ],
    fields: &[
        Field::text("id"),
        Field::text("name"),
        Field::text("account"),
        Field::list("permissions"),
        Field::time("made"),
        Field::time("ends"),
        Field::time("last_used"),
        Field::time("revoked"),
    ],
    empty: "there are no tokens; `keyroll token add ACCOUNT NAME` makes one",
};

impl Token {
    /// Decides, or lists.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let engine = Roll::open(settings)?.engine(settings)?;
        match self {
            Self::Add {
                account,
                name,
                permission,
                days,
            } => add(settings, &engine, (&account, &name), permission, days),
            Self::List => list(settings, &engine),
            Self::Revoke { id } => {
                let revoked = engine
                    .revoke_token(&id)
                    .and_then(|()| engine.enrol_tokens());
                revoked.map_err(Error::from_denied("cannot revoke the token"))?;
                told(
                    settings,
                    format!("token {id} works no more"),
                    Vec::new(),
                    json!({"id": id, "revoked": true}),
                )
            }
        }
    }
}

fn add(
    settings: &Settings,
    engine: &Engine,
    (account, name): (&str, &str),
    permissions: Vec<String>,
    days: i64,
) -> Result<Outcome, Error> {
    let account = named(engine, account)?;
    let made = engine.make_token(&account, name, permissions, days);
    let (handed, token) = made.map_err(Error::from_denied("cannot make the token"))?;
    let on_roll = engine.enrol_tokens();
    on_roll.map_err(Error::from_denied(
        "the token is made, but cannot be put on the roll",
    ))?;
    let text = String::from_utf8_lossy(handed.secret().expose()).into_owned();
    let lead = vec![
        Cell::new(text.clone()),
        Cell::new(format!(
            "works until {}, and is not shown again",
            clock(token.ends)
        )),
    ];
    told(
        settings,
        format!("token {} of {}", token.id, account.name),
        lead,
        json!({
            "id": token.id, "name": token.name, "account": account.name, "token": text,
            "permissions": token.permissions, "ends": token.ends,
        }),
    )
}

fn list(settings: &Settings, engine: &Engine) -> Result<Outcome, Error> {
    let denied = || Error::from_denied("cannot read tokens");
    let accounts = engine.accounts().map_err(denied())?;
    let tokens = engine.tokens().map_err(denied())?;
    let mut list = List::begin(settings, &SHEET)?;
    for one in &tokens {
        let whose = accounts.iter().find(|account| account.id == one.account);
        let whose = whose.map_or(one.account.as_str(), |account| account.name.as_str());
        let until = match one.revoked {
            Some(at) => Cell::toned(format!("revoked {}", when(at, settings.now)), Tone::Unknown),
            None => Cell::new(when(one.ends, settings.now)),
        };
        let last = one
            .last_used
            .map_or_else(|| "never".to_owned(), |at| when(at, settings.now));
        let cells = vec![
            Cell::new(one.id.clone()),
            Cell::new(one.name.clone()),
            Cell::new(whose),
            Cell::new(one.permissions.join(", ")),
            until,
            Cell::new(last),
        ];
        let fields = Fields::from_iter([
            ("id".to_owned(), json!(one.id)),
            ("name".to_owned(), json!(one.name)),
            ("account".to_owned(), json!(whose)),
            ("permissions".to_owned(), json!(one.permissions)),
            ("made".to_owned(), json!(one.made)),
            ("ends".to_owned(), json!(one.ends)),
            ("last_used".to_owned(), json!(one.last_used)),
            ("revoked".to_owned(), json!(one.revoked)),
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
