//! History on two axes of time, against a naive model that keeps every observation in a list.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Kind, Observation, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{Change, Durability, Error, Moment, What};

use crate::world::{World, credential, key, source, time};

contract![
    what_was_true_and_what_we_knew_agree_with_a_naive_model,
    a_closed_version_is_never_rewritten,
    a_difference_names_what_changed,
    a_collection_that_comes_late_ends_no_version_before_it_began,
];

/// What one pass says of one thing.
#[derive(Clone, Debug)]
enum Said {
    Nothing,
    Seen { status: u8, created: Option<i64> },
    Missing,
}

/// A version as a list keeps it.
#[derive(Clone, Debug)]
struct Naive {
    valid_from: Option<i64>,
    valid_to: Option<i64>,
    seen_from: i64,
    seen_to: Option<i64>,
    status: String,
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        Just(Said::Nothing),
        (0..3_u8, proptest::option::of(0..40_i64))
            .prop_map(|(status, created)| Said::Seen { status, created }),
        Just(Said::Missing),
    ]
}

fn observation(native: &str, status: u8, created: Option<i64>) -> Observation {
    let seen = credential(native, &format!("s{status}"));
    match created {
        Some(at) => seen.is(Attribute::CREATED_AT, time(at)),
        None => seen,
    }
}

fn what_was_true_and_what_we_knew_agree_with_a_naive_model(world: &World) {
    let cases = u32::try_from(testkit::rounds(16, 400)).unwrap();
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let passes = proptest::collection::vec(proptest::collection::vec(said(), 3), 1..7);
    let case = std::cell::Cell::new(0);
    runner
        .run(&passes, |passes| {
            case.set(case.get() + 1);
            let tenant = format!("case-{}", case.get()).parse().unwrap();
            agree(world, &tenant, &passes)
        })
        .unwrap();
}

fn agree(world: &World, tenant: &model::Tenant, passes: &[Vec<Said>]) -> Result<(), TestCaseError> {
    let from = &source("host");
    let mut naive: BTreeMap<String, Vec<Naive>> = BTreeMap::new();
    for (n, said) in passes.iter().enumerate() {
        let at = (n as i64 + 1) * 10;
        let mut changes = Vec::new();
        for (thing, said) in said.iter().enumerate() {
            let native = format!("t{thing}");
            let versions = naive.entry(native.clone()).or_default();
            changes.extend(step(versions, &native, said, at));
        }
        world.pass_of(tenant, from, at, &changes);
    }
    for (native, versions) in &naive {
        let stored = world
            .store
            .read(|reading| reading.versions(tenant, &key(from, Kind::Credential, native)))
            .unwrap();
        let stored: Vec<_> = stored
            .iter()
            .map(|one| {
                (
                    one.valid_from,
                    one.valid_to,
                    one.seen_from,
                    one.seen_to,
                    status(&one.observation),
                )
            })
            .collect();
        let expected: Vec<_> = versions
            .iter()
            .map(|one| {
                (
                    one.valid_from.map(time),
                    one.valid_to.map(time),
                    time(one.seen_from),
                    one.seen_to.map(time),
                    one.status.clone(),
                )
            })
            .collect();
        prop_assert_eq!(stored, expected);
    }
    for at in (0..80).step_by(5) {
        for known_at in (0..80).step_by(10) {
            let mut expected = BTreeMap::new();
            for (native, versions) in &naive {
                for one in versions {
                    let ended = one.seen_to.filter(|to| *to <= known_at).and(one.valid_to);
                    // What was seen was there, whatever its source says of when it was made.
                    let began = one
                        .valid_from
                        .map_or(one.seen_from, |from| from.min(one.seen_from));
                    if one.seen_from <= known_at && began <= at && ended.is_none_or(|end| at < end)
                    {
                        expected.insert(native.clone(), one.status.clone());
                    }
                }
            }
            let moment = Moment {
                at: time(at),
                known: time(known_at),
            };
            let stood = world.store.read(|reading| {
                let last = reading.last_number(tenant)?;
                reading.stood(tenant, moment, &(1..=last).collect::<Vec<_>>())
            });
            let mut got = BTreeMap::new();
            for one in stood.unwrap() {
                if one.missing_since.is_none() {
                    got.insert(one.key.native, status(&one.observation));
                }
            }
            prop_assert_eq!(got, expected, "true at {} as known at {}", at, known_at);
        }
    }
    Ok(())
}

/// What a pass does to the versions of a thing, and the change that a collector would report.
fn step(versions: &mut Vec<Naive>, native: &str, said: &Said, at: i64) -> Option<Change> {
    let open = versions.last().is_some_and(|last| last.valid_to.is_none());
    match said {
        Said::Missing if open => {
            close(versions, at);
            Some(Change::Missing {
                kind: Kind::Credential,
                native: native.to_owned(),
            })
        }
        Said::Seen { status, created } => {
            let seen = observation(native, *status, *created);
            let fresh = |valid_from| Naive {
                valid_from,
                valid_to: None,
                seen_from: at,
                seen_to: None,
                status: format!("s{status} {created:?}"),
            };
            if versions.is_empty() {
                versions.push(fresh(*created));
                return Some(Change::New(seen));
            }
            if open
                && versions
                    .last()
                    .is_some_and(|last| last.status == format!("s{status} {created:?}"))
            {
                return None;
            }
            if open {
                close(versions, at);
                versions.push(fresh(Some(at)));
                return Some(Change::Changed(seen));
            }
            versions.push(fresh(Some(at)));
            Some(Change::Back(seen))
        }
        Said::Nothing | Said::Missing => None,
    }
}

fn close(versions: &mut [Naive], at: i64) {
    if let Some(last) = versions.last_mut() {
        last.valid_to = Some(at);
        last.seen_to = Some(at);
    }
}

fn status(seen: &Observation) -> String {
    let status = seen
        .fact(&Attribute::STATUS)
        .is()
        .and_then(|value| value.text())
        .unwrap_or("");
    let created = seen
        .fact(&Attribute::CREATED_AT)
        .is()
        .and_then(|value| value.time());
    let created = created.map(Timestamp::seconds);
    format!("{status} {created:?}")
}

fn a_closed_version_is_never_rewritten(world: &World) {
    let host = source("host");
    let thing = key(&host, Kind::Credential, "x");
    let mut before: Vec<model::Version> = Vec::new();
    let missing = || Change::Missing {
        kind: Kind::Credential,
        native: "x".to_owned(),
    };
    let steps = [
        Change::New(credential("x", "a")),
        Change::Changed(credential("x", "b")),
        missing(),
        Change::Back(credential("x", "b")),
        Change::Changed(credential("x", "c")),
        missing(),
        missing(),
    ];
    for (n, change) in steps.into_iter().enumerate() {
        world.pass(&host, n as i64 + 1, &[change]);
        let after = world
            .store
            .read(|reading| reading.versions(&world.tenant, &thing))
            .unwrap();
        for (old, new) in before.iter().zip(&after) {
            if old.seen_to.is_some() {
                assert_eq!(old, new);
            } else {
                assert_eq!(
                    (old.valid_from, old.seen_from, &old.observation),
                    (new.valid_from, new.seen_from, &new.observation)
                );
            }
        }
        before = after;
    }
    assert_eq!(before.len(), 4);
    assert_eq!(
        before[3].valid_to,
        Some(time(6)),
        "going missing twice ends it once"
    );
}

fn a_difference_names_what_changed(world: &World) {
    let host = source("host");
    world.pass(
        &host,
        10,
        &[
            Change::New(credential("x", "a")),
            Change::New(credential("y", "a")),
        ],
    );
    world.pass(
        &host,
        20,
        &[Change::Changed(credential("x", "b").hint("arn", "z"))],
    );
    world.pass(
        &host,
        30,
        &[Change::Missing {
            kind: Kind::Credential,
            native: "x".to_owned(),
        }],
    );
    world.pass(&host, 40, &[Change::Back(credential("x", "b"))]);
    let diff = |from, to| {
        let found = world
            .store
            .read(|reading| reading.diff(&world.tenant, time(from), time(to), 100))
            .unwrap();
        found
            .into_iter()
            .map(|one| (one.at.seconds(), one.sighting.native, one.what))
            .collect::<Vec<_>>()
    };
    let changed = What::Changed(BTreeSet::from(["hints".to_owned(), "status".to_owned()]));
    let (x, y) = ("x".to_owned(), "y".to_owned());
    let mut all = diff(0, 100);
    all.sort();
    assert_eq!(
        all,
        [
            (10, x.clone(), What::New),
            (10, y, What::New),
            (20, x.clone(), changed.clone()),
            (30, x.clone(), What::Missing),
            (40, x.clone(), What::Back),
        ]
    );
    assert_eq!(diff(10, 20), [(20, x.clone(), changed)]);
    assert_eq!(diff(20, 30), [(30, x.clone(), What::Missing)]);
    assert_eq!(diff(30, 40), [(40, x, What::Back)]);
    assert!(diff(40, 100).is_empty());
}

fn a_collection_that_comes_late_ends_no_version_before_it_began(world: &World) {
    let host = source("host");
    world.pass(&host, 100, &[Change::New(credential("x", "a"))]);
    world
        .store
        .write(Durability::Repeatable, |writing| {
            let late = [Change::Changed(credential("x", "b"))];
            writing.apply(&world.tenant, &host, 2, time(50), &late)?;
            Ok::<_, Error>(())
        })
        .unwrap();
    let thing = key(&host, Kind::Credential, "x");
    let versions = world
        .store
        .read(|reading| reading.versions(&world.tenant, &thing))
        .unwrap();
    assert_eq!(versions.len(), 2);
    for one in &versions {
        assert!(one.seen_to.is_none_or(|to| to >= one.seen_from), "{one:?}");
        assert!(
            one.valid_to
                .is_none_or(|to| one.valid_from.is_none_or(|from| to >= from)),
            "{one:?}"
        );
    }
    assert_eq!(versions[0].seen_to, Some(time(100)));
    assert_eq!(versions[1].seen_from, time(100));
}
