//! Targets that are down, logs that cannot be written, two workers at one row.

use evidence::{Leaf, LeafKind};
use model::{Duration, State, StepKind, Tenant};
use serde_json::json;
use store::Durability;

use crate::stub::{Lie, Stage};

/// S-1.
#[test]
fn a_target_that_is_down_is_tried_again_and_never_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), Lie::Down(12));
    let mut waits = Vec::new();
    let applied = stage.apply_for(Duration::minutes(1), &mut |told| {
        if let engine::Advance::Waiting(until, why) = told {
            assert!(why.contains("503"), "{why}");
            waits.push(until);
        }
    });
    let state = applied.unwrap().state;
    assert!(waits.len() > 3 && waits.is_sorted(), "{waits:?}");
    assert_eq!(stage.engine.residuals(10).unwrap().len(), 1, "{state:?}");
    // An hour later it is up again.
    stage.later(Duration::hours(1));
    let state = stage
        .apply_for(Duration::hours(3), &mut |_| {})
        .unwrap()
        .state;
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
}

/// Revocation reference, section 4.1: failed on the object, not on access.
#[test]
fn what_will_not_be_removed_is_watched_and_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), Lie::WillNotRemove(1));
    let first = stage.apply_for(Duration::seconds(12), &mut |told| {
        if let engine::Advance::Waiting(until, why) = told {
            assert!(
                why.contains("something holds it") && why.contains("access: denied"),
                "{why}"
            );
            assert!(until > stage.engine.now());
        }
    });
    let state = first.unwrap().state;
    if let State::Failed { from, .. } = &state {
        assert_eq!(**from, State::SessionsEnded);
        assert!(matches!(stage.apply().state, State::Proven { .. }));
    } else {
        assert!(matches!(state, State::Proven { .. }), "{state:?}");
    }
    assert_eq!(stage.kept().effects["remove"], 2);
}

/// The design's seventh promise: no log, no act.
#[test]
fn without_the_log_nothing_is_done_to_the_provider() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), Lie::None);
    break_log(&stage);
    assert!(stage.apply_for(Duration::seconds(60), &mut |_| {}).is_err());
    assert!(stage.kept().effects.is_empty());
}

#[test]
fn without_the_log_nobody_gives_up_or_vouches() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), Lie::None);
    stage.apply_for(Duration::seconds(1), &mut |_| {}).unwrap();
    stage.secret.set(false);
    let state = stage.apply().state;
    assert!(matches!(state, State::Unverifiable { .. }), "{state:?}");
    break_log(&stage);
    assert!(stage.engine.force(&stage.plan.id, "enough").is_err());
    assert!(stage.engine.attest(&stage.plan.id, "seen", None).is_err());
    let queue = stage.engine.residuals(10).unwrap();
    assert_eq!((queue.len(), &queue[0].state), (1, &state));
}

/// That somebody logs in with what was revoked is in the log before they do, and what came of it
/// after.
#[test]
fn what_was_revoked_is_tried_only_after_the_log_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), Lie::None);
    assert!(matches!(stage.apply().state, State::Proven { .. }));
    let entity = &stage.plan.body.subject.entity;
    let verify = || stage.engine.verify_revoked_in(&stage, entity);
    let before = stage.leaves().len();
    verify().unwrap();
    let told: Vec<_> = stage.leaves().split_off(before);
    let kinds: Vec<_> = told.iter().map(Leaf::kind).collect();
    let probe = LeafKind::Probe;
    assert_eq!(kinds, [LeafKind::Intent, probe, probe, LeafKind::Receipt]);
    assert_eq!(
        told[0].body()["verify"]["paths"],
        json!(["new_login", "held_session"])
    );
    assert_eq!(
        told[3].body()["verified"],
        json!({"probes": 2, "denied": 2, "read_back": true, "alive": false})
    );

    let asked = stage.kept().asked;
    break_log(&stage);
    assert!(verify().is_err());
    assert_eq!(
        stage.kept().asked,
        asked,
        "tried although nobody could say so"
    );
}

/// Somebody changes the log behind our back.
fn break_log(stage: &Stage) {
    let tenant = Tenant::local();
    stage
        .engine
        .store
        .write(Durability::Full, |writing| {
            let size = writing.evidence_size(&tenant)?;
            writing.evidence_append(&tenant, size, &[b"x".to_vec()], &[], b"no checkpoint")
        })
        .unwrap();
}

/// A worker that lost its lease is refused at its next word; what is done is done once.
#[test]
fn two_workers_on_one_row_do_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), Lie::None);
    let mut second = None;
    let first = stage.apply_for(Duration::seconds(60), &mut |told| {
        if let engine::Advance::Receipt(receipt) = told
            && receipt.kind == StepKind::Control
        {
            // Its lease ran out unnoticed; another process takes the row over.
            stage.later(Duration::minutes(5));
            second = Some(stage.apply().state);
        }
    });
    assert!(first.is_err(), "the first one goes on with a stale token");
    assert!(matches!(second, Some(State::Proven { .. })), "{second:?}");
    assert!(stage.kept().effects.values().all(|count| *count == 1));
}
