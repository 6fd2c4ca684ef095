//! Spots: lists, counts and facets of one source.

use model::{EntityId, Kind};
use store::{Assigned, Change, Durability, Filter, Options, Order, SCHEMA, Store};

use crate::world::{World, credential, key, line, source, time, together};

contract![
    counts_of_a_source_follow_what_it_sees,
    a_store_of_the_schema_before_spots_answers_by_source_once_it_is_opened,
    lines_of_more_cells_than_are_merged_come_in_order_all_the_same,
];

/// How many things `name` sees, as the store counts them.
fn seen_by(world: &World, name: &str) -> u64 {
    let filter = Filter {
        source: Some(source(name)),
        ..Filter::default()
    };
    let store = &world.store;
    store
        .read(|reading| reading.count(&world.tenant, &filter))
        .unwrap()
}

fn counts_of_a_source_follow_what_it_sees(world: &World) {
    let host = source("host");
    world.pass(&host, 1, &[Change::New(credential("x", "y"))]);
    let member = key(&host, Kind::Credential, "x");
    let id = EntityId::of(&member);
    let assign = |sources: &[&str]| {
        let one = Assigned {
            row: line(&id, "x", 1),
            members: vec![member.clone()],
            sources: sources.iter().map(|name| source(name)).collect(),
            aliases: Vec::new(),
        };
        world
            .store
            .write(Durability::Full, |writing| {
                writing.assign(&world.tenant, time(2), &[one], &[])
            })
            .unwrap();
    };
    let counts = || ["host", "a", "b"].map(|name| seen_by(world, name));
    assert_eq!(counts(), [1, 0, 0]);
    assign(&["host", "a"]);
    assert_eq!(counts(), [1, 1, 0]);
    // The line itself says the same; who sees it does not.
    assign(&["host", "b"]);
    assert_eq!(counts(), [1, 0, 1]);
    assign(&["host", "b"]);
    assert_eq!(counts(), [1, 0, 1]);
    world
        .store
        .write(Durability::Full, |writing| {
            writing.assign(&world.tenant, time(3), &[], std::slice::from_ref(&id))
        })
        .unwrap();
    assert_eq!(counts(), [0, 0, 0]);
    for table in ["spot", "spot_source"] {
        assert_eq!(world.rows_of(table), 0, "{table} keeps what is empty");
    }
}

fn a_store_of_the_schema_before_spots_answers_by_source_once_it_is_opened(world: &World) {
    let named = |kind: &str, n: usize| format!("{kind} {n}");
    let pass = |name: &str, count: usize| {
        let seen: Vec<_> = (0..count)
            .map(|n| Change::New(credential(&named(name, n), "x")))
            .collect();
        world.pass(&source(name), 1, &seen);
    };
    pass("a", 5);
    pass("b", 3);
    // One thing that both see.
    let members = ["a", "b"].map(|name| key(&source(name), Kind::Credential, &named(name, 0)));
    let both = together(&members, &[], 1);
    let parts = members.iter().map(EntityId::of);
    let emptied: Vec<_> = parts.filter(|id| *id != both.row.id).collect();
    world
        .store
        .write(Durability::Full, |writing| {
            writing.assign(
                &world.tenant,
                time(2),
                std::slice::from_ref(&both),
                &emptied,
            )
        })
        .unwrap();
    let counts = || ["a", "b", "c"].map(|name| seen_by(world, name));
    assert_eq!(counts(), [5, 3, 0]);

    world.back_to_schema_2();
    let store = Store::open(world.location(), &Options::default()).unwrap();
    assert_eq!(store.schema_version().unwrap(), SCHEMA);
    assert_eq!(counts(), [5, 3, 0]);
    // From there counts move as they do in a new store.
    world
        .store
        .write(Durability::Full, |writing| {
            writing.assign(&world.tenant, time(3), std::slice::from_ref(&both), &[])
        })
        .unwrap();
    assert_eq!(counts(), [5, 3, 0]);
    let alone = EntityId::of(&key(&source("a"), Kind::Credential, &named("a", 1)));
    world
        .store
        .write(Durability::Full, |writing| {
            writing.assign(&world.tenant, time(4), &[], &[both.row.id, alone])
        })
        .unwrap();
    assert_eq!(counts(), [3, 2, 0]);
    assert_eq!(world.rows_of("spot"), 2);
}

fn lines_of_more_cells_than_are_merged_come_in_order_all_the_same(world: &World) {
    let host = source("host");
    let names: Vec<String> = (0..600).map(|n| format!("k{:03}", n * 7 % 600)).collect();
    // A status of its own puts each into a cell of its own.
    let seen: Vec<_> = names
        .iter()
        .map(|name| Change::New(credential(name, &format!("status of {name}"))))
        .collect();
    world.pass(&host, 1, &seen);
    assert_eq!(world.rows_of("spot"), 600);
    for seen_by in [None, Some(host)] {
        let filter = Filter {
            source: seen_by,
            kind: Some(Kind::Credential),
            ..Filter::default()
        };
        let rows = crate::filters::all_pages(world, &filter, Order::Name);
        let got: Vec<_> = rows.into_iter().map(|row| row.name).collect();
        let mut expected = names.clone();
        expected.sort();
        assert_eq!(got, expected);
    }
}
