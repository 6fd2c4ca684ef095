//! Sessions, and the devices that an account is known from.

use model::{Tenant, Timestamp};

use crate::value::Row;
use crate::{Error, Reading, Writing};

/// How far somebody has signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The password was right; the second factor is waited for.
    Password,
    /// Both were.
    In,
}

impl Stage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::In => "in",
        }
    }
}

impl std::str::FromStr for Stage {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Password, Self::In]
            .into_iter()
            .find(|stage| stage.as_str() == text)
            .ok_or(())
    }
}

/// Somebody who is signed in, or about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// The beginning of the hash.
    pub id: String,
    /// SHA-256 of the secret in the cookie.
    pub hash: Vec<u8>,
    /// Whose it is.
    pub account: String,
    /// How far it is.
    pub stage: Stage,
    /// When it began.
    pub made: Timestamp,
    /// When it was last used, to within a minute.
    pub seen: Timestamp,
    /// When it ends whatever happens.
    pub ends: Timestamp,
    /// Where it came from.
    pub address: String,
    /// With which program, in its own words.
    pub agent: String,
}

const SESSION: &str = "SELECT id, hash, account, stage, made, seen, ends, address, agent
    FROM session WHERE tenant = $1";

fn session(mut row: Row) -> Result<SessionRow, Error> {
    Ok(SessionRow {
        id: row.text()?,
        hash: row.bytes()?,
        account: row.text()?,
        stage: row.parsed("a session's stage")?,
        made: row.time()?,
        seen: row.time()?,
        ends: row.time()?,
        address: row.text()?,
        agent: row.text()?,
    })
}

impl Reading<'_> {
    /// The session with this id.
    pub fn session(&mut self, tenant: &Tenant, id: &str) -> Result<Option<SessionRow>, Error> {
        let row = self.row(
            &format!("{SESSION} AND id = $2"),
            &[tenant.into(), id.into()],
        )?;
        row.map(session).transpose()
    }

    /// All sessions of an account, the latest first.
    pub fn sessions(&mut self, tenant: &Tenant, account: &str) -> Result<Vec<SessionRow>, Error> {
        let rows = self.rows(
            &format!("{SESSION} AND account = $2 ORDER BY made DESC, id"),
            &[tenant.into(), account.into()],
        )?;
        rows.into_iter().map(session).collect()
    }

    /// The hash of the device with this id, if `account` is known from it at `now`.
    pub fn device(
        &mut self,
        tenant: &Tenant,
        id: &str,
        account: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, Error> {
        let row = self.row(
            "SELECT hash FROM device WHERE tenant = $1 AND id = $2 AND account = $3 AND ends > $4",
            &[tenant.into(), id.into(), account.into(), now.into()],
        )?;
        row.map(|mut row| row.bytes()).transpose()
    }
}

impl Writing<'_> {
    /// Keeps a new session, and forgets those that ended.
    pub fn put_session(&mut self, tenant: &Tenant, one: &SessionRow) -> Result<(), Error> {
        self.run(
            "DELETE FROM session WHERE tenant = $1 AND ends <= $2",
            &[tenant.into(), one.made.into()],
        )?;
        self.run(
            "INSERT INTO session (tenant, id, hash, account, stage, made, seen, ends, address, agent)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                tenant.into(),
                (&one.id).into(),
                one.hash.as_slice().into(),
                (&one.account).into(),
                one.stage.as_str().into(),
                one.made.into(),
                one.seen.into(),
                one.ends.into(),
                (&one.address).into(),
                (&one.agent).into(),
            ],
        )?;
        Ok(())
    }

    /// Notes that a session was used.
    pub fn saw_session(&mut self, tenant: &Tenant, id: &str, now: Timestamp) -> Result<(), Error> {
        self.run(
            "UPDATE session SET seen = $3 WHERE tenant = $1 AND id = $2 AND seen < $3",
            &[tenant.into(), id.into(), now.into()],
        )?;
        Ok(())
    }

    /// Ends one session of an account. Whether it was there.
    pub fn end_session(&mut self, tenant: &Tenant, account: &str, id: &str) -> Result<bool, Error> {
        let ended = self.run(
            "DELETE FROM session WHERE tenant = $1 AND account = $2 AND id = $3",
            &[tenant.into(), account.into(), id.into()],
        )?;
        Ok(ended > 0)
    }

    /// Ends all sessions of an account, and forgets the devices it is known from. How many
    /// sessions those were.
    pub fn end_sessions(&mut self, tenant: &Tenant, account: &str) -> Result<u64, Error> {
        self.run(
            "DELETE FROM device WHERE tenant = $1 AND account = $2",
            &[tenant.into(), account.into()],
        )?;
        self.run(
            "DELETE FROM session WHERE tenant = $1 AND account = $2",
            &[tenant.into(), account.into()],
        )
    }

    /// Keeps that `account` is known from a device, and forgets devices of long ago.
    pub fn put_device(
        &mut self,
        tenant: &Tenant,
        (id, hash): (&str, &[u8]),
        account: &str,
        (made, ends): (Timestamp, Timestamp),
    ) -> Result<(), Error> {
        self.run(
            "DELETE FROM device WHERE tenant = $1 AND ends <= $2",
            &[tenant.into(), made.into()],
        )?;
        self.run(
            "INSERT INTO device (tenant, id, hash, account, made, ends)
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                tenant.into(),
                id.into(),
                hash.into(),
                account.into(),
                made.into(),
                ends.into(),
            ],
        )?;
        Ok(())
    }
}
