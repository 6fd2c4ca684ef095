//! The roll: passes, what hangs together, what they come to.

use std::collections::BTreeSet;

use model::{EntityId, Gap, Kind, Reason, Relation, Scope, Target};
use store::{
    Assigned, Change, Durability, Error, Filter, Happening, Page, PassCounts, PassOutcome, Row,
};

use crate::world::{World, credential, identity, key, keys_of, secret, source, time, together};

contract![
    a_second_pass_writes_one_pass_and_nothing_else,
    a_page_of_known_things_is_ordered_by_bytes_and_ends,
    sightings_that_share_keys_hang_together_over_any_number_of_steps,
    what_hangs_together_beyond_the_limit_is_an_error,
    merged_entities_keep_their_older_ids,
    of_one_name_those_are_found_of_which_an_environment_is_told,
    a_link_is_followed_both_ways,
    last_seen_follows_from_passes_and_their_gaps,
];

fn a_second_pass_writes_one_pass_and_nothing_else(world: &World) {
    let host = source("host");
    let seen: Vec<_> = (0..10)
        .map(|n| Change::New(credential(&format!("c{n}"), "active")))
        .collect();
    world.pass(&host, 1, &seen);
    let before = content(world);
    world.pass(&host, 2, &[]);
    assert_eq!(content(world), before);
    // A repeated page, as after a crash, does no harm either.
    world.pass(&host, 3, &seen);
    assert_eq!(content(world), before);
    let passes = world
        .store
        .read(|reading| reading.passes(&world.tenant, Some(&host), 10))
        .unwrap();
    assert_eq!(passes.len(), 3);
    assert_eq!(passes[0].pass, 3);
}

type Content = (Vec<Row>, Vec<store::Known>, Vec<(u32, i64)>, u64);

/// All that a pass could change.
fn content(world: &World) -> Content {
    world
        .store
        .read(|reading| {
            let tenant = &world.tenant;
            let rows = reading
                .roll(tenant, &Filter::default(), &Page::default())?
                .rows;
            let known = reading.known_page(tenant, &source("host"), None, 100)?;
            let mut feed = Vec::new();
            for shard in 0..reading.shards() {
                feed.push((shard, reading.feed_end(tenant, shard)?));
            }
            let mut versions = 0;
            for one in &known {
                versions += reading
                    .versions(tenant, &key(&source("host"), one.kind, &one.native))?
                    .len() as u64;
            }
            Ok((rows, known, feed, versions))
        })
        .unwrap()
}

fn a_page_of_known_things_is_ordered_by_bytes_and_ends(world: &World) {
    let host = source("host");
    let names = [
        "a",
        "B",
        "_",
        "ä",
        "a\u{0}",
        "a\u{1}",
        "a b",
        "Z",
        "\u{1f511}",
        "a'\"%_\\",
    ];
    let mut seen: Vec<_> = names
        .iter()
        .map(|name| Change::New(credential(name, "x")))
        .collect();
    seen.push(Change::New(identity("a")));
    world.pass(&host, 1, &seen);
    world.pass(
        &source("other"),
        1,
        &[Change::New(credential("elsewhere", "x"))],
    );
    let mut expected: Vec<_> = names
        .iter()
        .map(|name| ("credential", (*name).to_owned()))
        .collect();
    expected.push(("identity", "a".to_owned()));
    expected.sort_by(|a, b| (a.0, a.1.as_bytes()).cmp(&(b.0, b.1.as_bytes())));
    let mut got: Vec<(&str, String)> = Vec::new();
    let mut last: Option<(Kind, String)> = None;
    loop {
        let after = last.as_ref().map(|(kind, native)| (*kind, native.as_str()));
        let page = world
            .store
            .read(|reading| reading.known_page(&world.tenant, &host, after, 3))
            .unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 3);
        for one in &page {
            assert_eq!(one.entity, EntityId::of(&key(&host, one.kind, &one.native)));
            assert!(!one.missing);
            got.push((one.kind.as_str(), one.native.clone()));
        }
        last = page.last().map(|one| (one.kind, one.native.clone()));
    }
    assert_eq!(got, expected);
}

fn sightings_that_share_keys_hang_together_over_any_number_of_steps(world: &World) {
    let (a, b, c) = (source("a"), source("b"), source("c"));
    world.pass(
        &a,
        1,
        &[
            Change::New(credential("1", "x").key(secret("k1"))),
            Change::New(credential("lonely", "x").key(secret("k9"))),
            Change::New(identity("same key, other kind").key(secret("k1"))),
        ],
    );
    world.pass(
        &b,
        1,
        &[Change::New(
            credential("2", "x").key(secret("k1")).key(secret("k2")),
        )],
    );
    world.pass(
        &c,
        1,
        &[Change::New(credential("3", "x").key(secret("k2")))],
    );
    let closure = |seed| {
        world
            .store
            .read(|reading| reading.closure(&world.tenant, &[seed], 100))
            .unwrap()
    };
    let all: BTreeSet<_> = ["1", "2", "3"].map(str::to_owned).into();
    for seed in [
        key(&a, Kind::Credential, "1"),
        key(&b, Kind::Credential, "2"),
        key(&c, Kind::Credential, "3"),
    ] {
        assert_eq!(keys_of(&closure(seed)), all);
    }
    assert_eq!(
        keys_of(&closure(key(&a, Kind::Credential, "lonely"))).len(),
        1
    );
    assert!(closure(key(&a, Kind::Credential, "nowhere")).is_empty());
    let found = closure(key(&c, Kind::Credential, "3"));
    assert!(found.iter().all(|one| one.entity.is_some()), "{found:?}");

    // A key that is gone connects no more; belonging to one entity still does.
    world.pass(
        &b,
        2,
        &[Change::Changed(credential("2", "x").key(secret("k2")))],
    );
    assert_eq!(
        keys_of(&closure(key(&a, Kind::Credential, "1"))),
        ["1".to_owned()].into()
    );
    let members = [
        key(&a, Kind::Credential, "1"),
        key(&c, Kind::Credential, "3"),
    ];
    world
        .store
        .write(Durability::Full, |writing| {
            writing.assign(&world.tenant, time(3), &[together(&members, &[], 1)], &[])
        })
        .unwrap();
    assert_eq!(keys_of(&closure(key(&a, Kind::Credential, "1"))), all);
}

fn what_hangs_together_beyond_the_limit_is_an_error(world: &World) {
    let host = source("host");
    let seen: Vec<_> = (0..20)
        .map(|n| Change::New(credential(&n.to_string(), "x").key(secret("shared"))))
        .collect();
    world.pass(&host, 1, &seen);
    let seed = [key(&host, Kind::Credential, "7")];
    let told = world
        .store
        .read(|reading| reading.closure(&world.tenant, &seed, 19));
    assert!(
        matches!(told, Err(Error::TooConnected { max: 19 })),
        "{told:?}"
    );
    let all = world
        .store
        .read(|reading| reading.closure(&world.tenant, &seed, 20))
        .unwrap();
    assert_eq!(all.len(), 20);
}

fn merged_entities_keep_their_older_ids(world: &World) {
    let tenant = &world.tenant;
    let (a, b, c) = (source("a"), source("b"), source("c"));
    for from in [&a, &b, &c] {
        world.pass(from, 1, &[Change::New(credential("x", "y"))]);
    }
    let members = [&a, &b, &c].map(|from| key(from, Kind::Credential, "x"));
    let ids = members.each_ref().map(EntityId::of);
    let assign = |lines: &[Assigned], emptied: &[EntityId]| {
        world
            .store
            .write(Durability::Full, |writing| {
                writing.assign(tenant, time(2), lines, emptied)
            })
            .unwrap();
    };
    let row = |id: &EntityId| {
        world
            .store
            .read(|reading| reading.entity_row(tenant, id))
            .unwrap()
    };
    // b and c become one, then a joins: the oldest id resolves in one step.
    assign(&[together(&members[1..], &[ids[2].clone()], 1)], &[]);
    assert_eq!(row(&ids[2]).unwrap().id, ids[1]);
    assign(
        &[together(&members, &[ids[1].clone()], 1)],
        std::slice::from_ref(&ids[1]),
    );
    for id in &ids {
        assert_eq!(row(id).unwrap().id, ids[0]);
    }
    let (aliases, sightings, count) = world
        .store
        .read(|reading| {
            Ok((
                reading.aliases(tenant, &ids[0])?,
                reading.sightings_of(tenant, &ids[0])?,
                reading.count(tenant, &Filter::default())?,
            ))
        })
        .unwrap();
    assert_eq!(
        BTreeSet::from_iter(aliases),
        BTreeSet::from([ids[1].clone(), ids[2].clone()])
    );
    assert_eq!(
        sightings
            .iter()
            .map(|one| one.key.clone())
            .collect::<Vec<_>>(),
        members
    );
    assert!(sightings.iter().all(|one| one.entity == ids[0]));
    assert_eq!(count, 1);

    // They are told apart again: each has its own id, which stands for itself.
    assign(
        &[
            together(&members[..1], &[], 1),
            together(&members[1..], &[], 1),
        ],
        &[],
    );
    assert_eq!(row(&ids[1]).unwrap().id, ids[1]);
    assert_eq!(
        world
            .store
            .read(|reading| reading.sightings_of(tenant, &ids[0]))
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        world
            .store
            .read(|reading| reading.sightings_of(tenant, &ids[1]))
            .unwrap()
            .len(),
        2
    );

    // An entity whose sightings belong to others leaves the roll.
    let merged = world
        .store
        .read(|reading| {
            let mut all = Vec::new();
            for shard in 0..reading.shards() {
                all.extend(reading.changes(tenant, shard, 0, 100)?);
            }
            Ok(all)
        })
        .unwrap();
    assert!(
        merged
            .iter()
            .any(|entry| entry.entity == ids[2] && entry.what == Happening::Merged)
    );
    assign(&[together(&members, &[], 1)], std::slice::from_ref(&ids[1]));
    assert_eq!(row(&ids[1]), None);
    assert_eq!(
        world
            .store
            .read(|reading| reading.count(tenant, &Filter::default()))
            .unwrap(),
        1
    );
}

fn of_one_name_those_are_found_of_which_an_environment_is_told(world: &World) {
    let tenant = &world.tenant;
    let told = |from: &str, name: &str, environment: Option<&str>| {
        let from = source(from);
        world.pass(&from, 1, &[Change::New(identity(name))]);
        let mut one = together(&[key(&from, Kind::Identity, name)], &[], 1);
        one.row.environment = environment.map(str::to_owned);
        one
    };
    let lines = [
        told("a", "deploy-prod", Some("prod")),
        told("b", "deploy-dev", Some("dev")),
        told("c", "deploy-dev", None),
        told("d", "deploy", Some("dev")),
    ];
    let assigned = world.store.write(Durability::Full, |writing| {
        writing.assign(tenant, time(2), &lines, &[])
    });
    assigned.unwrap();
    let found = |names: &[&str], kind: Kind| {
        let names: Vec<_> = names.iter().map(|one| (*one).to_owned()).collect();
        let rows = world
            .store
            .read(|reading| reading.namesakes(tenant, kind, &names))
            .unwrap();
        let names = rows.into_iter().map(|row| row.name);
        names.collect::<BTreeSet<_>>()
    };
    let both = BTreeSet::from(["deploy-dev".to_owned(), "deploy-prod".to_owned()]);
    let names = ["deploy-prod", "deploy-dev", "deploy-x"];
    assert_eq!(found(&names, Kind::Identity), both);
    assert!(found(&names, Kind::Credential).is_empty());
    assert!(found(&[], Kind::Identity).is_empty());
}

fn a_link_is_followed_both_ways(world: &World) {
    let tenant = &world.tenant;
    let (host, server) = (source("host"), source("server"));
    world.pass(
        &server,
        1,
        &[
            Change::New(identity("role").key(secret("login"))),
            Change::New(credential("password", "x").link(Relation::Holder, Kind::Identity, "role")),
        ],
    );
    let mut leaked = credential("file", "x");
    leaked = leaked.link_key(Relation::Holder, Kind::Identity, secret("login"));
    world.pass(&host, 1, &[Change::New(leaked)]);
    let role = EntityId::of(&key(&server, Kind::Identity, "role"));
    let holders = [
        EntityId::of(&key(&server, Kind::Credential, "password")),
        EntityId::of(&key(&host, Kind::Credential, "file")),
    ];
    let mut expected: Vec<_> = holders
        .iter()
        .map(|id| (id.clone(), Relation::Holder))
        .collect();
    expected.sort();
    world
        .store
        .read(|reading| {
            let targets = [
                (
                    server.clone(),
                    Target::Native {
                        kind: Kind::Identity,
                        native: "role".to_owned(),
                    },
                ),
                (
                    host.clone(),
                    Target::Native {
                        kind: Kind::Identity,
                        native: "role".to_owned(),
                    },
                ),
                (
                    host.clone(),
                    Target::Bearer {
                        kind: Kind::Identity,
                        key: secret("login"),
                    },
                ),
                (
                    host.clone(),
                    Target::Bearer {
                        kind: Kind::Credential,
                        key: secret("login"),
                    },
                ),
            ];
            let found = reading.resolve(tenant, &targets)?;
            assert_eq!(found, [Some(role.clone()), None, Some(role.clone()), None]);
            assert_eq!(reading.incoming(tenant, &role)?, expected);
            let keyed = reading.closure(tenant, &[key(&server, Kind::Identity, "role")], 10)?;
            let linked = reading.linked_to(tenant, &keyed)?;
            assert_eq!(
                linked,
                expected
                    .iter()
                    .map(|(id, _)| id.clone())
                    .collect::<Vec<_>>()
            );
            Ok(())
        })
        .unwrap();
}

fn last_seen_follows_from_passes_and_their_gaps(world: &World) {
    let (tenant, host) = (&world.tenant, source("host"));
    world.pass(
        &host,
        10,
        &[
            Change::New(credential("x", "y")),
            Change::New(identity("i")),
        ],
    );
    let pass = |at: i64, scope: Scope, gaps: &[Gap], outcome| {
        world
            .store
            .write(Durability::Repeatable, |writing| {
                let pass = writing.begin_pass(tenant, &host, &scope, time(at))?;
                let counts = PassCounts::default();
                writing.end_pass(tenant, &host, pass, time(at + 1), gaps, counts, outcome)
            })
            .unwrap();
    };
    let last = || {
        let keys = [key(&host, Kind::Credential, "x")];
        let found = world
            .store
            .read(|reading| reading.sightings(tenant, &keys))
            .unwrap();
        assert_eq!(found[0].first_seen, time(10));
        assert_eq!(found[0].since, time(10));
        found[0].last_seen
    };
    assert_eq!(last(), time(10));
    pass(20, Scope::whole(), &[], PassOutcome::Whole);
    assert_eq!(last(), time(20));
    // Elsewhere, hidden by a gap, or failed: none of these saw it.
    pass(30, Scope::of("users"), &[], PassOutcome::Whole);
    let hidden = Gap::new(&Scope::of("home"), Reason::Denied, "403").needs("read");
    pass(
        40,
        Scope::whole(),
        std::slice::from_ref(&hidden),
        PassOutcome::Partial,
    );
    pass(50, Scope::whole(), &[], PassOutcome::Failed);
    assert_eq!(last(), time(20));
    let gaps = world
        .store
        .read(|reading| reading.gaps(tenant, Some(&host)))
        .unwrap();
    assert!(
        gaps.is_empty(),
        "the failed pass over the same scope came later: {gaps:?}"
    );
    pass(
        60,
        Scope::whole(),
        std::slice::from_ref(&hidden),
        PassOutcome::Partial,
    );
    let gaps = world
        .store
        .read(|reading| reading.gaps(tenant, None))
        .unwrap();
    assert_eq!(
        gaps.iter()
            .map(|gap| (&gap.gap, gap.started))
            .collect::<Vec<_>>(),
        [(&hidden, time(60))]
    );
    pass(70, Scope::of("home"), &[], PassOutcome::Whole);
    assert_eq!(last(), time(70));
    world.pass(
        &host,
        80,
        &[Change::Missing {
            kind: Kind::Credential,
            native: "x".to_owned(),
        }],
    );
    pass(90, Scope::whole(), &[], PassOutcome::Whole);
    assert_eq!(last(), time(70));
    // More gaps than are kept prove nothing of any part.
    world.pass(&host, 100, &[Change::Back(credential("x", "y"))]);
    let many: Vec<_> = (0..store::GAPS_KEPT + 1)
        .map(|n| Gap::new(&Scope::of(format!("elsewhere {n}")), Reason::Failed, "x"))
        .collect();
    pass(110, Scope::whole(), &many, PassOutcome::Partial);
    let keys = [key(&host, Kind::Credential, "x")];
    let found = world
        .store
        .read(|reading| reading.sightings(tenant, &keys))
        .unwrap();
    assert_eq!(found[0].last_seen, time(100));
    let passes = world
        .store
        .read(|reading| reading.passes(tenant, Some(&host), 1))
        .unwrap();
    assert_eq!(passes[0].gaps, many.len() as u64);
}

/// A store that was filled and came back goes on: new things get new numbers, changes reach the
/// feed without a hole, tokens grow.
pub(crate) fn goes_on(world: &World) {
    let tenant = &world.tenant;
    let host = source("host");
    let ends = || {
        world
            .store
            .read(|reading| {
                (0..16)
                    .map(|shard| reading.feed_end(tenant, shard))
                    .sum::<Result<i64, _>>()
            })
            .unwrap()
    };
    let before = ends();
    world.pass(
        &host,
        50,
        &[
            Change::New(credential("later", "x")),
            Change::Changed(credential("c1", "y")),
        ],
    );
    assert_eq!(ends(), before + 2);
    let count = world
        .store
        .read(|reading| reading.count(tenant, &Filter::default()))
        .unwrap();
    assert_eq!(count, 5);
    let lease = world
        .store
        .acquire(tenant, "work", "node", model::Duration::hours(1), time(50))
        .unwrap();
    assert_eq!(lease.unwrap().token, 2);
}
