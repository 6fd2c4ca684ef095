//! Attempts at signing in: how many are spent, by whom and from where.

use model::{Tenant, Timestamp};

use crate::value::Row;
use crate::{Error, Reading, Writing};

/// The attempts of one bucket. What they mean is decided above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Whose they are: an account, an address, a device.
    pub bucket: String,
    /// What is spent of the budget at `at`, in microseconds: it comes back with time.
    pub spent: i64,
    /// When it was counted.
    pub at: Timestamp,
    /// Refusals that are in no leaf of evidence yet.
    pub untold: u64,
}

const ATTEMPT: &str = "SELECT bucket, spent, at, untold FROM attempt WHERE tenant = $1";

fn attempt(mut row: Row) -> Result<Attempt, Error> {
    Ok(Attempt {
        bucket: row.text()?,
        spent: row.int()?,
        at: row.time()?,
        untold: row.count()?,
    })
}

impl Reading<'_> {
    /// The attempts of one bucket.
    pub fn attempt(&mut self, tenant: &Tenant, bucket: &str) -> Result<Option<Attempt>, Error> {
        let row = self.row(
            &format!("{ATTEMPT} AND bucket = $2"),
            &[tenant.into(), bucket.into()],
        )?;
        row.map(attempt).transpose()
    }
}

impl Writing<'_> {
    /// Keeps the attempts of a bucket.
    pub fn put_attempt(&mut self, tenant: &Tenant, one: &Attempt) -> Result<(), Error> {
        self.run(
            "INSERT INTO attempt (tenant, bucket, spent, at, untold)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant, bucket) DO UPDATE SET spent = excluded.spent, at = excluded.at,
               untold = excluded.untold",
            &[
                tenant.into(),
                (&one.bucket).into(),
                one.spent.into(),
                one.at.into(),
                one.untold.into(),
            ],
        )?;
        Ok(())
    }

    /// Forgets buckets that count nothing any more: of which all came back before `before`.
    pub fn forget_attempts(&mut self, tenant: &Tenant, before: Timestamp) -> Result<u64, Error> {
        self.run(
            "DELETE FROM attempt WHERE tenant = $1 AND at + spent < $2",
            &[tenant.into(), before.into()],
        )
    }
}
