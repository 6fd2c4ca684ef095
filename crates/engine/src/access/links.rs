//! Links that work once: the first set-up, an invitation, a reset.

use model::{Duration, Secret, Timestamp};
use store::{Account, Durability, Invitation};
use vault::{PASSWORD_LETTERS, PasswordHash, Random as _, TOTP_SEED_BYTES, base32, totp_step};

use super::accounts::{ADMINISTRATOR, account_id, named};
use super::sign_in::{Place, password_path, totp_path};
use super::{Decision, Denied, Handed};
use crate::{Engine, SystemRandom};

/// A link works for so long.
const LASTS: Duration = Duration::hours(24);
/// Recovery codes of an account.
const CODES: usize = 10;
/// Bytes of chance in a recovery code.
const CODE_BYTES: usize = 10;

const NO_LINK: &str = "the link does not work: it was used, is too old, or another took its place";

/// A link as it is handed out.
#[derive(Debug)]
pub struct Link {
    /// What it is known by.
    pub secret: Handed,
    /// From when it does not work.
    pub ends: Timestamp,
}

/// What somebody sees who holds a link.
#[derive(Debug)]
pub struct Offer {
    /// `setup`, `invite` or `reset`.
    pub purpose: String,
    /// What the account is called; whoever sets up says it.
    pub name: Option<String>,
    /// The seed of the second factor in base32, another each time the link is looked at.
    pub seed: String,
    /// Whose roll it is, for the app to show.
    pub tenant: String,
}

impl Engine {
    /// A link to make the first administrator, if there is none who can sign in. One made before
    /// works no more.
    ///
    /// # Errors
    /// The log does not take it.
    pub fn setup_link(&self) -> Result<Option<Link>, Denied> {
        if self.is_administered()? {
            return Ok(None);
        }
        let roles = vec![ADMINISTRATOR.to_owned()];
        self.make_link(account_id()?, None, roles, "setup")
            .map(Some)
    }

    /// A link for `account`, which has no password, no second factor and no session any more.
    pub(crate) fn link_to(&self, account: &Account, purpose: &str) -> Result<Link, Denied> {
        let (id, name) = (account.id.clone(), Some(account.name.clone()));
        self.make_link(id, name, account.roles.clone(), purpose)
    }

    fn make_link(
        &self,
        account: String,
        name: Option<String>,
        roles: Vec<String>,
        purpose: &str,
    ) -> Result<Link, Denied> {
        let (secret, now) = (Handed::by_chance()?, self.now());
        let link = Invitation {
            id: secret.id(),
            hash: secret.hash(),
            account,
            name,
            roles,
            purpose: purpose.to_owned(),
            made: now,
            made_by: self.actor.clone(),
            ends: now + LASTS,
            used: None,
        };
        let decision = Decision::LinkMade {
            purpose,
            roles: &link.roles,
            ends: link.ends,
        };
        self.settle(&link.account, &decision, |writing| {
            if let Some(mut account) = writing.account(&self.tenant, &link.account)? {
                account.ready = None;
                writing.put_account(&self.tenant, &account)?;
                writing.end_sessions(&self.tenant, &account.id)?;
                writing.destroy_sealed(&self.tenant, &password_path(&account.id))?;
                writing.destroy_sealed(&self.tenant, &totp_path(&account.id))?;
                writing.put_recovery_codes(&self.tenant, &account.id, &[])?;
            }
            Ok(writing.put_invitation(&self.tenant, &link)?)
        })?;
        Ok(Link {
            secret,
            ends: link.ends,
        })
    }

    /// What a link is for, and a seed for the app. A seed that was shown before works no more:
    /// whoever made the link does not know the one that is followed.
    ///
    /// # Errors
    /// The link does not work.
    pub fn look_at_link(&self, secret: &Handed) -> Result<Offer, Denied> {
        let link = self.link(secret)?;
        let mut seed = vec![0; TOTP_SEED_BYTES];
        SystemRandom.fill(&mut seed)?;
        let seed = Secret::new(seed);
        let path = seed_path(&link.id);
        let sealed = self.keys.seal(&path, 1, &seed)?;
        self.store.write(Durability::Repeatable, |writing| {
            writing.put_sealed(&self.tenant, &path, 1, &sealed)
        })?;
        Ok(Offer {
            purpose: link.purpose,
            name: link.name,
            seed: base32(&seed),
            tenant: self.tenant.as_str().to_owned(),
        })
    }

    /// Follows a link to its end: the account has a password and a second factor. Answers its
    /// recovery codes, which are shown once.
    ///
    /// # Errors
    /// The link does not work, or the name, the password or the code is not fit.
    pub fn follow_link(
        &self,
        secret: &Handed,
        name: Option<&str>,
        password: &Secret,
        code: &str,
    ) -> Result<Vec<String>, Denied> {
        let link = self.link(secret)?;
        let name = match (&link.name, name) {
            (Some(name), _) => name.clone(),
            (None, Some(name)) => named(name)?,
            (None, None) => return Err(Denied::Unfit("expected a name, got none".into())),
        };
        fit(password, &name)?;
        let path = seed_path(&link.id);
        let seed = self.opened(&path)?.ok_or(Denied::Wrong(NO_LINK))?;
        let step = totp_step(&seed, code.trim(), self.now(), None).ok_or_else(|| {
            Denied::Unfit("expected the six digits that the app shows now, got others".into())
        })?;
        let hash = {
            let _place = Place::take()?;
            PasswordHash::of(password, &SystemRandom)?
        };
        let (password_at, totp_at) = (password_path(&link.account), totp_path(&link.account));
        let hash = self.keys.seal(&password_at, 1, &hash.to_secret())?;
        let seed = self.keys.seal(&totp_at, 1, &seed)?;
        let codes = recovery_codes()?;
        let hashes: Vec<_> = codes.iter().map(Handed::hash).collect();
        let now = self.now();
        let decision = Decision::LinkFollowed {
            purpose: &link.purpose,
            name: &name,
        };
        let acting = self.acting_as(&format!("person:{name}"));
        acting.settle(&link.account, &decision, |writing| {
            if !writing.use_invitation(&self.tenant, &link.id, now)? {
                return Err(Denied::Wrong(NO_LINK));
            }
            let taken = writing.account_of(&self.tenant, "", &name)?;
            if taken.is_some_and(|one| one.id != link.account) {
                return Err(Denied::Conflict("an account of that name is there already"));
            }
            let kept = writing.account(&self.tenant, &link.account)?;
            let mut account = kept.unwrap_or_else(|| made_by(&link, &name));
            account.ready = Some(now);
            account.totp_step = Some(step);
            writing.put_account(&self.tenant, &account)?;
            writing.put_sealed(&self.tenant, &password_at, 1, &hash)?;
            writing.put_sealed(&self.tenant, &totp_at, 1, &seed)?;
            writing.destroy_sealed(&self.tenant, &path)?;
            Ok(writing.put_recovery_codes(&self.tenant, &account.id, &hashes)?)
        })?;
        Ok(codes.iter().map(grouped).collect())
    }

    fn link(&self, secret: &Handed) -> Result<Invitation, Denied> {
        let found = self
            .store
            .read(|reading| reading.invitation(&self.tenant, &secret.id()))?;
        let now = self.now();
        let works = |one: &Invitation| secret.is(&one.hash) && one.used.is_none() && now < one.ends;
        let link = found.filter(works).ok_or(Denied::Wrong(NO_LINK))?;
        // A first set-up is over once somebody administers.
        if link.purpose == "setup" && self.is_administered()? {
            return Err(Denied::Wrong(NO_LINK));
        }
        Ok(link)
    }
}

fn made_by(link: &Invitation, name: &str) -> Account {
    Account {
        id: link.account.clone(),
        issuer: String::new(),
        subject: name.to_owned(),
        name: name.to_owned(),
        roles: link.roles.clone(),
        ready: None,
        totp_step: None,
        made: link.made,
        made_by: link.made_by.clone(),
        disabled: None,
        signed_in: None,
    }
}

/// Long enough, and not the name. Nothing is asked of what it is made of.
fn fit(password: &Secret, name: &str) -> Result<(), Denied> {
    let text = std::str::from_utf8(password.expose()).unwrap_or_default();
    let letters = text.chars().count();
    if !PASSWORD_LETTERS.contains(&letters) {
        return Err(Denied::Unfit(format!(
            "expected a password of {} to {} letters, got {letters}",
            PASSWORD_LETTERS.start(),
            PASSWORD_LETTERS.end()
        )));
    }
    let first = text.chars().next();
    let is_one_letter = text.chars().all(|one| Some(one) == first);
    if text.to_lowercase() == name || is_one_letter {
        return Err(Denied::Unfit(
            "expected a password that is not the name and not one letter alone".into(),
        ));
    }
    Ok(())
}

fn seed_path(link: &str) -> String {
    format!("link/{link}/totp")
}

fn recovery_codes() -> Result<Vec<Handed>, Denied> {
    let mut codes = Vec::with_capacity(CODES);
    while codes.len() < CODES {
        let mut chance = vec![0; CODE_BYTES];
        SystemRandom.fill(&mut chance)?;
        codes.extend(Handed::shown(&base32(&Secret::new(chance))));
    }
    Ok(codes)
}

/// `ABCD-EFGH-…`, as people copy it.
fn grouped(code: &Handed) -> String {
    let parts = code.secret().expose().chunks(4);
    let parts: Vec<_> = parts.map(String::from_utf8_lossy).collect();
    parts.join("-")
}
