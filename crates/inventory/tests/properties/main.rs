//! The sentences the roll promises, each as a property over any passes of any sources.
#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

use std::collections::BTreeSet;

use model::{
    Attribute, Collection, Gap, Key, KeyKind, Kind, Observation, Reason, Scope, SourceId, Timestamp,
};
use proptest::prelude::*;

mod roll;

use roll::{Counts, Roll};

const UID: KeyKind = KeyKind::AwsAccessKeyId;

fn source(n: usize) -> SourceId {
    SourceId::new("test", ["c", "a", "b"][n])
}

fn scope() -> impl Strategy<Value = Scope> {
    prop::collection::vec("[xy]", 0..3).prop_map(Scope)
}

fn key() -> impl Strategy<Value = Key> {
    let kind = prop::sample::select(vec![UID, KeyKind::Uid, KeyKind::SecretHmac, KeyKind::JwtId]);
    (kind, "[12]").prop_map(|(kind, value)| Key::new(kind, value))
}

fn observation() -> impl Strategy<Value = Observation> {
    let kind = prop::sample::select(vec![Kind::Credential, Kind::Identity]);
    let keys = prop::collection::btree_set(key(), 0..3);
    (
        kind,
        "[a-d]",
        scope(),
        keys,
        "[pq]",
        prop::option::of("[uv]"),
    )
        .prop_map(|(kind, native, scope, keys, name, hint)| {
            let mut seen = Observation::new(kind, native, &scope).is(Attribute::NAME, name);
            seen.keys = keys;
            match hint {
                Some(hint) => seen.hint("comment", hint),
                None => seen,
            }
        })
}

fn gap() -> impl Strategy<Value = Gap> {
    scope().prop_map(|scope| Gap::new(&scope, Reason::Denied, "403"))
}

/// A pass of one of three sources; when it began is set by its place among those of its source.
fn pass() -> impl Strategy<Value = (usize, Collection)> {
    let observations = prop::collection::vec(observation(), 0..6);
    let gaps = prop::collection::vec(gap(), 0..2);
    (
        0usize..3,
        prop_oneof![3 => Just(Scope::whole()), 1 => scope()],
        observations,
        gaps,
    )
        .prop_map(|(of, scope, observations, gaps)| {
            let mut pass = Collection::new(source(of), scope, Timestamp(0));
            pass.observations = observations;
            pass.gaps = gaps;
            (of, pass)
        })
}

/// Passes of one source, one after the other, beginning at 10, 20, …
fn history(passes: Vec<(usize, Collection)>) -> Vec<Collection> {
    let mut count = [0i64; 3];
    passes
        .into_iter()
        .map(|(of, mut pass)| {
            count[of] += 10;
            pass.started = Timestamp(count[of]);
            pass
        })
        .collect()
}

fn passes() -> impl Strategy<Value = Vec<Collection>> {
    prop::collection::vec(pass(), 0..7).prop_map(history)
}

/// The same passes in two orders; those of one source stay in theirs.
fn two_orders() -> impl Strategy<Value = (Vec<Collection>, Vec<Collection>)> {
    prop::collection::vec(pass(), 0..7).prop_flat_map(|passes| {
        let turns: Vec<usize> = passes.iter().map(|(of, _)| *of).collect();
        let one = history(passes);
        (Just(one), Just(turns).prop_shuffle()).prop_map(|(one, turns)| {
            let mut left: Vec<_> = (0..3)
                .map(|n| {
                    one.iter()
                        .filter(move |pass| pass.source == source(n))
                        .cloned()
                })
                .collect();
            let other = turns.iter().map(|of| left[*of].next().unwrap()).collect();
            (one.clone(), other)
        })
    })
}

fn natives(passes: &[Collection]) -> BTreeSet<(SourceId, Kind, String)> {
    let seen = passes.iter().flat_map(|pass| {
        let all = pass.observations.iter();
        all.map(|one| (pass.source.clone(), one.kind, one.native.clone()))
    });
    seen.collect()
}

fn all_zero_but_seen(counts: Counts) -> bool {
    counts
        == Counts {
            seen: counts.seen,
            ..Counts::default()
        }
}

proptest! {
    /// Nothing is deleted on absence: what was seen once is on the roll for ever.
    #[test]
    fn nothing_that_was_seen_ever_leaves_the_roll(passes in passes()) {
        let roll = Roll::of(&passes);
        let kept: BTreeSet<_> = roll.kept.keys()
            .map(|key| (key.source.clone(), key.kind, key.native.clone()))
            .collect();
        prop_assert_eq!(kept, natives(&passes));
    }

    /// Nothing is deleted on absence: a gap opens a hole in coverage and nothing else.
    #[test]
    fn a_gap_never_adds_a_missing_thing(passes in passes(), (_, mut last) in pass(), hole in gap()) {
        let before = Roll::of(&passes);
        last.started = Timestamp(1000);
        let (mut whole, mut holed) = (before.clone(), before);
        whole.take(&last);
        last.gaps.push(hole);
        holed.take(&last);
        prop_assert!(holed.missing().is_subset(&whole.missing()));
    }

    /// Nothing is deleted on absence: a 403 changes nothing.
    #[test]
    fn a_pass_that_was_refused_changes_nothing_but_its_gap(passes in passes(), of in 0usize..3) {
        let before = Roll::of(&passes);
        let mut refused = Collection::new(source(of), Scope::whole(), Timestamp(1000));
        refused.gaps.push(Gap::new(&Scope::whole(), Reason::Denied, "403"));
        let mut after = before.clone();
        let counts = after.take(&refused);
        prop_assert!(all_zero_but_seen(counts));
        prop_assert_eq!(&after.gaps[&source(of)], &refused.gaps);
        prop_assert_eq!((after.kept, after.aliases), (before.kept, before.aliases));
    }

    /// Only what lay in a part read whole, and was not there, goes missing.
    #[test]
    fn what_goes_missing_lay_in_a_part_that_was_read_whole(
        passes in passes(), (_, mut last) in pass()
    ) {
        let before = Roll::of(&passes);
        last.started = Timestamp(1000);
        let mut after = before.clone();
        after.take(&last);
        for (key, kept) in &before.kept {
            let seen = last.observations.iter()
                .any(|one| one.kind == key.kind && one.native == key.native);
            let provable = key.source == last.source && !seen
                && last.read_whole(&kept.observation.scope);
            let gone = after.kept[key].missing_since.is_some();
            prop_assert_eq!(gone, match (provable, seen && key.source == last.source) {
                (true, _) => true,
                (_, true) => false,
                _ => kept.missing_since.is_some(),
            });
        }
    }

    /// Hard keys merge: without unique ids nothing can conflict, and every shared key joins.
    #[test]
    fn things_that_share_a_hard_key_are_one(mut passes in passes()) {
        for one in passes.iter_mut().flat_map(|pass| &mut pass.observations) {
            one.keys.retain(|key| !key.kind.is_uid());
        }
        let roll = Roll::of(&passes);
        for (a, kept_a) in &roll.kept {
            for (b, kept_b) in &roll.kept {
                if a.kind == b.kind && !kept_a.observation.keys.is_disjoint(&kept_b.observation.keys) {
                    prop_assert_eq!(&kept_a.entity, &kept_b.entity);
                }
            }
        }
    }

    /// Soft keys only suggest: they change nothing about what belongs together (CV-33).
    #[test]
    fn soft_keys_never_merge(mut passes in passes()) {
        for pass in &mut passes {
            // Of two observations of one thing another may count once its hints are gone.
            let mut met = BTreeSet::new();
            pass.observations.retain(|one| met.insert((one.kind, one.native.clone())));
        }
        let mut bare = passes.clone();
        for one in bare.iter_mut().flat_map(|pass| &mut pass.observations) {
            one.hints.clear();
        }
        prop_assert_eq!(Roll::of(&passes).groups(), Roll::of(&bare).groups());
        for one in bare.iter_mut().flat_map(|pass| &mut pass.observations) {
            one.keys.clear();
        }
        let alone = Roll::of(&bare);
        prop_assert_eq!(alone.groups().len(), alone.kept.len());
    }

    /// Conflicting uids never merge (CV-32).
    #[test]
    fn conflicting_unique_ids_never_merge(passes in passes()) {
        let roll = Roll::of(&passes);
        for group in roll.groups().iter().filter(|group| group.len() > 1) {
            let keys = group.iter().flat_map(|member| &roll.kept[member].observation.keys);
            let uids: BTreeSet<_> = keys.filter(|key| key.kind.is_uid()).collect();
            let kinds: BTreeSet<_> = uids.iter().map(|key| key.kind).collect();
            prop_assert_eq!(uids.len(), kinds.len(), "{:?}", group);
        }
    }

    /// Collecting twice changes nothing, in whatever order the pages come.
    #[test]
    fn collecting_twice_changes_nothing(passes in passes(), (_, mut last) in pass()) {
        last.started = Timestamp(1000);
        let mut once = Roll::of(&passes);
        once.take(&last);
        let mut twice = once.clone();
        last.started = Timestamp(2000);
        last.observations.reverse();
        let counts = twice.take(&last);
        prop_assert!(all_zero_but_seen(counts));
        prop_assert_eq!(once, twice);
    }

    /// The order of sources does not matter: same things, same ids, same facts.
    #[test]
    fn the_order_of_sources_does_not_matter((one, other) in two_orders()) {
        let (one, other) = (Roll::of(&one), Roll::of(&other));
        prop_assert_eq!(one.things(), other.things());
        prop_assert_eq!(one.kept, other.kept);
    }

    /// Older ids go on resolving, to the thing that has the sighting they were made from.
    #[test]
    fn an_id_that_ever_was_resolves_for_ever(passes in passes()) {
        let roll = Roll::of(&passes);
        for id in &roll.ever {
            let made_from = roll.kept.iter().find(|(key, _)| model::EntityId::of(key) == *id);
            let belongs = made_from.map(|(_, kept)| &kept.entity);
            prop_assert_eq!(roll.find(id), belongs);
        }
    }

    /// A source that fails half-way leaves its part and its gap.
    #[test]
    fn a_pass_that_breaks_off_leaves_its_part_and_its_gap(
        passes in passes(), (_, mut last) in pass(), at in 0usize..6
    ) {
        last.started = Timestamp(1000);
        let before = Roll::of(&passes);
        let mut broken = last.clone();
        broken.observations.truncate(at);
        broken.gaps.push(Gap::new(&last.scope, Reason::Failed, "connection reset"));
        let mut after = before.clone();
        let counts = after.take(&broken);

        prop_assert_eq!(counts.missing, 0);
        prop_assert_eq!(after.gaps[&last.source].last(), broken.gaps.last());
        for one in &broken.observations {
            let key = model::SightingKey {
                source: last.source.clone(), kind: one.kind, native: one.native.clone(),
            };
            prop_assert!(after.kept[&key].missing_since.is_none());
        }
        // And a pass that goes through afterwards finds everything as if nothing had happened.
        let (mut direct, mut later) = (before, after);
        last.started = Timestamp(2000);
        direct.take(&last);
        later.take(&last);
        prop_assert_eq!(direct.groups(), later.groups());
        prop_assert_eq!(direct.missing(), later.missing());
    }

    /// A merge can be undone (CV-34): without the keys, all is as if they had never been.
    #[test]
    fn a_key_that_goes_away_takes_its_merges_with_it(passes in passes(), gone in key()) {
        let mut without = passes.clone();
        for one in without.iter_mut().flat_map(|pass| &mut pass.observations) {
            one.keys.remove(&gone);
        }
        let mut roll = Roll::of(&passes);
        let never = Roll::of(&without);
        for pass in &without {
            let mut again = pass.clone();
            again.started = Timestamp(pass.started.0 + 1000);
            roll.take(&again);
        }
        prop_assert_eq!(roll.groups(), never.groups());
        let ids = |roll: &Roll| -> Vec<_> { roll.things().into_iter().map(|one| one.id).collect() };
        prop_assert_eq!(ids(&roll), ids(&never));
    }
}

/// Decision 2, and the least of the whole: a file and an account name one key.
#[test]
fn a_key_found_in_a_file_and_listed_by_its_account_is_one_credential() {
    let key = Key::new(UID, "AKIA1");
    let mut listed = Collection::new(source(0), Scope::whole(), Timestamp(1));
    listed
        .observations
        .push(Observation::new(Kind::Credential, "AKIA1", &Scope::whole()).key(key.clone()));
    let mut found = Collection::new(source(1), Scope::whole(), Timestamp(2));
    let file = Observation::new(Kind::Credential, "/srv/.env#1", &Scope::whole()).key(key);
    found.observations.push(file);
    let things = Roll::of([&listed, &found]).things();
    assert_eq!(things.len(), 1);
    assert_eq!(things[0].members.len(), 2);
}

/// CV-32: what stood between two things may go away, and then they are one.
#[test]
fn a_conflict_that_is_gone_no_longer_keeps_things_apart() {
    let shared = Key::new(KeyKind::SecretHmac, "k.m");
    let uid = |value: &str| Key::new(UID, value);
    let pass = |of: usize, started: i64, keys: &[Key]| {
        let mut pass = Collection::new(source(of), Scope::whole(), Timestamp(started));
        let mut seen = Observation::new(Kind::Credential, "x", &Scope::whole());
        seen.keys = keys.iter().cloned().collect();
        pass.observations.push(seen);
        pass
    };
    let apart = [
        pass(0, 1, &[shared.clone(), uid("1")]),
        pass(1, 1, &[shared.clone(), uid("2")]),
        pass(2, 1, std::slice::from_ref(&shared)),
    ];
    let mut roll = Roll::of(&apart);
    assert_eq!(roll.things().len(), 3);
    roll.take(&pass(0, 2, &[]));
    assert_eq!(roll.things().len(), 2);
}
