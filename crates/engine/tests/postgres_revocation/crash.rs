//! Kills at seeded points while a real role is revoked: the test starts itself as a child.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use engine::{Bearer, Engine, Live, Provider, World};
use model::{Duration, Outcome, Plan, PlanId, Secret, State, StepKind, Subject, Tenant};

use crate::ground::{Ground, engine_at, quoted};

const DIR: &str = "KEYROLL_CRASH_DIR";
const AT: &str = "KEYROLL_CRASH_AT";
const AHEAD: &str = "KEYROLL_CRASH_AHEAD";
const PLAN: &str = "KEYROLL_CRASH_PLAN";
/// About as many points as one revocation has.
const POINTS: usize = 66;

/// 10 kills, 100 in the long form; the stub in `lying_providers` takes the many.
#[test]
fn killed_at_any_point_a_role_dies_once_and_is_proven() {
    if let Some(dir) = std::env::var_os(DIR) {
        return child(&PathBuf::from(dir));
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
            if spawn(ground.dir.path(), &plan, at, run + n * 10) {
                break;
            }
            kills += 1;
        }
        assert!(!ground.lives(&leak) && held.run("select 1").is_err());
        assert!(ground.log_in(&leak, "postgres").is_err());
        whole(&ground.engine, &plan);
    }
}

/// Runs the child; whether it came to its end.
fn spawn(dir: &Path, plan: &Plan, at: usize, ahead: usize) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "crash::killed_at_any_point_a_role_dies_once_and_is_proven",
        ])
        .env(DIR, dir)
        .env(AT, at.to_string())
        .env(AHEAD, ahead.to_string())
        .env(PLAN, plan.id.as_str())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() || output.status.code().is_none(),
        "{told}"
    );
    output.status.success()
}

fn child(dir: &Path) {
    let number = |name| std::env::var(name).unwrap().parse::<u32>().unwrap();
    // The lease of the one that was killed has run out.
    let ahead = Arc::new(AtomicI64::new(i64::from(number(AHEAD)) * 60_000_000));
    let engine = engine_at(&dir.join("roll.db"), &ahead);
    let stop = Arc::new(AtomicBool::new(false));
    let world = Hurried {
        live: Live::new(&engine, &stop),
        ahead: &ahead,
    };
    match number(AT) {
        0 => {}
        at => engine::crash::arm(at),
    }
    let plan = PlanId(std::env::var(PLAN).unwrap());
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
