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
