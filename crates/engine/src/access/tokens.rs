//! Tokens of the interface: what programs show. They are on the roll like all others.

use model::{Duration, Timestamp};
use serde_json::json;
use store::{Account, ApiToken, Durability};

use super::{Decision, Denied, Handed};
use crate::Engine;

/// Days of a token: at most.
pub const TOKEN_DAYS: i64 = 366;
/// That it was used is noted so often.
const NOTED: Duration = Duration::minutes(1);
/// As which source they are on the roll.
const SOURCE: &str = "keyroll:tokens";

impl Engine {
    /// A new token of `account`, which may never do more than that. The answer is the only time
    /// that it is shown.
    ///
    /// # Errors
    /// It has no name, or lasts too long.
    pub fn make_token(
        &self,
        account: &Account,
        name: &str,
        permissions: Vec<String>,
        days: i64,
    ) -> Result<(Handed, ApiToken), Denied> {
        crate::decide::text("a name", name)?;
        if !(1..=TOKEN_DAYS).contains(&days) {
            return Err(Denied::Unfit(format!(
                "expected 1 to {TOKEN_DAYS} days, got {days}"
            )));
        }
        let (handed, now) = (Handed::token()?, self.now());
        let print = self.keys.fingerprint(handed.secret());
        let token = ApiToken {
            id: handed.id(),
            hash: handed.hash(),
            account: account.id.clone(),
            name: name.trim().to_owned(),
            permissions,
            made: now,
            made_by: self.actor.clone(),
            ends: now + Duration::days(days),
            fingerprint: print.to_string(),
            last_used: None,
            revoked: None,
            revoked_by: None,
        };
        let decision = Decision::TokenMade {
            token: &token.id,
            name: &token.name,
            permissions: &token.permissions,
            ends: token.ends,
        };
        self.settle(&account.id, &decision, |writing| {
            Ok(writing.put_api_token(&self.tenant, &token)?)
        })?;
        Ok((handed, token))
    }

    /// Whose token that is, and which, if it works.
    ///
    /// # Errors
    /// The store gave out.
    pub fn token_of(&self, shown: &Handed) -> Result<Option<(Account, ApiToken)>, Denied> {
        if !shown.is_token() {
            return Ok(None);
        }
        let (now, id) = (self.now(), shown.id());
        let found = self.store.read(|reading| {
            let Some(token) = reading.api_token(&self.tenant, &id)? else {
                return Ok(None);
            };
            let account = reading.account(&self.tenant, &token.account)?;
            Ok(account.map(|account| (account, token)))
        })?;
        let found = found.filter(|(account, token)| {
            shown.is(&token.hash)
                && token.revoked.is_none()
                && now < token.ends
                && account.disabled.is_none()
                && account.ready.is_some()
        });
        if let Some((_, token)) = &found
            && token.last_used.is_none_or(|last| last + NOTED <= now)
        {
            self.store.write(Durability::Repeatable, |writing| {
                writing.used_api_token(&self.tenant, &token.id, now)
            })?;
        }
        Ok(found)
    }

    /// All tokens, the latest first; those that ended as well.
    ///
    /// # Errors
    /// The store gave out.
    pub fn tokens(&self) -> Result<Vec<ApiToken>, Denied> {
        Ok(self
            .store
            .read(|reading| reading.api_tokens(&self.tenant))?)
    }

    /// Revokes a token for ever.
    ///
    /// # Errors
    /// There is none that works.
    pub fn revoke_token(&self, id: &str) -> Result<(), Denied> {
        let now = self.now();
        let decision = Decision::TokenRevoked { token: id };
        self.settle(id, &decision, |writing| {
            match writing.revoke_api_token(&self.tenant, id, &self.actor, now)? {
                true => Ok(()),
                false => Err(Denied::Missing("token that works")),
            }
        })
    }

    /// Brings the tokens of this interface onto its own roll, with who holds them and when they
    /// were last used. Like any source, what is told is as it was then.
    ///
    /// # Errors
    /// Another is at it, or the store gave out.
    pub fn enrol_tokens(&self) -> Result<(), Denied> {
        let (accounts, tokens, now) = (self.accounts()?, self.tokens()?, self.now());
        let mut seen = Vec::new();
        for account in &accounts {
            let holds = tokens.iter().any(|token| token.account == account.id);
            if holds {
                seen.push(json!({
                    "kind": "identity", "native": format!("account/{}", account.id),
                    "scope": ["tokens"],
                    "facts": {
                        "type": {"is": "keyroll_account"}, "name": {"is": account.name},
                        "provider": {"is": "keyroll"}, "created_at": {"is": account.made},
                    },
                }));
            }
        }
        seen.extend(tokens.iter().map(|token| credential(token, now)));
        let collection = json!({
            "format": "keyroll-collection/1", "source": SOURCE, "scope": ["tokens"],
            "started": now, "observations": seen, "gaps": [],
        });
        self.push(collection.to_string().as_bytes())?;
        Ok(())
    }
}

fn credential(token: &ApiToken, now: Timestamp) -> serde_json::Value {
    let is_over = token.revoked.is_some() || token.ends <= now;
    let used = token
        .last_used
        .map_or_else(|| json!("absent"), |at| json!({"is": at}));
    json!({
        "kind": "credential", "native": format!("token/{}", token.id), "scope": ["tokens"],
        "keys": [{"kind": "secret_hmac", "value": token.fingerprint}],
        "facts": {
            "type": {"is": "api_token"}, "name": {"is": token.name},
            "provider": {"is": "keyroll"}, "created_at": {"is": token.made},
            "expires_at": {"is": token.ends}, "last_used_at": used,
            "status": {"is": if is_over { "inactive" } else { "active" }},
            "rights": {"is": token.permissions},
        },
        "links": [{
            "relation": "holder",
            "to": {"native": {
                "kind": "identity", "native": format!("account/{}", token.account),
            }},
        }],
    })
}
