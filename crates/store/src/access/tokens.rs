//! API tokens: what programs show.

use model::{Tenant, Timestamp};

use crate::value::{Row, json};
use crate::{Error, Reading, Writing};

/// A token of the API. What it is shown by is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// The beginning of the hash.
    pub id: String,
    /// SHA-256 of the token.
    pub hash: Vec<u8>,
    /// Whose it is: it may never do more than that account.
    pub account: String,
    /// What it is for, in words.
    pub name: String,
    /// What it may do, in words.
    pub permissions: Vec<String>,
    /// When it was made.
    pub made: Timestamp,
    /// By whom.
    pub made_by: String,
    /// From when it does not work.
    pub ends: Timestamp,
    /// Its keyed fingerprint: where it was seen elsewhere, that is this one.
    pub fingerprint: String,
    /// When it was last used, to within a minute.
    pub last_used: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<String>,
}

const TOKEN: &str = "SELECT id, hash, account, name, permissions, made, made_by, ends, fingerprint,
    last_used, revoked, revoked_by FROM api_token WHERE tenant = $1";

fn token(mut row: Row) -> Result<ApiToken, Error> {
    Ok(ApiToken {
        id: row.text()?,
        hash: row.bytes()?,
        account: row.text()?,
        name: row.text()?,
        permissions: row.json("a token's permissions")?,
        made: row.time()?,
        made_by: row.text()?,
        ends: row.time()?,
        fingerprint: row.text()?,
        last_used: row.time_opt()?,
        revoked: row.time_opt()?,
        revoked_by: row.text_opt()?,
    })
}

impl Reading<'_> {
    /// Every token, the latest first; those that ended or were revoked as well.
    pub fn api_tokens(&mut self, tenant: &Tenant) -> Result<Vec<ApiToken>, Error> {
        let sql = format!("{TOKEN} ORDER BY made DESC, id");
        let rows = self.rows(&sql, &[tenant.into()])?;
        rows.into_iter().map(token).collect()
    }

    /// The token with this id.
    pub fn api_token(&mut self, tenant: &Tenant, id: &str) -> Result<Option<ApiToken>, Error> {
        let row = self.row(&format!("{TOKEN} AND id = $2"), &[tenant.into(), id.into()])?;
        row.map(token).transpose()
    }
}

impl Writing<'_> {
    /// Keeps a new token.
    pub fn put_api_token(&mut self, tenant: &Tenant, one: &ApiToken) -> Result<(), Error> {
        self.run(
            "INSERT INTO api_token (tenant, id, hash, account, name, permissions, made, made_by,
               ends, fingerprint) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                tenant.into(),
                (&one.id).into(),
                one.hash.as_slice().into(),
                (&one.account).into(),
                (&one.name).into(),
                json(&one.permissions)?,
                one.made.into(),
                (&one.made_by).into(),
                one.ends.into(),
                (&one.fingerprint).into(),
            ],
        )?;
        Ok(())
    }

    /// Notes that a token was used.
    pub fn used_api_token(
        &mut self,
        tenant: &Tenant,
        id: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.run(
            "UPDATE api_token SET last_used = $3
             WHERE tenant = $1 AND id = $2 AND (last_used IS NULL OR last_used < $3)",
            &[tenant.into(), id.into(), now.into()],
        )?;
        Ok(())
    }

    /// Revokes a token for ever. Whether it was there and not revoked before.
    pub fn revoke_api_token(
        &mut self,
        tenant: &Tenant,
        id: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let revoked = self.run(
            "UPDATE api_token SET revoked = $4, revoked_by = $3
             WHERE tenant = $1 AND id = $2 AND revoked IS NULL",
            &[tenant.into(), id.into(), by.into(), now.into()],
        )?;
        Ok(revoked > 0)
    }
}
