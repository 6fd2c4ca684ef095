//! The steps up to the provider's last word: control, cut, end of sessions, removal (RP-1, RP-4).

use connectors::Standing;
use lifecycle::Event;
use model::{Duration, Grade, Outcome, Path, Probed, Step, StepKind};

use super::{Advance, Execution, Halt};
use crate::{Error, crash};

/// How long an acknowledged cut may take until the first denial before it counts as failed.
const CUT_PATIENCE: Duration = Duration::seconds(30);
/// How often a path beside the first is tried for a positive control.
const CONTROL_TRIES: u32 = 3;

impl Execution<'_> {
    /// Requested: control, deny what could mint more, cut, and see one denial.
    pub(super) fn cut(&mut self) -> Result<(), Halt> {
        if !self.control()? {
            return Ok(());
        }
        for kind in [StepKind::DenySessions, StepKind::Cut] {
            let done = |standing: &Standing| match kind {
                StepKind::DenySessions => standing.sessions_denied,
                _ => standing.cut,
            };
            self.carry_out(kind, done)?;
        }
        self.first_denial()?;
        Ok(self.go(Event::Cut)?)
    }

    /// Cut: no live session is left.
    pub(super) fn end_sessions(&mut self) -> Result<(), Halt> {
        let ended = |standing: &Standing| standing.sessions.is_none_or(|count| count == 0);
        self.carry_out(StepKind::EndSessions, ended)?;
        self.other_denials()?;
        Ok(self.go(Event::SessionsEnded)?)
    }

    /// The windows of the paths beside a new login begin as soon as nothing can be open on them
    /// any more: what is removed and written down after this takes none of their time.
    fn other_denials(&mut self) -> Result<(), Halt> {
        if self.record.bearer && self.record.control().is_some() {
            for path in self.paths().iter().filter(|path| **path != Path::NewLogin) {
                if !self.too_early(*path) {
                    self.probe_and_keep(*path)?;
                }
            }
        }
        Ok(())
    }

    /// Sessions ended: the provider's last word. Where it will not come, access is probed all the
    /// same: a failure to clean up is one of the object, not of access.
    pub(super) fn remove(&mut self) -> Result<(), Halt> {
        match self.carry_out(StepKind::Remove, |standing| !standing.present) {
            Ok(()) => Ok(self.go(Event::ProviderAcked)?),
            Err(Halt::World(why)) => {
                let access = self.watch_access()?;
                Err(Halt::World(format!("{why}; access: {access}")))
            }
            Err(ours) => Err(ours),
        }
    }

    /// The exact probes succeed and find the expected principal (RP-1). False if the plan must
    /// not go on.
    fn control(&mut self) -> Result<bool, Halt> {
        let Some(step) = self.step(StepKind::Control) else {
            return Ok(true);
        };
        let settled = |outcome: &Outcome| !matches!(outcome, Outcome::Failed { .. });
        let receipts = &self.record.receipts;
        if receipts
            .iter()
            .any(|one| one.kind == StepKind::Control && settled(&one.outcome))
        {
            self.hold_again()?;
            return Ok(true);
        }
        (self.told)(Advance::Step(&step));
        if !self.record.bearer {
            let why = "the secret lies nowhere where it could be read again; the proof cannot be \
                       of grade A"
                .to_owned();
            self.receive(&step, Outcome::Impossible { why })?;
            return Ok(true);
        }
        let standing = self.provider.standing(&self.plan.body.subject)?;
        let probed = self.probe_and_keep(Path::NewLogin)?;
        let expected = self.plan.body.subject.principal.clone();
        let stop = match probed {
            Probed::Accepted { principal } if principal == expected => None,
            Probed::Accepted { principal } => Some(format!(
                "the secret lets in {}, not {}; nothing was changed",
                model::clean(&principal),
                model::clean(&expected)
            )),
            Probed::Denied { code } if standing.cut => {
                let why = format!("it was refused before this plan began ({code})");
                self.receive(&step, Outcome::Impossible { why })?;
                return Ok(true);
            }
            Probed::Denied { code } => Some(format!(
                "the secret that was seen does not open it ({code}), so it is another one that \
                 does; nothing was changed"
            )),
            Probed::Unclear { why } => {
                return Err(Halt::World(format!(
                    "no answer to the positive control: {why}"
                )));
            }
        };
        if let Some(why) = stop {
            self.receive(&step, Outcome::Impossible { why: why.clone() })?;
            let grade = Grade::C;
            self.go(Event::Unprovable { why, grade })?;
            return Ok(false);
        }
        self.control_other_paths(&expected)?;
        self.receive(
            &step,
            Outcome::Controlled {
                principal: expected,
            },
        )?;
        Ok(true)
    }

    /// A process that went on from a control of another one holds nothing open yet. As long as
    /// nothing is cut it can: what is opened now is watched through the cut.
    fn hold_again(&mut self) -> Result<(), Halt> {
        if !self.record.bearer || self.held || self.record.cut_at().is_some() {
            return Ok(());
        }
        if self.provider.standing(&self.plan.body.subject)?.cut {
            // Cut by an act whose receipt went down with the process, or by somebody else.
            self.record.lost.push(Path::MintedSession);
            return Ok(());
        }
        if let Some((_, principal)) = self.record.control() {
            self.control_other_paths(&principal)?;
        }
        Ok(())
    }

    /// What cannot be opened before the cut cannot be seen to close after it: the proof says so.
    fn control_other_paths(&mut self, expected: &str) -> Result<(), Halt> {
        self.held = true;
        for path in self.paths().iter().filter(|path| **path != Path::NewLogin) {
            for n in 0..CONTROL_TRIES {
                if n > 0 {
                    self.world.wait(self.probe_pause());
                }
                if matches!(self.probe_and_keep(*path)?,
                    Probed::Accepted { principal } if principal == expected)
                {
                    break;
                }
            }
        }
        Ok(())
    }

    /// One step that changes the world: asked first whether it is done, intended, done, received.
    fn carry_out(&mut self, kind: StepKind, done: impl Fn(&Standing) -> bool) -> Result<(), Halt> {
        let Some(step) = self.step(kind) else {
            return Ok(());
        };
        (self.told)(Advance::Step(&step));
        let standing = self.provider.standing(&self.plan.body.subject)?;
        if kind == StepKind::EndSessions {
            self.record.find_sessions(standing.sessions);
        }
        if done(&standing) {
            return self.found_done(&step);
        }
        self.intend(&step)?;
        let outcome = self.provider.act(&self.plan.body.subject, kind);
        crash::point("after act");
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                let why = model::shorten(&model::clean(&error.to_string()), 800);
                self.receive(&step, Outcome::Failed { why: why.clone() })?;
                return Err(Halt::World(why));
            }
        };
        let impossible = matches!(outcome, Outcome::Impossible { .. });
        let told = match &outcome {
            Outcome::Failed { why } => Some(why.clone()),
            _ => None,
        };
        self.receive(&step, outcome)?;
        if let Some(why) = told {
            return Err(Halt::World(why));
        }
        // What a provider acknowledges is asked for again before it is believed.
        let standing = self.provider.standing(&self.plan.body.subject)?;
        self.record.show_sessions(standing.sessions);
        if impossible || done(&standing) {
            return Ok(());
        }
        Err(Halt::World(format!(
            "the provider acknowledged the step `{}` and does not show it",
            kind.as_str()
        )))
    }

    /// It is so already: by our own act before a crash, or by somebody else's.
    fn found_done(&mut self, step: &Step) -> Result<(), Halt> {
        let (engine, plan) = (self.engine, self.plan.id.clone());
        let intent = engine
            .store
            .read(|reading| reading.intent(&engine.tenant, &plan, step.ordinal))
            .map_err(Error::from)?;
        // A receipt of before it was begun again, or of before the row was opened again, is none
        // of what is found now: the windows begin with this one.
        let since = intent.as_ref().map(|intent| intent.at).max(self.reopened());
        let received = self.record.receipts.iter().any(|one| {
            one.step == step.ordinal
                && since.is_none_or(|since| one.at >= since)
                && matches!(one.outcome, Outcome::Done { .. } | Outcome::Already { .. })
        });
        if received {
            return Ok(());
        }
        let told = match intent {
            Some(intent) => format!("found done; it was begun at {}", intent.at),
            None => "found so before it was begun".to_owned(),
        };
        Ok(self.receive(step, Outcome::Already { told })?)
    }

    /// One denial of a new login, for the right reason, before anything is called cut.
    fn first_denial(&mut self) -> Result<(), Halt> {
        if !self.record.bearer || self.record.control().is_none() {
            // Nothing to try with: that the provider shows it cut is all there is.
            return Ok(());
        }
        let window = self.plan.body.window(Path::NewLogin);
        self.world.wait(window.first_after);
        let until = (self.engine.now() + CUT_PATIENCE).min(self.deadline);
        loop {
            let why = match self.probe_and_keep(Path::NewLogin)? {
                Probed::Denied { .. } => return Ok(()),
                Probed::Accepted { .. } => "the cut was acknowledged, yet it is still let in",
                Probed::Unclear { .. } => "the cut was acknowledged, and no clear denial came",
            };
            if self.engine.now() >= until {
                return Err(Halt::World(why.to_owned()));
            }
            self.world.wait(self.probe_pause());
        }
    }
}
