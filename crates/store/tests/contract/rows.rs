//! Sources, sealed values, decisions, evidence, plans and revocations: they read back, and what
//! must not happen twice does not.

use model::{
    EntityId, Grade, Kind, Mute, Outcome, Path, PlanId, Probe, Probed, Receipt, State, StepKind,
    Tenant,
};
use store::{Change, Durability, Error, QueryLimits, RevocationFilter, RevocationRow};

use crate::world::{World, config, credential, key, plan, source, time, together};

contract![
    a_source_and_what_is_sealed_for_it_read_back,
    a_decision_takes_the_place_of_an_earlier_one,
    evidence_grows_only_at_its_end,
    of_two_appenders_one_is_told_that_the_log_moved,
    a_plan_is_found_by_the_start_of_its_id_and_never_altered,
    a_revocation_stays_until_it_is_proven,
    every_revocation_is_handed_on_whatever_the_page_holds,
    what_was_revoked_is_found_by_every_id_of_it,
    receipts_and_probes_keep_their_order,
];

fn a_source_and_what_is_sealed_for_it_read_back(world: &World) {
    let tenant = &world.tenant;
    let mut first = config("b");
    first
        .options
        .insert("region\u{0}".to_owned(), "x\u{1}".to_owned());
    let second = config("a");
    world
        .store
        .write(Durability::Full, |writing| {
            writing.put_source(tenant, &first)?;
            writing.put_source(tenant, &second)?;
            assert_eq!(writing.sources(tenant)?, [second.clone(), first.clone()]);
            assert!(writing.remove_source(tenant, &second.id)?);
            assert!(!writing.remove_source(tenant, &second.id)?);
            writing.put_sealed(tenant, "p", 2, b"two")?;
            writing.put_sealed(tenant, "p", 2, b"sealed anew")?;
            writing.put_sealed(tenant, "p", 3, &[0, 255, 1])?;
            Ok::<_, Error>(())
        })
        .unwrap();
    let told: Result<(), Error> = world.store.write(Durability::Full, |writing| {
        writing.put_sealed(tenant, "p", 2, b"late")
    });
    assert!(matches!(told, Err(Error::Conflict { .. })), "{told:?}");
    world
        .store
        .write(Durability::Full, |writing| {
            assert_eq!(writing.sources(tenant)?, std::slice::from_ref(&first));
            assert_eq!(writing.sealed(tenant, "p")?, Some((3, vec![0, 255, 1])));
            assert!(writing.destroy_sealed(tenant, "p")?);
            assert_eq!(writing.sealed(tenant, "p")?, None);
            Ok::<_, Error>(())
        })
        .unwrap();
}

fn a_decision_takes_the_place_of_an_earlier_one(world: &World) {
    let tenant = &world.tenant;
    let id = EntityId::of(&key(&source("host"), Kind::Identity, "x"));
    world
        .store
        .write(Durability::Full, |writing| {
            writing.set_owner(tenant, &id, Some("ann"), "business", "bob", time(1))?;
            writing.set_owner(tenant, &id, None, "business", "eve", time(2))?;
            writing.set_owner(tenant, &id, Some("ops"), "system", "eve", time(3))?;
            let owners = writing.owners_of(tenant, &id)?;
            let told: Vec<_> = owners
                .iter()
                .map(|one| (one.kind.as_str(), one.owner.as_deref()))
                .collect();
            assert_eq!(told, [("business", None), ("system", Some("ops"))]);
            let then = |writing: &mut store::Writing<'_>, at| {
                let owners = writing
                    .owners_at(tenant, time(at), None)
                    .unwrap()
                    .into_iter();
                let told = owners.map(|one| (one.kind, one.owner.unwrap_or_default(), one.by));
                told.collect::<Vec<_>>()
            };
            let is = |kind: &str, owner: &str, by: &str| {
                (kind.to_owned(), owner.to_owned(), by.to_owned())
            };
            assert_eq!(then(writing, 0), []);
            assert_eq!(then(writing, 1), [is("business", "ann", "bob")]);
            assert_eq!(then(writing, 2), [is("business", "", "eve")]);
            let both = [is("business", "", "eve"), is("system", "ops", "eve")];
            assert_eq!(then(writing, 9), both);
            assert_eq!(writing.owners_at(tenant, time(9), Some(&id))?.len(), 2);
            let other = EntityId::of(&key(&source("host"), Kind::Identity, "other"));
            assert_eq!(writing.owners_at(tenant, time(9), Some(&other))?, []);
            let mut mute = Mute {
                finding: model::FindingId("fnd-1".to_owned()),
                reason: "known".to_owned(),
                by: "ann".to_owned(),
                at: time(1),
                until: time(9),
            };
            writing.put_mute(tenant, &mute)?;
            mute.until = time(99);
            writing.put_mute(tenant, &mute)?;
            assert_eq!(writing.mutes(tenant)?, std::slice::from_ref(&mute));
            assert!(writing.remove_mute(tenant, &mute.finding)?);
            assert!(writing.mutes(tenant)?.is_empty());
            Ok::<_, Error>(())
        })
        .unwrap();
}

fn evidence_grows_only_at_its_end(world: &World) {
    let tenant = &world.tenant;
    let append = |first: u64, leaves: &[Vec<u8>]| {
        world.store.write(Durability::Full, |writing| {
            let tile = (0, 0, vec![first as u8; 32]);
            writing.evidence_append(
                tenant,
                first,
                leaves,
                &[tile],
                format!("size {first}").as_bytes(),
            )
        })
    };
    append(0, &[b"a".to_vec(), vec![0, 1, 255]]).unwrap();
    append(2, &[b"c".to_vec()]).unwrap();
    for wrong in [0, 2, 4] {
        let told = append(wrong, &[b"x".to_vec()]);
        assert!(
            matches!(told, Err(Error::EvidenceMoved { expected, size: 3 }) if expected == wrong),
            "{told:?}"
        );
    }
    world
        .store
        .read(|reading| {
            assert_eq!(reading.evidence_size(tenant)?, 3);
            assert_eq!(
                reading.evidence_leaves(tenant, 1, 10)?,
                [(1, vec![0, 1, 255]), (2, b"c".to_vec())]
            );
            assert_eq!(reading.evidence_tile(tenant, 0, 0)?, Some(vec![2; 32]));
            assert_eq!(reading.evidence_tile(tenant, 1, 0)?, None);
            assert_eq!(
                reading.evidence_checkpoint(tenant)?.as_deref(),
                Some(b"size 2".as_slice())
            );
            Ok(())
        })
        .unwrap();
}

fn of_two_appenders_one_is_told_that_the_log_moved(world: &World) {
    const APPENDERS: usize = 4;
    let tenant = &world.tenant;
    let barrier = std::sync::Barrier::new(APPENDERS);
    let moved = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..APPENDERS)
            .map(|n| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    world.store.write(Durability::Full, |writing| {
                        writing.evidence_append(tenant, 0, &[vec![n as u8]], &[], b"head")
                    })
                })
            })
            .collect();
        let answers = threads.into_iter().map(|thread| thread.join().unwrap());
        answers
            .filter(|answer| matches!(answer, Err(Error::EvidenceMoved { .. })))
            .count()
    });
    assert_eq!(moved, APPENDERS - 1);
    assert_eq!(
        world
            .store
            .read(|reading| reading.evidence_size(tenant))
            .unwrap(),
        1
    );
}

fn a_plan_is_found_by_the_start_of_its_id_and_never_altered(world: &World) {
    let tenant = &world.tenant;
    let plan = plan(&EntityId::of(&key(&source("host"), Kind::Credential, "x")));
    world
        .store
        .write(Durability::Full, |writing| {
            writing.put_plan(tenant, &plan)?;
            writing.put_plan(tenant, &plan)
        })
        .unwrap();
    let find = |id: &str| {
        world
            .store
            .read(|reading| reading.plan(tenant, &PlanId(id.to_owned())))
    };
    assert_eq!(find(plan.id.as_str()).unwrap(), Some(plan.clone()));
    assert_eq!(find(&plan.id.as_str()[..12]).unwrap(), Some(plan.clone()));
    for wrong in ["pln-", "pln-0", "", "%", "pln-ffffffff~"] {
        assert_eq!(find(wrong).unwrap(), None, "{wrong}");
    }
    assert_eq!(
        world
            .store
            .read(|reading| reading.plans(tenant, 10))
            .unwrap()
            .len(),
        1
    );
    let table = if world.is_postgres() {
        "keyroll.plan"
    } else {
        "plan"
    };
    let cast = if world.is_postgres() { "::jsonb" } else { "" };
    let text = if world.is_postgres() {
        "body::text"
    } else {
        "body"
    };
    world.beside(&format!(
        "UPDATE {table} SET body = replace({text}, 'alice', 'mallory'){cast}"
    ));
    assert!(
        matches!(find(plan.id.as_str()), Err(Error::Corrupt { .. })),
        "an altered plan is none"
    );
}

fn a_revocation_stays_until_it_is_proven(world: &World) {
    let tenant = &world.tenant;
    let id = EntityId::of(&key(&source("host"), Kind::Credential, "x"));
    let row = |plan: &str, state: State, next_at: Option<i64>| RevocationRow {
        plan: PlanId(plan.to_owned()),
        subject: id.clone(),
        state,
        step: 2,
        next_at: next_at.map(time),
        updated: time(5),
        body: serde_json::json!({"attempts": 3, "told": "a\u{0}b", "share": 0.5}),
    };
    let residual = State::Residual {
        until: None,
        why: "sessions".to_owned(),
    };
    let failed = crate::world::failed();
    let unverifiable = State::Unverifiable {
        why: "no secret".to_owned(),
        grade: Grade::B,
    };
    let proven = State::Proven {
        at: time(9),
        denials: 5,
        over: model::Duration::seconds(5),
    };
    let rows = [
        row("pln-a", residual, Some(30)),
        row("pln-b", failed, Some(10)),
        row("pln-c", unverifiable, None),
        row("pln-d", proven, None),
    ];
    world
        .store
        .write(Durability::Full, |writing| {
            rows.iter()
                .try_for_each(|row| writing.put_revocation(tenant, row))
        })
        .unwrap();
    let list = |filter| {
        let found = world
            .store
            .read(|reading| reading.revocations(tenant, filter, 10))
            .unwrap();
        found.into_iter().map(|row| row.plan.0).collect::<Vec<_>>()
    };
    assert_eq!(list(RevocationFilter::All).len(), 4);
    assert_eq!(list(RevocationFilter::Open), ["pln-b", "pln-a", "pln-c"]);
    assert_eq!(list(RevocationFilter::Due(time(10))), ["pln-b"]);
    assert_eq!(list(RevocationFilter::Due(time(40))), ["pln-b", "pln-a"]);
    let got = world
        .store
        .read(|reading| reading.revocation(tenant, &PlanId("pln-b".to_owned())))
        .unwrap();
    assert_eq!(got, Some(rows[1].clone()));
}

fn every_revocation_is_handed_on_whatever_the_page_holds(world: &World) {
    let tenant = &world.tenant;
    let row = |n: i64| RevocationRow {
        plan: PlanId(format!("pln-{:02}", (n * 7) % 23)),
        subject: EntityId::of(&key(&source("host"), Kind::Credential, &n.to_string())),
        state: if n % 3 == 0 {
            State::Proven {
                at: time(n),
                denials: 5,
                over: model::Duration::seconds(5),
            }
        } else {
            State::Requested
        },
        step: 1,
        next_at: (n % 3 == 1).then(|| time(n)),
        updated: time(n),
        body: serde_json::json!({}),
    };
    let mut rows: Vec<_> = (0..23).map(row).collect();
    let another: Tenant = "another".parse().unwrap();
    world
        .store
        .write(Durability::Full, |writing| {
            writing.put_revocation(&another, &row(99))?;
            rows.iter()
                .try_for_each(|row| writing.put_revocation(tenant, row))
        })
        .unwrap();
    rows.sort_by(|a, b| a.plan.cmp(&b.plan));
    let is_due = |row: &RevocationRow| row.next_at.is_some_and(|at| at <= time(10));
    for (filter, wanted) in [
        (RevocationFilter::All, rows.clone()),
        (
            RevocationFilter::Open,
            rows.iter()
                .filter(|row| row.state.is_open())
                .cloned()
                .collect(),
        ),
        (
            RevocationFilter::Due(time(10)),
            rows.iter().filter(|row| is_due(row)).cloned().collect(),
        ),
    ] {
        // Pages that end before, at and behind the last one, and none that holds nothing.
        for page in [0, 1, 2, 7, 22, 23, 24, 1_000] {
            let mut found = Vec::new();
            world
                .store
                .read(|reading| {
                    let mut each = |row| found.push(row);
                    reading.each_revocation(tenant, filter, page, &mut each)
                })
                .unwrap();
            assert_eq!(found, wanted, "{filter:?} by {page}");
        }
    }
}

/// One id from sighting to proof: what merged since is found by every id that it has had.
fn what_was_revoked_is_found_by_every_id_of_it(world: &World) {
    let tenant = &world.tenant;
    let (a, b) = (source("a"), source("b"));
    for from in [&a, &b] {
        world.pass(from, 1, &[Change::New(credential("x", "y"))]);
    }
    let members = [&a, &b].map(|from| key(from, Kind::Credential, "x"));
    let [older, newer] = members.each_ref().map(EntityId::of);
    let row = RevocationRow {
        plan: PlanId("pln-merged".to_owned()),
        subject: newer.clone(),
        state: State::Requested,
        step: 1,
        next_at: None,
        updated: time(5),
        body: serde_json::json!({}),
    };
    let (subject, all) = world
        .store
        .write(Durability::Full, |writing| {
            writing.put_revocation(tenant, &row)?;
            let lines = [together(&members, std::slice::from_ref(&newer), 1)];
            writing.assign(tenant, time(2), &lines, std::slice::from_ref(&newer))?;
            let found = writing.revocation(tenant, &row.plan)?.unwrap();
            // Going on with it does not change what it was planned for.
            writing.put_revocation(tenant, &found)?;
            let all = writing.revocations_of(tenant, &older)?;
            Ok::<_, Error>((found.subject, all))
        })
        .unwrap();
    assert_eq!(subject, older);
    assert_eq!(all.len(), 1);
    let ids = |text: &str| world.store.read(|reading| reading.ids_of(tenant, text));
    let both = [older.as_str().to_owned(), newer.as_str().to_owned()].into();
    assert_eq!(ids(newer.as_str()).unwrap(), both);
    assert_eq!(ids("fnd-1").unwrap(), ["fnd-1".to_owned()].into());
    let asked = "select subject from revocations";
    let table = world.store.query(tenant, asked, &QueryLimits::default());
    let rows = serde_json::to_value(table.unwrap().rows).unwrap();
    assert_eq!(rows, serde_json::json!([[older.as_str()]]));
}

fn receipts_and_probes_keep_their_order(world: &World) {
    let tenant = &world.tenant;
    let plan = PlanId("pln-x".to_owned());
    let receipts: Vec<_> = (0..12)
        .map(|n| Receipt {
            plan: plan.clone(),
            step: n % 3 + 1,
            kind: StepKind::Cut,
            at: time(i64::from(n)),
            outcome: Outcome::Failed {
                why: format!("try {n}\u{0}"),
            },
            token: i64::from(n),
        })
        .collect();
    let probe = |at| Probe {
        path: Path::NewLogin,
        at: time(at),
        probed: Probed::Denied {
            code: "28P01".to_owned(),
        },
    };
    world
        .store
        .write(Durability::Full, |writing| {
            for receipt in &receipts {
                writing.put_receipt(tenant, receipt)?;
            }
            for n in [3, 1, 2] {
                writing.put_probe(tenant, &plan, n, &probe(i64::from(n)))?;
            }
            writing.put_probe(tenant, &plan, 2, &probe(2))?;
            writing.put_intent(tenant, &plan, 1, time(1), 7)?;
            writing.put_intent(tenant, &plan, 1, time(2), 8)
        })
        .unwrap();
    let other: Result<(), Error> = world.store.write(Durability::Full, |writing| {
        writing.put_probe(tenant, &plan, 2, &probe(99))
    });
    assert!(
        matches!(other, Err(Error::Conflict { .. })),
        "a probe that was kept is not changed"
    );
    world
        .store
        .read(|reading| {
            assert_eq!(reading.receipts(tenant, &plan)?, receipts);
            assert_eq!(
                reading.probes(tenant, &plan)?,
                [probe(1), probe(2), probe(3)]
            );
            let intent = reading.intent(tenant, &plan, 1)?.unwrap();
            assert_eq!((intent.at, intent.token), (time(2), 8));
            assert_eq!(reading.intent(tenant, &plan, 2)?, None);
            Ok(())
        })
        .unwrap();
}
