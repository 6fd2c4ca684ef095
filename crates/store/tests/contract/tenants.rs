//! Tenants: no read of one shows a row of another, no write reaches one.

use model::{Duration, EntityId, FindingId, Kind, PlanId, SightingKey, SourceId, Target, Tenant};
use store::{
    Durability, Error, Filter, Moment, Page, QueryLimits, Reading, RevocationFilter, VIEWS,
};

use crate::world::{World, fill, fill_tenant, key, plan, secret, source, time};

contract![
    no_read_shows_another_tenants_rows,
    no_write_reaches_another_tenant,
];

/// What every read answers, each by its name.
fn everything(
    reading: &mut Reading<'_>,
    tenant: &Tenant,
) -> Result<Vec<(&'static str, String)>, Error> {
    let host = source("host");
    let thing = key(&host, Kind::Credential, "c0");
    let id = EntityId::of(&thing);
    let role = EntityId::of(&key(&host, Kind::Identity, "i"));
    let plan = plan(&id).id;
    let mut all = Vec::new();
    macro_rules! look {
        ($($name:literal: $read:expr),* $(,)?) => { $(all.push(($name, format!("{:?}", $read?)));)* };
    }
    let keyed = reading.closure(&Tenant::local(), &[key(&host, Kind::Identity, "i")], 10)?;
    let now = Moment {
        at: time(100),
        known: time(100),
    };
    let bearer = Target::Bearer {
        kind: Kind::Credential,
        key: secret("shared"),
    };
    look! {
        "known_page": reading.known_page(tenant, &host, None, 10),
        "sightings": reading.sightings(tenant, std::slice::from_ref(&thing)),
        "sightings_of": reading.sightings_of(tenant, &id),
        "closure": reading.closure(tenant, std::slice::from_ref(&thing), 10),
        "resolve": reading.resolve(tenant, &[(host.clone(), bearer)]).map(|found| found.into_iter().flatten().collect::<Vec<_>>()),
        "linked_to": reading.linked_to(tenant, &keyed),
        "incoming": reading.incoming(tenant, &role),
        "entity_row": reading.entity_row(tenant, &id).map(|row| row.into_iter().collect::<Vec<_>>()),
        "entity_rows": reading.entity_rows(tenant, std::slice::from_ref(&id)),
        "find": reading.find(tenant, id.as_str()),
        "aliases": reading.aliases(tenant, &id),
        "credentials_of": reading.credentials_of(tenant, &role),
        "roll": reading.roll(tenant, &Filter::default(), &Page::default()).map(|page| page.rows),
        "facets": reading.facets(tenant, &Filter::default()).map(|facets| facets.into_values().flatten().collect::<Vec<_>>()),
        "versions": reading.versions(tenant, &thing),
        "stood": reading.stood(tenant, now, &[1, 2, 3, 4]),
        "numbers_of": reading.numbers_of(tenant, std::slice::from_ref(&thing)),
        "leading": reading.leading(tenant, std::slice::from_ref(&id)).map(Vec::from_iter),
        "around": reading.around(tenant, now, std::slice::from_ref(&thing)).map(Vec::from_iter),
        "connected": reading.connected(tenant, now, std::slice::from_ref(&thing)),
        "diff": reading.diff(tenant, time(0), time(100), 10),
        "passes": reading.passes(tenant, None, 10),
        "gaps": reading.gaps(tenant, None),
        "sources": reading.sources(tenant),
        "sealed": reading.sealed(tenant, "sources/host").map(|found| found.into_iter().collect::<Vec<_>>()),
        "sealed_paths": reading.sealed_paths(tenant),
        "owners": reading.owners(tenant),
        "owners_of": reading.owners_of(tenant, &id),
        "owners_decided": reading.owners_decided(tenant, time(0), time(100), 10),
        "owners_among": reading.owners_among(tenant, std::slice::from_ref(&id)),
        "mutes": reading.mutes(tenant),
        "setting": reading.setting(tenant, "fingerprint_key").map(|found| found.into_iter().collect::<Vec<_>>()),
        "evidence_leaves": reading.evidence_leaves(tenant, 0, 10),
        "evidence_tile": reading.evidence_tile(tenant, 0, 0).map(|found| found.into_iter().collect::<Vec<_>>()),
        "evidence_checkpoint": reading.evidence_checkpoint(tenant).map(|found| found.into_iter().collect::<Vec<_>>()),
        "plan": reading.plan(tenant, &plan).map(|found| found.into_iter().collect::<Vec<_>>()),
        "plans": reading.plans(tenant, 10),
        "revocation": reading.revocation(tenant, &plan).map(|found| found.into_iter().collect::<Vec<_>>()),
        "revocations": reading.revocations(tenant, RevocationFilter::All, 10),
        "intent": reading.intent(tenant, &plan, 1).map(|found| found.into_iter().collect::<Vec<_>>()),
        "receipts": reading.receipts(tenant, &plan),
        "probes": reading.probes(tenant, &plan),
        "leases": reading.leases(tenant, time(0)),
        "journal_began": reading.journal_began(tenant, &host, "about").map(|found| found.into_iter().collect::<Vec<_>>()),
        "journal_len": reading.journal_len(tenant, &host).map(|count| (0..count).collect::<Vec<_>>()),
        "journal_parts": reading.journal_parts(tenant, &host, "", 9),
        "journal_part": reading.journal_part(tenant, &host, "regions").map(|found| found.into_iter().collect::<Vec<_>>()),
    }
    let mut feed = Vec::new();
    for shard in 0..reading.shards() {
        feed.extend(reading.changes(tenant, shard, 0, 10)?);
    }
    all.push(("changes", format!("{feed:?}")));
    Ok(all)
}

fn no_read_shows_another_tenants_rows(world: &World) {
    fill(world);
    let stranger: Tenant = "stranger".parse().unwrap();
    let ours = world
        .store
        .read(|reading| everything(reading, &world.tenant))
        .unwrap();
    for (read, answer) in &ours {
        // The fixture must fill each of them, or this test would prove nothing.
        assert_ne!(answer, "[]", "{read}");
    }
    let theirs = world
        .store
        .read(|reading| everything(reading, &stranger))
        .unwrap();
    for (read, answer) in &theirs {
        assert_eq!(answer, "[]", "{read}");
    }
    world
        .store
        .read(|reading| {
            assert_eq!(reading.evidence_size(&stranger)?, 0);
            assert_eq!(reading.last_number(&stranger)?, 0);
            assert!(reading.joined(&stranger, None, 10)?.is_empty());
            assert_eq!(reading.count(&stranger, &Filter::default())?, 0);
            assert_eq!(reading.feed_end(&stranger, 0)?, 0);
            Ok(())
        })
        .unwrap();
    for view in VIEWS {
        let sql = format!("select count(*) from {}", view.name);
        let count = |tenant: &Tenant| {
            world
                .store
                .query(tenant, &sql, &QueryLimits::default())
                .unwrap()
                .rows[0][0]
                .clone()
        };
        if !["grants", "resources"].contains(&view.name) {
            assert!(count(&world.tenant).as_i64() > Some(0), "{}", view.name);
        }
        assert_eq!(count(&stranger), 0, "{}", view.name);
    }
}

fn no_write_reaches_another_tenant(world: &World) {
    fill(world);
    let before = world
        .store
        .read(|reading| everything(reading, &world.tenant))
        .unwrap();
    let stranger: Tenant = "stranger".parse().unwrap();
    // The same things under another tenant, changed and taken away again.
    fill_tenant(world, &stranger);
    let host: SourceId = source("host");
    let thing: SightingKey = key(&host, Kind::Credential, "c0");
    let id = EntityId::of(&thing);
    world
        .store
        .write(Durability::Full, |writing| {
            writing.remove_source(&stranger, &host)?;
            writing.destroy_sealed(&stranger, "sources/host")?;
            writing.forget_parts(&stranger, &host)?;
            writing.remove_mute(&stranger, &FindingId("fnd-0".to_owned()))?;
            writing.set_owner(
                &stranger,
                &id,
                Some("stranger"),
                "business",
                "stranger",
                time(9),
            )?;
            writing.put_setting(&stranger, "fingerprint_key", "stranger")?;
            writing.assign(&stranger, time(9), &[], std::slice::from_ref(&id))?;
            Ok::<_, Error>(())
        })
        .unwrap();
    let lease = world
        .store
        .acquire(
            &stranger,
            "work",
            "stranger",
            Duration::seconds(1),
            time(1_000_000),
        )
        .unwrap();
    assert!(lease.is_some());
    let after = world
        .store
        .read(|reading| everything(reading, &world.tenant))
        .unwrap();
    assert_eq!(after, before);
    let plan: Option<model::Plan> = world
        .store
        .read(|reading| reading.plan(&stranger, &PlanId("pln-none".to_owned())))
        .unwrap();
    assert!(plan.is_none());
}
