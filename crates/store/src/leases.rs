//! Leases: one at a time, with a token that grows for ever, so that a late writer is refused (ST-5).

use model::{Duration, Tenant, Timestamp};

use crate::session::Durability;
use crate::{Error, Reading, Store, Writing};

/// The right to do a piece of work until an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which piece of work.
    pub name: String,
    /// Who holds it.
    pub holder: String,
    /// Goes with every side effect; larger than that of any holder before.
    pub token: i64,
    /// Until when.
    pub until: Timestamp,
}

impl Store {
    /// The lease, if no one else holds it at `now`. A holder that asks again gets a new token:
    /// what it began before is refused from then on.
    pub fn acquire(
        &self,
        tenant: &Tenant,
        name: &str,
        holder: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, Error> {
        self.write(Durability::Full, |writing| {
            writing.acquire(tenant, name, holder, ttl, now)
        })
    }

    /// The same lease for longer; `None` if another took it over meanwhile.
    pub fn renew(
        &self,
        tenant: &Tenant,
        lease: &Lease,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, Error> {
        self.write(Durability::Full, |writing| {
            let renewed = writing.run(
                "UPDATE lease SET until = $4 WHERE tenant = $1 AND name = $2 AND token = $3",
                &[
                    tenant.into(),
                    (&lease.name).into(),
                    lease.token.into(),
                    (now + ttl).into(),
                ],
            )?;
            Ok((renewed > 0).then(|| Lease {
                until: now + ttl,
                ..lease.clone()
            }))
        })
    }

    /// Gives a lease back; nothing happens if it is another's by now.
    pub fn release(&self, tenant: &Tenant, lease: &Lease) -> Result<(), Error> {
        self.write(Durability::Full, |writing| {
            // The row stays: its token must go on growing.
            writing.run(
                "UPDATE lease SET until = $4, holder = ''
                 WHERE tenant = $1 AND name = $2 AND token = $3",
                &[
                    tenant.into(),
                    (&lease.name).into(),
                    lease.token.into(),
                    Timestamp::MIN.into(),
                ],
            )?;
            Ok(())
        })
    }
}

impl Reading<'_> {
    /// Every lease that is held at `now`, by name.
    pub fn leases(&mut self, tenant: &Tenant, now: Timestamp) -> Result<Vec<Lease>, Error> {
        let rows = self.rows(
            "SELECT name, holder, token, until FROM lease
             WHERE tenant = $1 AND until > $2 ORDER BY name",
            &[tenant.into(), now.into()],
        )?;
        let leases = rows.into_iter().map(|mut row| {
            Ok(Lease {
                name: row.text()?,
                holder: row.text()?,
                token: row.int()?,
                until: row.time()?,
            })
        });
        leases.collect()
    }
}

impl Writing<'_> {
    /// [`Store::acquire`] inside a transaction.
    pub fn acquire(
        &mut self,
        tenant: &Tenant,
        name: &str,
        holder: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, Error> {
        let until = now + ttl;
        let row = self.row(
            "INSERT INTO lease (tenant, name, holder, token, until) VALUES ($1, $2, $3, 1, $4)
             ON CONFLICT (tenant, name) DO UPDATE SET holder = excluded.holder,
               token = lease.token + 1, until = excluded.until
             WHERE lease.until <= $5 OR lease.holder = excluded.holder
             RETURNING token",
            &[
                tenant.into(),
                name.into(),
                holder.into(),
                until.into(),
                now.into(),
            ],
        )?;
        row.map(|mut row| {
            Ok(Lease {
                name: name.to_owned(),
                holder: holder.to_owned(),
                token: row.int()?,
                until,
            })
        })
        .transpose()
    }

    /// Refuses this transaction if another has taken the lease over. The lease stays locked until
    /// the transaction ends, so that nobody takes it over in between.
    ///
    /// # Errors
    /// [`Error::Fenced`] with the token that holds now.
    pub fn fence(&mut self, tenant: &Tenant, lease: &Lease) -> Result<(), Error> {
        let row = self.row(
            "UPDATE lease SET token = token WHERE tenant = $1 AND name = $2 RETURNING token",
            &[tenant.into(), (&lease.name).into()],
        )?;
        let current = row.map(|mut row| row.int()).transpose()?.unwrap_or(0);
        if current != lease.token {
            return Err(Error::Fenced {
                name: lease.name.clone(),
                held: lease.token,
                current,
            });
        }
        Ok(())
    }
}
