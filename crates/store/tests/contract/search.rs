//! Text in names, and counts by time, as a scan of all lines would answer.

use std::collections::BTreeMap;

use model::{EntityId, Kind, Told};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{Assigned, Change, Durability, Filter, Options, Order, Row, SCHEMA, Store};

use crate::filters::{all_pages, meant};
use crate::world::{World, credential, key, line, source, time};

contract![
    names_and_days_are_kept_as_the_roll_is,
    a_text_that_more_lines_hold_than_are_sorted_is_found_in_every_order,
    what_more_lines_meet_than_are_sorted_is_counted_and_listed_as_it_is,
    a_store_of_the_schema_before_blocks_of_names_is_searched_once_it_is_opened,
    nothing_stays_of_lines_that_are_gone,
];

/// What happens to the line of one number.
#[derive(Clone, Debug)]
enum Act {
    Name(String),
    Owner(Option<String>),
    Used(i64),
    Status(bool),
    Expires(i64),
    Gone,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => "[abAB]{0,3}[c/_%é]{0,2}[ab0-9]{0,4}".prop_map(Act::Name),
        2 => any::<bool>().prop_map(Act::Status),
        2 => (-3..5_i64).prop_map(|days| Act::Expires(days * 43_200)),
        1 => (-3..5_i64).prop_map(|days| Act::Used(days * 43_200)),
        1 => proptest::option::of("team-[ab]").prop_map(Act::Owner),
        1 => Just(Act::Gone),
    ]
}

/// The lines of a store, as a person would keep them in mind.
#[derive(Default)]
struct Mirror(BTreeMap<usize, Row>);

const COUNT: usize = 90;

fn id_of(n: usize) -> EntityId {
    EntityId::of(&key(&source("host"), Kind::Credential, &n.to_string()))
}

fn assigned(n: usize, row: Row) -> Assigned {
    Assigned {
        row,
        members: vec![key(&source("host"), Kind::Credential, &n.to_string())],
        sources: [source(if n.is_multiple_of(3) { "a" } else { "b" })].into(),
        aliases: Vec::new(),
    }
}

impl Mirror {
    /// Lets the acts of one round happen, in the store as here.
    fn happen(&mut self, world: &World, acts: &[(usize, Act)]) {
        let (mut written, mut gone) = (BTreeMap::new(), Vec::new());
        for (n, act) in acts {
            if matches!(act, Act::Gone) {
                if written.remove(n).is_some() | self.0.remove(n).is_some() {
                    gone.push(id_of(*n));
                }
                continue;
            }
            let fresh = || line(&id_of(*n), &n.to_string(), 1);
            let row = self.0.entry(*n).or_insert_with(fresh);
            match act {
                Act::Name(name) => row.name.clone_from(name),
                Act::Status(on) => row.status = Some(if *on { "active" } else { "off" }.into()),
                Act::Expires(at) => row.expires_at = Told::Is(time(*at)),
                Act::Used(at) => row.last_used_at = Told::Is(time(*at)),
                Act::Owner(owner) => row.owner.clone_from(owner),
                Act::Gone => {}
            }
            gone.retain(|id| *id != row.id);
            written.insert(*n, row.clone());
        }
        let written: Vec<_> = written
            .into_iter()
            .map(|(n, row)| assigned(n, row))
            .collect();
        world
            .store
            .write(Durability::Repeatable, |writing| {
                writing.assign(&world.tenant, time(2), &written, &gone)
            })
            .unwrap();
    }

    fn agrees(&self, world: &World, filter: &Filter) {
        let rows: Vec<_> = self.0.values().cloned().collect();
        let mut expected: Vec<_> = meant(filter, &rows).into_iter().cloned().collect();
        expected.sort_by(|a, b| (a.name.as_bytes(), &a.id).cmp(&(b.name.as_bytes(), &b.id)));
        assert_eq!(
            all_pages(world, filter, Order::Name),
            expected,
            "{filter:?}"
        );
        let by_status = |status: &str| {
            let of = |row: &&Row| row.status.as_deref() == Some(status);
            expected.iter().filter(of).count() as u64
        };
        let (count, facets) = world
            .store
            .read(|reading| {
                Ok((
                    reading.count(&world.tenant, filter)?,
                    reading.facets(&world.tenant, filter)?,
                ))
            })
            .unwrap();
        assert_eq!(count, expected.len() as u64, "{filter:?}");
        for status in ["active", "off"] {
            let told = facets["status"].iter().find(|(value, _)| value == status);
            assert_eq!(
                told.map_or(0, |told| told.1),
                by_status(status),
                "{filter:?}"
            );
        }
        expected.retain(|row| row.expires_at.is().is_some());
        expected.sort_by(|a, b| (&a.expires_at, &a.id).cmp(&(&b.expires_at, &b.id)));
        assert_eq!(
            all_pages(world, filter, Order::Expires),
            expected,
            "{filter:?}"
        );
    }
}

fn seen(world: &World, count: usize) {
    let seen: Vec<_> = (0..count)
        .map(|n| Change::New(credential(&n.to_string(), "x")))
        .collect();
    world.pass(&source("host"), 1, &seen);
    let ids: Vec<_> = (0..count).map(id_of).collect();
    world
        .store
        .write(Durability::Repeatable, |writing| {
            writing.assign(&world.tenant, time(1), &[], &ids)
        })
        .unwrap();
}

fn names_and_days_are_kept_as_the_roll_is(world: &World) {
    let rounds =
        proptest::collection::vec(proptest::collection::vec((0..COUNT, act()), 1..60), 1..5);
    let texts = proptest::collection::vec("[abAB]{1,2}[c/_%é]{0,2}[ab0-9]{0,3}", 6);
    seen(world, COUNT);
    let mut mirror = Mirror::default();
    let cases = Config::with_cases(if world.is_postgres() { 4 } else { 16 });
    let mut runner = TestRunner::new(cases);
    let mirror = std::cell::RefCell::new(&mut mirror);
    runner
        .run(&(rounds, texts), |(rounds, texts)| {
            for acts in &rounds {
                mirror.borrow_mut().happen(world, acts);
            }
            for (n, text) in texts.iter().enumerate() {
                let filter = Filter {
                    text: Some(text.clone()),
                    status: (n % 3 == 1).then(|| "active".to_owned()),
                    expires_before: (n % 3 == 2).then(|| time(50_000)),
                    unused_since: (n % 4 == 3).then(|| time(100_000)),
                    owner: (n % 4 == 2).then(|| "team-a".to_owned()),
                    ..Filter::default()
                };
                mirror.borrow().agrees(world, &filter);
            }
            for at in [-129_600, 0, 1, 86_400, 100_000, 900_000] {
                let filter = Filter {
                    expires_before: Some(time(at)),
                    kind: Some(Kind::Credential),
                    ..Filter::default()
                };
                mirror.borrow().agrees(world, &filter);
            }
            Ok(())
        })
        .unwrap();
}

fn a_text_that_more_lines_hold_than_are_sorted_is_found_in_every_order(world: &World) {
    const MANY: usize = 10_050;
    seen(world, MANY);
    let lines: Vec<_> = (0..MANY)
        .map(|n| {
            let mut row = line(&id_of(n), "x", 1);
            // Many of one name, so that a page ends among them.
            row.name = if n.is_multiple_of(2) {
                "default/Service".to_owned()
            } else {
                format!("{:05} service", MANY - n)
            };
            row.expires_at = Told::Is(time(n as i64 % 4_000));
            assigned(n, row)
        })
        .collect();
    world
        .store
        .write(Durability::Repeatable, |writing| {
            writing.assign(&world.tenant, time(2), &lines, &[])
        })
        .unwrap();
    let rows: Vec<_> = lines.into_iter().map(|line| line.row).collect();
    for (text, order) in [("Service", Order::Expires), ("T/S", Order::Name)] {
        let filter = Filter {
            text: Some(text.to_owned()),
            ..Filter::default()
        };
        let mut expected = meant(&filter, &rows);
        let count = world
            .store
            .read(|reading| reading.count(&world.tenant, &filter));
        assert_eq!(count.unwrap(), expected.len() as u64);
        match order {
            Order::Name => expected.sort_by_key(|row| (&row.name, &row.id)),
            _ => expected.sort_by_key(|row| (&row.expires_at, &row.id)),
        }
        let mut page = store::Page {
            after: None,
            limit: 1_000,
            order,
        };
        for part in expected.chunks(1_000).take(3) {
            let got = world
                .store
                .read(|reading| reading.roll(&world.tenant, &filter, &page))
                .unwrap();
            assert_eq!(got.rows.iter().collect::<Vec<_>>(), part);
            page.after = got.next;
        }
    }
}

fn what_more_lines_meet_than_are_sorted_is_counted_and_listed_as_it_is(world: &World) {
    const MANY: usize = 10_400;
    seen(world, MANY);
    let line_of = |n: usize| {
        let mut row = line(&id_of(n), "x", 1);
        row.name = format!("{:05} service", (n * 7_919) % MANY);
        row.status = Some(if n.is_multiple_of(3) { "active" } else { "off" }.into());
        // Whose lines are last in the order of names, and some that are nobody's.
        row.owner = (!n.is_multiple_of(50)).then(|| "team-a".to_owned());
        let at = time(n as i64 * 37 % 9_000 * 43_200);
        if !n.is_multiple_of(5) {
            row.expires_at = Told::Is(at);
        }
        row.last_used_at = Told::Is(time(n as i64));
        assigned(n, row)
    };
    let lines: Vec<_> = (0..MANY).map(line_of).collect();
    let write = |lines: &[Assigned]| {
        let put = world.store.write(Durability::Repeatable, |writing| {
            writing.assign(&world.tenant, time(2), lines, &[])
        });
        put.unwrap();
    };
    write(&lines);
    let rows: Vec<_> = lines.into_iter().map(|line| line.row).collect();
    let text = Some("SERVICE".to_owned());
    let owner = Some("team-a".to_owned());
    let expires = |days: i64| Some(time(days * 86_400));
    for (text, owner, expires_before, unused_since) in [
        (text.clone(), owner.clone(), None, None),
        (text.clone(), None, expires(4_400), None),
        (text.clone(), None, expires(2), None),
        (
            text.clone(),
            owner.clone(),
            expires(3_000),
            Some(time(10_300)),
        ),
        (None, owner.clone(), None, None),
        (None, owner.clone(), expires(4_000), None),
        (None, owner, expires(-1), None),
        (None, None, expires(4_300), Some(time(10_399))),
        (Some("e".to_owned()), None, None, Some(time(10_200))),
    ] {
        for status in [None, Some("active".to_owned())] {
            let filter = Filter {
                text: text.clone(),
                owner: owner.clone(),
                expires_before,
                unused_since,
                status,
                ..Filter::default()
            };
            is_as_meant(world, &filter, &rows);
        }
    }
}

/// Its count, what facets say of it, and the first pages of it in every order.
fn is_as_meant(world: &World, filter: &Filter, rows: &[Row]) {
    let all = meant(filter, rows);
    let (tenant, reading) = (&world.tenant, &world.store);
    let count = reading.read(|reading| reading.count(tenant, filter));
    assert_eq!(count.unwrap(), all.len() as u64, "{filter:?}");
    let facets = reading.read(|reading| reading.facets(tenant, filter));
    let owned = facets.unwrap()["owned"]
        .iter()
        .find(|(value, _)| value == "yes")
        .map_or(0, |(_, n)| *n);
    let expected = all.iter().filter(|row| row.owner.is_some()).count();
    assert_eq!(owned, expected as u64, "{filter:?}");
    for order in [Order::Name, Order::Expires, Order::LastUsed] {
        let mut expected = all.clone();
        match order {
            Order::Name => expected.sort_by_key(|row| (&row.name, &row.id)),
            Order::Expires => {
                expected.retain(|row| row.expires_at.is().is_some());
                expected.sort_by_key(|row| (&row.expires_at, &row.id));
            }
            Order::LastUsed => expected.sort_by_key(|row| (&row.last_used_at, &row.id)),
        }
        let mut page = store::Page {
            after: None,
            limit: 150,
            order,
        };
        for part in expected.chunks(150).take(2) {
            let got = reading.read(|reading| reading.roll(tenant, filter, &page));
            let got = got.unwrap();
            assert_eq!(got.rows.iter().collect::<Vec<_>>(), part, "{filter:?}");
            page.after = got.next;
        }
    }
}

fn a_store_of_the_schema_before_blocks_of_names_is_searched_once_it_is_opened(world: &World) {
    seen(world, COUNT);
    let mut mirror = Mirror::default();
    let acts: Vec<_> = (0..COUNT)
        .flat_map(|n| {
            let name = Act::Name(format!("Thing {n} of {}", n % 7));
            [(n, name), (n, Act::Expires(n as i64 * 40_000 - 200_000))]
        })
        .collect();
    mirror.happen(world, &acts);
    world.back_to_schema_3();
    let store = Store::open(world.location(), &Options::default()).unwrap();
    assert_eq!(store.schema_version().unwrap(), SCHEMA);
    let filter = Filter {
        text: Some("of 3".to_owned()),
        ..Filter::default()
    };
    mirror.agrees(world, &filter);
    let filter = Filter {
        expires_before: Some(time(500_000)),
        ..Filter::default()
    };
    mirror.agrees(world, &filter);
    mirror.happen(world, &[(4, Act::Gone), (3, Act::Name("of 3".to_owned()))]);
    mirror.agrees(world, &filter);
}

fn nothing_stays_of_lines_that_are_gone(world: &World) {
    seen(world, COUNT);
    let mut mirror = Mirror::default();
    let acts = |act: Act| (0..COUNT).map(|n| (n, act.clone())).collect::<Vec<_>>();
    mirror.happen(world, &acts(Act::Expires(7)));
    assert_eq!(world.rows_of("day"), 2, "one of each spot");
    mirror.happen(world, &acts(Act::Gone));
    assert_eq!(world.rows_of("day"), 0);
    let filter = Filter {
        text: Some("1".to_owned()),
        ..Filter::default()
    };
    mirror.agrees(world, &filter);
}
