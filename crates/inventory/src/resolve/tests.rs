//! Claims about resolution, and the same for any set of sightings.

use proptest::prelude::*;

use super::*;

type Owned = (SightingKey, BTreeSet<Key>);

fn sighting(native: &str, keys: &[(KeyKind, &str)]) -> Owned {
    let key = SightingKey {
        source: "test:a".parse().unwrap(),
        kind: Kind::Credential,
        native: native.to_owned(),
    };
    (
        key,
        keys.iter()
            .map(|(kind, value)| Key::new(*kind, *value))
            .collect(),
    )
}

fn resolved(sightings: &[Owned]) -> Resolution {
    let keyed: Vec<_> = sightings
        .iter()
        .map(|(sighting, keys)| Keyed { sighting, keys })
        .collect();
    resolve(&keyed)
}

/// `a+b c`: groups by native ids; then how many conflicts.
fn told(sightings: &[Owned]) -> (String, usize) {
    let resolution = resolved(sightings);
    let groups: Vec<_> = resolution
        .groups
        .iter()
        .map(|group| {
            let natives: Vec<_> = group
                .members
                .iter()
                .map(|key| key.native.as_str())
                .collect();
            natives.join("+")
        })
        .collect();
    (groups.join(" "), resolution.conflicts.len())
}

const ID: KeyKind = KeyKind::AwsAccessKeyId;
const OTHER_ID: KeyKind = KeyKind::Uid;
const SECRET: KeyKind = KeyKind::SecretHmac;
const LOGIN: KeyKind = KeyKind::PostgresLogin;

#[test]
fn sightings_that_share_a_hard_key_are_one_through_others_too() {
    let chain = [
        sighting("a", &[(ID, "1")]),
        sighting("b", &[(ID, "1"), (SECRET, "s")]),
        sighting("c", &[(SECRET, "s")]),
        sighting("d", &[]),
    ];
    assert_eq!(told(&chain), ("a+b+c d".into(), 0));
}

#[test]
fn two_unique_ids_are_never_one_and_who_could_be_either_is_neither() {
    let both = [
        sighting("a", &[(ID, "1"), (SECRET, "s")]),
        sighting("b", &[(ID, "2"), (SECRET, "s")]),
        sighting("c", &[(SECRET, "s")]),
        sighting("d", &[(SECRET, "s")]),
    ];
    assert_eq!(told(&both), ("a b c+d".into(), 1));
    let conflict = &resolved(&both).conflicts[0];
    assert_eq!((conflict.differ_in, conflict.sides_count), (ID, 2));
    assert_eq!(conflict.key, Key::new(SECRET, "s"));
    assert_eq!(conflict.sides[0].0, "1");
}

#[test]
fn a_stronger_key_decides_before_a_weaker_one_can() {
    let decided = [
        sighting("a", &[(ID, "1"), (LOGIN, "l")]),
        sighting("b", &[(ID, "2"), (LOGIN, "l")]),
        sighting("c", &[(SECRET, "s"), (LOGIN, "l")]),
        sighting("d", &[(ID, "2"), (SECRET, "s")]),
    ];
    assert_eq!(told(&decided), ("a b+c+d".into(), 1));
}

#[test]
fn a_sighting_that_names_two_unique_ids_does_not_make_them_one() {
    let torn = [
        sighting("a", &[(ID, "1")]),
        sighting("b", &[(ID, "1"), (ID, "2")]),
        sighting("c", &[(ID, "2")]),
        sighting("d", &[(ID, "2")]),
    ];
    let (groups, conflicts) = told(&torn);
    assert_eq!(groups, "a b c+d");
    assert_eq!(conflicts, 2);
}

#[test]
fn things_of_two_kinds_are_never_one() {
    let mut identity = sighting("b", &[(OTHER_ID, "1")]);
    identity.0.kind = Kind::Identity;
    assert_eq!(
        resolved(&[sighting("a", &[(OTHER_ID, "1")]), identity])
            .groups
            .len(),
        2
    );
}

#[test]
fn each_member_names_the_keys_that_joined_it() {
    let chain = [
        sighting("a", &[(ID, "1"), (LOGIN, "alone")]),
        sighting("b", &[(ID, "1"), (SECRET, "s")]),
        sighting("c", &[(SECRET, "s")]),
    ];
    let group = resolved(&chain).groups.remove(0);
    let names: Vec<_> = group
        .joined_by
        .iter()
        .map(|keys| {
            keys.iter()
                .map(|key| key.value.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert_eq!(names, ["1", "1 s", "s"]);
}

fn sightings() -> impl Strategy<Value = Vec<Owned>> {
    let kind = prop::sample::select(vec![ID, OTHER_ID, SECRET, LOGIN, KeyKind::SpkiSha256]);
    let keys = prop::collection::vec((kind, "[12]"), 0..4);
    prop::collection::btree_map("[a-h]", keys, 0..8).prop_map(|all| {
        all.into_iter()
            .map(|(native, keys)| {
                let keys: Vec<_> = keys
                    .iter()
                    .map(|(kind, value)| (*kind, value.as_str()))
                    .collect();
                sighting(&native, &keys)
            })
            .collect()
    })
}

/// Groups by following keys, one hop at a time, guards unknown.
fn connected(all: &[Owned]) -> BTreeSet<BTreeSet<SightingKey>> {
    let mut groups: Vec<(BTreeSet<SightingKey>, BTreeSet<Key>)> = all
        .iter()
        .map(|(sighting, keys)| (BTreeSet::from([sighting.clone()]), keys.clone()))
        .collect();
    while let Some((a, b)) = (0..groups.len())
        .flat_map(|a| (a + 1..groups.len()).map(move |b| (a, b)))
        .find(|(a, b)| !groups[*a].1.is_disjoint(&groups[*b].1))
    {
        let joined = groups.remove(b);
        groups[a].0.extend(joined.0);
        groups[a].1.extend(joined.1);
    }
    groups.into_iter().map(|(members, _)| members).collect()
}

fn uids(all: &[Owned], members: &[SightingKey]) -> BTreeSet<Key> {
    let of = all
        .iter()
        .filter(|(sighting, _)| members.contains(sighting));
    of.flat_map(|(_, keys)| keys)
        .filter(|key| key.kind.is_uid())
        .cloned()
        .collect()
}

proptest! {
    /// Decisions 1.
    #[test]
    fn the_order_of_sightings_does_not_matter(
        (all, shuffled) in sightings().prop_flat_map(|all| {
            (Just(all.clone()), Just(all).prop_shuffle())
        })
    ) {
        prop_assert_eq!(resolved(&all), resolved(&shuffled));
    }

    /// CV-32.
    #[test]
    fn conflicting_unique_ids_never_end_in_one_thing(all in sightings()) {
        for group in resolved(&all).groups {
            let together = uids(&all, &group.members);
            let alone = group.members.len() == 1;
            for kind in [ID, OTHER_ID] {
                let count = together.iter().filter(|key| key.kind == kind).count();
                prop_assert!(count <= 1 || alone, "{:?}", group);
            }
        }
    }

    /// CV-33: nothing but hard keys joins, and where nothing conflicts every one of them does.
    #[test]
    fn without_conflicts_things_are_what_keys_connect(all in sightings()) {
        let resolution = resolved(&all);
        let groups: BTreeSet<BTreeSet<_>> = resolution
            .groups
            .iter()
            .map(|group| group.members.iter().cloned().collect())
            .collect();
        let connected = connected(&all);
        for group in &groups {
            prop_assert!(connected.iter().any(|whole| group.is_subset(whole)));
        }
        prop_assert_eq!(groups == connected, resolution.conflicts.is_empty());
    }

    /// CV-32: a refused merge is always told.
    #[test]
    fn every_member_is_in_one_thing_whose_id_is_its_smallest_members(all in sightings()) {
        let groups = resolved(&all).groups;
        let members: Vec<_> = groups.iter().flat_map(|group| group.members.clone()).collect();
        let mut sorted = members.clone();
        sorted.sort();
        sorted.dedup();
        prop_assert_eq!(sorted.len(), all.len());
        prop_assert_eq!(members.len(), all.len());
        for group in &groups {
            prop_assert_eq!(Some(group.id.clone()), group.members.iter().min().map(EntityId::of));
        }
    }

    /// What lies in another component has no say.
    #[test]
    fn components_do_not_know_one_another(all in sightings()) {
        let whole = resolved(&all);
        let mut parts = Resolution::default();
        for component in connected(&all) {
            let part: Vec<_> = all.iter().filter(|(key, _)| component.contains(key)).cloned().collect();
            let part = resolved(&part);
            parts.groups.extend(part.groups);
            parts.conflicts.extend(part.conflicts);
        }
        parts.groups.sort_by(|a, b| a.members.cmp(&b.members));
        parts.conflicts.sort();
        prop_assert_eq!(whole, parts);
    }
}
