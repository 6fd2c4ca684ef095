//! The queue of what is not proven: nothing but a proof takes a row out of it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::{Machine, Spec};
use model::{Duration, FindingId, Mute, State, Tenant};
use store::{Durability, SourceConfig};

use crate::stub::{Lie, Stage};

/// S-1, S-6, S-7: mutes, later passes and the removal of the source leave the row and its plan.
#[test]
fn no_mute_no_pass_and_no_removed_source_empties_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), Lie::DoesNothing);
    let state = stage.apply().state;
    assert!(matches!(state, State::Failed { .. }), "{state:?}");
    let queue = || stage.engine.residuals(10).unwrap();
    let before = queue();
    assert_eq!(before.len(), 1);

    let tenant = Tenant::local();
    let subject = &stage.plan.body.subject;
    for muted in [subject.entity.as_str(), stage.plan.id.as_str()] {
        let mute = Mute {
            finding: FindingId(muted.to_owned()),
            reason: "not now".to_owned(),
            by: "person:test".to_owned(),
            at: stage.engine.now(),
            until: stage.engine.now() + Duration::hours(1),
        };
        let muting = stage
            .engine
            .store
            .write(Durability::Full, |writing| writing.put_mute(&tenant, &mute));
        muting.unwrap();
    }
    assert_eq!(
        queue(),
        before,
        "a mute hides a finding, never a revocation"
    );

    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let specs = [Spec::Paths(vec![empty])];
    let machine = Machine::default();
    for one in stage
        .engine
        .scan(&specs, &machine, &stop, &mut |_| {})
        .unwrap()
    {
        one.report.unwrap();
    }
    assert_eq!(
        queue(),
        before,
        "a pass that does not see it proves nothing"
    );

    let config = SourceConfig {
        id: subject.source.clone(),
        connector: "stub".to_owned(),
        target: "provider".to_owned(),
        options: std::collections::BTreeMap::new(),
        sealed_path: None,
        added: stage.engine.now(),
        kind_of_target: "stub".to_owned(),
    };
    stage.engine.add_source(config, None).unwrap();
    let refused = stage.engine.remove_source(&subject.source).unwrap_err();
    assert!(refused.to_string().contains("keyroll apply"), "{refused}");
    assert!(stage.engine.source(&subject.source).is_ok());
    assert_eq!(queue(), before);

    // Only the proof ends it, and then the source may go.
    stage.lie.set(Lie::None);
    let state = stage.apply().state;
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
    assert!(queue().is_empty());
    stage.engine.remove_source(&subject.source).unwrap();
}

/// S-2: giving up ends in nothing but `unverifiable`, keeps the row, and is a finding.
#[test]
fn who_gives_a_revocation_up_leaves_it_open_and_a_finding() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), Lie::DoesNothing);
    let plan = &stage.plan.id;
    let force = || stage.engine.force(plan, "the provider is no more");
    let refused = force().unwrap_err().to_string();
    assert!(refused.contains("keyroll apply"), "{refused}");

    let state = stage.apply().state;
    assert!(matches!(state, State::Failed { .. }), "{state:?}");
    assert!(stage.engine.force(plan, "").is_err(), "without a reason");
    let state = force().unwrap();
    let State::Unverifiable { why, grade } = &state else {
        panic!("{state:?}")
    };
    assert!(why.ends_with("the provider is no more"), "{why}");
    assert_eq!(*grade, model::Grade::C);
    let queue = stage.engine.residuals(10).unwrap();
    assert_eq!((queue.len(), &queue[0].state), (1, &state));

    // It can be tried again, and only the proof takes it out; then there is nothing to give up.
    stage.lie.set(Lie::None);
    let state = stage.apply().state;
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
    assert!(stage.engine.residuals(10).unwrap().is_empty());
    let refused = force().unwrap_err().to_string();
    assert!(refused.contains("proven"), "{refused}");
}

/// What no probe can show leaves the queue by evidence of another kind, and comes back when it is
/// let in; where a probe is possible again, it decides.
#[test]
fn who_vouches_for_what_cannot_be_verified_takes_it_out_of_the_queue_until_it_is_let_in() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), Lie::None);
    let (plan, subject) = (&stage.plan.id, &stage.plan.body.subject.entity);
    let file = dir.path().join("audit.log");
    std::fs::write(&file, "abc").unwrap();
    let attest = |file| stage.engine.attest(plan, "the log shows it refused", file);
    assert!(attest(None).is_err(), "nothing was done yet");
    let begun = stage.apply_for(Duration::seconds(1), &mut |_| {}).unwrap();
    assert_eq!(begun.state, State::Probing);
    assert!(attest(None).is_err(), "a probe can still show it");
    stage.secret.set(false);
    let state = stage.apply().state;
    assert!(matches!(state, State::Unverifiable { .. }), "{state:?}");

    let nothing = dir.path().join("nothing");
    let missing = attest(Some(&nothing)).unwrap_err();
    assert!(missing.to_string().contains("nothing"), "{missing}");
    let State::Attested { by, why, file } = attest(Some(file.as_path())).unwrap() else {
        panic!("expected it to be attested")
    };
    assert_eq!(
        (by.as_str(), why.as_str()),
        ("person:test", "the log shows it refused")
    );
    let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(file.unwrap(), format!("audit.log sha256:{sum}"));
    assert!(stage.engine.residuals(10).unwrap().is_empty());
    assert!(!matches!(stage.apply().state, State::Proven { .. }));

    // It is watched like everything else.
    stage.secret.set(true);
    stage.lie.set(Lie::DoesNothing);
    let verified = stage.engine.verify_revoked_in(&stage, subject).unwrap();
    assert!(verified.reopened, "{verified:?}");
    assert_eq!(stage.engine.residuals(10).unwrap().len(), 1);
}

/// Who vouches for what was given up before anything was done has done nothing either.
#[test]
fn what_was_given_up_and_vouched_for_is_begun_anew_when_it_is_applied() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), Lie::Forbids);
    assert!(matches!(stage.apply().state, State::Failed { .. }));
    let plan = &stage.plan.id;
    stage.engine.force(plan, "nobody may do this").unwrap();
    let state = stage.engine.attest(plan, "the console shows it off", None);
    assert!(matches!(state.unwrap(), State::Attested { .. }));
    stage.lie.set(Lie::None);
    let state = stage.apply().state;
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
    assert!(!stage.kept().present);
}

/// A probe that becomes possible again takes what was unverifiable to its proof.
#[test]
fn a_secret_that_is_back_lets_an_unverifiable_revocation_be_proven() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), Lie::None);
    stage.apply_for(Duration::seconds(1), &mut |_| {}).unwrap();
    stage.secret.set(false);
    let state = stage.apply().state;
    assert!(matches!(state, State::Unverifiable { .. }), "{state:?}");
    stage.secret.set(true);
    let state = stage.apply().state;
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
    assert!(stage.engine.residuals(10).unwrap().is_empty());
}
