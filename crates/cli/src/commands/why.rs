//! `keyroll why`: which source told what and when, and which keys made several sightings one.

mod likeness;

use engine::Looked;
use inventory::owners::Answer;
use inventory::{Conflict, Suggestion};
use model::{EntityId, SightingKey, Timestamp, Told};
use serde_json::{Value, json};

use super::owner::suggest;
use crate::arguments::Moment;
use crate::error::Error;
use crate::exit::Outcome;
use crate::moment::View;
use crate::output::{Cell, Page, Section, Tone, show};
use crate::settings::Settings;
use crate::shown;
use crate::words::{many, seen, when};

/// Show where what is known of one thing comes from
///
/// Each statement with its source, its confidence and since when it is made; each sighting with
/// the keys that joined it to the others; what it shares a key with and was kept apart from; and
/// what might be the same thing but was not merged.
#[derive(Debug, clap::Args)]
pub(crate) struct Why {
    /// An id, the beginning of one, or a name
    id: String,
    #[command(flatten)]
    moment: Moment,
}

impl Why {
    /// Shows the provenance of the thing.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let (view, id) = View::around(settings, &self.moment, &self.id)?;
        let engine = view.engine(settings)?;
        let thing = engine
            .look(&id)
            .map_err(Error::from_engine("cannot read the roll"))?;
        let left = engine.left();
        let left = left.map_err(Error::from_engine("cannot read the roll"))?;
        let alike = match view.is_past() {
            true => None,
            false => Some(likeness::of(&view.roll, &thing.row)?),
        };
        let likely = Likely {
            alike,
            owners: engine.suggested(&thing, &left),
        };
        let mut page = page(&thing, &likely, view.now);
        page.footer.extend(view.told(settings));
        page.gauge = Some(view.gauge(settings)?);
        show(settings, &page)?;
        Ok(Outcome::CLEAN)
    }
}

/// What is not known and only likely.
struct Likely {
    /// `None` of another moment: what is alike is looked for in more of the roll of then than one
    /// thing needs.
    alike: Option<Vec<(Suggestion, String)>>,
    owners: Answer,
}

fn page(thing: &Looked, likely: &Likely, now: Timestamp) -> Page {
    let entity = &thing.entity;
    let members = entity.members.len() as u64;
    let lead = match members {
        1 => "one sighting, so nothing was merged".to_owned(),
        _ => format!("{} are one thing", many(members, "sighting", "sightings")),
    };
    let mut lead = vec![Cell::new(lead)];
    if !entity.aliases.is_empty() {
        let aliases: Vec<_> = entity.aliases.iter().map(EntityId::as_str).collect();
        lead.push(Cell::new(format!(
            "earlier ids that still resolve: {}",
            aliases.join(", ")
        )));
    }
    Page {
        title: format!("{} ({})", thing.row.name, thing.row.id),
        lead,
        sections: sections(thing, likely, now),
        hints: Vec::new(),
        footer: Vec::new(),
        gauge: None,
        record: record(thing, likely),
    }
}

fn sections(thing: &Looked, likely: &Likely, now: Timestamp) -> Vec<Section> {
    let mut sections = vec![
        Section::rows(
            "Sightings",
            &["source", "seen as", "joined by", "first", "last"],
            sightings(thing, now),
        ),
        Section::rows(
            "Statements",
            &["of", "told", "by", "confidence", "since", "last"],
            statements(thing, now),
        ),
        Section::rows(
            "Where it lies, and since when",
            &["place", "history"],
            places(thing),
        ),
        Section::rows(
            "Who works with it",
            &["id", "name", "says"],
            super::places::users(thing),
        ),
        Section::lines("Links", links(thing)),
    ];
    sections.push(Section::rows(
        "Who may own it, by this evidence",
        &["who", "as", "score", "because"],
        suggest::rows(&likely.owners),
    ));
    sections.push(Section::rows(
        "Kept apart",
        &["shared", "differ in", "side", "id", "seen as"],
        refused(thing),
    ));
    sections.extend(likely.alike.as_ref().map(|found| {
        Section::rows(
            "Might be the same, and was not merged",
            &["id", "name", "likeness", "because"],
            alike(thing, found),
        )
    }));
    sections
}

fn sightings(thing: &Looked, now: Timestamp) -> Vec<Vec<Cell>> {
    let row = |member: &model::Member| {
        let keys: Vec<String> = member.joined_by.iter().map(short_key).collect();
        let joined = if keys.is_empty() {
            Cell::toned("nothing: it is alone", Tone::Unknown)
        } else {
            Cell::new(keys.join(", "))
        };
        let last = match member.missing_since {
            Some(at) => Cell::toned(format!("gone since {}", when(at, now)), Tone::Unknown),
            None => Cell::new(seen(member.last_seen, now)),
        };
        vec![
            Cell::new(member.sighting.source.as_str()),
            Cell::new(member.sighting.native.clone()),
            joined,
            Cell::new(seen(member.first_seen, now)),
            last,
        ]
    };
    thing.entity.members.iter().map(row).collect()
}

/// Each place, and where in a history it came from.
fn places(thing: &Looked) -> Vec<Vec<Cell>> {
    let row = |place: &super::places::Place<'_>| {
        let history = place.history();
        vec![
            Cell::new(place.line()),
            history.map_or_else(Cell::default, Cell::new),
        ]
    };
    let mut rows: Vec<_> = super::places::of(thing).iter().map(row).collect();
    rows.dedup();
    rows
}

/// A key for people: its kind and the beginning of its value. Values are fingerprints and ids.
fn short_key(key: &model::Key) -> String {
    model::shorten(&key.to_string(), 48)
}

fn statements(thing: &Looked, now: Timestamp) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for (attribute, facts) in &thing.entity.facts {
        for (rank, fact) in facts.iter().enumerate() {
            let told = match &fact.told {
                Told::Is(value) => Cell::new(model::shorten(&value.to_string(), 80)),
                Told::Absent => Cell::new("none"),
                Told::CannotTell => Cell::toned("cannot tell", Tone::Unknown),
            };
            let name = if rank == 0 {
                attribute.to_string()
            } else {
                String::new()
            };
            rows.push(vec![
                Cell::new(name),
                told,
                Cell::new(fact.source.as_str()),
                Cell::new(confidence(fact.confidence)),
                Cell::new(seen(fact.since, now)),
                Cell::new(seen(fact.last_told, now)),
            ]);
        }
    }
    rows
}

const fn confidence(confidence: model::Confidence) -> &'static str {
    match confidence {
        model::Confidence::Guessed => "guessed",
        model::Confidence::Derived => "derived",
        model::Confidence::Stated => "stated",
    }
}

fn links(thing: &Looked) -> Vec<Cell> {
    let line = |(source, link): &(model::SourceId, model::Link)| {
        let to = match &link.to {
            model::Target::Native { kind, native } => format!("{kind} `{native}`"),
            model::Target::Bearer { kind, key } => {
                format!("the {kind} that bears {}", short_key(key))
            }
        };
        let relation = link.relation.as_str().replace('_', " ");
        Cell::new(format!("{relation}: {to}, says {}", source.as_str()))
    };
    thing.entity.links.iter().map(line).collect()
}

/// The sides of each merge that was refused, this thing's own included.
fn refused(thing: &Looked) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for one in thing.refused.iter().flatten() {
        for (rank, (id, sighting)) in one.sides.iter().enumerate() {
            let (mut shared, mut differ) = (Cell::default(), Cell::default());
            if rank == 0 {
                shared = Cell::new(short_key(&one.key));
                differ = Cell::new(one.differ_in.to_string());
            }
            rows.push(vec![
                shared,
                differ,
                Cell::new(id.clone()),
                shown::id(&EntityId::of(sighting)),
                Cell::new(sighting.to_string()),
            ]);
        }
    }
    rows
}

/// A merge that was refused, for machines.
fn refused_record(one: &Conflict) -> Value {
    let side = |(id, sighting): &(String, SightingKey)| json!({"unique_id": id, "id": EntityId::of(sighting), "sighting": sighting});
    json!({
        "shared": one.key,
        "differ_in": one.differ_in,
        "sides": one.sides.iter().map(side).collect::<Vec<_>>(),
        "sides_count": one.sides_count,
    })
}

fn record(thing: &Looked, likely: &Likely) -> Value {
    let one = |(one, _): &(Suggestion, String)| json!({"id": other(thing, one), "score": one.score, "reasons": one.reasons});
    let alike = likely.alike.as_ref();
    let alike = alike.map(|all| all.iter().map(one).collect::<Vec<_>>());
    json!({
        "id": thing.row.id,
        "kind": thing.row.kind,
        "name": thing.row.name,
        "aliases": thing.entity.aliases,
        "sightings": thing.entity.members,
        "facts": thing.entity.facts,
        "links": thing.entity.links,
        "places_seen": super::places::records(thing),
        "used_by": super::places::user_records(thing),
        "first_seen": thing.entity.first_seen,
        "last_seen": thing.entity.last_seen,
        "missing_since": thing.entity.missing_since,
        "kept_apart": thing.refused.iter().flatten().map(refused_record).collect::<Vec<_>>(),
        "alike": alike,
    })
}

/// The one of the two that is not this thing.
fn other<'s>(thing: &Looked, suggestion: &'s Suggestion) -> &'s EntityId {
    if suggestion.a == thing.row.id {
        &suggestion.b
    } else {
        &suggestion.a
    }
}

fn alike(thing: &Looked, alike: &[(Suggestion, String)]) -> Vec<Vec<Cell>> {
    let row = |(one, name): &(Suggestion, String)| {
        vec![
            Cell::new(other(thing, one).as_str()),
            Cell::new(name.clone()),
            Cell::new(format!("{} %", one.score)),
            Cell::new(one.reasons.join("; ")),
        ]
    };
    alike.iter().map(row).collect()
}
