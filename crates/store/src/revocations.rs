//! Revocations on their way, with intents, receipts and probes. Nothing here is ever deleted.

use model::{EntityId, PlanId, Probe, Receipt, State, Tenant, Timestamp};

use crate::value::{Row, json};
use crate::{Error, Reading, Writing};

/// Where a revocation stands.
#[derive(Clone, Debug, PartialEq)]
pub struct RevocationRow {
    /// By which plan.
    pub plan: PlanId,
    /// Of what, by the id that the roll knows it by now.
    pub subject: EntityId,
    /// How far it is.
    pub state: State,
    /// The step that comes next or is under way, from 1.
    pub step: u32,
    /// When it wants to go on.
    pub next_at: Option<Timestamp>,
    /// When it last went on.
    pub updated: Timestamp,
    /// Whatever else the state machine keeps. No secret.
    pub body: serde_json::Value,
}

/// Which revocations are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationFilter {
    /// All.
    All,
    /// Those to be worked off: under way, residual, unverifiable, failed.
    Open,
    /// Open ones that want to go on at this instant or before.
    Due(Timestamp),
}

impl RevocationFilter {
    /// Whether only open ones are meant, and which want to go on by when.
    fn bounds(self) -> (i64, i64) {
        match self {
            Self::All => (0, i64::MAX),
            Self::Open => (1, i64::MAX),
            Self::Due(now) => (1, now.0),
        }
    }
}

/// The word that a step is about to be carried out, written before it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Of which plan.
    pub plan: PlanId,
    /// Which step.
    pub step: u32,
    /// When.
    pub at: Timestamp,
    /// Under which fencing token.
    pub token: i64,
}

/// What merged with another thing since is found under the id of both.
const REVOCATIONS: &str = "SELECT r.plan, coalesce(a.id, r.subject), r.state_body, r.step,
  r.next_at, r.updated, r.body FROM revocation r
  LEFT JOIN alias a ON a.tenant = r.tenant AND a.old = r.subject WHERE r.tenant = $1";

impl Reading<'_> {
    /// Where the revocation of a plan stands.
    pub fn revocation(
        &mut self,
        tenant: &Tenant,
        plan: &PlanId,
    ) -> Result<Option<RevocationRow>, Error> {
        let sql = format!("{REVOCATIONS} AND r.plan = $2");
        let row = self.row(&sql, &[tenant.into(), plan.into()])?;
        row.map(revocation).transpose()
    }

    /// Revocations, those that want to go on soonest first, then the latest.
    pub fn revocations(
        &mut self,
        tenant: &Tenant,
        filter: RevocationFilter,
        limit: usize,
    ) -> Result<Vec<RevocationRow>, Error> {
        let (only_open, due) = filter.bounds();
        let sql = format!(
            "{REVOCATIONS} AND r.open >= $2 AND ($3 = {max} OR r.next_at <= $3)
             ORDER BY coalesce(r.next_at, {max}), r.updated DESC, r.plan LIMIT $4",
            max = i64::MAX
        );
        let params = [tenant.into(), only_open.into(), due.into(), limit.into()];
        self.rows(&sql, &params)?
            .into_iter()
            .map(revocation)
            .collect()
    }

    /// Hands on every revocation that `filter` means, however many there are, in the order of
    /// their plans' ids; so many at once as a `page` holds.
    pub fn each_revocation(
        &mut self,
        tenant: &Tenant,
        filter: RevocationFilter,
        page: usize,
        each: &mut dyn FnMut(RevocationRow),
    ) -> Result<(), Error> {
        let (only_open, due) = filter.bounds();
        let sql = format!(
            "{REVOCATIONS} AND r.open >= $2 AND ($3 = {max} OR r.next_at <= $3) AND r.plan > $4
             ORDER BY r.plan LIMIT $5",
            max = i64::MAX
        );
        let page = page.max(1);
        // Before every plan's id.
        let mut after = PlanId(String::new());
        loop {
            let params = [
                tenant.into(),
                only_open.into(),
                due.into(),
                (&after).into(),
                page.into(),
            ];
            let rows = self.rows(&sql, &params)?;
            let whole = rows.len() == page;
            for row in rows {
                let row = revocation(row)?;
                after = row.plan.clone();
                each(row);
            }
            if !whole {
                return Ok(());
            }
        }
    }

    /// The revocations of one thing under any id it had, the one that went on last first.
    pub fn revocations_of(
        &mut self,
        tenant: &Tenant,
        subject: &EntityId,
    ) -> Result<Vec<RevocationRow>, Error> {
        let sql = format!(
            "{REVOCATIONS} AND (r.subject = $2 OR r.subject IN
               (SELECT old FROM alias WHERE tenant = $1 AND id = $2))
             ORDER BY r.updated DESC, r.plan"
        );
        self.rows(&sql, &[tenant.into(), subject.into()])?
            .into_iter()
            .map(revocation)
            .collect()
    }

    /// The intent of a step.
    pub fn intent(
        &mut self,
        tenant: &Tenant,
        plan: &PlanId,
        step: u32,
    ) -> Result<Option<Intent>, Error> {
        let row = self.row(
            "SELECT at, token FROM intent WHERE tenant = $1 AND plan = $2 AND step = $3",
            &[tenant.into(), plan.into(), step.into()],
        )?;
        row.map(|mut row| {
            Ok(Intent {
                plan: plan.clone(),
                step,
                at: row.time()?,
                token: row.int()?,
            })
        })
        .transpose()
    }

    /// The receipts of a plan, in the order they were written.
    pub fn receipts(&mut self, tenant: &Tenant, plan: &PlanId) -> Result<Vec<Receipt>, Error> {
        let rows = self.rows(
            "SELECT body FROM receipt WHERE tenant = $1 AND plan = $2 ORDER BY ordinal",
            &[tenant.into(), plan.into()],
        )?;
        rows.into_iter()
            .map(|mut row| row.json("a receipt"))
            .collect()
    }

    /// The probes of a plan, in order.
    pub fn probes(&mut self, tenant: &Tenant, plan: &PlanId) -> Result<Vec<Probe>, Error> {
        let rows = self.rows(
            "SELECT body FROM probe WHERE tenant = $1 AND plan = $2 ORDER BY ordinal",
            &[tenant.into(), plan.into()],
        )?;
        rows.into_iter()
            .map(|mut row| row.json("a probe"))
            .collect()
    }
}

fn revocation(mut row: Row) -> Result<RevocationRow, Error> {
    Ok(RevocationRow {
        plan: PlanId(row.text()?),
        subject: row.parsed("an entity's id")?,
        state: row.json("a revocation's state")?,
        step: row.count32()?,
        next_at: row.time_opt()?,
        updated: row.time()?,
        body: row.json("a revocation")?,
    })
}

impl Writing<'_> {
    /// Keeps where a revocation stands. There is no way to take one away.
    pub fn put_revocation(&mut self, tenant: &Tenant, row: &RevocationRow) -> Result<(), Error> {
        let open = row.state.is_open();
        self.run(
            "INSERT INTO revocation (tenant, plan, subject, state, open, state_body, step, next_at,
               updated, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (tenant, plan) DO UPDATE SET state = excluded.state, open = excluded.open, state_body = excluded.state_body,
               step = excluded.step, next_at = excluded.next_at, updated = excluded.updated,
               body = excluded.body",
            &[
                tenant.into(),
                (&row.plan).into(),
                (&row.subject).into(),
                row.state.as_str().into(),
                open.into(),
                json(&row.state)?,
                row.step.into(),
                row.next_at.into(),
                row.updated.into(),
                json(&row.body)?,
            ],
        )?;
        Ok(())
    }

    /// Keeps the word that a step is about to be carried out. A later try of the same step
    /// takes the place of an earlier one.
    pub fn put_intent(
        &mut self,
        tenant: &Tenant,
        plan: &PlanId,
        step: u32,
        at: Timestamp,
        token: i64,
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO intent (tenant, plan, step, at, token) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant, plan, step) DO UPDATE SET at = excluded.at,
               token = excluded.token",
            &[
                tenant.into(),
                plan.into(),
                step.into(),
                at.into(),
                token.into(),
            ],
        )?;
        Ok(())
    }

    /// Adds a receipt behind those of its plan.
    pub fn put_receipt(&mut self, tenant: &Tenant, receipt: &Receipt) -> Result<(), Error> {
        self.run(
            "INSERT INTO receipt (tenant, plan, ordinal, step, body)
             SELECT $1, $2, coalesce(max(ordinal), 0) + 1, CAST($3 AS bigint), $4 FROM receipt
             WHERE tenant = $1 AND plan = $2",
            &[
                tenant.into(),
                (&receipt.plan).into(),
                receipt.step.into(),
                json(receipt)?,
            ],
        )?;
        Ok(())
    }

    /// Keeps the probe `ordinal` of a plan; the same once more changes nothing.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another one is there.
    pub fn put_probe(
        &mut self,
        tenant: &Tenant,
        plan: &PlanId,
        ordinal: u32,
        probe: &Probe,
    ) -> Result<(), Error> {
        let written = self.run(
            "INSERT INTO probe (tenant, plan, ordinal, body) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, plan, ordinal) DO UPDATE SET body = excluded.body
             WHERE probe.body = excluded.body",
            &[tenant.into(), plan.into(), ordinal.into(), json(probe)?],
        )?;
        if written == 0 {
            return Err(Error::Conflict { what: "the probe" });
        }
        Ok(())
    }
}
