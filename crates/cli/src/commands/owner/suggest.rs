//! `keyroll owner suggest` and `accept`: whom the evidence names, how surely, and why.

use engine::{Engine, Looked};
use inventory::owners::{ANSWER_MIN, Answer, Suggestion};
use model::Ownership;
use serde_json::json;
use store::Filter;

use super::Sense;
use crate::arguments::Limit;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, List, Row, Sheet, Tone};
use crate::roll::Roll;
use crate::settings::Settings;

static SUGGESTED: Sheet<'_> = Sheet {
    title: "Suggested owners",
    columns: &[
        Column::fixed("id"),
        Column::text("name"),
        Column::text("suggested"),
        Column::fixed("as"),
        Column::fixed("score"),
        Column::text("because"),
        Column::whole("next"),
    ],
    fields: &[
        Field::text("id"),
        Field::text("name"),
        Field::text("suggested"),
        Field::text("as"),
        Field::count("score"),
        Field::any("because"),
        Field::text("next"),
    ],
    empty: "the evidence names nobody surely enough as owner of anything that has none; \
            `keyroll owner suggest --all` shows the weaker ones",
};

/// Lists whom the evidence suggests: for the things named, else for all that have no owner.
pub(super) fn list(
    settings: &Settings,
    roll: &Roll,
    ids: &[String],
    all: bool,
    limit: &Limit,
) -> Result<Outcome, Error> {
    let doing = || Error::from_engine("cannot read the roll");
    let most = settings.limit(limit).unwrap_or(u64::MAX);
    let engine = roll.engine(settings)?;
    let left = engine.left().map_err(doing())?;
    let mut list = List::begin(settings, &SUGGESTED)?;
    let mut departed = 0_u64;
    let mut failed = None;
    let weak = all || !ids.is_empty();
    let mut show = |looked: &Looked| {
        let answer = engine.suggested(looked, &left);
        departed += u64::from(!answer.left.is_empty());
        for one in shown(&answer, weak) {
            if list.rows() < most
                && let Err(error) = list.row(&row(looked, one))
            {
                failed = Some(error);
                return Ok(false);
            }
        }
        Ok(list.rows() < most)
    };
    if ids.is_empty() {
        let filter = Filter {
            owned: Some(false),
            missing: Some(false),
            ..Filter::default()
        };
        engine.each(&filter, &mut show).map_err(doing())?;
    }
    for id in ids {
        let looked = engine.find(id).and_then(|id| engine.look(&id));
        show(&looked.map_err(doing())?).map_err(doing())?;
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let mut remarks = Vec::new();
    if departed > 0 {
        remarks.push(format!(
            "of {departed}, somebody is named who has left and is not suggested; `keyroll findings --rule orphaned` shows them"
        ));
    }
    list.end(&roll.gauge()?, &remarks)?;
    Ok(Outcome::CLEAN)
}

/// What is worth showing: every candidate, or the one answer in each sense.
fn shown(answer: &Answer, weak: bool) -> Vec<&Suggestion> {
    if weak {
        return answer.ranked.iter().collect();
    }
    let named = Ownership::ALL.into_iter();
    named.filter_map(|role| answer.named(role)).collect()
}

fn row(looked: &Looked, one: &Suggestion) -> Row {
    let thing = &looked.row;
    let next = match typed(one.who.name()) {
        Some(who) if one.score >= ANSWER_MIN => {
            format!("keyroll owner accept {} {who} --as {}", thing.id, one.role)
        }
        Some(who) => format!("keyroll owner set {} {who} --as {}", thing.id, one.role),
        None => format!("keyroll owner set {} OWNER --as {}", thing.id, one.role),
    };
    let cells = vec![
        Cell::new(thing.id.as_str()),
        Cell::new(thing.name.clone()),
        Cell::new(one.who.name()),
        Cell::new(one.role.as_str()),
        score(one.score),
        Cell::new(one.reasons.join("; ")),
        Cell::new(next.clone()),
    ];
    let fields = Fields::from_iter([
        ("id".to_owned(), json!(thing.id)),
        ("name".to_owned(), json!(thing.name)),
        ("suggested".to_owned(), json!(one.who.name())),
        ("as".to_owned(), json!(one.role)),
        ("score".to_owned(), json!(one.score)),
        ("because".to_owned(), json!(one.reasons)),
        ("next".to_owned(), json!(next)),
    ]);
    Row {
        cells,
        fields,
        ..Row::default()
    }
}

/// The suggestion is foreign text: it is offered for typing only where it is one plain word.
fn typed(who: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    let fits = !who.is_empty() && who.chars().all(plain) && !who.starts_with('-');
    fits.then_some(who)
}

/// A score below which there is no answer looks like what nobody can tell.
pub(crate) fn score(score: u8) -> Cell {
    if score >= ANSWER_MIN {
        Cell::new(score.to_string())
    } else {
        Cell::toned(score.to_string(), Tone::Unknown)
    }
}

/// What a page about one thing says of who might own it.
pub(crate) fn rows(answer: &Answer) -> Vec<Vec<Cell>> {
    let row = |one: &Suggestion| {
        vec![
            Cell::new(one.who.name()),
            Cell::new(one.role.as_str()),
            score(one.score),
            Cell::new(one.reasons.join("; ")),
        ]
    };
    let mut rows: Vec<_> = answer.ranked.iter().map(row).collect();
    for one in &answer.left {
        rows.push(vec![
            Cell::new(one.who.name()),
            Cell::toned("has left", Tone::Warn),
            Cell::new("-"),
            Cell::new(one.reasons.join("; ")),
        ]);
    }
    rows
}

/// The suggestion that a person takes: the one for `who`, else the answer.
pub(super) fn taken(
    engine: &Engine,
    looked: &Looked,
    who: Option<&str>,
    sense: Sense,
) -> Result<Suggestion, Error> {
    let left = engine
        .left()
        .map_err(Error::from_engine("cannot read the roll"))?;
    let answer = engine.suggested(looked, &left);
    let role = Ownership::from(sense);
    let found = match who {
        Some(who) => {
            let mut ranked = answer.ranked.iter();
            ranked.find(|one| one.role == role && one.who.name().eq_ignore_ascii_case(who))
        }
        None => answer.named(role),
    };
    found.cloned().ok_or_else(|| {
        let name = &looked.row.name;
        let told = match who {
            Some(who) => format!("no evidence names `{who}` as {role} owner of {name}"),
            None => format!("the evidence does not name the {role} owner of {name} surely enough"),
        };
        let id = &looked.row.id;
        Error::failed(told).hint(format!(
            "`keyroll owner suggest {id}` shows whom it names, `keyroll owner set {id} NAME` decides"
        ))
    })
}
