//! The key ring: terms are added, never lost, and whatever was sealed opens.

use std::sync::Barrier;

use testkit::kill::Chance;

use crate::ground::{Ground, add, all_open, count, decisions, open};

/// Adding, changing, removing, rotating, sealing anew and starting again, in any order.
#[test]
fn what_was_sealed_before_a_rotation_opens_after_it() {
    for ground in Ground::both("ring_any_order") {
        let mut engine = ground.engine();
        let mut chance = Chance::new(0x7269_6e67);
        let (mut rotated, mut names) = (0, std::collections::BTreeSet::new());
        for step in 0..testkit::rounds(40, 400) {
            match chance.point(6) {
                1 | 2 => {
                    let name = format!("db{}", chance.point(8));
                    add(&engine, &name);
                    names.insert(name);
                }
                3 => {
                    let name = format!("db{}", chance.point(8));
                    if names.remove(&name) {
                        let id = model::SourceId::new("stub", &name);
                        engine.remove_source(&id).unwrap();
                    }
                }
                4 => {
                    engine.rotate_keys().unwrap();
                    rotated += 1;
                }
                5 => {
                    engine.rewrap(&mut |_, _| {}).unwrap();
                }
                _ => engine = ground.engine(),
            }
            assert_eq!(all_open(&engine), names.len(), "after step {step}");
            let terms = engine.key_terms().unwrap();
            assert_eq!(terms.len(), rotated + 1, "after step {step}");
        }
        assert!(rotated > 2 && !names.is_empty(), "the steps did something");
        // Another process, with nothing in memory.
        assert_eq!(all_open(&ground.engine()), names.len());
        assert_eq!(count(&decisions(&engine), "key_rotated"), rotated);
    }
}

#[test]
fn after_sealing_anew_nothing_is_left_under_an_older_term() {
    for ground in Ground::both("ring_rewrap") {
        let engine = ground.engine();
        for n in 0..5 {
            add(&engine, &format!("db{n}"));
        }
        assert_eq!(engine.rotate_keys().unwrap(), 2);
        add(&engine, "db5");
        let under = |engine: &engine::Engine| -> Vec<_> {
            let terms = engine.key_terms().unwrap();
            terms
                .iter()
                .map(|one| (one.number, one.active, one.values))
                .collect()
        };
        // Five sources and the key that signs the evidence; the sixth is under the new one.
        assert_eq!(under(&engine), [(1, false, 6), (2, true, 1)]);
        let mut steps = Vec::new();
        let done = engine.rewrap(&mut |n, all| steps.push((n, all))).unwrap();
        assert_eq!((done.term, done.values), (2, 6));
        assert_eq!(steps.last(), Some(&(6, 6)));
        assert_eq!(under(&engine), [(1, false, 0), (2, true, 7)]);
        assert_eq!(all_open(&ground.engine()), 6);
        // Again there is nothing to do, and nothing is decided.
        let before = decisions(&engine);
        assert_eq!(engine.rewrap(&mut |_, _| {}).unwrap().values, 0);
        assert_eq!(decisions(&engine), before);
        assert_eq!(
            (
                count(&before, "rewrap_begun"),
                count(&before, "rewrap_ended")
            ),
            (1, 1)
        );
    }
}

/// A process that holds the old ring in memory seals under the new term, and opens what others
/// sealed under it.
#[test]
fn a_process_with_an_older_ring_in_memory_goes_on_with_the_new_one() {
    for ground in Ground::both("ring_stale") {
        let (old, new) = (ground.engine(), ground.engine());
        add(&old, "before");
        new.rotate_keys().unwrap();
        add(&new, "new");
        assert_eq!(all_open(&old), 2);
        add(&old, "old");
        let terms = ground.engine().key_terms().unwrap();
        // One source and the key that signs, then two.
        assert_eq!((terms[0].values, terms[1].values), (2, 2), "{terms:?}");
        assert_eq!(all_open(&new), 3);
    }
}

#[test]
fn of_many_that_rotate_and_seal_at_once_none_loses_a_term() {
    const EACH: usize = 6;
    for ground in Ground::both("ring_race") {
        ground.engine();
        let (location, dir) = (&ground.location, ground.dir.path());
        let barrier = Barrier::new(4);
        std::thread::scope(|scope| {
            for n in 0..4 {
                let barrier = &barrier;
                scope.spawn(move || {
                    let engine = open(location, dir);
                    barrier.wait();
                    for round in 0..EACH {
                        add(&engine, &format!("db{n}-{round}"));
                        if n % 2 == 0 {
                            engine.rotate_keys().unwrap();
                        } else {
                            engine.rewrap(&mut |_, _| {}).unwrap();
                        }
                    }
                });
            }
        });
        let engine = ground.engine();
        assert_eq!(all_open(&engine), 4 * EACH);
        assert_eq!(engine.key_terms().unwrap().len(), 1 + 2 * EACH);
        assert_eq!(count(&decisions(&engine), "key_rotated"), 2 * EACH);
    }
}
