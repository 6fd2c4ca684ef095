//! A person gives the trying up (revocation.md S-2): the row stays where it is looked at, as
//! unverifiable, with who said so and why.

use std::collections::BTreeMap;

use evidence::LeafKind;
use lifecycle::Event;
use model::{EntityId, PlanId, State};
use serde_json::json;
use store::{Durability, RevocationFilter};

use super::journal::{Transition, shortened};
use crate::decide::text;
use crate::held::Held;
use crate::{Engine, Error, Ledger};

/// In the body of a row: it was given up, wherever it stood.
pub(super) const FORCED: &str = "forced";

/// Revocations looked through for the latest of each subject.
const ROWS_MAX: usize = 100_000;

impl Engine {
    /// Makes a revocation that was begun and is not proven unverifiable. Nothing else changes: it
    /// stays in the queue, is a finding, and can be applied again.
    ///
    /// # Errors
    /// There is no such plan, it was never applied, it is proven, somebody else is at it, or store
    /// or log gave out.
    pub fn force(&self, id: &PlanId, reason: &str) -> Result<State, Error> {
        text("a reason", reason)?;
        let plan = self.plan(id)?;
        let subject = &plan.body.subject.entity;
        let lease = Held::acquire(self, &format!("revoke {subject}"))?;
        let (row, record) = self.load(&plan, false)?;
        if row.step == 0 {
            return Err(Error::Unfit(format!(
                "`{}` was never applied, so there is nothing to give up; `keyroll apply {0}` begins it",
                plan.id
            )));
        }
        let now = self.now();
        let why = format!("{}: {reason}", self.actor);
        let to = lifecycle::next(&row.state, Event::Forced { why }, now)
            .map_err(|error| Error::Unfit(error.to_string()))?;
        let transition = Transition {
            plan: plan.id.as_str(),
            from: &row.state,
            to: &to,
        };
        let proof = lifecycle::assemble(&plan, &[], &record, &to, "not asked");
        let (who, whose) = (&self.actor, subject.as_str());
        let leaves = [
            Ledger::leaf(LeafKind::Transition, now, who, whose, &transition)?,
            Ledger::leaf(LeafKind::Proof, now, who, whose, &shortened(&proof))?,
        ];
        let mut row = row.clone();
        row.state = to.clone();
        row.next_at = None;
        row.body = json!({ FORCED: true });
        row.updated = now;
        self.store.write(Durability::Full, |writing| {
            writing.fence(&self.tenant, lease.lease())?;
            self.ledger.record(writing, &leaves)?;
            writing.put_revocation(&self.tenant, &row)?;
            Ok::<_, Error>(())
        })?;
        Ok(to)
    }

    /// Where the latest revocation of each thing stands.
    pub(crate) fn latest_revocations(&self) -> Result<BTreeMap<EntityId, State>, Error> {
        let mut rows = self
            .store
            .read(|reading| reading.revocations(&self.tenant, RevocationFilter::All, ROWS_MAX))?;
        rows.sort_by_key(|row| row.updated);
        let latest = rows.into_iter().map(|row| (row.subject, row.state));
        Ok(latest.collect())
    }
}
