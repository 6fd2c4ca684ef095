//! The roll: passes, what hangs together, lines, filters, facets.

use std::collections::BTreeSet;

use model::{EntityId, Gap, Kind, Reason, Relation, Scope, SourceId, Target, Timestamp, Told};
use store::{
    Assigned, Change, Durability, Error, Filter, Happening, Order, Page, PassCounts, PassOutcome,
    Row,
};

use crate::world::{
    World, alone, credential, identity, key, keys_of, line, secret, source, time, together,
};

contract![
    a_second_pass_writes_one_pass_and_nothing_else,
    a_page_of_known_things_is_ordered_by_bytes_and_ends,
    sightings_that_share_keys_hang_together_over_any_number_of_steps,
    what_hangs_together_beyond_the_limit_is_an_error,
    merged_entities_keep_their_older_ids,
    a_link_is_followed_both_ways,
    last_seen_follows_from_passes_and_their_gaps,
    facets_count_what_the_lines_say,
    every_filter_means_what_a_scan_of_all_lines_means,
    a_name_with_hostile_letters_is_kept_to_the_letter,
    a_thing_is_found_by_id_prefix_and_name,
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

/// Which sources see the line of this number: one in most cases, in some both.
fn seeing(n: usize) -> BTreeSet<SourceId> {
    let names: &[&str] = match n % 13 {
        0 => &["a", "b"],
        _ if n.is_multiple_of(2) => &["a"],
        _ => &["b"],
    };
    names.iter().map(|name| source(name)).collect()
}

/// Lines that differ in all that filters ask for; their sources are told by [`seeing`].
fn many_lines(world: &World) -> Vec<Row> {
    let sources = [source("a"), source("b")];
    let mut rows = Vec::new();
    let mut lines: [Vec<Assigned>; 2] = [Vec::new(), Vec::new()];
    let mut seen: [Vec<Change>; 2] = [Vec::new(), Vec::new()];
    for n in 0..120_i64 {
        let name = format!("thing {:03}", (n * 37) % 120);
        let from = usize::try_from(n % 2).unwrap();
        let observation = if n % 3 == 0 {
            identity(&name)
        } else {
            credential(&name, "x")
        };
        let change = Change::New(observation);
        let mut line = alone(&sources[from], 1, &change).unwrap();
        line.row = Row {
            name: if n % 5 == 0 {
                format!("100%_{name}")
            } else {
                name
            },
            class: (n % 4 == 0).then(|| "workload".to_owned()),
            environment: (n % 7 == 0).then(|| "prod".to_owned()),
            status: Some(if n % 2 == 0 { "active" } else { "inactive" }.to_owned()),
            privilege: (n % 30 == 0).then(|| "superuser".to_owned()),
            owner: (n % 6 == 0).then(|| format!("team-{}", n % 4)),
            holder: (n % 3 == 1).then(|| EntityId::of(&key(&sources[0], Kind::Identity, "holder"))),
            expires_at: match n % 4 {
                0 => Told::Is(time(1_000 + n)),
                1 => Told::Absent,
                _ => Told::CannotTell,
            },
            last_used_at: if n % 5 == 0 {
                Told::Is(time(500 - n))
            } else {
                Told::CannotTell
            },
            missing_since: (n % 11 == 0).then(|| time(9)),
            ..line.row
        };
        line.sources = seeing(rows.len());
        rows.push(line.row.clone());
        seen[from].push(change);
        lines[from].push(line);
    }
    for from in [0, 1] {
        world
            .store
            .write(Durability::Repeatable, |writing| {
                writing.apply(&world.tenant, &sources[from], 1, time(1), &seen[from])?;
                writing.assign(&world.tenant, time(1), &lines[from], &[])
            })
            .unwrap();
    }
    rows
}

fn facets_count_what_the_lines_say(world: &World) {
    let mut rows = many_lines(world);
    // Counts follow changes by delta.
    let changed: Vec<_> = rows
        .iter_mut()
        .step_by(4)
        .map(|row| {
            row.status = Some("disabled".to_owned());
            row.clone()
        })
        .collect();
    let lines: Vec<_> = changed
        .into_iter()
        .map(|row| {
            let n = rows.iter().position(|one| one.id == row.id).unwrap();
            let from = if n % 2 == 0 { "a" } else { "b" };
            let native = row.name.trim_start_matches("100%_").to_owned();
            let members = vec![key(&source(from), row.kind, &native)];
            Assigned {
                row,
                sources: seeing(n),
                members,
                aliases: Vec::new(),
            }
        })
        .collect();
    world
        .store
        .write(Durability::Full, |writing| {
            writing.assign(&world.tenant, time(2), &lines, &[])
        })
        .unwrap();
    for filter in [
        Filter::default(),
        Filter {
            kind: Some(Kind::Credential),
            ..Filter::default()
        },
        Filter {
            kind: Some(Kind::Credential),
            expires_before: Some(time(1_060)),
            ..Filter::default()
        },
        Filter {
            source: Some(source("b")),
            ..Filter::default()
        },
        Filter {
            source: Some(source("a")),
            kind: Some(Kind::Identity),
            expires_before: Some(time(1_060)),
            ..Filter::default()
        },
    ] {
        let meant = meant(&filter, &rows);
        let facets = world
            .store
            .read(|reading| reading.facets(&world.tenant, &filter))
            .unwrap();
        let count = |facet: &str, value: &str| {
            let values = &facets[facet];
            values
                .iter()
                .find(|(one, _)| one == value)
                .map_or(0, |(_, count)| *count)
        };
        let expect = |of: &dyn Fn(&Row) -> bool| meant.iter().filter(|row| of(row)).count() as u64;
        for status in ["active", "inactive", "disabled"] {
            assert_eq!(
                count("status", status),
                expect(&|row| row.status.as_deref() == Some(status)),
                "{filter:?}"
            );
        }
        assert_eq!(count("owned", "yes"), expect(&|row| row.owner.is_some()));
        assert_eq!(count("owned", "no"), expect(&|row| row.owner.is_none()));
        assert_eq!(count("class", ""), expect(&|row| row.class.is_none()));
        assert_eq!(
            count("privilege", "superuser"),
            expect(&|row| row.privilege.is_some())
        );
        assert_eq!(
            count("kind", "identity"),
            expect(&|row| row.kind == Kind::Identity)
        );
        assert_eq!(facets.len(), 8);
    }
}

/// The lines of [`many_lines`] that a filter means.
pub(crate) fn meant<'r>(filter: &Filter, rows: &'r [Row]) -> Vec<&'r Row> {
    let sees = |n| {
        filter
            .source
            .as_ref()
            .is_none_or(|source| seeing(n).contains(source))
    };
    let rows = rows.iter().enumerate();
    rows.filter(|(n, row)| sees(*n) && means(filter, row))
        .map(|(_, row)| row)
        .collect()
}

/// A filter, read naively, its source left aside.
fn means(filter: &Filter, row: &Row) -> bool {
    let word = |wanted: &Option<String>, got: Option<&str>| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted == got.unwrap_or(""))
    };
    let before = |wanted: Option<Timestamp>, told: &Told<Timestamp>| {
        wanted.is_none_or(|wanted| told.is().is_some_and(|at| *at < wanted))
    };
    filter.kind.is_none_or(|kind| kind == row.kind)
        && filter.listed.is_none_or(|listed| listed == row.listed)
        && filter
            .missing
            .is_none_or(|missing| missing == row.missing_since.is_some())
        && filter
            .owned
            .is_none_or(|owned| owned == row.owner.is_some())
        && word(&filter.class, row.class.as_deref())
        && word(&filter.type_, Some(&row.type_))
        && word(&filter.provider, Some(&row.provider))
        && word(&filter.environment, row.environment.as_deref())
        && word(&filter.status, row.status.as_deref())
        && word(&filter.privilege, row.privilege.as_deref())
        && filter
            .owner
            .as_ref()
            .is_none_or(|owner| Some(owner) == row.owner.as_ref())
        && filter
            .holder
            .as_ref()
            .is_none_or(|holder| Some(holder) == row.holder.as_ref())
        && filter
            .text
            .as_ref()
            .is_none_or(|text| row.name.to_lowercase().contains(&text.to_lowercase()))
        && before(filter.expires_before, &row.expires_at)
        && before(filter.unused_since, &row.last_used_at)
}

fn every_filter_means_what_a_scan_of_all_lines_means(world: &World) {
    let rows = many_lines(world);
    let text = |text: &str| Some(text.to_owned());
    let filters = [
        Filter::default(),
        Filter {
            kind: Some(Kind::Identity),
            missing: Some(false),
            ..Filter::default()
        },
        Filter {
            listed: Some(true),
            owned: Some(false),
            ..Filter::default()
        },
        Filter {
            class: text("workload"),
            status: text("active"),
            ..Filter::default()
        },
        Filter {
            class: text(""),
            environment: text("prod"),
            ..Filter::default()
        },
        Filter {
            privilege: text("superuser"),
            ..Filter::default()
        },
        Filter {
            owner: text("team-2"),
            missing: Some(true),
            ..Filter::default()
        },
        Filter {
            holder: Some(EntityId::of(&key(&source("a"), Kind::Identity, "holder"))),
            status: text("active"),
            ..Filter::default()
        },
        Filter {
            text: text("THING 01"),
            ..Filter::default()
        },
        Filter {
            text: text("100%_"),
            ..Filter::default()
        },
        Filter {
            text: text("0_t"),
            ..Filter::default()
        },
        Filter {
            expires_before: Some(time(1_050)),
            kind: Some(Kind::Credential),
            ..Filter::default()
        },
        Filter {
            unused_since: Some(time(450)),
            ..Filter::default()
        },
        Filter {
            status: text("no such word"),
            ..Filter::default()
        },
    ];
    for filter in &filters {
        for seen_by in [None, Some("a"), Some("b"), Some("c")] {
            let filter = Filter {
                source: seen_by.map(source),
                ..filter.clone()
            };
            all_orders_and_counts_are_as_meant(world, &filter, &rows);
        }
    }
}

fn all_orders_and_counts_are_as_meant(world: &World, filter: &Filter, rows: &[Row]) {
    let mut expected: Vec<_> = meant(filter, rows).into_iter().cloned().collect();
    expected.sort_by(|a, b| (a.name.as_bytes(), &a.id).cmp(&(b.name.as_bytes(), &b.id)));
    let count = world
        .store
        .read(|reading| reading.count(&world.tenant, filter))
        .unwrap();
    assert_eq!(count, expected.len() as u64, "{filter:?}");
    assert_eq!(
        all_pages(world, filter, Order::Name),
        expected,
        "{filter:?}"
    );
    let told = |of: fn(&Row) -> &Told<Timestamp>| {
        let mut told: Vec<_> = expected
            .iter()
            .filter(|row| of(row).is().is_some())
            .cloned()
            .collect();
        told.sort_by(|a, b| (of(a), &a.id).cmp(&(of(b), &b.id)));
        told
    };
    for (order, expected) in [
        (Order::Expires, told(|row| &row.expires_at)),
        (Order::LastUsed, told(|row| &row.last_used_at)),
    ] {
        assert_eq!(all_pages(world, filter, order), expected, "{filter:?}");
    }
}

pub(crate) fn all_pages(world: &World, filter: &Filter, order: Order) -> Vec<Row> {
    let mut page = Page {
        after: None,
        limit: 7,
        order,
    };
    let mut all = Vec::new();
    loop {
        let got = world
            .store
            .read(|reading| reading.roll(&world.tenant, filter, &page))
            .unwrap();
        assert!(got.rows.len() <= 7);
        all.extend(got.rows);
        match got.next {
            Some(next) => page.after = Some(next),
            None => return all,
        }
    }
}

fn a_name_with_hostile_letters_is_kept_to_the_letter(world: &World) {
    let (tenant, host) = (&world.tenant, source("host"));
    let native = "a\u{0}'; DROP TABLE entity; -- \u{1}\u{202e}\\u0000%_";
    let seen = credential(native, "a\u{0}b\\").hint("h\u{0}", "\u{1}\u{2}");
    world.pass(&host, 1, &[Change::New(seen.clone())]);
    let id = EntityId::of(&key(&host, Kind::Credential, native));
    world
        .store
        .read(|reading| {
            assert_eq!(reading.sightings_of(tenant, &id)?[0].observation, seen);
            assert_eq!(reading.entity_row(tenant, &id)?.unwrap().name, native);
            assert_eq!(reading.find(tenant, native)?, std::slice::from_ref(&id));
            let filter = Filter {
                text: Some("\u{0}'; drop".to_owned()),
                ..Filter::default()
            };
            assert_eq!(reading.count(tenant, &filter)?, 1);
            let facets = reading.facets(tenant, &Filter::default())?;
            assert_eq!(facets["status"], [("a\u{0}b\\".to_owned(), 1)]);
            Ok(())
        })
        .unwrap();
    // An over-long name is cut where an index ends, not inside a letter.
    let long = "ä".repeat(400);
    let member = key(&host, Kind::Credential, native);
    let long_line = Assigned {
        row: line(&id, &long, 1),
        sources: BTreeSet::from([host.clone()]),
        members: vec![member],
        aliases: Vec::new(),
    };
    world
        .store
        .write(Durability::Full, |writing| {
            writing.assign(tenant, time(2), &[long_line], &[])
        })
        .unwrap();
    let row = world
        .store
        .read(|reading| reading.entity_row(tenant, &id))
        .unwrap()
        .unwrap();
    assert_eq!(row.name, "ä".repeat(256));
}

fn a_thing_is_found_by_id_prefix_and_name(world: &World) {
    let (tenant, host) = (&world.tenant, source("host"));
    world.pass(
        &host,
        1,
        &[
            Change::New(credential("x", "y")),
            Change::New(credential("z", "y")),
        ],
    );
    let id = EntityId::of(&key(&host, Kind::Credential, "x"));
    let find = |text: &str| {
        world
            .store
            .read(|reading| reading.find(tenant, text))
            .unwrap()
    };
    assert_eq!(find(id.as_str()), std::slice::from_ref(&id));
    assert_eq!(find(&id.as_str()[..12]), std::slice::from_ref(&id));
    assert_eq!(find("x"), std::slice::from_ref(&id));
    assert!(
        find(&id.as_str()[..6]).is_empty(),
        "two letters name nothing"
    );
    assert!(find("").is_empty());
    assert!(find("crd-%%%%%%%%").is_empty());
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
