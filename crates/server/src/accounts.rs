//! Who may: signing in, accounts, tokens, sessions, and the ways in that they open.
//!
//! What is decided is decided in the engine (`engine::access`); here it is asked over HTTP.

mod cookies;
mod invitations;
mod people;
mod sessions;
mod sign_in;
mod tokens;
mod ways;

use engine::Denied;
use store::Account;
use utoipa_axum::routes;

use crate::api::{Api, Caller, Permission, Problem, Routes};

pub use ways::gate;

/// The routes of this part.
pub fn routes(routes: Routes) -> Routes {
    routes
        .for_anybody(routes!(sign_in::ways))
        .for_anybody(routes!(sign_in::sign_in))
        .for_anybody(routes!(sign_in::code))
        .for_anybody(routes!(sign_in::sign_out))
        .for_anybody(routes!(invitations::look))
        .for_anybody(routes!(invitations::follow))
        .needing(Permission::Administer, routes!(people::list, people::add))
        .needing(Permission::Administer, routes!(people::change))
        .needing(Permission::Administer, routes!(people::reset))
        .needing(Permission::Read, routes!(tokens::list, tokens::make))
        .needing(Permission::Read, routes!(tokens::revoke))
        .needing(Permission::Read, routes!(sessions::list))
        .needing(Permission::Read, routes!(sessions::end))
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        use axum::http::StatusCode as Status;
        let told = denied.to_string();
        match denied {
            Denied::Broken(error) => error.into(),
            Denied::Wrong(_) => Self::new(Status::UNAUTHORIZED, told),
            Denied::Wait { seconds } => Self::new(Status::TOO_MANY_REQUESTS, told).retry(seconds),
            Denied::Crowded => Self::busy(),
            Denied::Missing(_) => Self::new(Status::NOT_FOUND, told),
            Denied::Conflict(_) => Self::new(Status::CONFLICT, told),
            _ => Self::new(Status::BAD_REQUEST, told),
        }
    }
}

/// The account of whoever asks; without one there is nothing to hang a token or a session on.
async fn own(api: &Api, caller: &Caller) -> Result<Account, Problem> {
    let Some(account) = caller.account.clone() else {
        return Err(Problem::conflict(
            "whoever comes over the loopback address has no account",
            "make one by the link that `keyroll up` printed, and sign in",
        ));
    };
    api.asking(caller, move |engine| Ok(engine.account(&account)?))
        .await
}

/// A token does not make or end what outlives it.
fn in_person(caller: &Caller) -> Result<(), Problem> {
    match caller.how {
        crate::How::Token => Err(Problem::forbidden(
            "a token may not do this, whatever its permissions",
            "sign in",
        )),
        _ => Ok(()),
    }
}
