//! `keyroll verify-revoked`: is what was revoked still dead?

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::{Crowd, Engine, Tried, Verified};
use model::{Duration, Probed, State};
use serde_json::json;
use store::{RevocationFilter, RevocationRow};

use super::apply::probed;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, List, Page, Row, Section, Sheet, Tone, show};
use crate::progress::Progress;
use crate::roll::Roll;
use crate::settings::Settings;
use crate::shown;

/// Try what was revoked again: is it still dead?
///
/// Tries it once on every path and asks the provider. What is let in opens the revocation again.
/// Without an id everything that is still watched is tried: whatever is residual or unverifiable,
/// and what was proven dead within `--within`. Run it so from a timer.
/// Exits with 0 if it is refused, with 3 if any is alive, with 5 if that cannot be told, or if any
/// is under way or opened again and so is not tried here.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyRevoked {
    /// An id, the beginning of one, or a name; without it, everything that is still watched
    id: Option<String>,
    /// How long after its proof a revocation is watched: `30d`, `36h`
    #[arg(long, value_name = "SPAN", env = "KEYROLL_WITHIN", allow_hyphen_values = true, default_value = "30d", value_parser = super::apply::wait)]
    within: Duration,
}

/// What trying again shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Dead,
    Alive,
    Unclear,
}

impl VerifyRevoked {
    /// Tries one, or all that are watched.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        let engine = roll.engine(settings)?;
        match &self.id {
            Some(id) => one(settings, &engine, id),
            None => watched(settings, &roll, &engine, self.within),
        }
    }
}

fn one(settings: &Settings, engine: &Engine, id: &str) -> Result<Outcome, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    let verified = engine
        .find(id)
        .and_then(|id| engine.verify_revoked(&id, &stop))
        .map_err(Error::from_engine("cannot try it again"))?;
    let told = told(&verified);
    show(settings, &page(&verified, told, settings))?;
    Ok(Outcome {
        findings: told == Told::Alive,
        incomplete: told == Told::Unclear,
        ..Outcome::CLEAN
    })
}

static SHEET: Sheet<'_> = Sheet {
    title: "Revocations tried again",
    columns: &[
        Column::text("name"),
        Column::fixed("now"),
        Column::whole("stands"),
        Column::fixed("plan"),
    ],
    fields: &[
        Field::text("plan"),
        Field::text("id"),
        Field::text("name"),
        Field::text("source"),
        Field::text("now"),
        Field::text("why"),
        Field::flag("reopened"),
        Field::text("state"),
    ],
    empty: "nothing is watched: nothing was revoked, or every proof is older than `--within`",
};

fn watched(
    settings: &Settings,
    roll: &Roll,
    engine: &Engine,
    within: Duration,
) -> Result<Outcome, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut tried = {
        let progress = Progress::start(settings);
        engine
            .verify_watched(within, &Crowd::default(), &stop, &|one| {
                progress.says(&format!("{} was tried", one.name));
            })
            .map_err(Error::from_engine("cannot try them again"))?
    };
    tried.sort_by(|a, b| (&a.name, &a.plan).cmp(&(&b.name, &b.plan)));
    let mut list = List::begin(settings, &SHEET)?;
    let (mut alive, mut unclear) = (0, 0);
    for one in &tried {
        let now = match &one.came {
            Some(Ok(verified)) => told(verified),
            _ => Told::Unclear,
        };
        alive += usize::from(now == Told::Alive);
        unclear += usize::from(now == Told::Unclear);
        list.row(&row(one, now, settings))?;
    }
    let mut remarks = Vec::new();
    if alive > 0 {
        remarks.push(format!(
            "{alive} alive again: `keyroll residual --retry` cuts them"
        ));
    }
    // Under way, or alive and opened again: not tried here, and not to be forgotten by a timer.
    let asked: BTreeSet<_> = tried.iter().map(|one| &one.plan).collect();
    let mut left = 0;
    roll.read(|reading, tenant| {
        let mut each = |row: RevocationRow| {
            left += usize::from(!row.state.is_settled() && !asked.contains(&row.plan));
        };
        reading.each_revocation(tenant, RevocationFilter::Open, ROWS, &mut each)
    })?;
    if left > 0 {
        remarks.push(format!(
            "{left} not tried, because they are not ended yet: `keyroll residual` lists them"
        ));
    }
    list.end(&roll.gauge()?, &remarks)?;
    Ok(Outcome {
        findings: alive > 0,
        incomplete: unclear + left > 0,
        ..Outcome::CLEAN
    })
}

fn row(one: &Tried<Verified>, now: Told, settings: &Settings) -> Row {
    let (stands, why) = match &one.came {
        Some(Ok(verified)) => (shown::state(&verified.state, settings.now), None),
        Some(Err(error)) => (Cell::unknown(), Some(error.to_string())),
        None => (Cell::unknown(), Some(NOT_ASKED.to_owned())),
    };
    let verified = one.came.as_ref().and_then(|came| came.as_ref().ok());
    let stands = why
        .clone()
        .map_or(stands, |why| Cell::toned(why, Tone::Unknown));
    let (word, tone) = match now {
        Told::Dead => ("refused", Tone::Plain),
        Told::Alive => ("ALIVE", Tone::Bad),
        Told::Unclear => ("unclear", Tone::Unknown),
    };
    Row {
        cells: vec![
            Cell::new(one.name.clone()),
            Cell::toned(word, tone),
            stands,
            Cell::new(one.plan.to_string()),
        ],
        fields: Fields::from_iter([
            ("plan".to_owned(), json!(one.plan)),
            ("id".to_owned(), json!(one.subject)),
            ("name".to_owned(), json!(one.name)),
            ("source".to_owned(), json!(one.target)),
            ("now".to_owned(), json!(word.to_ascii_lowercase())),
            ("why".to_owned(), json!(why)),
            (
                "reopened".to_owned(),
                json!(verified.is_some_and(|one| one.reopened)),
            ),
            (
                "state".to_owned(),
                json!(verified.map(|one| one.state.as_str())),
            ),
        ]),
        ..Row::default()
    }
}

/// Revocations that are fetched at once where all are looked through.
const ROWS: usize = 1_000;

/// Why one of many was left out.
pub(crate) const NOT_ASKED: &str = "not asked: its provider answered none of the others";

fn told(verified: &Verified) -> Told {
    let let_in = |probed: &Probed| matches!(probed, Probed::Accepted { .. });
    let denied = |probed: &Probed| matches!(probed, Probed::Denied { .. });
    if verified.probes.iter().any(|probe| let_in(&probe.probed))
        || verified.read_back == Some(false)
    {
        return Told::Alive;
    }
    let all_denied =
        !verified.probes.is_empty() && verified.probes.iter().all(|probe| denied(&probe.probed));
    if all_denied || verified.read_back == Some(true) {
        Told::Dead
    } else {
        Told::Unclear
    }
}

fn page(verified: &Verified, told: Told, settings: &Settings) -> Page {
    // Green is for what is proven: a single denial now is not, unless a proof stands behind it.
    let stands = matches!(verified.state, State::Proven { .. });
    let lead = match told {
        Told::Dead if stands => {
            Cell::toned("refused again: it is as dead as it was proven", Tone::Good)
        }
        Told::Dead => Cell::new("refused now, but it was never proven dead"),
        Told::Alive => Cell::toned(
            "ALIVE: it is accepted again, and its revocation is open again",
            Tone::Bad,
        ),
        Told::Unclear => Cell::toned("nobody gave a clear answer", Tone::Unknown),
    };
    let mut probes: Vec<Cell> = verified
        .probes
        .iter()
        .map(|probe| Cell::new(probed(probe)))
        .collect();
    if !verified.replayed {
        probes.push(Cell::toned(
            "the secret is not at hand, so it was not tried itself",
            Tone::Unknown,
        ));
    }
    probes.push(match verified.read_back {
        Some(true) => Cell::new("its provider: refused or absent, without sessions"),
        Some(false) => Cell::toned("its provider: it has it, and lets it in", Tone::Bad),
        None => Cell::toned("its provider did not answer", Tone::Unknown),
    });
    let mut hints = Vec::new();
    if told == Told::Alive {
        hints.push(format!("`keyroll apply {}` cuts it again", verified.plan));
    }
    Page {
        title: format!("Plan {}", verified.plan),
        lead: vec![lead],
        sections: vec![
            Section::lines("Now", probes),
            Section::lines("Stands", vec![shown::state(&verified.state, settings.now)]),
        ],
        hints,
        footer: Vec::new(),
        gauge: None,
        record: json!({
            "plan": verified.plan,
            "state": verified.state,
            "probes": verified.probes,
            "replayed": verified.replayed,
            "read_back": verified.read_back,
            "reopened": verified.reopened,
        }),
    }
}
