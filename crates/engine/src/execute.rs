//! Carries plans out: durably, so that a crash at any point loses nothing and does nothing twice.
//!
//! One [`apply`](crate::Engine::apply) holds the subject's lease. Before an act its intent is
//! written, after it the receipt; before each step the provider is asked how things stand, so a
//! step that was done before a crash is found done. Every change of state is one transaction
//! with its leaf of evidence: where the log cannot be written nothing is done.
//!
//! **Invariant:** nothing is acknowledged that is not durable, nothing done that is not
//! recorded. Held by `killed_at_any_point_a_revocation_loses_nothing_and_does_nothing_twice`.
//!
//! **Invariant:** a revocation that failed stays in the queue of residuals. Held by
//! `a_target_that_is_down_is_tried_again_and_never_dropped`.

mod by_hand;
mod journal;
mod probing;
mod queue;
mod steps;
mod verify;
mod world;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lifecycle::{Event, Record};
use model::{
    Duration, EntityId, Kind, Path, Plan, PlanId, Probe, Proof, Receipt, SightingKey, State, Step,
    StepKind, Subject, Timestamp,
};
use store::{RevocationFilter, RevocationRow};

use crate::held::Held;
use crate::ports::Bearer;
use crate::{Engine, Error, crash};

pub use queue::{Crowd, Tried};
pub use verify::Verified;
pub use world::{Live, Provider, World};

/// Revocations that are fetched at once where all of them are looked through.
pub(crate) const ROWS: usize = 1_000;

/// How far carrying out a plan is, for whoever waits.
#[derive(Clone, Copy, Debug)]
pub enum Advance<'a> {
    /// This step is under way.
    Step(&'a Step),
    /// It came to this.
    Receipt(&'a Receipt),
    /// One probe was answered.
    Probe(&'a Probe),
    /// It stands here now.
    State(&'a State),
    /// Nothing is done until then, because …
    Waiting(Timestamp, &'a str),
}

/// Where a plan stands when the command that applied it returns.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Where it stands.
    pub state: State,
    /// What is proven and what is not; `None` while nothing was done yet.
    pub proof: Option<Proof>,
}

/// Why a step did not get through.
enum Halt {
    /// The world refused or broke: tried again, for ever.
    World(String),
    /// We cannot go on: the store, the log, the lease.
    Ours(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<connectors::Error> for Halt {
    fn from(error: connectors::Error) -> Self {
        Self::World(model::shorten(&model::clean(&error.to_string()), 800))
    }
}

/// One plan being carried out.
struct Execution<'a> {
    engine: &'a Engine,
    world: &'a dyn World,
    provider: Box<dyn Provider + 'a>,
    lease: Held,
    plan: Plan,
    row: RevocationRow,
    record: Record,
    /// Failures in a row.
    tries: u32,
    /// This process opened what the paths beside a new login need.
    held: bool,
    /// Somebody asks for a try now, whatever the pause says.
    asked: bool,
    /// After this nothing new is begun.
    deadline: Timestamp,
    told: &'a mut dyn FnMut(Advance<'_>),
}

impl Engine {
    /// Carries out the plan `id`, or goes on where it was left, for at most `patience`; what then
    /// is not proven stays in the queue with the time of its next try.
    ///
    /// # Errors
    /// There is no such plan, another process is at it, or store, log or barrier gave out. What
    /// the provider refuses is no error: it is where the revocation stands.
    pub fn apply(
        &self,
        id: &PlanId,
        patience: Duration,
        stop: &Arc<AtomicBool>,
        told: &mut dyn FnMut(Advance<'_>),
    ) -> Result<Applied, Error> {
        let world = Live::new(self, stop);
        self.apply_to(&world, id, patience, told)
    }

    /// [`Self::apply`] on a world of the caller's.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn apply_to(
        &self,
        world: &dyn World,
        id: &PlanId,
        patience: Duration,
        told: &mut dyn FnMut(Advance<'_>),
    ) -> Result<Applied, Error> {
        let plan = self.plan(id)?;
        let lease = self.alone_at(&plan.body.subject)?;
        let bearer = self.bearer(world, &plan);
        let has_bearer = bearer.is_some();
        let provider = world.provider(&plan.body.subject, bearer)?;
        let (row, record) = self.load(&plan, has_bearer)?;
        let deadline = self.now() + patience;
        let tries = row.body.get("tries").and_then(serde_json::Value::as_u64);
        Execution {
            engine: self,
            world,
            provider,
            lease,
            plan,
            row,
            record,
            tries: tries.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            held: false,
            asked: true,
            deadline,
            told,
        }
        .run()
    }

    /// Revocations to be worked off: under way, residual, unverifiable, failed.
    ///
    /// # Errors
    /// The store gave out.
    pub fn residuals(&self, limit: usize) -> Result<Vec<RevocationRow>, Error> {
        Ok(self
            .store
            .read(|reading| reading.revocations(&self.tenant, RevocationFilter::Open, limit))?)
    }

    /// Nobody else acts on what the system calls so, whatever ids the roll gave it since.
    fn alone_at(&self, subject: &Subject) -> Result<Held, Error> {
        let native = SightingKey {
            source: subject.source.clone(),
            kind: Kind::Credential,
            native: subject.native.clone(),
        };
        Held::acquire(self, &format!("revoke {}", EntityId::of(&native)))
    }

    /// The secret of the subject, at hand for as long as the execution lasts.
    fn bearer(&self, world: &dyn World, plan: &Plan) -> Option<Bearer> {
        let subject = &plan.body.subject;
        let user = subject.handle.get("user")?.clone();
        let secret = world.secret(subject)?;
        Some(Bearer { user, secret })
    }
}

impl Execution<'_> {
    fn run(mut self) -> Result<Applied, Error> {
        self.begin()?;
        if self.row.body.get(by_hand::FORCED).is_some() {
            // Given up by a person, taken up again by a person: what is done is found done.
            self.go(Event::Reopened)?;
        } else if self.can_probe()
            && matches!(
                self.row.state,
                State::Unverifiable { .. } | State::Attested { .. }
            )
        {
            // What had to be given up for want of the secret can be tried again.
            self.go(Event::ProbeAgain)?;
        }
        loop {
            if let State::Failed { next, why, .. } = &self.row.state {
                let (next, why) = (*next, why.clone());
                // Whoever applies a plan asks for a try now; after that the pauses hold.
                if !std::mem::take(&mut self.asked) {
                    if next > self.deadline {
                        return Ok(self.end());
                    }
                    (self.told)(Advance::Waiting(next, &why));
                    self.world.wait(next.since(self.engine.now()));
                }
                self.go(Event::Retried)?;
            }
            self.asked = false;
            if let State::Residual {
                until: Some(until), ..
            } = &self.row.state
                && *until <= self.engine.now()
            {
                self.go(Event::ProbeAgain)?;
            }
            let halted = match &self.row.state {
                State::Requested => self.cut(),
                State::AuthnCut => self.end_sessions(),
                State::SessionsEnded => self.remove(),
                State::ProviderAcked => self.go(Event::ProbingBegan).map_err(Halt::Ours),
                State::Probing => match self.prove() {
                    Ok(true) => return Ok(self.end()),
                    Ok(false) => Ok(()),
                    Err(halt) => Err(halt),
                },
                State::Failed { .. } => Ok(()),
                State::Proven { .. }
                | State::Residual { .. }
                | State::Unverifiable { .. }
                | State::Attested { .. } => return Ok(self.end()),
            };
            match halted {
                Ok(()) => {}
                Err(Halt::World(why)) => self.fail(why)?,
                Err(Halt::Ours(error)) => return Err(error),
            }
        }
    }

    /// Where it stands, with what is proven so far.
    fn end(self) -> Applied {
        let begun = !self.record.receipts.is_empty();
        Applied {
            state: self.row.state.clone(),
            proof: begun.then(|| self.proof(&self.row.state)),
        }
    }

    fn paths(&self) -> &'static [Path] {
        self.provider.declares().paths
    }

    fn step(&self, kind: StepKind) -> Option<Step> {
        self.plan
            .body
            .steps
            .iter()
            .find(|step| step.kind == kind)
            .cloned()
    }

    fn fail(&mut self, why: String) -> Result<(), Error> {
        self.tries = self.tries.saturating_add(1);
        let seed = self.plan.id.as_str().bytes().fold(0u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let pause = lifecycle::pause(self.tries, seed);
        let tries = self.tries;
        self.go(Event::Failed { why, tries, pause })?;
        crash::point("failed");
        Ok(())
    }
}
