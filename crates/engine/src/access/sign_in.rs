//! Signing in: a password, then a second factor. Each step hands out another secret.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::{Duration, Secret, Timestamp};
use store::{Account, Attempt, Durability, SessionRow, Stage};
use vault::{PasswordHash, totp_step};

use super::pace::{ADDRESS, Budget, CODE, DEVICE};
use super::sessions::SESSION_HOURS;
use super::{Decision, Denied, Handed};
use crate::{Engine, SystemRandom};

/// Passwords that are looked at at once: each takes 19 MiB, and the threads that answer others.
const HASHING_MAX: usize = 4;
/// How many are, in this process.
static HASHING: AtomicUsize = AtomicUsize::new(0);

/// The second factor has to come within this.
const HALF_IN: Duration = Duration::minutes(10);
/// A browser is known for so long.
const KNOWN: Duration = Duration::days(180);

const WRONG: &str = "name or password is wrong, or the account may not sign in";
const WRONG_CODE: &str = "the code is wrong, was used before, or came too late; sign in again";

/// Where somebody comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Their address.
    pub address: IpAddr,
    /// What the browser shows of having been here before.
    pub device: Option<Handed>,
    /// The program, in its own words.
    pub agent: String,
}

/// Somebody is in.
#[derive(Debug)]
pub struct SignedIn {
    /// For the cookie of the session.
    pub session: Handed,
    /// For the cookie that makes the browser known, if it was not.
    pub device: Option<Handed>,
}

/// Whose attempts these are, and how many they have.
struct Bucket {
    name: String,
    budget: Budget,
    is_known: bool,
}

impl Origin {
    /// Addresses that one customer is given are one.
    fn from(&self) -> String {
        match self.address.to_canonical() {
            IpAddr::V4(four) => four.to_string(),
            IpAddr::V6(six) => {
                let [a, b, c, d, ..] = six.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }
}

impl Engine {
    /// The password of an account. What is handed out waits for the second factor.
    ///
    /// # Errors
    /// It is wrong, or comes too early.
    pub fn sign_in(
        &self,
        origin: &Origin,
        name: &str,
        password: &Secret,
    ) -> Result<Handed, Denied> {
        let subject = name.trim().to_lowercase();
        let account = self
            .store
            .read(|reading| reading.account_of(&self.tenant, "", &subject))?;
        let address = Bucket {
            name: format!("address {}", origin.from()),
            budget: ADDRESS,
            is_known: false,
        };
        let bucket = self.bucket(origin, account.as_ref(), address)?;
        let attempt = self.spend(&bucket)?;
        let is_right = self.is_password(account.as_ref(), password)?;
        let may = |one: &Account| is_right && one.ready.is_some() && one.disabled.is_none();
        let Some(account) = account.clone().filter(may) else {
            // Not the name that was typed: people type passwords there.
            let subject = account.as_ref().map_or("unknown", |one| one.id.as_str());
            self.refuse(origin, subject, attempt, "password")?;
            return Err(Denied::Wrong(WRONG));
        };
        let handed = Handed::by_chance()?;
        let session = self.session(&handed, &account.id, origin, Stage::Password, HALF_IN);
        let decision = Decision::PasswordTaken {
            from: &origin.from(),
            known_device: bucket.is_known,
        };
        let acting = self.acting_as(&format!("person:{}", account.name));
        acting.settle(&account.id, &decision, |writing| {
            writing.put_session(&self.tenant, &session)?;
            Ok(writing.put_attempt(&self.tenant, &bucket.budget.refund(attempt))?)
        })?;
        Ok(handed)
    }

    /// The second factor, of whoever holds `half`: a code of the app, or a recovery code.
    ///
    /// # Errors
    /// It is wrong, or comes too early or too late.
    pub fn enter_code(
        &self,
        origin: &Origin,
        half: &Handed,
        code: &str,
    ) -> Result<SignedIn, Denied> {
        let Some((account, begun)) = self.staged(half, Stage::Password)? else {
            return Err(Denied::Wrong(WRONG_CODE));
        };
        let own = Bucket {
            name: format!("code {}", account.id),
            budget: CODE,
            is_known: false,
        };
        let bucket = self.bucket(origin, Some(&account), own)?;
        let attempt = self.spend(&bucket)?;
        let code: String = code.chars().filter(|one| !" -".contains(*one)).collect();
        let factor = self.factor(&account, &code)?;
        let Some(factor) = factor else {
            self.refuse(origin, &account.id, attempt, "code")?;
            return Err(Denied::Wrong(WRONG_CODE));
        };
        let (session, device) = (Handed::by_chance()?, Handed::by_chance()?);
        let hours = Duration::hours(SESSION_HOURS);
        let row = self.session(&session, &account.id, origin, Stage::In, hours);
        let now = row.made;
        let from = origin.from();
        let decision = Decision::SignedIn {
            from: &from,
            with: factor.word(),
        };
        let acting = self.acting_as(&format!("person:{}", account.name));
        acting.settle(&account.id, &decision, |writing| {
            let is_unused = match &factor {
                Factor::Step(step) => writing.use_totp_step(&self.tenant, &account.id, *step)?,
                Factor::Recovery(hash) => {
                    writing.use_recovery_code(&self.tenant, &account.id, hash, now)?
                }
            };
            // Another was faster with the same code, or ended the session.
            if !is_unused || !writing.end_session(&self.tenant, &account.id, &begun.id)? {
                return Err(Denied::Wrong(WRONG_CODE));
            }
            writing.put_session(&self.tenant, &row)?;
            if !bucket.is_known {
                let (id, hash) = (device.id(), device.hash());
                let (known, times) = ((id.as_str(), hash.as_slice()), (now, now + KNOWN));
                writing.put_device(&self.tenant, known, &account.id, times)?;
            }
            if let Some(mut account) = writing.account(&self.tenant, &account.id)? {
                account.signed_in = Some(now);
                writing.put_account(&self.tenant, &account)?;
            }
            writing.forget_attempts(&self.tenant, now - Duration::days(1))?;
            Ok(writing.put_attempt(&self.tenant, &bucket.budget.refund(attempt))?)
        })?;
        Ok(SignedIn {
            session,
            device: (!bucket.is_known).then_some(device),
        })
    }

    /// The device's own attempts where `account` is known from it, else those of `otherwise`.
    fn bucket(
        &self,
        origin: &Origin,
        account: Option<&Account>,
        otherwise: Bucket,
    ) -> Result<Bucket, Denied> {
        let (Some(device), Some(account)) = (&origin.device, account) else {
            return Ok(otherwise);
        };
        let (id, now) = (device.id(), self.now());
        let known = self
            .store
            .read(|reading| reading.device(&self.tenant, &id, &account.id, now))?;
        Ok(match known {
            Some(hash) if device.is(&hash) => Bucket {
                name: format!("device {id}"),
                budget: DEVICE,
                is_known: true,
            },
            _ => otherwise,
        })
    }

    fn spend(&self, bucket: &Bucket) -> Result<Attempt, Denied> {
        let now = self.now();
        let (attempt, wait) = self.store.write(Durability::Repeatable, |writing| {
            // Two that try at once stand in line.
            writing.lock_evidence(&self.tenant)?;
            let before = writing.attempt(&self.tenant, &bucket.name)?;
            let (attempt, wait) = bucket.budget.spend(before, &bucket.name, now);
            writing.put_attempt(&self.tenant, &attempt)?;
            Ok::<_, Denied>((attempt, wait))
        })?;
        wait.map_or(Ok(attempt), |seconds| Err(Denied::Wait { seconds }))
    }

    fn refuse(
        &self,
        origin: &Origin,
        subject: &str,
        attempt: Attempt,
        at: &str,
    ) -> Result<(), Denied> {
        let decision = Decision::SignInRefused {
            from: &origin.from(),
            at,
            too_early_before: attempt.untold,
        };
        self.settle(subject, &decision, |writing| {
            let told = Attempt {
                untold: 0,
                ..attempt
            };
            Ok(writing.put_attempt(&self.tenant, &told)?)
        })
    }

    /// Whether it is the password. Of an account that is not there it takes as long.
    fn is_password(&self, account: Option<&Account>, password: &Secret) -> Result<bool, Denied> {
        let _place = Place::take()?;
        let kept = match account {
            Some(account) => self.opened(&password_path(&account.id))?,
            None => None,
        };
        let Some(kept) = kept else {
            PasswordHash::of(password, &SystemRandom)?;
            return Ok(false);
        };
        Ok(PasswordHash::from_secret(&kept)?.matches(password)?)
    }

    fn factor(&self, account: &Account, code: &str) -> Result<Option<Factor>, Denied> {
        if code.len() == 6 && code.bytes().all(|one| one.is_ascii_digit()) {
            let seed = self.opened(&totp_path(&account.id))?;
            let step = seed.and_then(|seed| totp_step(&seed, code, self.now(), account.totp_step));
            return Ok(step.map(Factor::Step));
        }
        let Some(code) = Handed::shown(&code.to_ascii_uppercase()) else {
            return Ok(None);
        };
        let kept = self
            .store
            .read(|reading| reading.recovery_codes(&self.tenant, &account.id))?;
        let found = kept.into_iter().find(|hash| code.is(hash));
        Ok(found.map(Factor::Recovery))
    }

    /// The sealed value at `path`, opened.
    pub(crate) fn opened(&self, path: &str) -> Result<Option<Secret>, Denied> {
        let sealed = self
            .store
            .read(|reading| reading.sealed(&self.tenant, path))?;
        let open = |(version, bytes): (u32, Vec<u8>)| {
            self.keys.open_sealed(path, u64::from(version), &bytes)
        };
        Ok(sealed.map(open).transpose()?)
    }

    fn session(
        &self,
        handed: &Handed,
        account: &str,
        origin: &Origin,
        stage: Stage,
        lasts: Duration,
    ) -> SessionRow {
        let now: Timestamp = self.now();
        SessionRow {
            id: handed.id(),
            hash: handed.hash(),
            account: account.to_owned(),
            stage,
            made: now,
            seen: now,
            ends: now + lasts,
            address: origin.address.to_canonical().to_string(),
            agent: model::shorten(&model::clean(&origin.agent), 120),
        }
    }
}

/// Where the hash of a password is sealed.
pub(crate) fn password_path(account: &str) -> String {
    format!("account/{account}/password")
}

/// Where the seed of a second factor is sealed.
pub(crate) fn totp_path(account: &str) -> String {
    format!("account/{account}/totp")
}

/// A second factor that is right.
enum Factor {
    Step(i64),
    Recovery(Vec<u8>),
}

impl Factor {
    const fn word(&self) -> &'static str {
        match self {
            Self::Step(_) => "code",
            Self::Recovery(_) => "recovery_code",
        }
    }
}

/// A place among those whose passwords are looked at.
pub(crate) struct Place;

impl Place {
    pub(crate) fn take() -> Result<Self, Denied> {
        let took = HASHING.fetch_update(Ordering::AcqRel, Ordering::Acquire, |many| {
            (many < HASHING_MAX).then_some(many + 1)
        });
        took.map(|_| Self).map_err(|_| Denied::Crowded)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        HASHING.fetch_sub(1, Ordering::AcqRel);
    }
}
