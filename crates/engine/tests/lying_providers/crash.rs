//! Kills at any point: the test starts itself as a child that aborts where it is told to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use evidence::{Leaf, LeafKind};
use model::{Duration, Outcome, State, StepKind, Tenant};
use serde_json::Value;

use crate::stub::{Lie, Stage};

const DIR: &str = "KEYROLL_CRASH_DIR";
const AT: &str = "KEYROLL_CRASH_AT";
const AHEAD: &str = "KEYROLL_CRASH_AHEAD";
/// About as many points as one revocation has.
const POINTS: u64 = 66;

/// 50 seeded kills, 1,000 in the long form (`KEYROLL_SOAK=1`), on a stub kept in a file.
#[test]
fn killed_at_any_point_a_revocation_loses_nothing_and_does_nothing_twice() {
    if let Some(dir) = std::env::var_os(DIR) {
        return child(&PathBuf::from(dir));
    }
    let wanted = testkit::rounds(50, 1_000);
    let mut chance = 0x6b65_7972_6f6c_6c31;
    let (mut kills, mut histories) = (0, 0);
    while kills < wanted {
        let dir = tempfile::tempdir().unwrap();
        let mut runs = 0;
        loop {
            runs += 1;
            // Up to four kills of one revocation; then it may finish.
            let at = if runs > 4 {
                0
            } else {
                1 + next(&mut chance) % POINTS
            };
            if run(dir.path(), at, runs) {
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

/// Runs the child; whether it came to its end.
fn run(dir: &Path, at: u64, ahead_minutes: u64) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "crash::killed_at_any_point_a_revocation_loses_nothing_and_does_nothing_twice",
        ])
        .env(DIR, dir)
        .env(AT, at.to_string())
        .env(AHEAD, ahead_minutes.to_string())
        .output()
        .unwrap();
    if output.status.success() {
        return true;
    }
    // An abort is what was asked for; anything else is a failure of the child.
    assert_eq!(
        output.status.code(),
        None,
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    false
}

fn child(dir: &Path) {
    let number = |name| std::env::var(name).unwrap().parse::<u32>().unwrap();
    let stage = Stage::open(dir, Lie::None);
    // The lease of the one that was killed has run out.
    stage.later(Duration::minutes(i64::from(number(AHEAD))));
    match number(AT) {
        0 => {}
        at => engine::crash::arm(at),
    }
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
    let (receipts, row) = stage
        .engine
        .store
        .read(|reading| {
            let receipts = reading.receipts(&tenant, &stage.plan.id)?;
            Ok((receipts, reading.revocation(&tenant, &stage.plan.id)?))
        })
        .unwrap();
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
    let (row, receipts, probes, leaves) = stage
        .engine
        .store
        .read(|reading| {
            Ok((
                reading.revocation(&tenant, &stage.plan.id)?.unwrap(),
                reading.receipts(&tenant, &stage.plan.id)?,
                reading.probes(&tenant, &stage.plan.id)?,
                reading.evidence_leaves(&tenant, 0, 100_000)?,
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
    let leaves: Vec<_> = leaves
        .iter()
        .map(|(_, bytes)| Leaf::from_bytes(bytes).unwrap())
        .collect();
    let of = |kind| leaves.iter().filter(move |leaf| leaf.kind() == kind);
    assert_eq!(of(LeafKind::Receipt).count(), receipts.len());
    assert_eq!(of(LeafKind::Probe).count(), probes.len());
    assert_eq!(of(LeafKind::Proof).count(), 1);
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

/// A small generator: the same kills in every run.
fn next(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}
