//! What a plan is carried out on: the provider, the place where the secret lies, and time.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use connectors::{Declared, Revoker, Standing};
use model::{Duration, Outcome, Path, Probed, Secret, StepKind, Subject};

use crate::fingerprints::Logins;
use crate::ports::Bearer;
use crate::sources::Opened;
use crate::{Engine, Error};

/// The provider of the subject of one plan.
pub trait Provider {
    /// How credentials of this type are revoked.
    fn declares(&self) -> &'static Declared;

    /// `real`, `emulator` or `stub`, as the source declares itself.
    fn label(&self) -> String;

    /// See [`Revoker::standing`].
    ///
    /// # Errors
    /// The provider refused or broke.
    fn standing(&mut self, subject: &Subject) -> Result<Standing, connectors::Error>;

    /// See [`Revoker::act`].
    ///
    /// # Errors
    /// The provider refused or broke.
    fn act(&mut self, subject: &Subject, step: StepKind) -> Result<Outcome, connectors::Error>;

    /// See [`Revoker::probe`].
    ///
    /// # Errors
    /// Only what is wrong with us.
    fn probe(&mut self, subject: &Subject, path: Path) -> Result<Probed, connectors::Error>;
}

/// What a plan is carried out on.
pub trait World {
    /// The secret, read again from where it was seen; `None` if it lies there no more.
    fn secret(&self, subject: &Subject) -> Option<Secret>;

    /// The provider, with the secret to ask it as the bearer.
    ///
    /// # Errors
    /// The source is not configured any more, or cannot be opened.
    fn provider(
        &self,
        subject: &Subject,
        bearer: Option<Bearer>,
    ) -> Result<Box<dyn Provider + '_>, Error>;

    /// Lets time go by.
    fn wait(&self, pause: Duration);
}

/// The world as it is: configured sources, files where secrets were seen, the system's clock.
pub struct Live<'e> {
    engine: &'e Engine,
    stop: Arc<AtomicBool>,
}

impl<'e> Live<'e> {
    /// The world as `engine` reaches it; once `stop` is true it answers nothing more.
    pub fn new(engine: &'e Engine, stop: &Arc<AtomicBool>) -> Self {
        Self {
            engine,
            stop: Arc::clone(stop),
        }
    }
}

impl World for Live<'_> {
    fn secret(&self, subject: &Subject) -> Option<Secret> {
        subject.seen_at.iter().find_map(|(source, native)| {
            let wanted = [native.clone()];
            self.engine.read_again(source, &wanted).remove(native)
        })
    }

    fn provider(
        &self,
        subject: &Subject,
        bearer: Option<Bearer>,
    ) -> Result<Box<dyn Provider + '_>, Error> {
        let opened = self
            .engine
            .open_source(&subject.source, bearer, &self.stop)?;
        let revoker = opened
            .connector
            .revoker()
            .ok_or(connectors::Error::NotOffered { act: "revoke" })?;
        Ok(Box::new(LiveProvider {
            engine: self.engine,
            opened,
            revoker,
        }))
    }

    fn wait(&self, pause: Duration) {
        std::thread::sleep(pause.to_std());
    }
}

struct LiveProvider<'e> {
    engine: &'e Engine,
    opened: Opened,
    revoker: &'static dyn Revoker,
}

impl Provider for LiveProvider<'_> {
    fn declares(&self) -> &'static Declared {
        self.revoker.declares()
    }

    fn label(&self) -> String {
        self.opened.config.kind_of_target.clone()
    }

    fn standing(&mut self, subject: &Subject) -> Result<Standing, connectors::Error> {
        let revoker = self.revoker;
        self.engine.ask(&mut self.opened, &Logins::new(), |_, cx| {
            revoker.standing(cx, subject)
        })
    }

    fn act(&mut self, subject: &Subject, step: StepKind) -> Result<Outcome, connectors::Error> {
        let revoker = self.revoker;
        self.engine.ask(&mut self.opened, &Logins::new(), |_, cx| {
            revoker.act(cx, subject, step)
        })
    }

    fn probe(&mut self, subject: &Subject, path: Path) -> Result<Probed, connectors::Error> {
        let revoker = self.revoker;
        self.engine.ask(&mut self.opened, &Logins::new(), |_, cx| {
            revoker.probe(cx, subject, path)
        })
    }
}
