//! Tries again whether what was revoked is dead, and opens the row again if it is not (RP-6).

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use evidence::LeafKind;
use lifecycle::Event;
use model::{EntityId, PlanId, Probe, Probed, State};
use serde_json::json;

use super::world::Live;
use super::{Execution, Halt, World};
use crate::{Engine, Error, crash};

/// What trying again came to.
#[derive(Clone, Debug)]
pub struct Verified {
    /// By which plan it was revoked.
    pub plan: PlanId,
    /// Where the revocation stands now.
    pub state: State,
    /// What the world answered just now.
    pub probes: Vec<Probe>,
    /// Whether the secret was at hand to try with; if not, only the provider was asked.
    pub replayed: bool,
    /// What the provider says: refused or absent, without sessions. `None` if it did not answer.
    pub read_back: Option<bool>,
    /// Whether the row was opened again.
    pub reopened: bool,
}

impl Engine {
    /// Probes the latest revocation of `id` on every path, now. What is let in opens it again.
    /// That it is tried is in the log before it is, and what came of it after.
    ///
    /// # Errors
    /// It was never revoked, somebody else is at it, or store or log gave out.
    pub fn verify_revoked(&self, id: &EntityId, stop: &Arc<AtomicBool>) -> Result<Verified, Error> {
        let world = Live::new(self, stop);
        self.verify_revoked_in(&world, id)
    }

    /// [`Self::verify_revoked`] in a world of the caller's.
    ///
    /// # Errors
    /// As [`Self::verify_revoked`].
    pub fn verify_revoked_in(&self, world: &dyn World, id: &EntityId) -> Result<Verified, Error> {
        let rows = self.store.read(|reading| {
            let now = reading.entity_row(&self.tenant, id)?;
            let id = now.map_or_else(|| id.clone(), |row| row.id);
            reading.revocations_of(&self.tenant, &id)
        })?;
        let row = rows.into_iter().next().ok_or_else(|| {
            Error::Unfit(format!(
                "`{id}` was never revoked; `keyroll plan revoke {id}` plans it"
            ))
        })?;
        self.verify_plan_in(world, &row.plan)
    }

    /// Probes the revocation by one plan on every path, now.
    pub(super) fn verify_plan_in(
        &self,
        world: &dyn World,
        plan: &PlanId,
    ) -> Result<Verified, Error> {
        let plan = self.plan(plan)?;
        let lease = self.alone_at(&plan.body.subject)?;
        let bearer = self.bearer(world, &plan);
        let (row, record) = self.load(&plan, bearer.is_some())?;
        let provider = world.provider(&plan.body.subject, bearer)?;
        let before = record.probes.len();
        let mut silent = |_: super::Advance<'_>| {};
        let mut execution = Execution {
            engine: self,
            world,
            provider,
            lease,
            plan,
            row,
            record,
            tries: 0,
            held: false,
            asked: false,
            deadline: self.now(),
            told: &mut silent,
        };
        let reopened = execution.try_again()?;
        Ok(Verified {
            plan: execution.plan.id.clone(),
            state: execution.row.state.clone(),
            probes: execution.record.probes.split_off(before),
            replayed: execution.record.bearer,
            read_back: execution.record.read_back,
            reopened,
        })
    }
}

impl Execution<'_> {
    /// One probe on each path and one look at the provider; true if the row was opened again.
    fn try_again(&mut self) -> Result<bool, Error> {
        self.intend_trying()?;
        let before = self.record.probes.len();
        let mut alive = false;
        if self.record.bearer {
            for path in self.paths() {
                match self.probe_and_keep(*path) {
                    Ok(Probed::Accepted { .. }) => alive = true,
                    Ok(_) | Err(Halt::World(_)) => {}
                    Err(Halt::Ours(error)) => return Err(error),
                }
            }
        }
        // A provider that does not answer leaves `read_back` open and changes nothing.
        if let Ok(standing) = self.provider.standing(&self.plan.body.subject) {
            let dead = self.is_dead(&standing);
            self.record.read_back = Some(dead);
            self.record.show_sessions(standing.sessions);
            alive |= !dead;
        }
        self.tell_tried(before, alive)?;
        let settled = self.row.state.is_settled();
        if alive && settled {
            self.go(Event::Reopened)?;
        }
        Ok(alive && settled)
    }

    /// The word that somebody is about to log in with what was revoked.
    fn intend_trying(&self) -> Result<(), Error> {
        crash::point("before trying");
        let paths = if self.record.bearer {
            self.paths()
        } else {
            &[]
        };
        let body = json!({
            "plan": self.plan.id.as_str(),
            "verify": { "paths": paths, "read_back": true },
            "token": self.lease.lease().token,
        });
        self.write_leaf(LeafKind::Intent, &body)?;
        crash::point("after trying was told");
        Ok(())
    }

    /// What it came to; each probe is a leaf of its own besides.
    fn tell_tried(&self, before: usize, alive: bool) -> Result<(), Error> {
        crash::point("tried");
        let probes = self.record.probes.get(before..).unwrap_or_default();
        let denied = |probe: &&Probe| matches!(probe.probed, Probed::Denied { .. });
        let body = json!({
            "plan": self.plan.id.as_str(),
            "verified": {
                "probes": probes.len(),
                "denied": probes.iter().filter(denied).count(),
                "read_back": self.record.read_back,
                "alive": alive,
            },
        });
        self.write_leaf(LeafKind::Receipt, &body)?;
        crash::point("after tried was told");
        Ok(())
    }
}
