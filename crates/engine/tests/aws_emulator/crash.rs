//! Kills at seeded points while a key is revoked at an emulator: the test starts itself as a
//! child that aborts where it is told to.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use engine::{Bearer, Live, Provider, World};
use model::{Duration, Outcome, PlanId, Secret, State, StepKind, Subject, Tenant};
use testkit::kill;

use crate::account::{Account, Roll, engine_at};

const ME: &str =
    "crash::emulator_ministack_killed_at_any_point_a_key_dies_once_and_nothing_is_lost";
const PLAN: &str = "KEYROLL_CRASH_PLAN";
/// About as many points as one revocation has.
const POINTS: u32 = 130;
const READS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sns:ListTopics","Resource":"*"}]}"#;

/// 12 kills, 100 in the long form; the stub in `lying_providers` takes the many.
#[test]
fn emulator_ministack_killed_at_any_point_a_key_dies_once_and_nothing_is_lost() {
    if let Some(told) = kill::child() {
        return child(&told);
    }
    let Some(endpoint) = testkit::ministack() else {
        return;
    };
    let account = Account::at(endpoint);
    let wanted = testkit::rounds(12, 100);
    let (mut kills, mut histories) = (0, 0);
    while kills < wanted {
        let name = testkit::fresh_name("killed");
        let key = account.user(&name, READS);
        let roll = Roll::over(&account);
        let plan = roll.plan(&key);
        for run in 1.. {
            // The acts lie in the first fifth, the probes behind; the fifth run may finish.
            let span = if run % 2 == 1 { POINTS / 5 } else { POINTS };
            let at = if run > 4 {
                0
            } else {
                1 + (run * 29 + histories * 11) % span
            };
            if kill::at(at, ME, roll.dir.path(), &[(PLAN, plan.id.as_str())]) {
                break;
            }
            kills += 1;
            nothing_is_claimed_too_early(&roll, &plan.id, &account.status(&name));
        }
        histories += 1;
        assert_eq!(
            (account.status(&name).as_str(), account.who(&key).status),
            ("", 403)
        );
        whole(&roll, &plan.id);
    }
    testkit::aloud(&format!("{kills} kills in {histories} revocations"));
}

fn child(told: &kill::Child) {
    let dir = &told.dir;
    // Time goes on where the one that was killed left it, once its lease has run out.
    let clock = dir.join("clock");
    let left = std::fs::read_to_string(&clock).map_or(0, |text| text.parse().unwrap());
    let ahead = Arc::new(AtomicI64::new(left + Duration::minutes(1).0));
    let engine = engine_at(dir, &ahead);
    let stop = Arc::new(AtomicBool::new(false));
    let world = Kept {
        live: Live::new(&engine, &stop),
        ahead: &ahead,
        clock,
    };
    world.wait(Duration(0));
    told.arm(engine::crash::arm);
    let plan = PlanId(told.told(PLAN));
    let applied = engine.apply_to(&world, &plan, Duration::minutes(30), &mut |_| {});
    let state = applied.unwrap().state;
    // A session that went down with its process cannot be seen to be refused: it is a residual.
    let minted = |why: &str| why.contains("minted_session could not be watched");
    assert!(
        matches!(&state, State::Proven { .. })
            || matches!(&state, State::Residual { until: Some(_), why } if minted(why)),
        "{state:?}"
    );
}

/// A world whose clock jumps over pauses and survives its process.
struct Kept<'e> {
    live: Live<'e>,
    ahead: &'e AtomicI64,
    clock: PathBuf,
}

impl World for Kept<'_> {
    fn secret(&self, subject: &Subject) -> Option<Secret> {
        self.live.secret(subject)
    }
    fn provider(
        &self,
        subject: &Subject,
        bearer: Option<Bearer>,
    ) -> Result<Box<dyn Provider + '_>, engine::Error> {
        self.live.provider(subject, bearer)
    }
    fn wait(&self, pause: Duration) {
        let pause = pause.0.max(0);
        let now = self.ahead.fetch_add(pause, Ordering::SeqCst) + pause;
        std::fs::write(&self.clock, now.to_string()).unwrap();
    }
}

/// After a kill: what the store says happened did happen.
fn nothing_is_claimed_too_early(roll: &Roll, plan: &PlanId, listed: &str) {
    let (row, receipts) = roll
        .engine
        .store
        .read(|reading| {
            let tenant = Tenant::local();
            Ok((
                reading.revocation(&tenant, plan)?,
                reading.receipts(&tenant, plan)?,
            ))
        })
        .unwrap();
    let received = |kind| {
        let mut of = receipts.iter().filter(|one| one.kind == kind);
        of.any(|one| !matches!(one.outcome, Outcome::Failed { .. }))
    };
    assert!(!received(StepKind::Cut) || listed != "Active");
    assert!(!received(StepKind::Remove) || listed.is_empty());
    let rank = row.as_ref().and_then(|row| lifecycle::rank(&row.state));
    assert!(rank < Some(1) || listed != "Active", "{row:?}");
    assert!(rank < Some(3) || listed.is_empty(), "{row:?}");
    assert!(row.is_none_or(|row| !matches!(row.state, State::Proven { .. })) || listed.is_empty());
}

/// Each step was received once, whoever did it.
fn whole(roll: &Roll, plan: &PlanId) {
    let receipts = roll
        .engine
        .store
        .read(|reading| reading.receipts(&Tenant::local(), plan))
        .unwrap();
    for kind in [
        StepKind::Control,
        StepKind::DenySessions,
        StepKind::Cut,
        StepKind::Remove,
    ] {
        let settled = receipts
            .iter()
            .filter(|one| one.kind == kind && !matches!(one.outcome, Outcome::Failed { .. }));
        assert_eq!(settled.count(), 1, "{kind:?}: {receipts:?}");
    }
}
