//! What the roll knows of one thing, over all who saw it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    Attribute, Confidence, EntityId, Key, Kind, Link, Native, Scope, SightingKey, SourceId,
    Timestamp, Told, Value,
};

/// One thing as one source has it now, with the history of its seeing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sighting {
    /// Who saw what.
    pub key: SightingKey,
    /// What was last seen of it.
    pub observation: crate::Observation,
    /// The thing it is a sighting of.
    pub entity: EntityId,
    /// When the pass began that first saw it.
    pub first_seen: Timestamp,
    /// When what we hold of it was first seen as it is.
    pub since: Timestamp,
    /// When the last pass that saw it began.
    pub last_seen: Timestamp,
    /// Since when a complete pass did not find it.
    pub missing_since: Option<Timestamp>,
}

/// One past or present state of a sighting, on both axes of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// From when it was true in the world; `None`: the source cannot tell.
    pub valid_from: Option<Timestamp>,
    /// Until when it was true; `None`: it still is, as far as we know.
    pub valid_to: Option<Timestamp>,
    /// When we learnt it.
    pub seen_from: Timestamp,
    /// When we learnt that it had ended.
    pub seen_to: Option<Timestamp>,
    /// What was seen.
    pub observation: crate::Observation,
}

/// A fact with where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourcedFact {
    /// Who tells.
    pub source: SourceId,
    /// What the source calls the thing.
    pub native: Native,
    /// What it says.
    pub told: Told<Value>,
    /// How sure it can be.
    pub confidence: Confidence,
    /// Since when it says so.
    pub since: Timestamp,
    /// When it last said so.
    pub last_told: Timestamp,
}

/// One sighting that belongs to a thing, and by which keys (CV-34).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The sighting.
    pub sighting: SightingKey,
    /// The keys it shares with other members; empty if it is alone.
    pub joined_by: BTreeSet<Key>,
    /// Where in its source.
    pub scope: Scope,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// Since when a complete pass did not find it.
    pub missing_since: Option<Timestamp>,
}

/// One thing on the roll, over all sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entity {
    /// Its id.
    pub id: EntityId,
    /// Ids it had before merges; they go on resolving.
    pub aliases: Vec<EntityId>,
    /// What it is.
    pub kind: Kind,
    /// Who saw it.
    pub members: Vec<Member>,
    /// What is told of each attribute, the best first.
    pub facts: BTreeMap<Attribute, Vec<SourcedFact>>,
    /// The links its members state, as they state them.
    pub links: BTreeSet<(SourceId, Link)>,
    /// When any source first saw it.
    pub first_seen: Timestamp,
    /// When any source last saw it.
    pub last_seen: Timestamp,
    /// Since when no source finds it any more.
    pub missing_since: Option<Timestamp>,
}

impl Entity {
    /// The best statement about `attribute`: what is told outweighs what is denied, and that
    /// silence; then the surer, then the one told later.
    pub fn fact(&self, attribute: &Attribute) -> Told<&Value> {
        match self
            .facts
            .get(attribute)
            .and_then(|facts| facts.first())
            .map(|fact| &fact.told)
        {
            Some(Told::Is(value)) => Told::Is(value),
            Some(Told::Absent) => Told::Absent,
            Some(Told::CannotTell) | None => Told::CannotTell,
        }
    }

    /// The text of an attribute, if one is told.
    pub fn text(&self, attribute: &Attribute) -> Option<&str> {
        self.fact(attribute).is().and_then(|value| value.text())
    }

    /// The time an attribute tells.
    pub fn time(&self, attribute: &Attribute) -> Told<Timestamp> {
        match self.fact(attribute) {
            Told::Is(value) => Told::or_cannot_tell(value.time()),
            Told::Absent => Told::Absent,
            Told::CannotTell => Told::CannotTell,
        }
    }

    /// What people call it; its native id where no source gives a name.
    pub fn name(&self) -> &str {
        self.text(&Attribute::NAME)
            .or_else(|| {
                self.members
                    .first()
                    .map(|member| member.sighting.native.as_str())
            })
            .unwrap_or_default()
    }
}
