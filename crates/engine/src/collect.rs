//! One pass over one source: its port, its connector, what came of it on the roll.

use std::collections::BTreeMap;

use connectors::{Connector, Context, Port};
use inventory::PassRead;
use model::{Gap, Reason, Scope, SourceId, Timestamp};
use store::{Durability, PassCounts, PassOutcome};

use crate::fingerprints::KeyedFingerprints;
use crate::held::Held;
use crate::intake::{Intake, Taken};
use crate::journal::{self, Kept};
use crate::secrets::Secrets;
use crate::{Engine, Error, reconcile};

/// One pass that is to be made.
pub struct Pass<'a> {
    /// Who reads.
    pub connector: &'static dyn Connector,
    /// What is read.
    pub source: SourceId,
    /// Which part of it.
    pub scope: Scope,
    /// Whom to ask.
    pub port: &'a mut dyn Port,
    /// The source's options.
    pub options: &'a BTreeMap<String, String>,
}

/// What one pass came to.
#[derive(Clone, Debug)]
pub struct PassReport {
    /// What was read.
    pub source: SourceId,
    /// Which part of it.
    pub scope: Scope,
    /// Its number.
    pub pass: i64,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// How it ended.
    pub outcome: PassOutcome,
    /// What it saw and what that changed.
    pub counts: PassCounts,
    /// What it could not read.
    pub gaps: Vec<Gap>,
    /// What it recognised and set aside, by kind.
    pub set_aside: BTreeMap<String, u64>,
}

/// How far a pass is, for whoever waits.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// So many things seen so far; none: it begins.
    Seen(&'a SourceId, u64),
    /// Everything is seen; it is brought into the roll now. So many of so many are dealt with.
    Reconciling(&'a SourceId, u64, u64),
}

/// How many events go by between two words of progress.
const TELL_EVERY: u64 = 500;

impl Engine {
    /// Makes one pass: asks the connector, and brings what it saw into the roll.
    ///
    /// # Errors
    /// Somebody else is collecting this source, or the store or the disk gave out. What the
    /// source refused is no error: it is a gap in the report.
    pub fn collect(
        &self,
        pass: Pass<'_>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<PassReport, Error> {
        let Pass {
            connector,
            source,
            scope,
            port,
            options,
        } = pass;
        let target = source.target().to_owned();
        let logins = self.logins()?;
        let fingerprints = KeyedFingerprints::new(&self.keys, &logins);
        let secrets = self.rules.at(connector, &target)?;
        let about = journal::about(&scope, options)?;
        let mut open = self.go_on(&source, &scope, &about)?;
        let held = (open.started, open.held.lease());
        let mut kept = Kept::new(self, &source, about, held);
        progress(Progress::Seen(&source, 0));
        let mut told = 0;
        let intake = &mut open.intake;
        let mut sink = |event| {
            intake.take(event);
            if intake.seen() >= told + TELL_EVERY {
                told = intake.seen();
                progress(Progress::Seen(&source, told));
            }
        };
        let mut cx = Context::new(
            port,
            &fingerprints,
            &target,
            options,
            open.started,
            &mut sink,
        )
        .detecting(secrets.as_ref().map(Secrets::detector))
        .with_workers(Some(self.threads.as_ref()))
        .with_journal(Some(&mut kept));
        if connector.discover(&mut cx).is_err() {
            open.intake.gap(Gap::new(
                &scope,
                Reason::Failed,
                "the pass was stopped before its end",
            ));
        }
        if let Some(gap) = secrets.and_then(|secrets| secrets.gap()) {
            open.of_rules = Some(gap.clone());
            open.intake.gap(gap);
        }
        let seen = open.intake.seen();
        progress(Progress::Reconciling(&source, 0, seen));
        self.end(open, &mut |done| {
            progress(Progress::Reconciling(&source, done, seen));
        })
    }

    /// Takes the source's lease and goes on with the pass that was killed, if there is one; else
    /// begins one.
    fn go_on(&self, source: &SourceId, scope: &Scope, about: &str) -> Result<Open, Error> {
        let held = Held::collecting(self, source)?;
        let unfinished = self.unfinished(source, about)?;
        let began = unfinished.map_or_else(|| Began::Now(self.now()), Began::Before);
        self.begin_under(held, source, scope, began)
    }

    /// Takes the source's lease and begins a pass.
    pub(crate) fn begin(
        &self,
        source: &SourceId,
        scope: &Scope,
        started: Timestamp,
    ) -> Result<Open, Error> {
        let held = Held::collecting(self, source)?;
        self.begin_under(held, source, scope, Began::Now(started))
    }

    fn begin_under(
        &self,
        held: Held,
        source: &SourceId,
        scope: &Scope,
        began: Began,
    ) -> Result<Open, Error> {
        let (Began::Now(started) | Began::Before(started)) = began;
        let pass = self.store.write(Durability::Repeatable, |writing| {
            writing.fence(&self.tenant, held.lease())?;
            if matches!(began, Began::Now(_)) {
                // What another pass left that nobody goes on with.
                writing.forget_parts(&self.tenant, source)?;
            }
            Ok::<_, Error>(writing.begin_pass(&self.tenant, source, scope, started)?)
        })?;
        let intake = Intake::new(scope, &std::env::temp_dir(), &self.keys.fingerprint_key);
        Ok(Open {
            source: source.clone(),
            scope: scope.clone(),
            started,
            pass,
            intake,
            of_rules: None,
            held,
        })
    }

    /// Reconciles what came in and ends the pass.
    pub(crate) fn end(&self, open: Open, tell: &mut dyn FnMut(u64)) -> Result<PassReport, Error> {
        let Open {
            source,
            scope,
            started,
            pass,
            intake,
            of_rules,
            held,
        } = open;
        let Taken {
            spool,
            gaps,
            set_aside,
        } = intake.end()?;
        let read = PassRead {
            scope: scope.clone(),
            gaps,
            started,
        };
        let run = reconcile::Run {
            store: &self.store,
            tenant: &self.tenant,
            source: &source,
            pass,
            lease: held.lease(),
            now: self.now(),
        };
        let counts = reconcile::reconcile(&run, spool, &read, tell)?;
        let over_all = |gap: &Gap| gap.scope == scope && of_rules.as_ref() != Some(gap);
        let outcome = match (read.gaps.is_empty(), counts.seen) {
            (true, _) => PassOutcome::Whole,
            (false, 0) if read.gaps.iter().any(over_all) => PassOutcome::Failed,
            (false, _) => PassOutcome::Partial,
        };
        let finished = self.now();
        self.store.write(Durability::Repeatable, |writing| {
            writing.fence(&self.tenant, held.lease())?;
            writing.end_pass(
                &self.tenant,
                &source,
                pass,
                finished,
                &read.gaps,
                counts,
                outcome,
            )?;
            writing.forget_parts(&self.tenant, &source)?;
            Ok::<_, Error>(())
        })?;
        Ok(PassReport {
            source,
            scope,
            pass,
            started,
            finished,
            outcome,
            counts,
            gaps: read.gaps,
            set_aside: set_aside
                .into_iter()
                .map(|(what, count)| (what.to_owned(), count))
                .collect(),
        })
    }
}

/// When a pass began.
#[derive(Clone, Copy)]
enum Began {
    /// Now.
    Now(Timestamp),
    /// When the one did that was killed and that it goes on with.
    Before(Timestamp),
}

/// A pass that has begun.
pub(crate) struct Open {
    source: SourceId,
    scope: Scope,
    started: Timestamp,
    pass: i64,
    /// Takes what the pass brings.
    pub(crate) intake: Intake,
    /// A gap over all of it that is none of the source's: it was read, by our rules alone.
    of_rules: Option<Gap>,
    held: Held,
}

impl Open {
    /// The part that the pass set out to read.
    pub(crate) const fn scope(&self) -> &Scope {
        &self.scope
    }
}
