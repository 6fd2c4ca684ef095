//! Where what is known of one thing comes from.

use engine::{Engine, Error, Looked};
use inventory::owners::Answer;
use inventory::{Conflict, Suggestion};
use model::{EntityId, SightingKey};
use serde_json::{Value, json};

use crate::{Fields, fields, likeness, places, users};

/// The provenance of one thing.
#[derive(Debug)]
pub struct Why {
    /// It.
    pub looked: Looked,
    /// What might be the same, with its name. `None` of another moment: it is looked for in more
    /// of the roll of then than one thing needs.
    pub alike: Option<Vec<(Suggestion, String)>>,
    /// Who may own it.
    pub owners: Answer,
}

impl Why {
    /// Why `looked` is told as it is.
    ///
    /// # Errors
    /// The store refused or broke.
    pub fn of(engine: &Engine, looked: Looked, is_past: bool) -> Result<Self, Error> {
        let alike =
            |reading: &mut store::Reading<'_>| likeness::of(reading, &engine.tenant, &looked.row);
        let alike = match is_past {
            true => None,
            false => Some(engine.store.read(alike)?),
        };
        let owners = engine.suggested(&looked, &engine.left()?);
        Ok(Self {
            looked,
            alike,
            owners,
        })
    }

    /// All of it for machines.
    pub fn record(&self) -> Fields {
        let thing = &self.looked;
        let one = |(one, _): &(Suggestion, String)| json!({"id": other(thing, one), "score": one.score, "reasons": one.reasons});
        let alike = self.alike.as_ref();
        let alike = alike.map(|all| all.iter().map(one).collect::<Vec<_>>());
        fields(json!({
            "id": thing.row.id,
            "kind": thing.row.kind,
            "name": thing.row.name,
            "aliases": thing.entity.aliases,
            "sightings": thing.entity.members,
            "facts": thing.entity.facts,
            "links": thing.entity.links,
            "places_seen": places(thing),
            "used_by": users(thing),
            "first_seen": thing.entity.first_seen,
            "last_seen": thing.entity.last_seen,
            "missing_since": thing.entity.missing_since,
            "kept_apart": thing.refused.iter().flatten().map(refused_record).collect::<Vec<_>>(),
            "alike": alike,
        }))
    }
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

/// The one of the two that is not this thing.
pub fn other<'s>(thing: &Looked, suggestion: &'s Suggestion) -> &'s EntityId {
    if suggestion.a == thing.row.id {
        &suggestion.b
    } else {
        &suggestion.a
    }
}
