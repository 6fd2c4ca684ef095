//! The ways in: a token, a session, and the machine's own user until somebody administers.

use axum::http::header;
use engine::{Engine, Handed};
use store::Account;

use super::cookies::{self, SESSION};
use crate::api::{Caller, Gate, How, Knock, Loopback, Permission, Problem, Role, Way};

/// The gate of a server over `engine`. `loopback` is a way in until the first administrator has an
/// account.
pub fn gate(engine: &Engine, loopback: Loopback) -> Gate {
    Gate::default()
        .or(ByToken(engine.clone()))
        .or(BySession(engine.clone()))
        .or(UntilAdministered {
            engine: engine.clone(),
            loopback,
        })
}

struct ByToken(Engine);
struct BySession(Engine);
struct UntilAdministered {
    engine: Engine,
    loopback: Loopback,
}

impl Way for ByToken {
    fn who(&self, knock: &Knock) -> Result<Option<Caller>, Problem> {
        let Some(shown) = knock.headers.get(header::AUTHORIZATION) else {
            return Ok(None);
        };
        let refused = || Problem::unknown_caller("make a token under Settings, or sign in");
        let shown = shown
            .to_str()
            .ok()
            .and_then(|one| one.strip_prefix("Bearer "));
        let handed = shown
            .and_then(|one| Handed::shown(one.trim()))
            .ok_or_else(refused)?;
        let (account, token) = self.0.token_of(&handed)?.ok_or_else(refused)?;
        let words = token.permissions.iter();
        let scope = words.filter_map(|word| Permission::named(word)).collect();
        Ok(Some(Caller {
            id: format!("person:{}/token:{}", account.name, token.id),
            name: token.name,
            how: How::Token,
            scope: Some(scope),
            ..caller(&self.0, &account)
        }))
    }
}

impl Way for BySession {
    fn who(&self, knock: &Knock) -> Result<Option<Caller>, Problem> {
        let Some(cookie) = cookies::shown(&knock.headers, SESSION, knock.peer.tls) else {
            return Ok(None);
        };
        // One that ended is none: the page asks to sign in again.
        let found = self.0.session_of(&cookie)?;
        Ok(found.map(|(account, session)| Caller {
            session: Some(session.id),
            ..caller(&self.0, &account)
        }))
    }
}

impl Way for UntilAdministered {
    fn who(&self, knock: &Knock) -> Result<Option<Caller>, Problem> {
        let Some(caller) = self.loopback.who(knock)? else {
            return Ok(None);
        };
        Ok((!self.engine.is_administered()?).then_some(caller))
    }
}

fn caller(engine: &Engine, account: &Account) -> Caller {
    let roles = account.roles.iter();
    Caller {
        tenant: engine.tenant.clone(),
        id: format!("person:{}", account.name),
        name: account.name.clone(),
        // A role of a later version is none here.
        roles: roles.filter_map(|word| Role::named(word)).collect(),
        how: How::Session,
        account: Some(account.id.clone()),
        session: None,
        scope: None,
    }
}
