//! The chain from a leaked file to a proof, and what must stop or bend it.

use model::{Grade, Outcome, Path, Probed, State, StepKind};

use evidence::{Check, PublicKey, Scope};
use serde_json::{Value, json};

use crate::ground::{Ground, quoted};

/// The proof's leaf in a bundle that verifies with the public key alone: whose secret died, told
/// by keyed fingerprints, and what became of its sessions.
fn the_record_is_whole_and_verifies_elsewhere(
    ground: &Ground,
    plan: &model::Plan,
    sessions: model::Sessions,
) {
    let mut bundle = Vec::new();
    let subject = plan.body.subject.entity.as_str().to_owned();
    let scope = Scope::Subjects([subject].into());
    ground.engine.export_evidence(scope, &mut bundle).unwrap();
    let key = PublicKey::parse(ground.engine.ledger.public_key()).unwrap();
    let mut check = Check::new(&key);
    let mut proofs = Vec::new();
    for line in bundle.split_inclusive(|byte| *byte == b'\n') {
        check.line(line).unwrap();
        let read: Value = serde_json::from_slice(line).unwrap();
        proofs.extend(find(&read, "proof").cloned());
    }
    check.end().unwrap();
    let [body] = proofs.as_slice() else {
        panic!("expected one proof: {proofs:?}")
    };
    assert_eq!(body["sessions"], json!(sessions));
    let told = body["subject"]["fingerprints"].as_array().unwrap();
    let own = &ground.engine.keys.fingerprint_key;
    let begins = |kind: &str| {
        let start = format!("{kind} {own}.");
        let told = told.iter().filter_map(Value::as_str);
        told.filter(|one| one.starts_with(&start)).count()
    };
    assert_eq!(begins("secret_hmac"), 1, "{told:?}");
    assert!(begins("postgres_verifier") >= 1, "{told:?}");
}

/// The body of a leaf of this kind, wherever the line has it.
fn find<'v>(value: &'v Value, kind: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) if members.get("kind") == Some(&json!(kind)) => members.get("body"),
        Value::Object(members) => members.values().find_map(|one| find(one, kind)),
        _ => None,
    }
}

#[test]
fn a_password_in_a_file_is_linked_revoked_and_proven_dead() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("shop"));
    let held = ground.log_in(&leak, "postgres").unwrap();
    let plan = ground.plan(&leak);
    assert_eq!(plan.body.subject.principal, format!("role/{}", leak.oid));
    assert!(!plan.body.subject.seen_at.is_empty());
    let mut order = Vec::new();
    let applied = ground.apply_telling(&plan, &mut |told| {
        if let engine::Advance::State(state) = told {
            order.push(state.as_str());
        }
    });
    assert_eq!(
        order,
        [
            "authn_cut",
            "sessions_ended",
            "provider_acked",
            "probing",
            "proven"
        ]
    );
    let State::Proven { denials, over, .. } = applied.state else {
        panic!("{:?}", applied.state)
    };
    assert!(denials >= 3 && over >= model::Duration::seconds(5));
    let proof = applied.proof.unwrap();
    assert_eq!((proof.grade, proof.target.as_str()), (Grade::A, "real"));
    let codes: Vec<_> = proof
        .probes
        .iter()
        .filter_map(|probe| match &probe.probed {
            Probed::Denied { code } => Some((probe.path, code.as_str())),
            _ => None,
        })
        .collect();
    assert!(codes.contains(&(Path::NewLogin, "28P01")), "{codes:?}");
    assert!(codes.contains(&(Path::HeldSession, "57P01")), "{codes:?}");
    assert!(held.run("select 1").is_err());
    assert!(ground.engine.residuals(10).unwrap().is_empty());
    // Ours, and the one that the probe held open; the server may show the control's own a little
    // longer.
    let sessions = proof.sessions;
    assert!(
        sessions.found >= Some(2) && sessions.ended >= Some(2),
        "{sessions:?}"
    );
    assert_eq!(sessions.left, Some(0));
    the_record_is_whole_and_verifies_elsewhere(&ground, &plan, sessions);

    // Applying it again does nothing more; trying again finds it dead.
    let receipts = proof.receipts.len();
    let again = ground.apply(&plan);
    assert_eq!(again.proof.unwrap().receipts.len(), receipts);
    let verified = ground
        .engine
        .verify_revoked_in(&ground.world(), &plan.body.subject.entity)
        .unwrap();
    assert!(verified.replayed && !verified.reopened && verified.read_back == Some(true));
}

/// Step 1 looks the oid up; from then on a name means nothing.
#[test]
fn a_role_that_took_over_the_name_is_not_touched() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("renamed"));
    let held = ground.log_in(&leak, "postgres").unwrap();
    let plan = ground.plan(&leak);
    let mut swapped = None;
    let applied = ground.apply_telling(&plan, &mut |told| {
        if let engine::Advance::Receipt(receipt) = told
            && receipt.kind == StepKind::Control
        {
            let moved = format!("{}_moved", leak.role);
            ground
                .admin
                .must(&format!("alter role {} rename to {moved}", leak.role));
            swapped = Some(ground.role(&leak.role));
        }
    });
    let innocent = swapped.unwrap();
    assert!(ground.lives(&innocent) && ground.log_in(&innocent, "postgres").is_ok());
    assert!(!ground.lives(&leak), "{:?}", applied.state);
    assert!(held.run("select 1").is_err());
}

/// RP-6, and the row on re-creation: an old session gets nothing back, an old password does.
#[test]
fn a_role_made_anew_with_the_old_password_opens_the_row_again() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("again"));
    let held = ground.log_in(&leak, "postgres").unwrap();
    let plan = ground.plan(&leak);
    assert_eq!(ground.apply(&plan).state.as_str(), "proven");
    let entity = &plan.body.subject.entity;
    let verify = || {
        ground
            .engine
            .verify_revoked_in(&ground.world(), entity)
            .unwrap()
    };

    ground.admin.must(&format!(
        "create role {} login password 'something else'",
        leak.role
    ));
    assert!(!verify().reopened);
    assert!(held.run("select 1").is_err());

    ground.admin.must(&format!(
        "alter role {} password '{}'",
        leak.role, leak.password
    ));
    let verified = verify();
    assert!(verified.reopened && verified.state == State::Requested);
    assert_eq!(ground.engine.residuals(10).unwrap().len(), 1);
    // The plan is for the role it was made for; it does not touch the new one, and does not lie.
    let applied = ground.apply(&plan);
    assert_eq!(applied.state.as_str(), "failed", "{:?}", applied.state);
    ground.admin.must(&format!("drop role {}", leak.role));
    assert_eq!(ground.apply(&plan).state.as_str(), "proven");
}

/// A leaked password that was changed since opens nothing: the role behind it is left alone.
#[test]
fn a_stale_password_changes_nothing() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("stale"));
    let plan = ground.plan(&leak);
    ground
        .admin
        .must(&format!("alter role {} password 'rotated'", leak.role));
    let applied = ground.apply(&plan);
    assert!(
        matches!(
            &applied.state,
            State::Unverifiable {
                grade: Grade::C,
                ..
            }
        ),
        "{:?}",
        applied.state
    );
    let login = format!("select rolcanlogin from pg_roles where oid = {}", leak.oid);
    assert_eq!(ground.admin.one(&login).as_deref(), Some("t"));
    assert_eq!(
        ground.engine.residuals(10).unwrap().len(),
        1,
        "it stays visible"
    );
}

/// Decision 27, RP-8: without the file there is no control, and no grade A.
#[test]
fn without_its_secret_a_role_is_cut_but_not_called_proven() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("nofile"));
    let plan = ground.plan(&leak);
    std::fs::remove_file(ground.dir.path().join("leaks/.env")).unwrap();
    let held = ground.log_in(&leak, "postgres").unwrap();
    let applied = ground.apply(&plan);
    assert!(
        matches!(
            &applied.state,
            State::Unverifiable {
                grade: Grade::B,
                ..
            }
        ),
        "{:?}",
        applied.state
    );
    assert!(!ground.lives(&leak) && held.run("select 1").is_err());
}

/// Clean-up that cannot be done is a failure of the object; access is dead, and said to be.
#[test]
fn a_database_that_lets_nobody_in_delays_the_drop_and_not_the_cut() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("closed"));
    let closed = testkit::fresh_name("closeddb");
    ground.admin.must(&format!("create database {closed}"));
    ground.admin_in(&closed).must(&format!(
        "create table t (); grant select on t to {}",
        leak.role
    ));
    ground
        .admin
        .must(&format!("alter database {closed} allow_connections false"));
    let held = ground.log_in(&leak, "postgres").unwrap();
    let plan = ground.plan(&leak);
    let applied = ground.apply(&plan);
    let State::Failed { why, from, .. } = &applied.state else {
        panic!("{:?}", applied.state)
    };
    assert!(
        why.contains(&closed) && why.contains("access: denied"),
        "{why}"
    );
    assert_eq!(**from, State::SessionsEnded);
    assert_eq!(
        ground.log_in(&leak, "postgres").err().as_deref(),
        Some("28P01")
    );
    assert!(held.run("select 1").is_err());
    assert_eq!(ground.engine.residuals(10).unwrap().len(), 1);

    ground
        .admin
        .must(&format!("alter database {closed} allow_connections true"));
    assert_eq!(ground.apply(&plan).state.as_str(), "proven");
    assert!(!ground.lives(&leak));
}

/// The one who acts must not cut the branch it sits on.
#[test]
fn the_role_that_keyroll_logs_in_as_is_not_planned_away() {
    let Some(ground) = Ground::new() else { return };
    let sql = "select oid from pg_roles where rolname = current_user";
    let own = crate::ground::Leak {
        role: ground.address().user,
        password: String::from_utf8(ground.address().password.unwrap().expose().to_vec()).unwrap(),
        oid: ground.admin.one(sql).unwrap(),
    };
    ground.leak(&own);
    ground.scan();
    let refused = ground
        .engine
        .plan_revoke(&ground.credential(&own))
        .unwrap_err();
    assert!(refused.to_string().contains("cluster itself"), "{refused}");
}

/// SY-10: gone already is a success of the provider and no more.
#[test]
fn a_role_that_was_dropped_by_somebody_else_is_not_called_proven() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("gone"));
    let plan = ground.plan(&leak);
    ground
        .admin
        .must(&format!("drop role {}", quoted(&leak.role)));
    let applied = ground.apply(&plan);
    assert!(
        matches!(applied.state, State::Unverifiable { .. }),
        "{:?}",
        applied.state
    );
    let receipts = applied.proof.unwrap().receipts;
    assert!(
        receipts
            .iter()
            .any(|one| matches!(one.outcome, Outcome::Already { .. }))
    );
}

/// Section 4, after the drop: its session has no name any more, and is found by its oid.
#[test]
fn a_session_of_a_role_that_somebody_else_dropped_is_ended() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("ghost"));
    let held = ground.log_in(&leak, "postgres").unwrap();
    let plan = ground.plan(&leak);
    ground
        .admin
        .must(&format!("drop role {}", quoted(&leak.role)));
    let sessions = format!(
        "select count(*)::text from pg_stat_activity where usesysid = {}",
        leak.oid
    );
    assert!(held.run("select 1").is_ok(), "a drop ends no session");
    assert_eq!(ground.admin.one(&sessions).as_deref(), Some("1"));
    let applied = ground.apply(&plan);
    assert!(held.run("select 1").is_err());
    assert_eq!(ground.admin.one(&sessions).as_deref(), Some("0"));
    let State::Unverifiable { .. } = applied.state else {
        panic!("nobody saw it let in before: {:?}", applied.state)
    };
    let ended = applied.proof.unwrap().receipts.into_iter();
    let mut ended = ended.filter(|one| one.kind == StepKind::EndSessions);
    assert!(ended.any(|one| matches!(one.outcome, Outcome::Done { count: Some(1), .. })));
}

/// Nothing Keyroll keeps or says holds a byte of the password.
#[test]
fn the_password_is_nowhere_in_what_was_kept() {
    let Some(ground) = Ground::new() else { return };
    let leak = ground.role(&testkit::fresh_name("quiet"));
    let applied = ground.revoke(&leak);
    assert!(!format!("{applied:?}").contains(&leak.password));
    for entry in std::fs::read_dir(ground.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes
                .windows(leak.password.len())
                .any(|window| window == leak.password.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}

/// Roles by name are matched in one case and one case only.
#[test]
fn names_that_differ_in_case_alone_are_two_roles() {
    let Some(ground) = Ground::new() else { return };
    let lower = testkit::fresh_name("case");
    let upper = lower.to_uppercase();
    let (one, two) = (ground.role(&lower), ground.role(&upper));
    ground.leak(&two);
    ground.scan();
    let plan = ground.engine.plan_revoke(&ground.credential(&two)).unwrap();
    assert_eq!(plan.body.subject.principal, format!("role/{}", two.oid));
    assert_eq!(ground.apply(&plan).state.as_str(), "proven");
    assert!(ground.lives(&one) && ground.log_in(&one, "postgres").is_ok());
    assert!(!ground.lives(&two));
}
