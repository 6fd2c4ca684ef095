//! What stood at a moment, what hung together with it then, and how it is written down again.

use std::collections::BTreeSet;

use model::{EntityId, Kind, Relation, SightingKey};
use store::{Assigned, Change, Durability, Error, Moment, Options, PassOutcome, Store};

use crate::world::{
    World, alone, credential, fill, identity, key, line, secret, source, time, together,
};

contract![
    what_hung_together_then_is_found_by_the_keys_and_links_of_then,
    a_store_of_an_older_schema_knows_where_its_sightings_were_filed,
    a_line_is_found_by_the_name_that_it_bore,
    a_sighting_written_down_again_stands_as_it_stood,
    ids_that_lead_somewhere_are_told_from_those_that_do_not,
    passes_and_plans_of_later_are_no_part_of_then,
];

const fn moment(at: i64) -> Moment {
    Moment {
        at: time(at),
        known: time(at),
    }
}

/// The native ids of what is around `seed` at a moment.
fn around(world: &World, at: i64, seed: &SightingKey) -> BTreeSet<String> {
    let stood = world.store.read(|reading| {
        let tenant = &world.tenant;
        let numbers = reading.around(tenant, moment(at), std::slice::from_ref(seed))?;
        let numbers: Vec<_> = numbers.into_iter().collect();
        reading.stood(tenant, moment(at), &numbers)
    });
    stood
        .unwrap()
        .into_iter()
        .map(|one| one.key.native)
        .collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn what_hung_together_then_is_found_by_the_keys_and_links_of_then(world: &World) {
    let host = source("host");
    let held =
        |native: &str, by: &str| credential(native, "a").link(Relation::Holder, Kind::Identity, by);
    world.pass(
        &host,
        10,
        &[
            Change::New(identity("ann")),
            Change::New(identity("bob")),
            Change::New(held("moves", "ann")),
            Change::New(credential("one", "a").key(secret("k"))),
            Change::New(credential("other", "a").key(secret("k"))),
        ],
    );
    world.pass(
        &host,
        20,
        &[
            Change::Changed(held("moves", "bob")),
            Change::Changed(credential("other", "a")),
            Change::New(held("later", "ann")),
        ],
    );
    let ann = key(&host, Kind::Identity, "ann");
    let one = key(&host, Kind::Credential, "one");
    assert_eq!(around(world, 10, &ann), names(&["ann", "moves"]));
    assert_eq!(around(world, 20, &ann), names(&["ann", "later"]));
    assert_eq!(around(world, 10, &one), names(&["one", "other"]));
    assert_eq!(around(world, 20, &one), names(&["one"]));
    assert!(around(world, 9, &ann).is_empty());
    let connected = |at| {
        let seeds = [one.clone()];
        let read = world
            .store
            .read(|reading| reading.connected(&world.tenant, moment(at), &seeds));
        crate::world::keys_of(&read.unwrap())
    };
    assert_eq!(connected(10), names(&["one", "other"]));
    assert_eq!(connected(20), names(&["one"]));
}

fn a_store_of_an_older_schema_knows_where_its_sightings_were_filed(world: &World) {
    let host = source("host");
    let other = |with: bool| match with {
        true => credential("other", "a").key(secret("k")),
        false => credential("other", "a"),
    };
    let one = Change::New(credential("one", "a").key(secret("k")));
    world.pass(&host, 10, &[one, Change::New(other(true))]);
    world.pass(&host, 20, &[Change::Changed(other(false))]);
    world.back_to_schema_6();
    let store = Store::open(world.location(), &Options::default()).unwrap();
    let one = key(&host, Kind::Credential, "one");
    let of = |at| {
        let around = store
            .read(|reading| reading.around(&world.tenant, moment(at), std::slice::from_ref(&one)));
        around.unwrap().len()
    };
    assert_eq!((of(10), of(20)), (2, 1));
    assert_eq!(founders_named(&store, world, "other"), 1);
}

/// How many lines bear a name or bore it.
fn founders_named(store: &Store, world: &World, name: &str) -> usize {
    let names = BTreeSet::from([name.to_owned()]);
    let found = store.read(|reading| reading.founders_named(&world.tenant, &names, 10));
    found.unwrap().len()
}

fn a_line_is_found_by_the_name_that_it_bore(world: &World) {
    let host = source("host");
    let member = key(&host, Kind::Credential, "x");
    world.pass(&host, 1, &[Change::New(credential("x", "y"))]);
    let bears = |name: &str| {
        let one = Assigned {
            row: line(&EntityId::of(&member), name, 1),
            members: vec![member.clone()],
            sources: [host.clone()].into(),
            aliases: Vec::new(),
        };
        let written = world.store.write(Durability::Full, |writing| {
            writing.assign(&world.tenant, time(2), &[one], &[])
        });
        written.unwrap();
    };
    bears("first");
    bears("second");
    let found = |name| founders_named(&world.store, world, name);
    assert_eq!((found("first"), found("second"), found("third")), (1, 1, 0));
}

fn a_sighting_written_down_again_stands_as_it_stood(world: &World) {
    let host = source("host");
    let missing = || Change::Missing {
        kind: Kind::Credential,
        native: "x".to_owned(),
    };
    let seen = |status| credential("x", status).key(secret(status));
    world.pass(&host, 10, &[Change::New(seen("a"))]);
    world.pass(&host, 20, &[Change::Changed(seen("b"))]);
    world.pass(&host, 30, &[missing()]);
    world.pass(&host, 40, &[Change::Back(seen("c"))]);
    let x = key(&host, Kind::Credential, "x");
    for (at, since, missing, status) in [
        (10, 10, None, "a"),
        (19, 10, None, "a"),
        (20, 20, None, "b"),
        (30, 20, Some(30), "b"),
        (40, 40, None, "c"),
    ] {
        let stood = world
            .store
            .read(|reading| reading.stood(&world.tenant, moment(at), &[1]))
            .unwrap();
        let other = world.another();
        other
            .store
            .write(Durability::Repeatable, |writing| {
                writing.recall(&world.tenant, &stood)?;
                let line = alone(&host, at, &Change::New(seen(status)));
                writing.assign(
                    &world.tenant,
                    time(at),
                    &line.into_iter().collect::<Vec<_>>(),
                    &[],
                )
            })
            .unwrap();
        let asked = std::slice::from_ref(&x);
        let again = other
            .store
            .read(|reading| reading.sightings(&world.tenant, asked))
            .unwrap();
        let [again] = again.as_slice() else {
            panic!("{at}: {again:?}")
        };
        assert_eq!(again.observation, seen(status), "{at}");
        assert_eq!(
            (again.first_seen, again.since, again.missing_since),
            (time(10), time(since), missing.map(time)),
            "{at}"
        );
        let bearing = other
            .store
            .read(|reading| reading.closure(&world.tenant, asked, 10))
            .unwrap();
        assert_eq!(bearing[0].keys, BTreeSet::from([secret(status)]), "{at}");
    }
}

fn ids_that_lead_somewhere_are_told_from_those_that_do_not(world: &World) {
    let host = source("host");
    let keys = ["a", "b"].map(|native| key(&host, Kind::Credential, native));
    let ids = keys.each_ref().map(EntityId::of);
    let (small, large) = match keys[0] < keys[1] {
        true => (0, 1),
        false => (1, 0),
    };
    let stranger = EntityId::of(&key(&host, Kind::Credential, "nobody"));
    world.pass(
        &host,
        10,
        &[
            Change::New(credential("a", "a")),
            Change::New(credential("b", "a")),
        ],
    );
    world
        .store
        .write(Durability::Repeatable, |writing| {
            let line = together(&keys, &[ids[large].clone()], 20);
            writing.assign(&world.tenant, time(20), &[line], &[ids[large].clone()])
        })
        .unwrap();
    let asked = [ids[0].clone(), ids[1].clone(), stranger.clone()];
    let joined = (ids[small].clone(), keys[large].clone());
    world
        .store
        .read(|reading| {
            let tenant = &world.tenant;
            assert_eq!(
                reading.leading(tenant, &asked)?,
                BTreeSet::from_iter(ids.clone())
            );
            let all = reading.joined(tenant, None, 10)?;
            assert_eq!(all, std::slice::from_ref(&joined));
            assert!(reading.joined(tenant, Some(&joined), 10)?.is_empty());
            Ok(())
        })
        .unwrap();
    world
        .store
        .write(Durability::Repeatable, |writing| {
            let older = [(stranger.clone(), ids[small].clone())];
            writing.recall_aliases(&world.tenant, &older)
        })
        .unwrap();
    let led = world
        .store
        .read(|reading| reading.entity_row(&world.tenant, &stranger))
        .unwrap();
    assert_eq!(led.map(|row| row.id).as_ref(), Some(&ids[small]));
}

fn passes_and_plans_of_later_are_no_part_of_then(world: &World) {
    fill(world);
    let recalled = |until: i64| {
        let other = world.another();
        world
            .store
            .recall_passes(&world.tenant, time(until), &other.store)
            .unwrap();
        other
            .store
            .read(|reading| {
                let tenant = &world.tenant;
                let passes = reading.passes(tenant, None, 10)?;
                let outcomes: Vec<_> = passes.into_iter().map(|pass| pass.outcome).collect();
                let gaps = reading.gaps(tenant, None)?.len();
                Ok::<_, Error>((outcomes, gaps, reading.plans(tenant, 10)?.len()))
            })
            .unwrap()
    };
    // The pass began at 1, as the plan was made, and ended at 2.
    assert_eq!(recalled(0), (vec![], 0, 0));
    assert_eq!(recalled(1), (vec![None], 0, 1));
    assert_eq!(recalled(2), (vec![Some(PassOutcome::Partial)], 1, 1));
    let other = world.another();
    let stranger = "stranger".parse().unwrap();
    world
        .store
        .recall_passes(&stranger, time(9), &other.store)
        .unwrap();
    assert_eq!(other.rows_of("pass"), 0);
}
