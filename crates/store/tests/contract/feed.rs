//! The change feed and leases under concurrent writers.

use std::collections::BTreeMap;

use model::Duration;
use store::{Change, Durability, Error, FeedEntry, Lease};

use crate::world::{World, credential, source, time};

contract![
    the_feed_has_no_hole_under_concurrent_writers,
    a_transaction_that_fails_leaves_no_hole,
    a_reader_behind_retention_is_told_to_rebuild,
    of_two_holders_the_stale_one_writes_nothing,
    a_batch_of_a_pass_whose_lease_was_taken_over_writes_nothing,
    a_lease_passes_on_when_it_ends_and_its_token_grows,
];

fn entries(world: &World) -> BTreeMap<u32, Vec<FeedEntry>> {
    world
        .store
        .read(|reading| {
            let mut all = BTreeMap::new();
            for shard in 0..reading.shards() {
                all.insert(shard, reading.changes(&world.tenant, shard, 0, 100_000)?);
            }
            Ok(all)
        })
        .unwrap()
}

fn the_feed_has_no_hole_under_concurrent_writers(world: &World) {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 12;
    let done = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let done = &done;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let from = source(&format!("writer-{writer}"));
                    let seen: Vec<_> = (0..20)
                        .map(|n| Change::New(credential(&format!("{round}-{n}"), "x")))
                        .collect();
                    world.pass(&from, 1, &seen);
                }
                done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            });
        }
        // A reader that follows while they write never sees a hole, nor anything before its place.
        let mut places: BTreeMap<u32, i64> = BTreeMap::new();
        loop {
            let last_round = done.load(std::sync::atomic::Ordering::SeqCst) == WRITERS;
            for shard in 0..16 {
                let place = places.entry(shard).or_default();
                let new = world
                    .store
                    .read(|reading| reading.changes(&world.tenant, shard, *place, 1_000))
                    .unwrap();
                for entry in new {
                    assert_eq!(entry.seq, *place + 1, "shard {shard}");
                    *place = entry.seq;
                }
            }
            if last_round {
                break;
            }
        }
        let followed: i64 = places.values().sum();
        assert_eq!(followed, (WRITERS * ROUNDS * 20) as i64);
    });
    let all = entries(world);
    assert!(all.values().filter(|entries| !entries.is_empty()).count() > 8);
}

fn a_transaction_that_fails_leaves_no_hole(world: &World) {
    let host = source("host");
    world.pass(&host, 1, &[Change::New(credential("first", "x"))]);
    for n in 0..5 {
        let failed: Result<(), Error> = world.store.write(Durability::Full, |writing| {
            let change = Change::New(credential(&format!("never {n}"), "x"));
            writing.apply(
                &world.tenant,
                &host,
                1,
                time(2),
                std::slice::from_ref(&change),
            )?;
            let line = crate::world::alone(&host, 2, &change).unwrap();
            writing.assign(&world.tenant, time(2), &[line], &[])?;
            Err(Error::ReadOnly)
        });
        assert!(matches!(failed, Err(Error::ReadOnly)));
        world.pass(
            &host,
            3,
            &[Change::New(credential(&format!("kept {n}"), "x"))],
        );
    }
    let all = entries(world);
    assert_eq!(all.values().map(Vec::len).sum::<usize>(), 6);
    for entries in all.values() {
        let seqs: Vec<_> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, (1..=entries.len() as i64).collect::<Vec<_>>());
    }
}

fn a_reader_behind_retention_is_told_to_rebuild(world: &World) {
    let host = source("host");
    let seen: Vec<_> = (0..64)
        .map(|n| Change::New(credential(&n.to_string(), "x")))
        .collect();
    world.pass(&host, 1, &seen);
    // As after many more changes than are kept.
    let table = if world.is_postgres() {
        "keyroll.feed_head"
    } else {
        "feed_head"
    };
    let far = store::FEED_KEPT + 10_000;
    world.beside(&format!("UPDATE {table} SET seq = seq + {far}"));
    let changed: Vec<_> = (0..64)
        .map(|n| Change::Changed(credential(&n.to_string(), "y")))
        .collect();
    world.pass(&host, 2, &changed);
    let mut told = 0;
    for shard in 0..16 {
        let end = world
            .store
            .read(|reading| reading.feed_end(&world.tenant, shard))
            .unwrap();
        let read = |after| {
            world
                .store
                .read(|reading| reading.changes(&world.tenant, shard, after, 1_000))
        };
        match read(0) {
            Err(Error::BehindRetention {
                shard: of,
                asked: 0,
                floor,
            }) => {
                assert_eq!(of, shard);
                assert_eq!(end - floor, store::FEED_KEPT);
                let kept = read(floor).unwrap();
                assert!(
                    kept.iter().all(|entry| entry.seq > floor) && kept.last().unwrap().seq == end
                );
                told += 1;
            }
            // A shard that nothing was written to since keeps all it has.
            other => assert!(other.is_ok(), "{other:?}"),
        }
    }
    assert!(told > 8, "{told}");
}

fn of_two_holders_the_stale_one_writes_nothing(world: &World) {
    let tenant = &world.tenant;
    let acquire = |holder: &str, at| {
        world
            .store
            .acquire(tenant, "revoke", holder, Duration::seconds(10), time(at))
            .unwrap()
    };
    let first = acquire("one", 0).unwrap();
    assert_eq!(acquire("two", 5), None);
    let second = acquire("two", 11).unwrap();
    assert!(second.token > first.token);
    let write = |lease: &Lease, value: &str| {
        world.store.write(Durability::Full, |writing| {
            // The write comes first: what matters is that it does not outlive the refusal.
            writing.put_setting(tenant, "side effect", value)?;
            writing.fence(tenant, lease)
        })
    };
    let told = write(&first, "stale").unwrap_err();
    assert!(
        matches!(&told, Error::Fenced { held, current, .. } if (*held, *current) == (first.token, second.token)),
        "{told}"
    );
    assert_eq!(
        world
            .store
            .read(|reading| reading.setting(tenant, "side effect"))
            .unwrap(),
        None
    );
    write(&second, "current").unwrap();
    let kept = world
        .store
        .read(|reading| reading.setting(tenant, "side effect"))
        .unwrap();
    assert_eq!(kept.as_deref(), Some(b"current".as_slice()));
    assert_eq!(
        world
            .store
            .renew(tenant, &first, Duration::seconds(9), time(12))
            .unwrap(),
        None
    );
    world.store.release(tenant, &first).unwrap();
    assert_eq!(
        acquire("three", 13),
        None,
        "a stale holder releases nothing"
    );
}

fn a_batch_of_a_pass_whose_lease_was_taken_over_writes_nothing(world: &World) {
    let (tenant, host) = (&world.tenant, source("host"));
    let acquire = |holder: &str, at| {
        let ttl = Duration::seconds(10);
        let acquired = world
            .store
            .acquire(tenant, "collect host", holder, ttl, time(at));
        acquired.unwrap()
    };
    let batch = |lease: &Lease, names: std::ops::Range<u32>| {
        let seen: Vec<_> = names
            .map(|n| Change::New(credential(&n.to_string(), "x")))
            .collect();
        world.store.write(Durability::Repeatable, |writing| {
            writing.fence(tenant, lease)?;
            writing.apply(tenant, &host, 1, time(1), &seen)
        })
    };
    let known = || {
        let page = world
            .store
            .read(|reading| reading.known_page(tenant, &host, None, 100));
        page.unwrap().len()
    };
    let first = acquire("one", 0).unwrap();
    batch(&first, 0..3).unwrap();
    let second = acquire("two", 11).unwrap();
    let refused = batch(&first, 3..6).unwrap_err();
    assert!(matches!(&refused, Error::Fenced { held, current, .. }
        if (*held, *current) == (first.token, second.token)));
    assert_eq!(known(), 3);
    batch(&second, 3..6).unwrap();
    assert_eq!(known(), 6);
}

fn a_lease_passes_on_when_it_ends_and_its_token_grows(world: &World) {
    let tenant = &world.tenant;
    let mut last = 0;
    for n in 0..5 {
        let at = n * 100;
        let lease = world
            .store
            .acquire(
                tenant,
                "scan",
                &format!("holder {n}"),
                Duration::seconds(10),
                time(at),
            )
            .unwrap()
            .unwrap();
        assert!(lease.token > last);
        last = lease.token;
        let renewed = world
            .store
            .renew(tenant, &lease, Duration::seconds(50), time(at + 1))
            .unwrap()
            .unwrap();
        assert_eq!((renewed.token, renewed.until), (lease.token, time(at + 51)));
        let held = world
            .store
            .read(|reading| reading.leases(tenant, time(at + 40)))
            .unwrap();
        assert_eq!(held, std::slice::from_ref(&renewed));
        if n % 2 == 0 {
            world.store.release(tenant, &renewed).unwrap();
            let held = world
                .store
                .read(|reading| reading.leases(tenant, time(at + 40)))
                .unwrap();
            assert!(held.is_empty());
        }
    }
}
