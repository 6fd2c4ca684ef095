//! Who may call: accounts, signing in, sessions, tokens of the interface.
//!
//! Start at `sign_in.rs`. What is handed out (`handed.rs`: a cookie, a link, a token) is known
//! here by its hash alone. Passwords' hashes and seeds of second factors are sealed by the
//! barrier. What roles permit is the server's table; here they are words.
//!
//! **Invariant:** each decision, a refused attempt too, is in the evidence in the transaction
//! that makes it true, before it is answered. Held by
//! `every_decision_about_who_may_is_evidence_before_its_answer`.
//!
//! **Invariant:** nobody's attempts shut another out who comes from elsewhere or from a browser
//! that is known. Held by `attempts_of_a_stranger_do_not_shut_out_a_known_browser`.

mod accounts;
mod handed;
mod links;
mod pace;
mod sessions;
mod sign_in;
mod tokens;

use evidence::LeafKind;
use model::Timestamp;
use serde::Serialize;
use store::{Durability, Writing};

pub use accounts::ADMINISTRATOR;
pub use handed::Handed;
pub use links::{Link, Offer};
pub use sessions::{SESSION_HOURS, SESSION_IDLE};
pub use sign_in::{Origin, SignedIn};
pub use tokens::TOKEN_DAYS;

use crate::{Engine, Error, Ledger};

/// Why somebody is not let in, or does not get what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// What was shown does not hold. What of it is not told.
    #[error("{0}")]
    Wrong(&'static str),
    /// Too many attempts: come again later.
    #[error("too many attempts; come again in {seconds} s")]
    Wait {
        /// After so many seconds.
        seconds: u32,
    },
    /// Too many passwords are looked at right now.
    #[error("too many sign in at once; come again")]
    Crowded,
    /// What was asked for makes no sense.
    #[error("{0}")]
    Unfit(String),
    /// There is no such thing.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// Something stands in the way.
    #[error("{0}")]
    Conflict(&'static str),
    /// The edges broke.
    #[error(transparent)]
    Broken(#[from] Error),
}

impl From<store::Error> for Denied {
    fn from(error: store::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl From<vault::Error> for Denied {
    fn from(error: vault::Error) -> Self {
        Self::Broken(error.into())
    }
}

/// The body of a leaf of kind `decision` about who may.
#[derive(Serialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
enum Decision<'a> {
    /// A link was made that leads to an account.
    LinkMade {
        purpose: &'a str,
        roles: &'a [String],
        ends: Timestamp,
    },
    /// It was followed: the account has a password and a second factor.
    LinkFollowed {
        purpose: &'a str,
        name: &'a str,
    },
    AccountMade {
        name: &'a str,
        roles: &'a [String],
    },
    AccountChanged {
        roles: &'a [String],
        disabled: bool,
    },
    /// The password was right, the second factor is waited for.
    PasswordTaken {
        from: &'a str,
        known_device: bool,
    },
    SignedIn {
        from: &'a str,
        with: &'a str,
    },
    /// Somebody was not let in; and how often before, too early to be looked at.
    SignInRefused {
        from: &'a str,
        at: &'a str,
        too_early_before: u64,
    },
    SessionEnded {
        session: &'a str,
    },
    TokenMade {
        token: &'a str,
        name: &'a str,
        permissions: &'a [String],
        ends: Timestamp,
    },
    TokenRevoked {
        token: &'a str,
    },
}

impl Engine {
    /// A decision about who may: its leaf, and what it makes true, in one transaction.
    fn settle<T>(
        &self,
        subject: &str,
        decision: &Decision<'_>,
        makes_true: impl FnOnce(&mut Writing<'_>) -> Result<T, Denied>,
    ) -> Result<T, Denied> {
        let now = self.now();
        let leaf = Ledger::leaf(LeafKind::Decision, now, &self.actor, subject, decision)?;
        self.store.write(Durability::Full, |writing| {
            // First, so that two that decide at once about one thing stand in line.
            self.ledger.record(writing, std::slice::from_ref(&leaf))?;
            makes_true(writing)
        })
    }
}
