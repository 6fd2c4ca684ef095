//! What a monitoring system is told of a roll, as OpenMetrics text (S-10): what is on it, what its
//! sources could not read, and how far revocations are. Only `proven` is green.

use std::sync::atomic::AtomicU64;

use model::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use store::{Filter, RevocationFilter, RevocationRow};

use crate::execute::ROWS;
use crate::{Engine, Error};

/// Passes looked through for the last of each source.
const PASSES_MAX: usize = 10_000;

/// Bounds of times from a cut to the first denial, in seconds.
const DENIED: [f64; 9] = [0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 3_600.0];
/// Bounds of times from the first step to the proof, in seconds.
const PROVEN: [f64; 9] = [
    1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0,
];

/// The words of [`model::State`]: each is told, also where there is none.
const STATES: [&str; 10] = [
    "requested",
    "authn_cut",
    "sessions_ended",
    "provider_acked",
    "probing",
    "proven",
    "residual",
    "unverifiable",
    "attested",
    "failed",
];

/// One label of a metric.
type Label = Vec<(&'static str, String)>;
type Real = Gauge<f64, AtomicU64>;

impl Engine {
    /// The metrics of this roll, as OpenMetrics text, `# EOF` at its end.
    ///
    /// # Errors
    /// The store gave out.
    pub fn metrics(&self) -> Result<String, Error> {
        let mut registry = Registry::with_prefix("keyroll");
        self.tell_roll(&mut registry)?;
        self.tell_sources(&mut registry)?;
        self.tell_revocations(&mut registry)?;
        let mut text = String::new();
        encode(&mut text, &registry).map_err(|error| Error::Unfit(error.to_string()))?;
        Ok(text)
    }

    fn tell_roll(&self, registry: &mut Registry) -> Result<(), Error> {
        let things = Family::<Label, Gauge>::default();
        let unowned = Gauge::<i64>::default();
        let listed = Filter {
            listed: Some(true),
            missing: Some(false),
            owned: Some(false),
            ..Filter::default()
        };
        let (facets, count) = self.store.read(|reading| {
            let there = Filter {
                missing: Some(false),
                ..Filter::default()
            };
            Ok((
                reading.facets(&self.tenant, &there)?,
                reading.count(&self.tenant, &listed)?,
            ))
        })?;
        for (kind, n) in facets.get("kind").into_iter().flatten() {
            let label = vec![("kind", kind.clone())];
            things.get_or_create(&label).set(whole(*n));
        }
        unowned.set(whole(count));
        registry.register("things", "What is on the roll and not missing", things);
        registry.register(
            "unowned",
            "Identities and loose credentials without a confirmed owner",
            unowned,
        );
        Ok(())
    }

    fn tell_sources(&self, registry: &mut Registry) -> Result<(), Error> {
        let gaps = Family::<Label, Gauge>::default();
        let read = Family::<Label, Real>::default();
        let (passes, open) = self.store.read(|reading| {
            Ok((
                reading.passes(&self.tenant, None, PASSES_MAX)?,
                reading.gaps(&self.tenant, None)?,
            ))
        })?;
        for pass in passes.iter().rev() {
            let Some(finished) = pass.finished else {
                continue;
            };
            let label = vec![("source", pass.source.as_str().to_owned())];
            gaps.get_or_create(&label).set(0);
            read.get_or_create(&label).set(seconds(finished.0));
        }
        for gap in &open {
            let label = vec![("source", gap.source.as_str().to_owned())];
            gaps.get_or_create(&label).inc();
        }
        registry.register("gaps", "Parts of a source that could not be read", gaps);
        registry.register_with_unit(
            "source_last_read_timestamp",
            "When the last pass over a source ended",
            Unit::Seconds,
            read,
        );
        Ok(())
    }

    fn tell_revocations(&self, registry: &mut Registry) -> Result<(), Error> {
        let by_state = Family::<Label, Gauge>::default();
        let (due, oldest) = (Gauge::<i64>::default(), Real::default());
        let denied = Histogram::new(DENIED);
        let lag = Histogram::new(PROVEN);
        for state in STATES {
            by_state
                .get_or_create(&vec![("state", state.to_owned())])
                .set(0);
        }
        let now = self.now();
        let mut rows = Vec::new();
        self.store.read(|reading| {
            let mut each = |row| rows.push(row);
            reading.each_revocation(&self.tenant, RevocationFilter::All, ROWS, &mut each)
        })?;
        let mut waiting = 0.0_f64;
        for row in &rows {
            let state = row.state.as_str();
            by_state
                .get_or_create(&vec![("state", state.to_owned())])
                .inc();
            if row.next_at.is_some_and(|at| at <= now) {
                due.inc();
            }
            let times = self.times(row)?;
            times
                .denied
                .into_iter()
                .for_each(|took| denied.observe(took));
            match (&row.state, times.began) {
                (model::State::Proven { at, .. }, Some(began)) => {
                    lag.observe(seconds(at.since(began).0));
                }
                (model::State::Proven { .. }, None) => {}
                (_, began) => {
                    let since = began.unwrap_or(row.updated);
                    waiting = waiting.max(seconds(now.since(since).0));
                }
            }
        }
        oldest.set(waiting);
        registry.register(
            "revocations",
            "Revocations by state; nothing but `proven` is done",
            by_state,
        );
        registry.register("revocations_due", "Revocations that wait to go on", due);
        registry.register_with_unit(
            "revocation_oldest_open",
            "For how long the oldest revocation that is not proven has been open",
            Unit::Seconds,
            oldest,
        );
        registry.register_with_unit(
            "revocation_time_to_denied",
            "From the cut to the first denial of a new login",
            Unit::Seconds,
            denied,
        );
        registry.register_with_unit(
            "revocation_lag",
            "From the first step to the proof",
            Unit::Seconds,
            lag,
        );
        Ok(())
    }

    /// What the record of one revocation tells of times.
    fn times(&self, row: &RevocationRow) -> Result<Times, Error> {
        let plan = self.plan(&row.plan)?;
        let (receipts, probes) = self.store.read(|reading| {
            Ok((
                reading.receipts(&self.tenant, &row.plan)?,
                reading.probes(&self.tenant, &row.plan)?,
            ))
        })?;
        let record = lifecycle::Record {
            receipts,
            probes,
            ..lifecycle::Record::default()
        };
        let began = record.receipts.first().map(|receipt| receipt.at);
        let denied = record.time_to_denied(&plan.body);
        Ok(Times {
            began,
            denied: denied.map(|took| seconds(took.0)),
        })
    }
}

struct Times {
    began: Option<Timestamp>,
    denied: Option<f64>,
}

/// Microseconds as seconds.
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use model::{Duration, Grade, State};

    use super::*;

    #[test]
    fn every_state_is_told_also_where_there_is_none() {
        let (at, why) = (Timestamp(0), String::new);
        let failed = State::Failed {
            why: why(),
            next: at,
            tries: 1,
            from: Box::new(State::Requested),
        };
        let all = [
            State::Requested,
            State::AuthnCut,
            State::SessionsEnded,
            State::ProviderAcked,
            State::Probing,
            State::Proven {
                at,
                denials: 3,
                over: Duration::seconds(5),
            },
            State::Residual {
                why: why(),
                until: None,
            },
            State::Unverifiable {
                why: why(),
                grade: Grade::C,
            },
            State::Attested {
                by: why(),
                why: why(),
                file: None,
            },
            failed,
        ];
        assert_eq!(all.map(|state| state.as_str()), STATES);
    }
}
