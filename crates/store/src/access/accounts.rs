//! Accounts, the links that make them, and their recovery codes.

use model::{Tenant, Timestamp};

use crate::value::{Row, json};
use crate::{Error, Reading, Writing};

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `acc-` and letters; never another one's.
    pub id: String,
    /// Who vouches for it: nothing for an account of this roll, else the issuer of its sign-on.
    pub issuer: String,
    /// What it is called there: unique with the issuer. Of an account of this roll, its name in
    /// lower case.
    pub subject: String,
    /// What people read.
    pub name: String,
    /// Roles in words.
    pub roles: Vec<String>,
    /// Since when it has what it signs in with; `None`: its link was not followed yet.
    pub ready: Option<Timestamp>,
    /// The latest step of its second factor that was used: no step works twice.
    pub totp_step: Option<i64>,
    /// When it was made.
    pub made: Timestamp,
    /// By whom.
    pub made_by: String,
    /// Since when it may not.
    pub disabled: Option<Timestamp>,
    /// When it last signed in.
    pub signed_in: Option<Timestamp>,
}

/// A link that works once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The beginning of the hash.
    pub id: String,
    /// SHA-256 of the link's secret.
    pub hash: Vec<u8>,
    /// Whose password and second factor it sets; that account may not be there yet.
    pub account: String,
    /// What the account is to be called; `None`: whoever follows the link says it.
    pub name: Option<String>,
    /// Roles of the account that it makes.
    pub roles: Vec<String>,
    /// `setup`, `invite` or `reset`.
    pub purpose: String,
    /// When it was made.
    pub made: Timestamp,
    /// By whom.
    pub made_by: String,
    /// From when it does not work.
    pub ends: Timestamp,
    /// When it was followed to the end.
    pub used: Option<Timestamp>,
}

const ACCOUNT: &str = "SELECT id, issuer, subject, name, roles, ready, totp_step, made, made_by,
    disabled, signed_in FROM account WHERE tenant = $1";

fn account(mut row: Row) -> Result<Account, Error> {
    Ok(Account {
        id: row.text()?,
        issuer: row.text()?,
        subject: row.text()?,
        name: row.text()?,
        roles: row.json("an account's roles")?,
        ready: row.time_opt()?,
        totp_step: row.int_opt()?,
        made: row.time()?,
        made_by: row.text()?,
        disabled: row.time_opt()?,
        signed_in: row.time_opt()?,
    })
}

const INVITATION: &str = "SELECT id, hash, account, name, roles, purpose, made, made_by, ends, used
    FROM invitation WHERE tenant = $1";

fn invitation(mut row: Row) -> Result<Invitation, Error> {
    Ok(Invitation {
        id: row.text()?,
        hash: row.bytes()?,
        account: row.text()?,
        name: row.text_opt()?,
        roles: row.json("an invitation's roles")?,
        purpose: row.text()?,
        made: row.time()?,
        made_by: row.text()?,
        ends: row.time()?,
        used: row.time_opt()?,
    })
}

impl Reading<'_> {
    /// Every account, by name.
    pub fn accounts(&mut self, tenant: &Tenant) -> Result<Vec<Account>, Error> {
        let sql = format!("{ACCOUNT} ORDER BY issuer, subject");
        let rows = self.rows(&sql, &[tenant.into()])?;
        rows.into_iter().map(account).collect()
    }

    /// One account.
    pub fn account(&mut self, tenant: &Tenant, id: &str) -> Result<Option<Account>, Error> {
        let row = self.row(
            &format!("{ACCOUNT} AND id = $2"),
            &[tenant.into(), id.into()],
        )?;
        row.map(account).transpose()
    }

    /// The account that `issuer` calls `subject`.
    pub fn account_of(
        &mut self,
        tenant: &Tenant,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<Account>, Error> {
        let row = self.row(
            &format!("{ACCOUNT} AND issuer = $2 AND subject = $3"),
            &[tenant.into(), issuer.into(), subject.into()],
        )?;
        row.map(account).transpose()
    }

    /// The link with this id.
    pub fn invitation(&mut self, tenant: &Tenant, id: &str) -> Result<Option<Invitation>, Error> {
        let sql = format!("{INVITATION} AND id = $2");
        let row = self.row(&sql, &[tenant.into(), id.into()])?;
        row.map(invitation).transpose()
    }

    /// Links that still work at `now`, the latest first.
    pub fn invitations(
        &mut self,
        tenant: &Tenant,
        now: Timestamp,
    ) -> Result<Vec<Invitation>, Error> {
        let rows = self.rows(
            &format!("{INVITATION} AND used IS NULL AND ends > $2 ORDER BY made DESC, id"),
            &[tenant.into(), now.into()],
        )?;
        rows.into_iter().map(invitation).collect()
    }

    /// Hashes of the recovery codes of an account that were not used.
    pub fn recovery_codes(
        &mut self,
        tenant: &Tenant,
        account: &str,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let rows = self.rows(
            "SELECT hash FROM recovery_code WHERE tenant = $1 AND account = $2 AND used IS NULL
             ORDER BY hash",
            &[tenant.into(), account.into()],
        )?;
        rows.into_iter().map(|mut row| row.bytes()).collect()
    }
}

impl Writing<'_> {
    /// Makes an account, or changes all of it but who it is. The latest step of its second factor
    /// never goes back.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another account has its name.
    pub fn put_account(&mut self, tenant: &Tenant, one: &Account) -> Result<(), Error> {
        let other = self.account_of(tenant, &one.issuer, &one.subject)?;
        if other.is_some_and(|other| other.id != one.id) {
            return Err(Error::Conflict {
                what: "the account's name",
            });
        }
        self.run(
            "INSERT INTO account (tenant, id, issuer, subject, name, roles, ready, totp_step, made,
               made_by, disabled, signed_in)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, roles = excluded.roles,
               ready = excluded.ready, totp_step = CASE
                 WHEN account.totp_step > coalesce(excluded.totp_step, 0) THEN account.totp_step
                 ELSE excluded.totp_step END,
               disabled = excluded.disabled, signed_in = excluded.signed_in",
            &[
                tenant.into(),
                (&one.id).into(),
                (&one.issuer).into(),
                (&one.subject).into(),
                (&one.name).into(),
                json(&one.roles)?,
                one.ready.into(),
                one.totp_step.into(),
                one.made.into(),
                (&one.made_by).into(),
                one.disabled.into(),
                one.signed_in.into(),
            ],
        )?;
        Ok(())
    }

    /// Notes that the step `step` of the second factor was used, unless it or a later one was.
    /// Whether it may let in.
    pub fn use_totp_step(
        &mut self,
        tenant: &Tenant,
        account: &str,
        step: i64,
    ) -> Result<bool, Error> {
        let used = self.run(
            "UPDATE account SET totp_step = $3
             WHERE tenant = $1 AND id = $2 AND (totp_step IS NULL OR totp_step < $3)",
            &[tenant.into(), account.into(), step.into()],
        )?;
        Ok(used > 0)
    }

    /// Puts `hashes` in the place of the recovery codes of an account.
    pub fn put_recovery_codes(
        &mut self,
        tenant: &Tenant,
        account: &str,
        hashes: &[Vec<u8>],
    ) -> Result<(), Error> {
        self.run(
            "DELETE FROM recovery_code WHERE tenant = $1 AND account = $2",
            &[tenant.into(), account.into()],
        )?;
        for hash in hashes {
            self.run(
                "INSERT INTO recovery_code (tenant, account, hash) VALUES ($1, $2, $3)",
                &[tenant.into(), account.into(), hash.as_slice().into()],
            )?;
        }
        Ok(())
    }

    /// Uses a recovery code up. Whether it was there and unused.
    pub fn use_recovery_code(
        &mut self,
        tenant: &Tenant,
        account: &str,
        hash: &[u8],
        now: Timestamp,
    ) -> Result<bool, Error> {
        let used = self.run(
            "UPDATE recovery_code SET used = $4
             WHERE tenant = $1 AND account = $2 AND hash = $3 AND used IS NULL",
            &[tenant.into(), account.into(), hash.into(), now.into()],
        )?;
        Ok(used > 0)
    }

    /// Keeps a link; earlier ones for the same account, or of the same first set-up, work no more.
    pub fn put_invitation(&mut self, tenant: &Tenant, one: &Invitation) -> Result<(), Error> {
        self.run(
            "DELETE FROM invitation WHERE tenant = $1 AND used IS NULL
             AND (account = $2 OR (purpose = $3 AND purpose = 'setup'))",
            &[tenant.into(), (&one.account).into(), (&one.purpose).into()],
        )?;
        self.run(
            "INSERT INTO invitation (tenant, id, hash, account, name, roles, purpose, made, made_by,
               ends) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                tenant.into(),
                (&one.id).into(),
                one.hash.as_slice().into(),
                (&one.account).into(),
                one.name.as_deref().into(),
                json(&one.roles)?,
                (&one.purpose).into(),
                one.made.into(),
                (&one.made_by).into(),
                one.ends.into(),
            ],
        )?;
        Ok(())
    }

    /// Uses a link up. Of two that do it at once one is told that it was not there any more.
    pub fn use_invitation(
        &mut self,
        tenant: &Tenant,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let used = self.run(
            "UPDATE invitation SET used = $3
             WHERE tenant = $1 AND id = $2 AND used IS NULL AND ends > $3",
            &[tenant.into(), id.into(), now.into()],
        )?;
        Ok(used > 0)
    }
}
