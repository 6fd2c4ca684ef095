//! Where sightings belong now, beside where they belonged: ids that go, ids that go on resolving.

use std::collections::{BTreeMap, BTreeSet};

use model::{EntityId, Key, SightingKey};

use crate::resolve::{Conflict, Keyed, resolve};

/// One sighting with its hard keys and the thing it has belonged to so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The sighting.
    pub sighting: SightingKey,
    /// Its hard keys.
    pub keys: BTreeSet<Key>,
    /// The thing it belonged to; `None`: it is new.
    pub entity: Option<EntityId>,
}

/// One thing as it is composed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its id.
    pub id: EntityId,
    /// Its members, smallest first.
    pub members: Vec<SightingKey>,
    /// Older ids that mean this thing from now on.
    pub aliases: Vec<EntityId>,
    /// Whether it is composed otherwise than before.
    pub recomposed: bool,
}

/// Where everything belongs now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Every thing these sightings make up, ordered by smallest member.
    pub things: Vec<Placed>,
    /// Ids nothing belongs to any more; each is an alias of one of `things`.
    pub emptied: Vec<EntityId>,
    /// The merges that were refused.
    pub conflicts: Vec<Conflict>,
}

/// Says where `held` belong.
///
/// Takes whole components: everything connected by keys as they are now *and* as they were
/// before. A key that goes away may have stood between others and kept them apart.
///
/// Every id that ever was is the id of one sighting, the smallest its thing then had; so the id
/// of each sighting that moves goes on resolving to wherever it moves. Splitting undoes merging:
/// a sighting that leaves takes its own id along.
pub fn place(held: &[Held]) -> Placement {
    let keyed: Vec<_> = held
        .iter()
        .map(|one| Keyed {
            sighting: &one.sighting,
            keys: &one.keys,
        })
        .collect();
    let resolution = resolve(&keyed);
    let was: BTreeMap<&SightingKey, Option<&EntityId>> = held
        .iter()
        .map(|one| (&one.sighting, one.entity.as_ref()))
        .collect();
    let mut size_was: BTreeMap<&EntityId, usize> = BTreeMap::new();
    for entity in was.values().flatten() {
        *size_was.entry(entity).or_default() += 1;
    }

    let things: Vec<Placed> = resolution
        .groups
        .into_iter()
        .map(|group| {
            let was_in = |member: &SightingKey| was.get(member).copied().flatten();
            let stayed = group
                .members
                .iter()
                .filter(|member| was_in(member) == Some(&group.id))
                .count();
            let moved = |member: &&SightingKey| was_in(member).is_some_and(|id| *id != group.id);
            let aliases: BTreeSet<_> = group
                .members
                .iter()
                .filter(moved)
                .map(EntityId::of)
                .filter(|id| *id != group.id)
                .collect();
            Placed {
                recomposed: stayed != group.members.len()
                    || size_was.get(&group.id).copied() != Some(stayed),
                aliases: aliases.into_iter().collect(),
                members: group.members,
                id: group.id,
            }
        })
        .collect();
    let now: BTreeSet<&EntityId> = things.iter().map(|thing| &thing.id).collect();
    let emptied = size_was
        .into_keys()
        .filter(|id| !now.contains(id))
        .cloned()
        .collect();
    Placement {
        emptied,
        conflicts: resolution.conflicts,
        things,
    }
}

#[cfg(test)]
mod tests {
    use model::{KeyKind, Kind};

    use super::*;

    fn held(native: &str, keys: &[&str], entity: Option<&EntityId>) -> Held {
        Held {
            sighting: SightingKey {
                source: "test:a".parse().unwrap(),
                kind: Kind::Credential,
                native: native.to_owned(),
            },
            keys: keys
                .iter()
                .map(|key| Key::new(KeyKind::SecretHmac, *key))
                .collect(),
            entity: entity.cloned(),
        }
    }

    #[test]
    fn a_merge_keeps_the_older_id_as_an_alias_and_a_split_gives_it_back() {
        let (a, b) = (held("a", &[], None), held("b", &[], None));
        let (id_a, id_b) = (EntityId::of(&a.sighting), EntityId::of(&b.sighting));

        let merged = place(&[
            held("a", &["k"], Some(&id_a)),
            held("b", &["k"], Some(&id_b)),
        ]);
        assert_eq!(merged.things.len(), 1);
        assert_eq!(
            (&merged.things[0].id, &merged.things[0].aliases),
            (&id_a, &vec![id_b.clone()])
        );
        assert_eq!(merged.emptied.first(), Some(&id_b));

        let split = place(&[held("a", &["k"], Some(&id_a)), held("b", &[], Some(&id_a))]);
        let ids: Vec<_> = split.things.iter().map(|thing| thing.id.clone()).collect();
        assert_eq!(ids, [id_a, id_b]);
        assert!(split.emptied.is_empty() && split.things.iter().all(|thing| thing.recomposed));
    }

    #[test]
    fn what_stays_as_it_is_is_not_recomposed() {
        let id = EntityId::of(&held("a", &[], None).sighting);
        let again = place(&[held("a", &["k"], Some(&id)), held("b", &["k"], Some(&id))]);
        assert!(!again.things[0].recomposed && again.emptied.is_empty());
        assert!(again.things[0].aliases.is_empty());
    }
}
