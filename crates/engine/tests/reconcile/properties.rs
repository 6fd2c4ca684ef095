//! The order of sources does not matter, and every id that ever was goes on resolving.

use std::collections::BTreeMap;

use model::{
    Collection, EntityId, Gap, Key, KeyKind, Kind, Observation, Reason, Relation, Scope,
    SightingKey, SourceId, Timestamp,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::rolls::{Roll, on_every_engine};

fn source(n: usize) -> SourceId {
    SourceId::new("test", ["c", "a", "b"][n])
}

fn key() -> impl Strategy<Value = Key> {
    let kinds = vec![
        KeyKind::AwsAccessKeyId,
        KeyKind::Uid,
        KeyKind::SecretHmac,
        KeyKind::JwtId,
    ];
    (prop::sample::select(kinds), "[12]").prop_map(|(kind, value)| Key::new(kind, value))
}

fn observation() -> impl Strategy<Value = Observation> {
    let kind = prop::sample::select(vec![Kind::Credential, Kind::Identity]);
    let keys = prop::collection::btree_set(key(), 0..3);
    let link = prop::option::of(prop_oneof!["[a-d]".prop_map(Ok), key().prop_map(Err),]);
    (kind, "[a-d]", "[xy]", keys, link).prop_map(|(kind, native, part, keys, link)| {
        let mut seen = Observation::new(kind, native, &Scope::of(part));
        seen.keys = keys;
        match link {
            Some(Ok(native)) => seen.link(Relation::Holder, Kind::Identity, native),
            Some(Err(key)) => seen.link_key(Relation::Holder, Kind::Identity, key),
            None => seen,
        }
    })
}

/// Passes of one source begin at 10, 20, …; a second order keeps those of one source in theirs.
fn two_orders() -> impl Strategy<Value = (Vec<Collection>, Vec<Collection>)> {
    let observations = prop::collection::vec(observation(), 0..5);
    let pass = (0usize..3, observations, any::<bool>());
    prop::collection::vec(pass, 0..6).prop_flat_map(|passes| {
        let mut count = [0i64; 3];
        let one: Vec<_> = passes
            .into_iter()
            .map(|(of, observations, gap)| {
                count[of] += 10;
                let mut pass = Collection::new(source(of), Scope::whole(), Timestamp(count[of]));
                pass.observations = observations;
                if gap {
                    pass.gaps
                        .push(Gap::new(&Scope::of("x"), Reason::Denied, "403"));
                }
                (of, pass)
            })
            .collect();
        let turns: Vec<usize> = one.iter().map(|(of, _)| *of).collect();
        (Just(one), Just(turns).prop_shuffle()).prop_map(|(one, turns)| {
            let mut left: Vec<_> = (0..3)
                .map(|n| {
                    one.iter()
                        .filter(move |(of, _)| *of == n)
                        .map(|(_, pass)| pass.clone())
                })
                .collect();
            let other = turns.iter().map(|of| left[*of].next().unwrap()).collect();
            (one.iter().map(|(_, pass)| pass.clone()).collect(), other)
        })
    })
}

/// Takes `passes`; says where each sighting belongs, after checking that every id an entity
/// ever had leads to where the sighting it is made from is now.
fn taken(roll: &Roll, passes: &[Collection]) -> BTreeMap<SightingKey, EntityId> {
    let mut ever: BTreeMap<EntityId, SightingKey> = BTreeMap::new();
    for pass in passes {
        roll.take(pass);
        for key in roll.belonging().into_keys() {
            let id = EntityId::of(&key);
            if roll.lines().contains_key(&id) {
                ever.insert(id, key);
            }
        }
    }
    let belonging = roll.belonging();
    for (id, key) in ever {
        assert_eq!(
            roll.row(&id).map(|row| row.id).as_ref(),
            belonging.get(&key),
            "{id}"
        );
    }
    roll.assert_counts_agree();
    belonging
}

/// Decision 1.
#[test]
fn the_order_of_sources_does_not_matter() {
    on_every_engine("order", |roll| {
        let cases = u32::try_from(testkit::rounds(48, 2_000)).unwrap();
        let mut runner = TestRunner::new(Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        });
        let held = runner.run(&two_orders(), |(one, other)| {
            let (a, b) = (roll.beside(), roll.beside());
            let (in_one, in_other) = (taken(&a, &one), taken(&b, &other));
            prop_assert_eq!(in_one, in_other);
            prop_assert_eq!(a.lines(), b.lines());
            Ok(())
        });
        held.unwrap();
    });
}
