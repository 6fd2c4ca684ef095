//! Every lie is caught: not one of them ends as proven (revocation reference, section 8).

use model::{Duration, Probed, State};

use crate::stub::{Lie, Like, Stage};

const BOTH: [Like; 2] = [Like::Postgres, Like::Aws];

fn applied(lie: Lie) -> (tempfile::TempDir, Stage, State) {
    applied_to(Like::Postgres, lie)
}

fn applied_to(like: Like, lie: Lie) -> (tempfile::TempDir, Stage, State) {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::open_like(like, dir.path(), lie);
    let state = stage.apply().state;
    (dir, stage, state)
}

#[test]
fn an_honest_stub_is_proven_dead() {
    for like in BOTH {
        let (_dir, stage, state) = applied_to(like, Lie::None);
        assert!(matches!(state, State::Proven { .. }), "{like:?}: {state:?}");
        assert!(stage.engine.residuals(10).unwrap().is_empty());
    }
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
        for like in BOTH {
            if (like, lie) == (Like::Aws, Lie::SessionsComeBack) {
                // AWS shows no sessions, so it cannot lie about their number.
                continue;
            }
            let (_dir, stage, state) = applied_to(like, lie);
            let proven = matches!(state, State::Proven { .. });
            assert!(!proven, "{like:?} {lie:?}: {state:?}");
            // It stays in the queue, whatever it is.
            let left = stage.engine.residuals(10).unwrap().len();
            assert_eq!(left, 1, "{like:?} {lie:?}");
        }
    }
}

/// Section 5.1: each path is watched over its own window, and a session from when it may be asked.
#[test]
fn a_session_is_watched_over_its_own_longer_window() {
    let (_dir, stage, state) = applied_to(Like::Aws, Lie::None);
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
    let proof = stage.apply().proof.unwrap();
    let cut = proof
        .receipts
        .iter()
        .find(|one| one.kind == model::StepKind::Cut);
    let cut = cut.unwrap().at;
    let denied = |path| {
        let probes = proof.probes.iter();
        let mut at = probes
            .filter(|one| one.path == path && one.at >= cut)
            .map(|one| one.at);
        let first = at.next().unwrap();
        (first, at.next_back().unwrap().since(first))
    };
    let (first, over) = denied(model::Path::MintedSession);
    assert!(first.since(cut) >= Duration::seconds(2), "{first}");
    assert!(over >= Duration::seconds(20), "{over}");
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

/// RP-6, RP-7: on a provider of sessions, whose second proof has none of its own to watch.
#[test]
fn a_key_that_is_let_in_after_the_proof_is_a_residual_until_its_sessions_are_over() {
    let (_dir, stage, state) = applied_to(Like::Aws, Lie::None);
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
    stage.lie.set(Lie::DoesNothing);
    let subject = &stage.plan.body.subject.entity;
    let verified = stage.engine.verify_revoked_in(&stage, subject).unwrap();
    assert!(verified.reopened && verified.state == State::Requested);
    assert_eq!(stage.engine.residuals(10).unwrap().len(), 1);
    assert!(!matches!(stage.apply().state, State::Proven { .. }));

    stage.lie.set(Lie::None);
    let state = stage.apply().state;
    assert!(
        matches!(state, State::Residual { until: Some(_), .. }),
        "{state:?}"
    );
    assert_eq!(stage.engine.residuals(10).unwrap().len(), 1);
    stage.later(Duration::hours(37));
    let state = stage.apply().state;
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
}

/// RP-6, RP-7: sessions that live but for a policy are alive again where it is taken away, and no
/// probe of a new login tells.
#[test]
fn a_policy_that_is_taken_away_opens_the_row_again_while_sessions_may_live() {
    let (_dir, stage, state) = applied_to(Like::Aws, Lie::None);
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
    let subject = &stage.plan.body.subject.entity;
    let verify = || stage.engine.verify_revoked_in(&stage, subject).unwrap();
    stage.change(|kept| kept.denied = false);
    // The secret is gone as well: what the provider shows is all there is.
    stage.secret.set(false);
    let verified = verify();
    assert!(verified.reopened && verified.read_back == Some(false));
    assert_eq!(stage.engine.residuals(10).unwrap().len(), 1);

    // Denied anew, it is a residual until no session can live, and then nobody needs the policy.
    stage.secret.set(true);
    let state = stage.apply().state;
    assert!(
        matches!(state, State::Residual { until: Some(_), .. }),
        "{state:?}"
    );
    assert!(stage.kept().denied);
    stage.later(Duration::hours(37));
    let state = stage.apply().state;
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
    stage.change(|kept| kept.denied = false);
    // The stub's sessions never end by themselves, so that it is not asked.
    stage.secret.set(false);
    assert!(!verify().reopened);
}

/// The same where nobody says that it was denied anew: an answer that is lost, another hand. What
/// was denied before it was open proves nothing.
#[test]
fn what_was_denied_before_the_policy_was_gone_is_no_proof_of_what_came_after() {
    for by_us in [true, false] {
        let (_dir, stage, state) = applied_to(Like::Aws, Lie::None);
        assert!(matches!(state, State::Proven { .. }), "{state:?}");
        stage.change(|kept| kept.denied = false);
        let subject = &stage.plan.body.subject.entity;
        let verified = stage.engine.verify_revoked_in(&stage, subject).unwrap();
        assert!(verified.reopened, "{verified:?}");
        if by_us {
            stage.lie.set(Lie::LosesAnswers);
            stage.apply_for(Duration::seconds(1), &mut |_| {}).unwrap();
            stage.lie.set(Lie::None);
        } else {
            stage.change(|kept| kept.denied = true);
        }
        let state = stage.apply().state;
        assert!(
            matches!(state, State::Residual { until: Some(_), .. }),
            "{by_us}: {state:?}"
        );
    }
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
