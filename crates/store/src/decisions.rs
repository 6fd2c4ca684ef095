//! What people decided: who owns what, and which findings they do not want to hear of.

use model::{EntityId, FindingId, Mute, Tenant, Timestamp};

use crate::{Error, Reading, Writing};

/// A decision about an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Of what.
    pub entity: EntityId,
    /// `business` or `system`.
    pub kind: String,
    /// Who answers for it; `None`: a person decided that nobody known does.
    pub owner: Option<String>,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Reading<'_> {
    /// Every decision about owners, by entity and kind.
    pub fn owners(&mut self, tenant: &Tenant) -> Result<Vec<Owned>, Error> {
        let rows = self.rows(
            "SELECT entity, kind, owner, by_whom, at FROM owner WHERE tenant = $1
             ORDER BY entity, kind",
            &[tenant.into()],
        )?;
        rows.into_iter().map(owned).collect()
    }

    /// The decisions about the owner of one thing, under this id.
    pub fn owners_of(&mut self, tenant: &Tenant, entity: &EntityId) -> Result<Vec<Owned>, Error> {
        let rows = self.rows(
            "SELECT entity, kind, owner, by_whom, at FROM owner WHERE tenant = $1 AND entity = $2
             ORDER BY kind",
            &[tenant.into(), entity.into()],
        )?;
        rows.into_iter().map(owned).collect()
    }

    /// The decisions about owners that stood at `then`, of all things or under one id, by entity
    /// and kind.
    pub fn owners_at(
        &mut self,
        tenant: &Tenant,
        then: Timestamp,
        of: Option<&EntityId>,
    ) -> Result<Vec<Owned>, Error> {
        let mut params = vec![tenant.into(), then.into()];
        params.extend(of.map(Into::into));
        let of = of.map_or("", |_| "AND d.entity = $3");
        let sql = format!(
            "SELECT d.entity, d.kind, d.owner, d.by_whom, d.at FROM owner_decision d
             WHERE d.tenant = $1 {of} AND d.at = (SELECT max(l.at) FROM owner_decision l
               WHERE l.tenant = d.tenant AND l.entity = d.entity AND l.kind = d.kind
               AND l.at <= $2)
             ORDER BY d.entity, d.kind"
        );
        let rows = self.rows(&sql, &params)?;
        rows.into_iter().map(owned).collect()
    }

    /// The decisions about owners that were taken after `from` and until `to`, in that order; at
    /// most `limit`.
    pub fn owners_decided(
        &mut self,
        tenant: &Tenant,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Owned>, Error> {
        let rows = self.rows(
            "SELECT entity, kind, owner, by_whom, at FROM owner_decision
             WHERE tenant = $1 AND at > $2 AND at <= $3 ORDER BY at, entity, kind LIMIT $4",
            &[tenant.into(), from.into(), to.into(), limit.into()],
        )?;
        rows.into_iter().map(owned).collect()
    }

    /// Every mute, ended ones included, by finding.
    pub fn mutes(&mut self, tenant: &Tenant) -> Result<Vec<Mute>, Error> {
        let rows = self.rows(
            "SELECT finding, reason, by_whom, at, until FROM mute WHERE tenant = $1
             ORDER BY finding",
            &[tenant.into()],
        )?;
        let mutes = rows.into_iter().map(|mut row| {
            Ok(Mute {
                finding: FindingId(row.text()?),
                reason: row.text()?,
                by: row.text()?,
                at: row.time()?,
                until: row.time()?,
            })
        });
        mutes.collect()
    }
}

pub(crate) fn owned(mut row: crate::value::Row) -> Result<Owned, Error> {
    Ok(Owned {
        entity: row.parsed("an entity's id")?,
        kind: row.text()?,
        owner: row.text_opt()?,
        by: row.text()?,
        at: row.time()?,
    })
}

impl Writing<'_> {
    /// Records who answers for a thing. The line of the roll follows when it is assigned again.
    pub fn set_owner(
        &mut self,
        tenant: &Tenant,
        entity: &EntityId,
        owner: Option<&str>,
        kind: &str,
        by: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        let decision = [
            tenant.into(),
            entity.into(),
            kind.into(),
            owner.into(),
            by.into(),
            at.into(),
        ];
        self.run(
            "INSERT INTO owner (tenant, entity, kind, owner, by_whom, at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, entity, kind) DO UPDATE SET owner = excluded.owner,
               by_whom = excluded.by_whom, at = excluded.at",
            &decision,
        )?;
        // Two decisions in one instant: the later one stands.
        self.run(
            "INSERT INTO owner_decision (tenant, entity, kind, owner, by_whom, at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, entity, kind, at) DO UPDATE SET owner = excluded.owner,
               by_whom = excluded.by_whom",
            &decision,
        )?;
        Ok(())
    }

    /// Mutes a finding, or changes until when and why it is muted.
    pub fn put_mute(&mut self, tenant: &Tenant, mute: &Mute) -> Result<(), Error> {
        self.run(
            "INSERT INTO mute (tenant, finding, reason, by_whom, at, until)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, finding) DO UPDATE SET reason = excluded.reason,
               by_whom = excluded.by_whom, at = excluded.at, until = excluded.until",
            &[
                tenant.into(),
                mute.finding.as_str().into(),
                (&mute.reason).into(),
                (&mute.by).into(),
                mute.at.into(),
                mute.until.into(),
            ],
        )?;
        Ok(())
    }

    /// Ends a mute. Whether it was there.
    pub fn remove_mute(&mut self, tenant: &Tenant, finding: &FindingId) -> Result<bool, Error> {
        let gone = self.run(
            "DELETE FROM mute WHERE tenant = $1 AND finding = $2",
            &[tenant.into(), finding.as_str().into()],
        )?;
        Ok(gone > 0)
    }
}
