//! Plans: written once, never changed.

use model::{EntityId, Plan, PlanId, Tenant};

use crate::value::json;
use crate::{Error, Reading, Writing};

/// Letters of a plan's id that are enough to look for it.
const PREFIX_MIN: usize = 6;

impl Reading<'_> {
    /// The plan with this id, or the only one whose id begins so (`pln-` and 6 letters, or more).
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the plan is not what its id says: it was altered.
    pub fn plan(&mut self, tenant: &Tenant, id: &PlanId) -> Result<Option<Plan>, Error> {
        let text = id.as_str();
        let tail = text.strip_prefix("pln-").unwrap_or_default();
        if tail.len() < PREFIX_MIN || !text.is_ascii() {
            return Ok(None);
        }
        let mut rows = self.rows(
            "SELECT id, body FROM plan WHERE tenant = $1 AND id >= $2 AND id < $3
             ORDER BY id LIMIT 2",
            &[tenant.into(), text.into(), format!("{text}~").into()],
        )?;
        let exact = rows.len() == 1;
        let Some(row) = rows.first_mut().filter(|_| exact) else {
            return Ok(None);
        };
        let _ = row.text()?;
        row.json("a plan").and_then(whole).map(Some)
    }

    /// The latest plans, latest first.
    pub fn plans(&mut self, tenant: &Tenant, limit: usize) -> Result<Vec<Plan>, Error> {
        let rows = self.rows(
            "SELECT body FROM plan WHERE tenant = $1 ORDER BY created DESC, id LIMIT $2",
            &[tenant.into(), limit.into()],
        )?;
        rows.into_iter()
            .map(|mut row| row.json("a plan").and_then(whole))
            .collect()
    }

    /// The plan of the highest generation for one thing, under any id it had.
    pub fn latest_plan_of(
        &mut self,
        tenant: &Tenant,
        subject: &EntityId,
    ) -> Result<Option<Plan>, Error> {
        let rows = self.rows(
            "SELECT body FROM plan WHERE tenant = $1 AND (subject = $2 OR subject IN
               (SELECT old FROM alias WHERE tenant = $1 AND id = $2))",
            &[tenant.into(), subject.into()],
        )?;
        let mut latest: Option<Plan> = None;
        for mut row in rows {
            let plan = row.json("a plan").and_then(whole)?;
            let later = |one: &Plan| one.body.generation < plan.body.generation;
            if latest.as_ref().is_none_or(later) {
                latest = Some(plan);
            }
        }
        Ok(latest)
    }
}

fn whole(plan: Plan) -> Result<Plan, Error> {
    if plan.is_whole() {
        return Ok(plan);
    }
    Err(Error::corrupt("a plan"))
}

impl Writing<'_> {
    /// Keeps a plan. Its id is the hash of what it says, so keeping it twice changes nothing.
    pub fn put_plan(&mut self, tenant: &Tenant, plan: &Plan) -> Result<(), Error> {
        self.run(
            "INSERT INTO plan (tenant, id, subject, created, body) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant, id) DO NOTHING",
            &[
                tenant.into(),
                (&plan.id).into(),
                (&plan.body.subject.entity).into(),
                plan.body.created.into(),
                json(plan)?,
            ],
        )?;
        Ok(())
    }
}
