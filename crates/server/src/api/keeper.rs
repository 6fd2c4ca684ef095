//! Keeps the roll fresh: reads remembered sources again and again, each in its turn.
//!
//! Who reads a source holds its lease, and writes under the lease's token (`engine::held`): of two
//! servers on one store the other finds it taken, and looks at it again later. When a source was
//! read last is in the store, so no server needs to know of another.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use engine::{Engine, Machine, Spec};
use model::{Duration, SourceId, Timestamp};
use store::PassOutcome;
use tell::Source;

use super::plans::Begun;
use super::{Api, Caller, Problem, sources};

/// Sources are looked at so often.
const LOOK: std::time::Duration = std::time::Duration::from_secs(5);
/// A source that failed again and again waits so many times its span at most.
const BACK_OFF_MAX: u32 = 16;

/// How sources are read again.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// A source is read again so long after its last run began; zero: only when somebody asks.
    pub every: Duration,
    /// What this machine has to read them with.
    pub machine: Machine,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            every: Duration::seconds(0),
            machine: Machine::default(),
        }
    }
}

/// What the keeper remembers of the runs it saw.
#[derive(Default)]
pub(crate) struct Keeper {
    /// How often in a row each source could not be read.
    failed: Mutex<BTreeMap<SourceId, u32>>,
    stop: Arc<AtomicBool>,
}

/// When a source is due, after so many failures in a row. What it is called moves it by up to a
/// tenth, so that not all are read at once.
pub(crate) fn due(
    id: &SourceId,
    last: Option<Timestamp>,
    every: Duration,
    failed: u32,
) -> Timestamp {
    let Some(last) = last else {
        return Timestamp::MIN;
    };
    let times = i64::from(2_u32.saturating_pow(failed).min(BACK_OFF_MAX));
    let hash = id
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let thousandths = i64::try_from(hash % 100).unwrap_or(0);
    let jitter = every.0 / 1_000 * thousandths;
    last + Duration(every.0.saturating_mul(times).saturating_add(jitter))
}

impl Keeper {
    /// No run is begun any more, and those under way stop.
    pub(crate) fn end(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Looks again and again whether a source is due, until the server ends; to be called on a
    /// thread of its own.
    pub(crate) fn keep(&self, api: &Api) {
        if api.0.keeping.every <= Duration::seconds(0) {
            return;
        }
        while !self.stop.load(Ordering::SeqCst) {
            // While the store is away nothing can be kept; it is looked for again.
            let all = {
                let engine = api.engine();
                engine
                    .store
                    .read(|reading| tell::sources(reading, &engine.tenant))
            };
            for source in all.iter().flatten() {
                if self.is_due(source, api) {
                    // Taken, or too much at once: it stays due.
                    let _ = api.run(api.engine(), &source.id);
                }
            }
            std::thread::park_timeout(LOOK);
        }
    }

    fn is_due(&self, source: &Source, api: &Api) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = failed.get(&source.id).copied().unwrap_or(0);
        let last = source.latest.as_ref().map(|pass| pass.started);
        source.config.is_some()
            && due(&source.id, last, api.0.keeping.every, failed) <= api.engine().now()
    }

    /// Takes down what came of a run.
    fn saw(&self, id: &SourceId, went_well: bool) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match went_well {
            true => failed.remove(id),
            false => {
                let times = failed.get(id).copied().unwrap_or(0);
                failed.insert(id.clone(), times.saturating_add(1).min(BACK_OFF_MAX))
            }
        };
    }
}

impl Api {
    /// Begins to read a remembered source, on a thread of its own.
    pub(crate) fn run(&self, engine: &Engine, id: &SourceId) -> Result<(), Problem> {
        let (api, engine, id) = (self.clone(), engine.clone(), id.clone());
        self.0
            .busy
            .begin(&format!("reading {}", id.as_str()), move || {
                let specs = [Spec::Known(id.clone())];
                let stop = Arc::clone(&api.0.keeper.stop);
                let scanned = engine.scan(&specs, &api.0.keeping.machine, &stop, &mut |_| {});
                let busy = |error: &engine::Error| matches!(error, engine::Error::Busy { .. });
                let went_well = scanned.is_ok_and(|all| {
                    all.iter().all(|one| match &one.report {
                        Ok(report) => report.outcome != PassOutcome::Failed,
                        // Another server reads it.
                        Err(error) => busy(error),
                    })
                });
                api.0.keeper.saw(&id, went_well);
            })
    }
}

/// Read a source now
///
/// The answer comes at once; the run shows under the runs of the source when it has begun.
#[utoipa::path(post, path = "/v1/sources/{id}/run", tag = "sources", params(("id" = String, description = "Its id")), responses(
    (status = 202, body = Begun),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "No such source is remembered"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "It is being read")
))]
pub(crate) async fn run(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<Begun>), Problem> {
    let held = api.clone();
    let work = move |engine: &Engine| {
        let id = sources::known(engine, &id)?;
        if engine.source(&id).is_err() {
            let what = format!("remembered source `{}`", id.as_str());
            return Err(Problem::missing(
                &what,
                "`keyroll sources add` remembers one",
            ));
        }
        held.run(engine, &id)?;
        let escaped = id.as_str().replace('%', "%25").replace('/', "%2F");
        Ok(Begun {
            look: format!("/v1/sources/{escaped}/runs"),
        })
    };
    let begun = api.asking(&caller, work).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(begun)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_fails_is_left_alone_for_longer_each_time_up_to_a_bound() {
        let id: SourceId = "test:a".parse().unwrap();
        let (last, every) = (Timestamp::from_seconds(1_000_000), Duration::hours(1));
        let after = |failed| due(&id, Some(last), every, failed).since(last);
        assert!(after(0) >= every && after(0) < Duration::minutes(66));
        assert!(after(1) >= Duration::hours(2) && after(3) >= Duration::hours(8));
        assert_eq!(after(4), after(40));
        assert_eq!(due(&id, None, every, 3), Timestamp::MIN);
        let other: SourceId = "test:b".parse().unwrap();
        assert_ne!(
            due(&other, Some(last), every, 0),
            due(&id, Some(last), every, 0)
        );
    }
}
