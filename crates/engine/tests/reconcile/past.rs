//! What was told at a moment is what is told of it later, and the difference between two moments
//! is what their lists show otherwise.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::{Engine, KeyPaths, Past, What, between};
use inventory::owners::Answer;
use model::{
    Attribute, Collection, EntityId, Finding, Gap, Key, KeyKind, Kind, Observation, Reason,
    Relation, Scope, SourceId, Timestamp,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{Location, Moment, Options, Row, Store};

use crate::rolls::{Roll, on_every_engine};

/// What happens to a roll, one after the other.
#[derive(Clone, Debug)]
enum Act {
    /// A source is read: these things, and whether a part of it could not be.
    Pass(usize, Vec<Observation>, bool),
    /// A person says who owns the thing in that place, if there is one.
    Own(usize, u8),
}

/// Things of one moment that are taken down alone.
const AROUND_EACH: usize = 3;
/// More acts than any history has.
const ACTS_MAX: usize = 7;

fn key() -> impl Strategy<Value = Key> {
    let kinds = vec![KeyKind::Uid, KeyKind::SecretHmac, KeyKind::JwtId];
    (prop::sample::select(kinds), "[12]").prop_map(|(kind, value)| Key::new(kind, value))
}

/// What makes rules speak: environments, words for what it is, who works with it, who has left.
fn judged(seen: Observation, told: u8) -> Observation {
    let word = |attribute, words: [&str; 3], seen: Observation| match words
        [usize::from(told) % words.len()]
    {
        "" => seen,
        word => seen.is(attribute, word),
    };
    let type_ = |words, seen| word(Attribute::TYPE, words, seen);
    match seen.kind {
        Kind::Identity => {
            let seen = type_(["db_role", "db_role", "iam_user"], seen);
            let seen = seen.is(Attribute::PROVIDER, "postgres");
            let seen = word(Attribute::OWNER_HINT, ["", "ann", "bob"], seen);
            match told / 3 % 3 {
                0 => seen,
                1 => seen.is(Attribute::ENVIRONMENT, "prod"),
                _ => seen.is(Attribute::ENVIRONMENT, "dev"),
            }
        }
        Kind::Credential => {
            let seen = type_(["db_password", "aws_access_key", "db_password"], seen);
            match told / 3 % 2 {
                0 => seen,
                _ => seen.link(Relation::UsedBy, Kind::Identity, "a").link(
                    Relation::UsedBy,
                    Kind::Identity,
                    "b",
                ),
            }
        }
        Kind::Owner => word(Attribute::STATUS, ["left", "active", "left"], seen),
        Kind::Resource => type_(["audit_log", "audit_log", "bucket"], seen)
            .is(Attribute::named("log"), "postgres")
            .is(Attribute::USES_COUNTED_SINCE, Timestamp(1))
            .is(Attribute::USES_COUNTED_UNTIL, Timestamp(i64::from(told))),
        Kind::Grant | Kind::Use => seen,
    }
}

fn observation() -> impl Strategy<Value = Observation> {
    let kind = prop::sample::select(vec![
        Kind::Credential,
        Kind::Credential,
        Kind::Identity,
        Kind::Identity,
        Kind::Grant,
        Kind::Owner,
        Kind::Resource,
    ]);
    let keys = prop::collection::btree_set(key(), 0..3);
    let link = prop::option::of(prop_oneof!["[a-c]".prop_map(Ok), key().prop_map(Err)]);
    let name = prop::option::of(prop::sample::select(vec!["p", "q", "p-prod", "p-dev"]));
    let created = prop::option::of(-20..90_i64);
    let other = (name, created, any::<u8>());
    (kind, "[a-c]", "[xy]", keys, link, other).prop_map(
        |(kind, native, part, keys, link, (name, created, told))| {
            let mut seen = Observation::new(kind, native, &Scope::of(part));
            seen.keys = keys;
            seen = judged(seen, told);
            if let Some(name) = name {
                seen = seen.is(Attribute::NAME, name);
            }
            if let Some(at) = created {
                seen = seen.is(Attribute::CREATED_AT, Timestamp(at));
            }
            let relation = match kind {
                Kind::Grant => Relation::Of,
                _ => Relation::Holder,
            };
            match link {
                Some(Ok(native)) => seen.link(relation, Kind::Identity, native),
                Some(Err(key)) => seen.link_key(relation, Kind::Identity, key),
                None => seen,
            }
        },
    )
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let pass = (
        0usize..3,
        prop::collection::vec(observation(), 0..6),
        any::<bool>(),
    );
    let act = prop_oneof![
        3 => pass.prop_map(|(of, seen, gap)| Act::Pass(of, seen, gap)),
        1 => (0usize..6, 0..3_u8).prop_map(|(of, who)| Act::Own(of, who)),
    ];
    prop::collection::vec(act, 1..ACTS_MAX)
}

/// What a roll tells at a moment.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    at: i64,
    lines: BTreeMap<EntityId, Row>,
    /// What ids led to, of all that lead somewhere.
    led: BTreeMap<EntityId, EntityId>,
    held: BTreeMap<EntityId, Vec<Row>>,
}

fn told(roll: &Roll, at: i64, ever: &BTreeSet<EntityId>) -> Told {
    let lines = roll.lines();
    let led = ever
        .iter()
        .filter_map(|id| Some((id.clone(), roll.row(id)?.id)))
        .collect();
    let held = lines
        .keys()
        .map(|id| (id.clone(), roll.held_by(id)))
        .collect();
    Told {
        at,
        lines,
        led,
        held,
    }
}

/// Lets the acts happen at 10, 20, …; what the roll tells after each.
fn happen(roll: &Roll, acts: &[Act]) -> Vec<Told> {
    let mut all = vec![Told::default()];
    let mut ever = BTreeSet::new();
    for (n, act) in acts.iter().enumerate() {
        let at = (n as i64 + 1) * 10;
        match act {
            Act::Pass(of, seen, gap) => {
                let source = SourceId::new("test", ["c", "a", "b"][*of]);
                let mut pass = Collection::new(source, Scope::whole(), Timestamp(at));
                pass.observations.clone_from(seen);
                if *gap {
                    pass.gaps
                        .push(Gap::new(&Scope::of("x"), Reason::Denied, "403"));
                }
                roll.take(&pass);
            }
            Act::Own(of, who) => {
                if let Some(id) = roll.lines().keys().nth(*of) {
                    let who = ["ann", "bob"].get(usize::from(*who)).copied();
                    roll.own_at(id, who, at);
                }
            }
        }
        ever.extend(roll.lines().into_keys());
        all.push(told(roll, at, &ever));
    }
    all
}

/// Stores for the rolls of then: one for each moment of a history, as a tenant has one roll in a
/// store.
struct Shelf {
    _dir: tempfile::TempDir,
    whole: Vec<Store>,
    around: Vec<Store>,
}

impl Shelf {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let open = |name: &str, n: usize| {
            let location = Location::Sqlite(dir.path().join(format!("{name}{n}.db")));
            Store::open(&location, &Options::default()).unwrap()
        };
        Self {
            whole: (0..=ACTS_MAX).map(|n| open("whole", n)).collect(),
            around: (0..=ACTS_MAX * AROUND_EACH + AROUND_EACH)
                .map(|n| open("around", n))
                .collect(),
            _dir: dir,
        }
    }
}

/// The roll of `moment`, put together in `to`.
fn back(roll: &Roll, to: &Store, moment: Moment, around: Option<&EntityId>) -> Roll {
    let past = Past {
        from: &roll.store,
        to,
        tenant: &roll.tenant,
        moment,
    };
    match around {
        Some(id) => past.around(std::slice::from_ref(id)).unwrap(),
        None => past.whole().unwrap(),
    }
    Roll {
        store: to.clone(),
        tenant: roll.tenant.clone(),
    }
}

fn runner(few: usize, many: usize) -> TestRunner {
    TestRunner::new(Config {
        cases: u32::try_from(testkit::rounds(few, many)).unwrap(),
        failure_persistence: None,
        ..Config::default()
    })
}

#[test]
fn what_was_told_at_a_moment_is_told_of_it_later() {
    on_every_engine("past", |base| {
        let shelf = Shelf::new();
        let held =
            runner(48, 1_000).run(&(acts(), any::<prop::sample::Index>()), |(acts, pick)| {
                let roll = base.beside();
                let all = happen(&roll, &acts);
                for (n, then) in all.iter().enumerate() {
                    let moment = Moment {
                        at: Timestamp(then.at),
                        known: Timestamp(then.at),
                    };
                    let past = back(&roll, &shelf.whole[n], moment, None);
                    prop_assert_eq!(&past.lines(), &then.lines, "at {}", then.at);
                    let again = told(&past, then.at, &then.led.keys().cloned().collect());
                    prop_assert_eq!(&again, then);
                    past.assert_counts_agree();

                    // One thing, by an id that leads there now, with what it held.
                    let ids: Vec<_> = then.led.keys().collect();
                    if ids.is_empty() {
                        continue;
                    }
                    let id = ids[pick.index(ids.len())];
                    let past = back(&roll, &shelf.around[n], moment, Some(id));
                    let was = &then.led[id];
                    let row = past.row(id);
                    prop_assert_eq!(row.as_ref(), then.lines.get(was), "{}", id);
                    prop_assert_eq!(&past.held_by(was), &then.held[was]);
                }
                Ok(())
            });
        held.unwrap();
    });
}

/// What is said of a thing in one roll of then: findings and who may own it.
fn said(engine: &Engine, roll: &Roll, at: i64, was: &EntityId) -> (Vec<Finding>, Answer) {
    let engine = engine.of_past(roll.store.clone(), Timestamp(at));
    let looked = engine.look(was).unwrap();
    let owners = engine.suggested(&looked, &engine.left().unwrap());
    (engine.findings_of(&looked, &[]).unwrap(), owners)
}

#[test]
fn what_is_taken_down_around_a_thing_judges_it_as_the_whole_roll_of_then_does() {
    on_every_engine("judged", |base| {
        let shelf = Shelf::new();
        let keys = tempfile::tempdir().unwrap();
        let paths = KeyPaths {
            fingerprint: keys.path().join("fingerprint-key"),
            seal: keys.path().join("seal-key"),
        };
        let rules = RefCell::new(BTreeSet::new());
        let held = runner(64, 1_000).run(&acts(), |acts| {
            let roll = base.beside();
            let all = happen(&roll, &acts);
            let clock = Arc::new(engine::system_clock);
            let (store, tenant) = (roll.store.clone(), roll.tenant.clone());
            let engine = Engine::open(store, tenant, &paths, "person:ann", clock).unwrap();
            for (n, then) in all.iter().enumerate() {
                let moment = Moment {
                    at: Timestamp(then.at),
                    known: Timestamp(then.at),
                };
                let whole = back(&roll, &shelf.whole[n], moment, None);
                // Few of each history: each takes a store of its own.
                for (slot, (id, was)) in then.led.iter().rev().take(AROUND_EACH).enumerate() {
                    let around = back(
                        &roll,
                        &shelf.around[n * AROUND_EACH + slot],
                        moment,
                        Some(id),
                    );
                    let (expected, got) = (
                        said(&engine, &whole, then.at, was),
                        said(&engine, &around, then.at, was),
                    );
                    rules
                        .borrow_mut()
                        .extend(expected.0.iter().map(|one| one.rule));
                    prop_assert_eq!(got, expected, "{} at {}", id, then.at);
                }
            }
            Ok(())
        });
        held.unwrap();
        let rules = rules.into_inner();
        assert!(rules.len() >= 4, "few rules spoke: {rules:?}");
    });
}

/// What judges a thing and hangs together with it by nothing: a namesake that was called
/// otherwise since, an owner who had left and came back.
#[test]
fn around_a_thing_its_namesakes_of_then_are_found_and_who_had_left_by_then() {
    on_every_engine("beside", |base| {
        let shelf = Shelf::new();
        let keys = tempfile::tempdir().unwrap();
        let paths = KeyPaths {
            fingerprint: keys.path().join("fingerprint-key"),
            seal: keys.path().join("seal-key"),
        };
        let roll = base.beside();
        let take = |source: &str, at: i64, seen: Observation| {
            let source = SourceId::new("test", source);
            let mut pass = Collection::new(source, Scope::whole(), Timestamp(at));
            // Nothing of it is the first that its source sees.
            let other = Observation::new(Kind::Credential, "0", &Scope::of("x"));
            pass.observations = vec![other, seen];
            roll.take(&pass);
        };
        let role = |native: &str, name: &str, environment: &str| {
            Observation::new(Kind::Identity, native, &Scope::of("x"))
                .is(Attribute::TYPE, "db_role")
                .is(Attribute::PROVIDER, "postgres")
                .is(Attribute::NAME, name)
                .is(Attribute::OWNER_HINT, "ann@corp.example")
                .is(Attribute::ENVIRONMENT, environment)
        };
        let ann = |status: &str| {
            Observation::new(Kind::Owner, "ann@corp.example", &Scope::of("x"))
                .is(Attribute::TYPE, "person")
                .is(Attribute::STATUS, status)
        };
        take("a", 10, role("one", "shop-prod", "prod"));
        take("b", 10, role("two", "shop-dev", "dev"));
        take("people", 10, ann("left"));
        take("b", 20, role("two", "till", "dev"));
        take("people", 20, ann("active"));
        let clock = Arc::new(engine::system_clock);
        let (store, tenant) = (roll.store.clone(), roll.tenant.clone());
        let engine = Engine::open(store, tenant, &paths, "person:ann", clock).unwrap();
        let moment = Moment {
            at: Timestamp(10),
            known: Timestamp(20),
        };
        let whole = back(&roll, &shelf.whole[0], moment, None);
        let mut rules = BTreeSet::new();
        for (n, (source, native)) in [("a", "one"), ("b", "two")].into_iter().enumerate() {
            let id = crate::id_of(source, Kind::Identity, native);
            let around = back(&roll, &shelf.around[n], moment, Some(&id));
            let told = said(&engine, &around, 10, &id);
            assert_eq!(told, said(&engine, &whole, 10, &id));
            rules.extend(told.0.iter().map(|one| one.rule));
        }
        assert!(rules.contains("cloned-identity"), "{rules:?}");
        assert!(rules.contains("orphaned"), "{rules:?}");
    });
}

/// Nobody dates anything back here: what was true then is what was known then.
#[test]
fn as_of_now_is_the_present_and_as_of_then_what_was_told_then() {
    on_every_engine("present", |base| {
        let shelf = Shelf::new();
        let held = runner(24, 500).run(&acts(), |mut acts| {
            for act in &mut acts {
                if let Act::Pass(_, seen, _) = act {
                    for one in seen {
                        one.facts.remove(&Attribute::CREATED_AT);
                    }
                }
            }
            let roll = base.beside();
            let all = happen(&roll, &acts);
            let now = Timestamp(all.last().unwrap().at);
            for (n, then) in all.iter().enumerate() {
                let moment = Moment {
                    at: Timestamp(then.at),
                    known: now,
                };
                let past = back(&roll, &shelf.whole[n], moment, None);
                prop_assert_eq!(&past.lines(), &then.lines, "at {}", then.at);
            }
            Ok(())
        });
        held.unwrap();
    });
}

/// The line without what follows from other things: whose it is, and what it holds.
fn itself(row: &Row) -> Row {
    Row {
        credentials: 0,
        holder: None,
        listed: false,
        ..row.clone()
    }
}

#[test]
fn what_two_lists_show_otherwise_the_difference_between_them_names() {
    on_every_engine("between", |base| {
        let pick = any::<prop::sample::Index>;
        let held = runner(96, 2_000).run(&(acts(), pick(), pick()), |(acts, a, b)| {
            let roll = base.beside();
            let all = happen(&roll, &acts);
            let now = Timestamp(all.last().unwrap().at);
            let (a, b) = (a.index(all.len()), b.index(all.len()));
            let (from, to) = (&all[a.min(b)], &all[a.max(b)]);
            let window = (Timestamp(from.at), Timestamp(to.at));
            let told = roll
                .store
                .read(|reading| between(reading, &roll.tenant, window, now, 1_000))
                .unwrap();
            let mut named = BTreeSet::new();
            let mut of = BTreeMap::<EntityId, Vec<What>>::new();
            for one in &told {
                prop_assert!(one.at > window.0 && one.at <= window.1, "{:?}", one);
                named.insert(one.entity.clone());
                match &one.what {
                    What::Merged(other) | What::Split(other) | What::Moved(other) => {
                        named.insert(other.clone());
                    }
                    _ => {}
                }
                of.entry(one.entity.clone())
                    .or_default()
                    .push(one.what.clone());
            }
            let said = |id: &EntityId, is: fn(&What) -> bool| {
                of.get(id).is_some_and(|all| all.iter().any(is))
            };
            for (id, row) in &to.lines {
                match from.lines.get(id) {
                    None => prop_assert!(
                        said(id, |what| matches!(what, What::New | What::Split(_))),
                        "{} appeared: {:?}",
                        id,
                        told
                    ),
                    Some(before) if itself(before) != itself(row) => {
                        prop_assert!(named.contains(id), "{} is otherwise: {:?}", id, told);
                    }
                    Some(_) => {}
                }
            }
            for id in from.lines.keys().filter(|id| !to.lines.contains_key(*id)) {
                let merged = said(id, |what| matches!(what, What::Merged(_)));
                prop_assert!(merged, "{} went: {:?}", id, told);
            }
            let listed = |id: &EntityId| from.lines.contains_key(id) || to.lines.contains_key(id);
            for id in &named {
                prop_assert!(listed(id), "{} is on neither list: {:?}", id, told);
            }
            Ok(())
        });
        held.unwrap();
    });
}

#[test]
fn a_sighting_that_goes_from_one_thing_to_another_names_both() {
    on_every_engine("moved", |base| {
        let roll = base.beside();
        let take = |source: &str, at: i64, seen: &[(&str, &str)]| {
            let mut pass =
                Collection::new(SourceId::new("test", source), Scope::whole(), Timestamp(at));
            let seen = seen.iter().map(|(native, key)| {
                Observation::new(Kind::Credential, *native, &Scope::of("x"))
                    .key(Key::new(KeyKind::SecretHmac, *key))
            });
            pass.observations = seen.collect();
            roll.take(&pass);
        };
        take("a", 10, &[("one", "k.1"), ("two", "k.2")]);
        take("b", 10, &[("moves", "k.1")]);
        take("b", 20, &[("moves", "k.2")]);
        let id = |native: &str| crate::id_of("a", Kind::Credential, native);
        let window = (Timestamp(10), Timestamp(20));
        let told = roll
            .store
            .read(|reading| between(reading, &roll.tenant, window, Timestamp(20), 10))
            .unwrap();
        let told: Vec<_> = told.into_iter().map(|one| (one.entity, one.what)).collect();
        let keys = What::Changed(BTreeSet::from(["keys".to_owned()]));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.contains(&(id("two"), keys)), "{told:?}");
        assert!(
            told.contains(&(id("two"), What::Moved(id("one")))),
            "{told:?}"
        );
    });
}
