//! What is written down as a plan is carried out: each time with its leaf of evidence, in one
//! transaction that the lease's token guards.

use evidence::{Leaf, LeafKind};
use lifecycle::{Event, Record};
use model::{Outcome, Path, Plan, Probe, Probed, Proof, Receipt, State, Step, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use store::{Durability, RevocationRow, Writing};

use super::{Advance, Execution};
use crate::{Engine, Error, Ledger, crash};

/// Probes that go into the leaf of a proof; each is a leaf of its own besides.
const PROOF_PROBES_MAX: usize = 120;
/// In the body of a row: when it was last opened again.
const REOPENED: &str = "reopened";
/// In the body of a row: live sessions found, left and known.
const SESSIONS: &str = "sessions";
/// Receipts that go into it.
const PROOF_RECEIPTS_MAX: usize = 60;

#[derive(Serialize)]
pub(super) struct Transition<'a> {
    pub(super) plan: &'a str,
    pub(super) from: &'a State,
    pub(super) to: &'a State,
}

impl Engine {
    /// The row of a plan and all that is known of it; a new row where it was never applied.
    pub(super) fn load(&self, plan: &Plan, bearer: bool) -> Result<(RevocationRow, Record), Error> {
        let (row, receipts, probes) = self.store.read(|reading| {
            Ok((
                reading.revocation(&self.tenant, &plan.id)?,
                reading.receipts(&self.tenant, &plan.id)?,
                reading.probes(&self.tenant, &plan.id)?,
            ))
        })?;
        let now = self.now();
        let row = row.unwrap_or_else(|| RevocationRow {
            plan: plan.id.clone(),
            subject: plan.body.subject.entity.clone(),
            state: State::Requested,
            step: 0,
            next_at: Some(now),
            updated: now,
            body: json!({}),
        });
        let (sessions_found, sessions_left, sessions_known) = sessions(&row);
        let mut record = Record {
            receipts,
            probes,
            bearer,
            sessions_found,
            sessions_left,
            sessions_known,
            ..Record::default()
        };
        if record.cut_at().is_some() {
            // Minted in the memory of a process that is no more, and not to be minted again.
            record.lost.push(Path::MintedSession);
        }
        Ok((row, record))
    }
}

impl Execution<'_> {
    /// When the row was last opened again.
    pub(super) fn reopened(&self) -> Option<Timestamp> {
        let told = self.row.body.get(REOPENED)?.clone();
        serde_json::from_value(told).ok()
    }

    /// Makes the row durable before anything is done (S-6).
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        if self.row.step > 0 {
            return Ok(());
        }
        self.row.step = 1;
        let to = self.row.state.clone();
        self.write_state(&State::Requested, &to)?;
        crash::point("requested");
        Ok(())
    }

    /// One change of state.
    pub(super) fn go(&mut self, event: Event) -> Result<(), Error> {
        let failed = matches!(event, Event::Failed { .. });
        let now = self.engine.now();
        let from = self.row.state.clone();
        let to = lifecycle::next(&from, event, now).map_err(|e| Error::Unfit(e.to_string()))?;
        if !failed && lifecycle::rank(&to) > lifecycle::rank(&from) {
            self.tries = 0;
        }
        self.row.next_at = match &to {
            State::Failed { next, .. } => Some(*next),
            State::Residual { until, .. } => *until,
            State::Proven { .. } | State::Unverifiable { .. } | State::Attested { .. } => None,
            _ => Some(now),
        };
        self.write_state(&from, &to)?;
        crash::point("state");
        (self.told)(Advance::State(&self.row.state));
        Ok(())
    }

    fn write_state(&mut self, from: &State, to: &State) -> Result<(), Error> {
        let now = self.engine.now();
        let plan = self.plan.id.as_str().to_owned();
        let leaf = self.leaf(
            LeafKind::Transition,
            now,
            &Transition {
                plan: &plan,
                from,
                to,
            },
        )?;
        let mut leaves = vec![leaf];
        if lifecycle::rank(to).is_none() {
            // The judgement stands in the log from the moment it is one.
            leaves.push(self.leaf(LeafKind::Proof, now, &shortened(&self.proof(to)))?);
        }
        let mut row = self.row.clone();
        row.state = to.clone();
        row.updated = now;
        let reopened = match (from, to) {
            (State::Requested, State::Requested) => None,
            (_, State::Requested) => Some(now),
            _ => self.reopened(),
        };
        row.body = json!({
            "tries": self.tries,
            REOPENED: reopened,
            SESSIONS: counted(&self.record),
        });
        self.write(leaves, |writing, tenant| {
            writing.put_revocation(tenant, &row)
        })?;
        self.row = row;
        Ok(())
    }

    /// The word that a step is about to be carried out. If it cannot be written the step is not.
    pub(super) fn intend(&mut self, step: &Step) -> Result<(), Error> {
        crash::point("before intent");
        let now = self.engine.now();
        let token = self.lease.lease().token;
        let body = json!({ "plan": self.plan.id.as_str(), "step": step, "token": token });
        let leaf = self.leaf(LeafKind::Intent, now, &body)?;
        let plan = self.plan.id.clone();
        let ordinal = step.ordinal;
        let mut row = self.row.clone();
        row.step = ordinal;
        row.updated = now;
        keep_sessions(&mut row, &self.record);
        self.write(vec![leaf], |writing, tenant| {
            writing.put_intent(tenant, &plan, ordinal, now, token)?;
            writing.put_revocation(tenant, &row)
        })?;
        self.row = row;
        crash::point("after intent");
        Ok(())
    }

    /// What one step came to.
    pub(super) fn receive(&mut self, step: &Step, outcome: Outcome) -> Result<(), Error> {
        crash::point("before receipt");
        let receipt = Receipt {
            plan: self.plan.id.clone(),
            step: step.ordinal,
            kind: step.kind,
            at: self.engine.now(),
            outcome,
            token: self.lease.lease().token,
        };
        let leaf = self.leaf(LeafKind::Receipt, receipt.at, &receipt)?;
        self.write(vec![leaf], |writing, tenant| {
            writing.put_receipt(tenant, &receipt)
        })?;
        crash::point("after receipt");
        (self.told)(Advance::Receipt(&receipt));
        self.record.receipts.push(receipt);
        Ok(())
    }

    /// One answered probe.
    pub(super) fn keep(&mut self, path: Path, probed: Probed) -> Result<(), Error> {
        crash::point("before probe is kept");
        let probe = Probe {
            path,
            at: self.engine.now(),
            probed,
        };
        let body = json!({ "plan": self.plan.id.as_str(), "probe": &probe });
        let leaf = self.leaf(LeafKind::Probe, probe.at, &body)?;
        let plan = self.plan.id.clone();
        let ordinal = u32::try_from(self.record.probes.len()).unwrap_or(u32::MAX);
        self.write(vec![leaf], |writing, tenant| {
            writing.put_probe(tenant, &plan, ordinal.saturating_add(1), &probe)
        })?;
        crash::point("after probe is kept");
        (self.told)(Advance::Probe(&probe));
        self.record.probes.push(probe);
        Ok(())
    }

    /// The proof as it stands.
    pub(super) fn proof(&self, state: &State) -> Proof {
        let (paths, label) = (self.paths(), self.provider.label());
        lifecycle::assemble(&self.plan, paths, &self.record, state, &label)
    }

    /// A leaf that makes nothing else true.
    pub(super) fn write_leaf(&self, kind: LeafKind, body: &impl Serialize) -> Result<(), Error> {
        let leaf = self.leaf(kind, self.engine.now(), body)?;
        self.write(vec![leaf], |_, _| Ok(()))
    }

    fn leaf(&self, kind: LeafKind, at: Timestamp, body: &impl Serialize) -> Result<Leaf, Error> {
        let subject = self.plan.body.subject.entity.as_str();
        Ledger::leaf(kind, at, &self.engine.actor, subject, body)
    }

    fn write(
        &self,
        leaves: Vec<Leaf>,
        rows: impl FnOnce(&mut Writing<'_>, &model::Tenant) -> Result<(), store::Error>,
    ) -> Result<(), Error> {
        let engine = self.engine;
        engine.store.write(Durability::Full, |writing| {
            writing.fence(&engine.tenant, self.lease.lease())?;
            engine.ledger.record(writing, &leaves)?;
            rows(writing, &engine.tenant)?;
            Ok::<_, Error>(())
        })
    }
}

/// Live sessions found, left and known, as the row keeps them.
fn sessions(row: &RevocationRow) -> (Option<u32>, Option<u32>, u32) {
    let kept = row.body.get(SESSIONS).cloned().unwrap_or_default();
    serde_json::from_value(kept).unwrap_or_default()
}

fn counted(record: &Record) -> Value {
    json!([
        record.sessions_found,
        record.sessions_left,
        record.sessions_known
    ])
}

/// Puts them into the body of `row`, beside whatever else it keeps.
pub(super) fn keep_sessions(row: &mut RevocationRow, record: &Record) {
    if let Some(body) = row.body.as_object_mut() {
        body.insert(SESSIONS.to_owned(), counted(record));
    }
}

/// A proof that fits a leaf: the first and the last of what is many.
pub(super) fn shortened(proof: &Proof) -> Proof {
    let mut short = proof.clone();
    middle_out(&mut short.probes, PROOF_PROBES_MAX);
    middle_out(&mut short.receipts, PROOF_RECEIPTS_MAX);
    short
}

fn middle_out<T>(items: &mut Vec<T>, max: usize) {
    if items.len() > max {
        let tail = items.split_off(items.len() - max * 3 / 4);
        items.truncate(max / 4);
        items.extend(tail);
    }
}
