//! Where a thing lies, for findings whose rule speaks of no place.

use model::{Attribute, Entity, Place, SourceId, SourcedFact};

/// The first place, by path, where it lies or is declared and is still found. What a source only
/// looked up elsewhere has none.
pub(crate) fn of(entity: &Entity) -> Option<Place> {
    let told = entity.facts.get(&Attribute::PLACE);
    let places = told.into_iter().flatten().filter_map(|fact| {
        Some(Place {
            path: fact.told.is()?.text()?.to_owned(),
            line: line(entity, fact),
        })
        .filter(|_| is_found(entity, fact))
    });
    places.min()
}

/// A source that still finds it: at `place`, where that is told.
pub(crate) fn source<'a>(entity: &'a Entity, place: Option<&Place>) -> Option<&'a SourceId> {
    let path = place.map(|place| place.path.as_str());
    let mut told = entity.facts.get(&Attribute::PLACE).into_iter().flatten();
    let there = told.find(|fact| {
        let at = fact.told.is().and_then(|at| at.text());
        at.is_some() && at == path && is_found(entity, fact)
    });
    if let Some(there) = there {
        return Some(&there.source);
    }
    let mut members = entity.members.iter();
    let found = members.find(|member| member.missing_since.is_none());
    found.map(|member| &member.sighting.source)
}

fn line(entity: &Entity, at: &SourcedFact) -> Option<u32> {
    let mut lines = entity.facts.get(&Attribute::LINE)?.iter();
    let line = lines.find(|fact| fact.source == at.source && fact.native == at.native)?;
    u32::try_from(line.told.is()?.number()?).ok()
}

fn is_found(entity: &Entity, at: &SourcedFact) -> bool {
    let mut members = entity.members.iter();
    let member =
        members.find(|one| one.sighting.source == at.source && one.sighting.native == at.native);
    member.is_none_or(|member| member.missing_since.is_none())
}
