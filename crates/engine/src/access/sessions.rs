//! Sessions: who is signed in, until when.

use model::{Duration, Timestamp};
use store::{Account, Durability, SessionRow, Stage};

use super::{Decision, Denied, Handed};
use crate::Engine;

/// A session ends after so many hours whatever happens.
pub const SESSION_HOURS: i64 = 12;
/// And when it was not used for so long.
pub const SESSION_IDLE: Duration = Duration::hours(1);
/// That it was used is noted so often.
const NOTED: Duration = Duration::minutes(1);

/// Whether a session still holds at `now`.
pub(crate) fn holds(session: &SessionRow, now: Timestamp) -> bool {
    now < session.ends && now < session.seen + SESSION_IDLE
}

impl Engine {
    /// Who is signed in by what the cookie holds, and in which session.
    ///
    /// # Errors
    /// The store gave out.
    pub fn session_of(&self, cookie: &Handed) -> Result<Option<(Account, SessionRow)>, Denied> {
        let found = self.staged(cookie, Stage::In)?;
        let now = self.now();
        if let Some((_, session)) = &found
            && session.seen + NOTED <= now
        {
            self.store.write(Durability::Repeatable, |writing| {
                writing.saw_session(&self.tenant, &session.id, now)
            })?;
        }
        Ok(found)
    }

    /// The session of `cookie`, if it is that far and still holds, and its account.
    pub(crate) fn staged(
        &self,
        cookie: &Handed,
        stage: Stage,
    ) -> Result<Option<(Account, SessionRow)>, Denied> {
        let now = self.now();
        let found = self.store.read(|reading| {
            let Some(session) = reading.session(&self.tenant, &cookie.id())? else {
                return Ok(None);
            };
            let account = reading.account(&self.tenant, &session.account)?;
            Ok(account.map(|account| (account, session)))
        })?;
        Ok(found.filter(|(account, session)| {
            cookie.is(&session.hash)
                && session.stage == stage
                && holds(session, now)
                && account.disabled.is_none()
                && account.ready.is_some()
        }))
    }

    /// The sessions of an account that hold.
    ///
    /// # Errors
    /// The store gave out.
    pub fn sessions(&self, account: &str) -> Result<Vec<SessionRow>, Denied> {
        let now = self.now();
        let all = self
            .store
            .read(|reading| reading.sessions(&self.tenant, account))?;
        let here = |one: &SessionRow| one.stage == Stage::In && holds(one, now);
        Ok(all.into_iter().filter(here).collect())
    }

    /// Ends a session of `account`.
    ///
    /// # Errors
    /// It has none such.
    pub fn end_session(&self, account: &str, session: &str) -> Result<(), Denied> {
        let decision = Decision::SessionEnded { session };
        self.settle(account, &decision, |writing| {
            match writing.end_session(&self.tenant, account, session)? {
                true => Ok(()),
                false => Err(Denied::Missing("session")),
            }
        })
    }
}
