//! Accounts: who may sign in, as what.

use model::Timestamp;
use store::Account;
use vault::Random as _;

use super::{Decision, Denied, Link};
use crate::keys::hex;
use crate::{Engine, SystemRandom};

/// The role of whoever makes accounts: at least one account has it.
pub const ADMINISTRATOR: &str = "admin";
/// The longest name, in letters.
const NAME_MAX: usize = 64;

fn is_administrator(account: &Account) -> bool {
    account.roles.iter().any(|role| role == ADMINISTRATOR)
}

/// Whether somebody with this account can sign in and administer.
fn administers(account: &Account) -> bool {
    account.ready.is_some() && account.disabled.is_none() && is_administrator(account)
}

/// A name as it is kept.
pub(crate) fn named(name: &str) -> Result<String, Denied> {
    let name = name.trim().to_lowercase();
    let plain = |one: char| one.is_alphanumeric() || "._-@+".contains(one);
    if (1..=NAME_MAX).contains(&name.chars().count()) && name.chars().all(plain) {
        return Ok(name);
    }
    Err(Denied::Unfit(format!(
        "expected a name of 1 to {NAME_MAX} letters, digits and `._-@+`, got {} characters",
        name.chars().count()
    )))
}

/// An id that no account has.
pub(crate) fn account_id() -> Result<String, Denied> {
    let mut chance = [0; 8];
    SystemRandom.fill(&mut chance)?;
    Ok(format!("acc-{}", hex(&chance)))
}

impl Engine {
    /// All accounts, by name.
    ///
    /// # Errors
    /// The store gave out.
    pub fn accounts(&self) -> Result<Vec<Account>, Denied> {
        Ok(self.store.read(|reading| reading.accounts(&self.tenant))?)
    }

    /// Whether there is an account of an administrator. One that was reset counts: what ended
    /// with the first administrator does not come back while that one has no password.
    ///
    /// # Errors
    /// The store gave out.
    pub fn is_administered(&self) -> Result<bool, Denied> {
        Ok(self.accounts()?.iter().any(is_administrator))
    }

    /// Makes an account; its link gives it a password and a second factor.
    ///
    /// # Errors
    /// The name is no name, or another has it.
    pub fn add_account(&self, name: &str, roles: Vec<String>) -> Result<(Account, Link), Denied> {
        let name = named(name)?;
        let now = self.now();
        let account = Account {
            id: account_id()?,
            issuer: String::new(),
            subject: name.clone(),
            name,
            roles,
            ready: None,
            totp_step: None,
            made: now,
            made_by: self.actor.clone(),
            disabled: None,
            signed_in: None,
        };
        let decision = Decision::AccountMade {
            name: &account.name,
            roles: &account.roles,
        };
        self.settle(&account.id, &decision, |writing| {
            let taken = writing.account_of(&self.tenant, "", &account.subject)?;
            if taken.is_some() {
                return Err(Denied::Conflict("an account of that name is there already"));
            }
            Ok(writing.put_account(&self.tenant, &account)?)
        })?;
        let link = self.link_to(&account, "invite")?;
        Ok((account, link))
    }

    /// Gives an account other roles, or says whether it may sign in. One that may not has no
    /// sessions any more, and its tokens do not work.
    ///
    /// # Errors
    /// There is no such account, or nobody would administer any more.
    pub fn change_account(
        &self,
        id: &str,
        roles: Option<Vec<String>>,
        disabled: Option<bool>,
    ) -> Result<Account, Denied> {
        let mut account = self.account(id)?;
        let now: Timestamp = self.now();
        if let Some(roles) = roles {
            account.roles = roles;
        }
        match disabled {
            Some(true) => account.disabled = account.disabled.or(Some(now)),
            Some(false) => account.disabled = None,
            None => {}
        }
        let decision = Decision::AccountChanged {
            roles: &account.roles,
            disabled: account.disabled.is_some(),
        };
        self.settle(id, &decision, |writing| {
            let all = writing.accounts(&self.tenant)?;
            // What happened meanwhile stays: when it signed in, with which code.
            let Some(mut kept) = all.iter().find(|one| one.id == id).cloned() else {
                return Err(Denied::Missing("account"));
            };
            let was = administers(&kept);
            kept.roles.clone_from(&account.roles);
            kept.disabled = account.disabled;
            let others = all.iter().any(|one| one.id != id && administers(one));
            if was && !administers(&kept) && !others {
                return Err(Denied::Conflict(
                    "it is the last one that administers; make another administrator first",
                ));
            }
            if kept.disabled.is_some() {
                writing.end_sessions(&self.tenant, id)?;
            }
            writing.put_account(&self.tenant, &kept)?;
            Ok(kept)
        })
    }

    /// Takes an account's password and second factor away and ends its sessions; the link gives it
    /// others.
    ///
    /// # Errors
    /// There is no such account.
    pub fn reset_account(&self, id: &str) -> Result<Link, Denied> {
        let account = self.account(id)?;
        self.link_to(&account, "reset")
    }

    /// The account with this id.
    ///
    /// # Errors
    /// There is none.
    pub fn account(&self, id: &str) -> Result<Account, Denied> {
        let found = self
            .store
            .read(|reading| reading.account(&self.tenant, id))?;
        found.ok_or(Denied::Missing("account"))
    }
}
