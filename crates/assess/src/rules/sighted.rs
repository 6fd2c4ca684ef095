//! What one sighting of a thing tells, for rules about places.

use model::{Attribute, Entity, Place, SourcedFact, Value};

/// What the sighting that tells `at` tells of another attribute.
pub(super) fn beside<'a>(
    entity: &'a Entity,
    at: &SourcedFact,
    attribute: &Attribute,
) -> Option<&'a Value> {
    let facts = entity.facts.get(attribute)?;
    let of = |fact: &&SourcedFact| fact.source == at.source && fact.native == at.native;
    facts.iter().find(of)?.told.is()
}

/// Whether what lies there is an id, or the name of a secret that is kept elsewhere.
pub(super) fn names_only(entity: &Entity, at: &SourcedFact) -> bool {
    [Attribute::named("id_only"), Attribute::BY_REFERENCE]
        .iter()
        .any(|attribute| beside(entity, at, attribute).is_some())
}

/// Where it lies, unless a complete pass no longer found it there.
pub(super) fn place(entity: &Entity, at: &SourcedFact) -> Option<Place> {
    let gone = entity.members.iter().any(|one| {
        one.sighting.source == at.source
            && one.sighting.native == at.native
            && one.missing_since.is_some()
    });
    if gone {
        return None;
    }
    let line = beside(entity, at, &Attribute::LINE).and_then(Value::number);
    Some(Place {
        path: beside(entity, at, &Attribute::PLACE)?.text()?.to_owned(),
        line: line.and_then(|line| u32::try_from(line).ok()),
    })
}
