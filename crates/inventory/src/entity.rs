//! One thing in full: every member, every fact with its source, the best first.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Entity, EntityId, Key, Member, Sighting, SourcedFact, Timestamp};

use crate::facts::{Telling, better};
use crate::summary::{first_seen, missing_since};

/// The thing `id`, as all its `sightings` together tell it; the same for them in any order.
pub fn assemble(id: &EntityId, mut aliases: Vec<EntityId>, mut sightings: Vec<Sighting>) -> Entity {
    aliases.sort();
    aliases.dedup();
    sightings.sort_by(|a, b| a.key.cmp(&b.key));
    Entity {
        kind: id.kind(),
        aliases,
        facts: facts(&sightings),
        members: members(&sightings),
        links: sightings
            .iter()
            .flat_map(|one| {
                let source = &one.key.source;
                one.observation
                    .links
                    .iter()
                    .map(move |link| (source.clone(), link.clone()))
            })
            .collect(),
        first_seen: first_seen(&sightings),
        last_seen: sightings
            .iter()
            .map(|one| one.last_seen)
            .max()
            .unwrap_or(Timestamp::MIN),
        missing_since: missing_since(&sightings),
        id: id.clone(),
    }
}

fn facts(sightings: &[Sighting]) -> BTreeMap<Attribute, Vec<SourcedFact>> {
    let mut told: BTreeMap<&Attribute, Vec<Telling<'_>>> = BTreeMap::new();
    for one in sightings {
        for (attribute, fact) in &one.observation.facts {
            told.entry(attribute).or_default().push((fact, one));
        }
    }
    told.into_iter()
        .map(|(attribute, mut tellings)| {
            tellings.sort_by(|a, b| better(attribute, *a, *b));
            let sourced = |(fact, one): Telling<'_>| SourcedFact {
                source: one.key.source.clone(),
                native: one.key.native.clone(),
                told: fact.told.clone(),
                confidence: fact.confidence,
                since: one.since,
                last_told: one.last_seen,
            };
            (
                attribute.clone(),
                tellings.into_iter().map(sourced).collect(),
            )
        })
        .collect()
}

fn members(sightings: &[Sighting]) -> Vec<Member> {
    let mut bearers: BTreeMap<&Key, usize> = BTreeMap::new();
    for key in sightings.iter().flat_map(|one| &one.observation.keys) {
        *bearers.entry(key).or_default() += 1;
    }
    let joined_by = |one: &Sighting| -> BTreeSet<Key> {
        let keys = one.observation.keys.iter();
        keys.filter(|key| bearers.get(key).is_some_and(|count| *count > 1))
            .cloned()
            .collect()
    };
    sightings
        .iter()
        .map(|one| Member {
            sighting: one.key.clone(),
            joined_by: joined_by(one),
            scope: one.observation.scope.clone(),
            first_seen: one.first_seen,
            last_seen: one.last_seen,
            missing_since: one.missing_since,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use model::{KeyKind, Kind, Observation, Scope, SightingKey, Told};

    use super::*;

    fn seen(source: &str, since: i64, f: impl FnOnce(Observation) -> Observation) -> Sighting {
        let key = SightingKey {
            source: source.parse().unwrap(),
            kind: Kind::Credential,
            native: "n".to_owned(),
        };
        Sighting {
            entity: EntityId::of(&key),
            observation: f(Observation::new(key.kind, "n", &Scope::whole())),
            key,
            first_seen: Timestamp(since),
            since: Timestamp(since),
            last_seen: Timestamp(since + 1),
            missing_since: None,
        }
    }

    #[test]
    fn a_thing_seen_by_two_keeps_both_statements_and_the_key_that_joined_them() {
        let shared = Key::new(KeyKind::SecretHmac, "k.m");
        let a = seen("a:1", 1, |o| {
            o.key(shared.clone())
                .key(Key::new(KeyKind::Uid, "own"))
                .is(Attribute::NAME, "first")
        });
        let b = seen("b:1", 2, |o| {
            o.key(shared.clone()).is(Attribute::NAME, "second")
        });
        let id = a.entity.clone();
        let entity = assemble(&id, vec![b.entity.clone()], vec![b, a]);

        assert_eq!(entity.name(), "second");
        let names: Vec<_> = entity.facts[&Attribute::NAME]
            .iter()
            .map(|fact| {
                (
                    fact.source.as_str(),
                    fact.told.clone().map(|value| value.to_string()),
                )
            })
            .collect();
        assert_eq!(
            names,
            [
                ("b:1", Told::Is("second".to_owned())),
                ("a:1", Told::Is("first".to_owned()))
            ]
        );
        for member in &entity.members {
            assert_eq!(member.joined_by, BTreeSet::from([shared.clone()]));
        }
        assert_eq!(
            (entity.first_seen, entity.last_seen),
            (Timestamp(1), Timestamp(3))
        );
    }
}
