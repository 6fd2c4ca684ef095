//! Kills at seeded points while a real role is revoked: the test starts itself as a child.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use engine::{Bearer, Engine, Live, Provider, World};
use model::{Duration, Outcome, Plan, PlanId, Secret, State, StepKind, Subject, Tenant};
use testkit::kill;

use crate::ground::{Ground, engine_at, quoted};

const ME: &str = "crash::killed_at_any_point_a_role_dies_once_and_is_proven";
const AHEAD: &str = "KEYROLL_CRASH_AHEAD";
const PLAN: &str = "KEYROLL_CRASH_PLAN";
/// About as many points as one revocation has.
const POINTS: u32 = 66;

/// 10 kills, 100 in the long form; the stub in `lying_providers` takes the many.
#[test]
fn killed_at_any_point_a_role_dies_once_and_is_proven() {
    if let Some(told) = kill::child() {
        return child(&told);
    }
    let Some(ground) = Ground::new() else { return };
    let wanted = testkit::rounds(10, 100);
    let mut kills = 0;
    for n in 0.. {
        if kills >= wanted {
            break;
        }
        let leak = ground.role(&testkit::fresh_name("killed"));
        let held = ground.log_in(&leak, "postgres").unwrap();
        let grant = format!("grant create on schema public to {}", quoted(&leak.role));
        ground.admin.must(&grant);
        held.must(&format!("create table {} ()", testkit::fresh_name("left")));
        let plan = ground.plan(&leak);
        for run in 1.. {
            // Far apart in one revocation, elsewhere in the next; the fourth run may finish.
            let at = if run > 3 {
                0
            } else {
                1 + (run * 23 + n * 7) % POINTS
            };
            let ahead = (run + n * 10).to_string();
            let told = [(AHEAD, ahead.as_str()), (PLAN, plan.id.as_str())];
            if kill::at(at, ME, ground.dir.path(), &told) {
                break;
            }
            kills += 1;
        }
        assert!(!ground.lives(&leak) && held.run("select 1").is_err());
        assert!(ground.log_in(&leak, "postgres").is_err());
        whole(&ground.engine, &plan);
    }
}

fn child(told: &kill::Child) {
    // The lease of the one that was killed has run out.
    let ahead: i64 = told.told(AHEAD).parse().unwrap();
    let ahead = Arc::new(AtomicI64::new(ahead * 60_000_000));
    let engine = engine_at(&told.dir.join("roll.db"), &ahead);
    let stop = Arc::new(AtomicBool::new(false));
    let world = Hurried {
        live: Live::new(&engine, &stop),
        ahead: &ahead,
    };
    told.arm(engine::crash::arm);
    let plan = PlanId(told.told(PLAN));
    let applied = engine.apply_to(&world, &plan, Duration::seconds(60), &mut |_| {});
    let state = applied.unwrap().state;
    assert!(matches!(state, State::Proven { .. }), "{state:?}");
}

struct Hurried<'e> {
    live: Live<'e>,
    ahead: &'e AtomicI64,
}

impl World for Hurried<'_> {
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
        self.ahead.fetch_add(pause.0.max(0), Ordering::SeqCst);
    }
}

/// Each step was received once, whoever did it.
fn whole(engine: &Engine, plan: &Plan) {
    let receipts = engine
        .store
        .read(|reading| reading.receipts(&Tenant::local(), &plan.id))
        .unwrap();
    for kind in [
        StepKind::Control,
        StepKind::Cut,
        StepKind::EndSessions,
        StepKind::Remove,
    ] {
        let settled = receipts
            .iter()
            .filter(|one| one.kind == kind && !matches!(one.outcome, Outcome::Failed { .. }));
        assert_eq!(settled.count(), 1, "{kind:?}: {receipts:?}");
    }
}
