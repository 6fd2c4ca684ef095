//! What unfinished passes have read so far, so that one that was killed goes on from there.

use model::{SourceId, Tenant, Timestamp};

use crate::value::Row;
use crate::{Error, Reading, Writing};

/// A part that an unfinished pass has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalPart {
    /// Which part, in the connector's words.
    pub part: String,
    /// How the pass was made: another one cannot go on from here.
    pub about: String,
    /// When the pass began.
    pub started: Timestamp,
    /// What it read of the part. Holds no secret.
    pub body: Vec<u8>,
}

impl Reading<'_> {
    /// When the unfinished pass over `source` began that was made as `about` says and has kept
    /// something.
    pub fn journal_began(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        about: &str,
    ) -> Result<Option<Timestamp>, Error> {
        let row = self.row(
            "SELECT min(started) FROM journal WHERE tenant = $1 AND source = $2 AND about = $3",
            &[tenant.into(), source.into(), about.into()],
        )?;
        Ok(row.map(|mut row| row.time_opt()).transpose()?.flatten())
    }

    /// What an unfinished pass over `source` has read of `part`.
    pub fn journal_part(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        part: &str,
    ) -> Result<Option<JournalPart>, Error> {
        let row = self.row(
            "SELECT part, about, started, body FROM journal
             WHERE tenant = $1 AND source = $2 AND part = $3",
            &[tenant.into(), source.into(), part.into()],
        )?;
        row.map(kept).transpose()
    }

    /// How many parts are kept of `source`.
    pub fn journal_len(&mut self, tenant: &Tenant, source: &SourceId) -> Result<u64, Error> {
        let row = self.row(
            "SELECT count(*) FROM journal WHERE tenant = $1 AND source = $2",
            &[tenant.into(), source.into()],
        )?;
        row.map_or(Ok(0), |mut row| row.count())
    }

    /// The first `most` parts that are kept of `source` behind `after`, in the order of their
    /// names.
    pub fn journal_parts(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        after: &str,
        most: usize,
    ) -> Result<Vec<JournalPart>, Error> {
        let rows = self.rows(
            "SELECT part, about, started, body FROM journal
             WHERE tenant = $1 AND source = $2 AND part > $3 ORDER BY part LIMIT $4",
            &[tenant.into(), source.into(), after.into(), most.into()],
        )?;
        rows.into_iter().map(kept).collect()
    }
}

fn kept(mut row: Row) -> Result<JournalPart, Error> {
    Ok(JournalPart {
        part: row.text()?,
        about: row.text()?,
        started: row.time()?,
        body: row.bytes()?,
    })
}

impl Writing<'_> {
    /// Keeps what a pass over `source` has read of a part, in the place of what one of before had.
    pub fn keep_part(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        one: &JournalPart,
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO journal (tenant, source, part, about, started, body)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, source, part) DO UPDATE SET about = excluded.about,
               started = excluded.started, body = excluded.body",
            &[
                tenant.into(),
                source.into(),
                (&one.part).into(),
                (&one.about).into(),
                one.started.into(),
                one.body.as_slice().into(),
            ],
        )?;
        Ok(())
    }

    /// Forgets what passes over `source` have read so far. How many parts those were.
    pub fn forget_parts(&mut self, tenant: &Tenant, source: &SourceId) -> Result<u64, Error> {
        self.run(
            "DELETE FROM journal WHERE tenant = $1 AND source = $2",
            &[tenant.into(), source.into()],
        )
    }
    /// Forgets one part that is kept of `source`.
    pub fn forget_part(
        &mut self,
        tenant: &Tenant,
        source: &SourceId,
        part: &str,
    ) -> Result<(), Error> {
        self.run(
            "DELETE FROM journal WHERE tenant = $1 AND source = $2 AND part = $3",
            &[tenant.into(), source.into(), part.into()],
        )?;
        Ok(())
    }
}
