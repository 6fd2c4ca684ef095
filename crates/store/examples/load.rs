//! How long a first load, an unchanged pass, pages, counts and facets take.
//!
//! `cargo run --release -p store --example load -- <store> [identities]`; the store is a path or
//! a PostgreSQL URL and must be empty.

use std::io::Write;
use std::time::Instant;

use model::{
    Attribute, EntityId, Key, KeyKind, Kind, Observation, Relation, Scope, SightingKey, SourceId,
    Tenant, Timestamp, Told,
};
use store::{
    Assigned, Change, Durability, Error, Filter, Location, Options, Order, Page, Row, Store,
};

const BATCH: usize = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let location: Location = given.next().ok_or("name a store")?.parse()?;
    let count: usize = given.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let store = Store::open(&location, &Options::default())?;
    let tenant = Tenant::local();
    let source = SourceId::new("bench", "cloud");
    timed("first load", || load(&store, &tenant, &source, count))?;
    for _ in 0..3 {
        let known = timed("known_page over everything", || {
            stream(&store, &tenant, &source)
        })?;
        assert_eq!(known, count * 2);
    }
    read(&store, &tenant, count)?;
    Ok(())
}

fn timed<T, E>(what: &str, each: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let began = Instant::now();
    let answer = each()?;
    say(&format!("{what}: {:.2} s", began.elapsed().as_secs_f64()));
    Ok(answer)
}

fn say(line: &str) {
    // Nobody may be listening.
    writeln!(std::io::stdout(), "{line}").ok();
}

fn thing(n: usize, kind: Kind) -> Observation {
    let class = ["workload", "integration", "human_operated", "agentic"][n % 4];
    let account = format!("{:012}", n % 997);
    let seen = Observation::new(kind, format!("{kind}/{account}/{n:08}"), &Scope::of("iam"))
        .is(
            Attribute::NAME,
            format!("svc-{}-{n:08}", ["pay", "web", "etl", "ci"][n % 4]),
        )
        .is(
            Attribute::TYPE,
            if kind == Kind::Identity {
                "aws_iam_user"
            } else {
                "aws_access_key"
            },
        )
        .is(Attribute::CLASS, class)
        .is(Attribute::ACCOUNT, account)
        .is(
            Attribute::CREATED_AT,
            Timestamp::from_seconds(1_600_000_000 + n as i64),
        )
        .told(Attribute::LAST_USED_AT, Told::<Timestamp>::CannotTell);
    match kind {
        Kind::Credential => seen
            .key(Key::new(KeyKind::AwsAccessKeyId, format!("AKIA{n:016}")))
            .link(
                Relation::Holder,
                Kind::Identity,
                format!("identity/{:012}/{n:08}", n % 997),
            ),
        _ => seen.key(Key::new(
            KeyKind::AwsPrincipalId,
            format!("{n:012}/AIDA{n:016}"),
        )),
    }
}

fn line(source: &SourceId, n: usize, seen: &Observation) -> Assigned {
    let key = |kind, native: String| SightingKey {
        source: source.clone(),
        kind,
        native,
    };
    let member = key(seen.kind, seen.native.clone());
    let text = |attribute| {
        let value = seen.fact(attribute);
        value
            .is()
            .and_then(|value| value.text())
            .unwrap_or_default()
            .to_owned()
    };
    let is_credential = seen.kind == Kind::Credential;
    let holder = key(Kind::Identity, format!("identity/{:012}/{n:08}", n % 997));
    let row = Row {
        id: EntityId::of(&member),
        kind: seen.kind,
        listed: !is_credential,
        name: text(&Attribute::NAME),
        type_: text(&Attribute::TYPE),
        provider: "aws".to_owned(),
        class: Some(text(&Attribute::CLASS)),
        environment: [None, Some("prod"), Some("staging")][n % 3].map(str::to_owned),
        status: Some(
            if n.is_multiple_of(10) {
                "inactive"
            } else {
                "active"
            }
            .to_owned(),
        ),
        privilege: n.is_multiple_of(1_000).then(|| "admin".to_owned()),
        holder: is_credential.then(|| EntityId::of(&holder)),
        owner: n.is_multiple_of(5).then(|| format!("team-{}", n % 200)),
        owner_hint: None,
        sources: 1,
        places: 0,
        credentials: u32::from(!is_credential),
        created_at: Told::Is(Timestamp::from_seconds(1_600_000_000 + n as i64)),
        rotated_at: Told::CannotTell,
        last_used_at: Told::CannotTell,
        expires_at: if n.is_multiple_of(20) {
            Told::Is(Timestamp::from_seconds(1_900_000_000 + n as i64))
        } else {
            Told::Absent
        },
        first_seen: Timestamp::from_seconds(1_700_000_000),
        missing_since: None,
    };
    Assigned {
        row,
        members: vec![member],
        aliases: Vec::new(),
    }
}

fn load(store: &Store, tenant: &Tenant, source: &SourceId, count: usize) -> Result<(), Error> {
    let now = Timestamp::from_seconds(1_700_000_000);
    let (mut applied, mut assigned) = (0.0, 0.0);
    for kind in [Kind::Credential, Kind::Identity] {
        for from in (0..count).step_by(BATCH) {
            let range = from..(from + BATCH).min(count);
            let seen: Vec<_> = range.clone().map(|n| thing(n, kind)).collect();
            let lines: Vec<_> = range
                .zip(&seen)
                .map(|(n, seen)| line(source, n, seen))
                .collect();
            let changes: Vec<_> = seen.into_iter().map(Change::New).collect();
            store.write(Durability::Repeatable, |writing| {
                let began = Instant::now();
                writing.apply(tenant, source, 1, now, &changes)?;
                applied += began.elapsed().as_secs_f64();
                let began = Instant::now();
                writing.assign(tenant, now, &lines, &[])?;
                assigned += began.elapsed().as_secs_f64();
                Ok::<_, Error>(())
            })?;
        }
    }
    say(&format!(
        "  of which apply {applied:.1} s, assign {assigned:.1} s"
    ));
    Ok(())
}

fn stream(store: &Store, tenant: &Tenant, source: &SourceId) -> Result<usize, Error> {
    store.read(|reading| {
        let mut count = 0;
        let mut last: Option<(Kind, String)> = None;
        loop {
            let after = last.as_ref().map(|(kind, native)| (*kind, native.as_str()));
            let page = reading.known_page(tenant, source, after, 10_000)?;
            let Some(end) = page.last() else {
                return Ok(count);
            };
            last = Some((end.kind, end.native.clone()));
            count += page.len();
        }
    })
}

#[expect(clippy::too_many_lines, reason = "a list")]
fn filters(count: usize) -> Vec<(&'static str, Filter)> {
    let text = |text: &str| Some(text.to_owned());
    let far = Timestamp::from_seconds(1_900_000_000 + count as i64 / 2);
    let near = Timestamp::from_seconds(1_900_000_400);
    let of = |kind| Filter {
        kind: Some(kind),
        ..Filter::default()
    };
    vec![
        ("all", Filter::default()),
        ("identities", of(Kind::Identity)),
        (
            "listed, present",
            Filter {
                listed: Some(true),
                missing: Some(false),
                ..Filter::default()
            },
        ),
        (
            "agents of prod, unowned",
            Filter {
                class: text("agentic"),
                environment: text("prod"),
                owned: Some(false),
                ..Filter::default()
            },
        ),
        (
            "admins",
            Filter {
                privilege: text("admin"),
                ..Filter::default()
            },
        ),
        (
            "admins, owned, inactive, prod",
            Filter {
                privilege: text("admin"),
                owned: Some(true),
                status: text("inactive"),
                environment: text("prod"),
                ..Filter::default()
            },
        ),
        (
            "one team",
            Filter {
                owner: text("team-5"),
                ..Filter::default()
            },
        ),
        (
            "one team's credentials",
            Filter {
                owner: text("team-5"),
                ..of(Kind::Credential)
            },
        ),
        (
            "expires soon",
            Filter {
                expires_before: Some(near),
                ..Filter::default()
            },
        ),
        (
            "expires one day",
            Filter {
                expires_before: Some(far),
                ..of(Kind::Credential)
            },
        ),
        (
            "of the source",
            Filter {
                source: Some(SourceId::new("bench", "cloud")),
                ..of(Kind::Identity)
            },
        ),
        (
            "of no source",
            Filter {
                source: Some(SourceId::new("bench", "none")),
                ..Filter::default()
            },
        ),
        (
            "text, many",
            Filter {
                text: text("svc-pay"),
                ..Filter::default()
            },
        ),
        (
            "text, one",
            Filter {
                text: text("00999999"),
                ..Filter::default()
            },
        ),
    ]
}

/// Every question several times; the slowest of each counts.
fn read(store: &Store, tenant: &Tenant, count: usize) -> Result<(), Error> {
    for (name, filter) in &filters(count) {
        let mut slowest = [0.0_f64; 5];
        let mut found = (0, 0);
        for _ in 0..5 {
            store.read(|reading| {
                let mut clock = |n: usize, began: Instant| {
                    slowest[n] = slowest[n].max(began.elapsed().as_secs_f64() * 1_000.0);
                };
                let began = Instant::now();
                let first = reading.roll(
                    tenant,
                    filter,
                    &Page {
                        limit: 100,
                        ..Page::default()
                    },
                )?;
                clock(0, began);
                let began = Instant::now();
                reading.roll(
                    tenant,
                    filter,
                    &Page {
                        after: first.next,
                        limit: 100,
                        order: Order::Name,
                    },
                )?;
                clock(1, began);
                let began = Instant::now();
                reading.roll(
                    tenant,
                    filter,
                    &Page {
                        limit: 100,
                        order: Order::Expires,
                        after: None,
                    },
                )?;
                clock(2, began);
                let began = Instant::now();
                found = (first.rows.len(), reading.count(tenant, filter)?);
                clock(3, began);
                let began = Instant::now();
                reading.facets(tenant, filter)?;
                clock(4, began);
                Ok(())
            })?;
        }
        say(&format!(
            "{name}: {} of {}; ms at most: page {:.1}, next {:.1}, by expiry {:.1}, count {:.1}, facets {:.1}",
            found.0, found.1, slowest[0], slowest[1], slowest[2], slowest[3], slowest[4]
        ));
    }
    Ok(())
}
