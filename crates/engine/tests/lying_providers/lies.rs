//! Every lie is caught: not one of them ends as proven (revocation reference, section 8).

use model::{Duration, Probed, State};

use crate::stub::{Lie, Stage};

fn applied(lie: Lie) -> (tempfile::TempDir, Stage, State) {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), lie);
    let state = stage.apply().state;
    (dir, stage, state)
}

#[test]
fn an_honest_stub_is_proven_dead() {
    let (_dir, stage, state) = applied(Lie::None);
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
    assert!(stage.engine.residuals(10).unwrap().is_empty());
}

/// RP-1 to RP-3, RP-6.
#[test]
fn no_lie_ends_as_proven() {
    for lie in [
        Lie::DoesNothing,
        Lie::ShowsNothing,
        Lie::Late(10_000),
        Lie::DeniesThenAllows(0),
        Lie::DeniesThenAllows(1),
        Lie::DeniesThenAllows(3),
        Lie::DeniesThenAllows(6),
        Lie::KeepsTheSession,
        Lie::SessionsComeBack,
        Lie::Unclear,
        Lie::AnotherPrincipal,
        Lie::DeniesUsAlways,
        Lie::GoneFromTheList,
        Lie::Forbids,
        Lie::Down(10_000),
    ] {
        let (_dir, stage, state) = applied(lie);
        assert!(!matches!(state, State::Proven { .. }), "{lie:?}: {state:?}");
        // It stays in the queue, whatever it is.
        assert_eq!(stage.engine.residuals(10).unwrap().len(), 1, "{lie:?}");
    }
}

/// RP-1: a control that finds the wrong principal, or is refused, changes nothing.
#[test]
fn a_failed_control_changes_nothing() {
    for lie in [Lie::AnotherPrincipal, Lie::DeniesUsAlways] {
        let (_dir, stage, state) = applied(lie);
        assert!(matches!(state, State::Unverifiable { .. }), "{state:?}");
        assert!(stage.kept().effects.is_empty(), "{lie:?}");
    }
}

/// A provider that acts late is waited for, and how late it was is in the proof.
#[test]
fn a_late_cut_is_proven_late() {
    let (_dir, stage, state) = applied(Lie::Late(5));
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
    let proof = stage.apply().proof.unwrap();
    assert!(proof.time_to_denied.unwrap() >= Duration::millis(400));
    assert!(proof.last_allowed.unwrap() < proof.first_denied.unwrap());
}

/// RP-2: half of the answers being unclear makes the window longer, not the proof weaker.
#[test]
fn unclear_answers_in_between_only_take_longer() {
    let (_dir, stage, state) = applied(Lie::HalfUnclear);
    assert!(
        matches!(state, State::Proven { denials: 3.., .. }),
        "{state:?}"
    );
    let probes = stage.apply().proof.unwrap().probes;
    assert!(
        probes
            .iter()
            .any(|one| matches!(one.probed, Probed::Unclear { .. }))
    );
}

/// RP-6.
#[test]
fn what_is_let_in_after_the_proof_opens_the_row_again() {
    let (_dir, stage, state) = applied(Lie::None);
    assert!(matches!(state, State::Proven { .. }));
    let verify = || {
        stage
            .engine
            .verify_revoked_in(&stage, &stage.plan.body.subject.entity)
            .unwrap()
    };
    assert!(!verify().reopened);

    // No answer opens nothing and proves nothing.
    stage.lie.set(Lie::Unclear);
    assert!(!verify().reopened);

    stage.lie.set(Lie::DoesNothing);
    let verified = verify();
    assert!(verified.reopened && verified.state == State::Requested);
    assert_eq!(stage.engine.residuals(10).unwrap().len(), 1);
    assert!(!matches!(stage.apply().state, State::Proven { .. }));

    stage.lie.set(Lie::None);
    assert!(matches!(stage.apply().state, State::Proven { .. }));
}

/// S-5, RP-8.
#[test]
fn a_secret_that_vanishes_before_the_proof_lowers_the_grade() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open(dir.path(), Lie::None);
    let begun = stage.apply_for(Duration::seconds(1), &mut |_| {}).unwrap();
    assert_eq!(
        begun.state,
        State::Probing,
        "the window is longer than the patience"
    );
    stage.secret.set(false);
    let state = stage.apply().state;
    assert!(
        matches!(
            &state,
            State::Unverifiable {
                grade: model::Grade::B,
                ..
            }
        ),
        "{state:?}"
    );
}
