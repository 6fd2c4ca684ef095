//! What a filter means: lists in every order, counts, facets, and how one thing is found.

use std::collections::BTreeSet;

use model::{EntityId, Kind, SourceId, Timestamp, Told};
use store::{Assigned, Change, Durability, Filter, Order, Page, Row};

use crate::world::{World, alone, credential, identity, key, line, source, time};

contract![
    facets_count_what_the_lines_say,
    every_filter_means_what_a_scan_of_all_lines_means,
    a_name_with_hostile_letters_is_kept_to_the_letter,
    a_thing_is_found_by_id_prefix_and_name,
];

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
