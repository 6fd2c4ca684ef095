//! Kills at any point: the test starts itself as a child that aborts where it is told to.

use std::collections::BTreeMap;
use std::path::Path;

use evidence::{Leaf, LeafKind};
use model::{Duration, Outcome, State, StepKind, Tenant};
use serde_json::Value;
use testkit::kill::{self, Chance};

use crate::stub::{Lie, Stage};

const AHEAD: &str = "KEYROLL_CRASH_AHEAD";
const ME: &str = "crash::killed_at_any_point_a_revocation_loses_nothing_and_does_nothing_twice";
const TRIED: &str = "crash::killed_at_any_point_trying_again_is_told_before_it_is_done";
/// About as many points as one revocation has.
const POINTS: u32 = 66;

/// 50 seeded kills, 1,000 in the long form (`KEYROLL_SOAK=1`), on a stub kept in a file.
#[test]
fn killed_at_any_point_a_revocation_loses_nothing_and_does_nothing_twice() {
    if let Some(told) = kill::child() {
        return child(&told);
    }
    let wanted = testkit::rounds(50, 1_000);
    let mut chance = Chance::new(0x6b65_7972_6f6c_6c31);
    let (mut kills, mut histories) = (0, 0);
    while kills < wanted {
        let dir = tempfile::tempdir().unwrap();
        let mut runs = 0;
        loop {
            runs += 1;
            // Up to four kills of one revocation; then it may finish.
            let at = if runs > 4 { 0 } else { chance.point(POINTS) };
            let ahead = runs.to_string();
            if kill::at(at, ME, dir.path(), &[(AHEAD, &ahead)]) {
                break;
            }
            kills += 1;
            nothing_is_claimed_too_early(dir.path());
        }
        histories += 1;
        whole(dir.path());
    }
    testkit::aloud(&format!("{kills} kills in {histories} revocations"));
}

/// Every point of trying again: what the provider was asked, the log said before.
#[test]
fn killed_at_any_point_trying_again_is_told_before_it_is_done() {
    if let Some(told) = kill::child() {
        let stage = Stage::open(&told.dir, Lie::None);
        stage.later(Duration::minutes(told.told(AHEAD).parse().unwrap()));
        told.arm(engine::crash::arm);
        let entity = &stage.plan.body.subject.entity;
        let verified = stage.engine.verify_revoked_in(&stage, entity).unwrap();
        assert!(matches!(verified.state, State::Proven { .. }) && !verified.reopened);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let state = Stage::open(dir.path(), Lie::None).apply().state;
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
    let told = |word: &str| {
        let leaves = Stage::open(dir.path(), Lie::None).leaves();
        let is = |leaf: &&Leaf| leaf.body().get(word).is_some();
        leaves.iter().filter(is).count()
    };
    let (mut point, mut ended) = (0, false);
    while !ended {
        point += 1;
        let asked = Stage::open(dir.path(), Lie::None).kept().asked;
        let before = (told("verify"), told("probe"), told("verified"));
        let ahead = (point * 2).to_string();
        ended = kill::at(point, TRIED, dir.path(), &[(AHEAD, &ahead)]);
        let after = (told("verify"), told("probe"), told("verified"));
        let asked = Stage::open(dir.path(), Lie::None).kept().asked > asked;
        assert!(!asked || after.0 == before.0 + 1, "asked untold at {point}");
        // Of what was told at the end nothing is missing before it.
        assert!(after.2 == before.2 || after.1 == before.1 + 2, "at {point}");
        assert!(!ended || after.2 == before.2 + 1, "ended untold");
    }
    assert!(point > 6, "it has {point} points");
    testkit::aloud(&format!("{point} kills of trying again"));
}

fn child(told: &kill::Child) {
    let stage = Stage::open(&told.dir, Lie::None);
    // The lease of the one that was killed has run out.
    stage.later(Duration::minutes(told.told(AHEAD).parse().unwrap()));
    told.arm(engine::crash::arm);
    let state = stage.apply().state;
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
}

/// After a kill: what the store says happened did happen, and nothing is proven but by proof.
fn nothing_is_claimed_too_early(dir: &Path) {
    let stage = Stage::open(dir, Lie::None);
    let kept = stage.kept();
    assert!(
        kept.effects.values().all(|count| *count == 1),
        "{:?}",
        kept.effects
    );
    let tenant = Tenant::local();
    let (receipts, row, intended) = stage
        .engine
        .store
        .read(|reading| {
            let receipts = reading.receipts(&tenant, &stage.plan.id)?;
            let mut intended = Vec::new();
            for step in &stage.plan.body.steps {
                let intent = reading.intent(&tenant, &stage.plan.id, step.ordinal)?;
                intended.extend(intent.map(|_| step.kind.as_str()));
            }
            let row = reading.revocation(&tenant, &stage.plan.id)?;
            Ok((receipts, row, intended))
        })
        .unwrap();
    // Whatever happened to the world was written down before it did.
    for effect in kept.effects.keys() {
        assert!(
            intended.contains(&effect.as_str()),
            "{effect}: {intended:?}"
        );
    }
    for receipt in receipts.iter().filter(|one| one.kind != StepKind::Control) {
        assert!(
            kept.effects.contains_key(receipt.kind.as_str()),
            "{receipt:?}"
        );
    }
    if let Some(row) = row {
        let rank = lifecycle::rank(&row.state);
        assert!(rank < Some(1) || kept.cut, "{:?}", row.state);
        assert!(rank < Some(2) || kept.sessions == 0, "{:?}", row.state);
        assert!(rank < Some(3) || !kept.present, "{:?}", row.state);
    }
}

/// At the end: proven, each act once, each step received, the log without a break.
fn whole(dir: &Path) {
    let stage = Stage::open(dir, Lie::None);
    let once = ["cut", "end_sessions", "remove"].map(|one| (one.to_owned(), 1));
    assert_eq!(stage.kept().effects, BTreeMap::from(once));
    let tenant = Tenant::local();
    let (row, receipts, probes) = stage
        .engine
        .store
        .read(|reading| {
            Ok((
                reading.revocation(&tenant, &stage.plan.id)?.unwrap(),
                reading.receipts(&tenant, &stage.plan.id)?,
                reading.probes(&tenant, &stage.plan.id)?,
            ))
        })
        .unwrap();
    assert!(matches!(row.state, State::Proven { .. }));
    for kind in [
        StepKind::Control,
        StepKind::Cut,
        StepKind::EndSessions,
        StepKind::Remove,
    ] {
        let settled = receipts
            .iter()
            .filter(|one| one.kind == kind && !matches!(one.outcome, Outcome::Failed { .. }))
            .count();
        assert_eq!(settled, 1, "{kind:?}: {receipts:?}");
    }
    let leaves = stage.leaves();
    let of = |kind| leaves.iter().filter(move |leaf| leaf.kind() == kind);
    assert_eq!(of(LeafKind::Receipt).count(), receipts.len());
    assert_eq!(of(LeafKind::Probe).count(), probes.len());
    assert_eq!(of(LeafKind::Proof).count(), 1);
    // However often it was killed, sessions were found once and none is left; that they were
    // ended is acknowledged, unless the answer went down with a process.
    let proof: model::Proof =
        serde_json::from_value(of(LeafKind::Proof).next().unwrap().body().clone()).unwrap();
    let sessions = proof.sessions;
    assert_eq!((sessions.found, sessions.left), (Some(2), Some(0)));
    assert!(
        sessions.ended.is_none_or(|ended| ended == 2),
        "{sessions:?}"
    );
    let mut stands: Option<&Value> = None;
    for leaf in of(LeafKind::Transition) {
        if let Some(stands) = stands {
            assert_eq!(
                leaf.body().get("from"),
                Some(stands),
                "a transition is missing"
            );
        }
        stands = leaf.body().get("to");
    }
    assert_eq!(
        stands.and_then(|state| state.get("state")),
        Some(&Value::from("proven"))
    );
}
