//! What a connector that can revoke declares and does (revocation.md sections 2 to 5).

use std::collections::BTreeMap;

use model::{
    CredentialType, Entity, Outcome, Path, Probed, Step, StepKind, Subject, Survivor, Window,
};

use crate::{Context, Error};

/// How credentials of one type are revoked, as data (revocation.md 5.2).
#[derive(Debug)]
pub struct Declared {
    /// Of which type.
    pub credential: CredentialType,
    /// The revoking calls, in order, in the provider's words.
    pub calls: &'static [&'static str],
    /// Codes that count as a denial for an authentication reason (RP-2).
    pub denials: &'static [&'static str],
    /// Codes with which the provider says that it is gone already (S-4).
    pub already_absent: &'static [&'static str],
    /// What the proof has to see (revocation.md 5.1).
    pub window: Window,
    /// Paths whose denials have to be watched for longer, each with its own window.
    pub windows: &'static [(Path, Window)],
    /// Paths to probe, each by itself.
    pub paths: &'static [Path],
    /// Types that can be derived from it, and how each is dealt with, or why none exist (RP-7).
    pub children: &'static [(&'static str, &'static str)],
    /// How long after proof a re-enable would revive it; watched by later collections (RP-6).
    pub revives: &'static str,
    /// The least pause between two probes, in milliseconds, so that no lock-out follows (RP-9).
    pub probe_pause_ms: u64,
}

/// What the provider says of the subject now; read-only, asked before every step so that a
/// resumed plan does nothing twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the provider still has it.
    pub present: bool,
    /// Whether minted sessions are denied already.
    pub sessions_denied: bool,
    /// Whether new logins are refused already.
    pub cut: bool,
    /// Live sessions counted; `None` if the provider has no such concept.
    pub sessions: Option<u32>,
}

/// Revokes credentials of one type.
pub trait Revoker: Sync {
    /// How, as data.
    fn declares(&self) -> &'static Declared;

    /// What must be known to act on `credential`, from the facts on the roll: the `handle`,
    /// `native` and `principal` of a [`Subject`]. Pure.
    ///
    /// # Errors
    /// [`Error::Unknown`] naming what is missing and how to learn it.
    fn handle(&self, credential: &Entity, holder: Option<&Entity>) -> Result<Handle, Error>;

    /// The steps for `subject`, in the words a person approves. Pure.
    fn steps(&self, subject: &Subject) -> Vec<Step>;

    /// What survives the cut by design. Pure.
    fn survivors(&self, subject: &Subject) -> Vec<Survivor>;

    /// What the provider says of the subject now. Changes nothing.
    ///
    /// # Errors
    /// The provider refused or broke.
    fn standing(&self, cx: &mut Context<'_>, subject: &Subject) -> Result<Standing, Error>;

    /// Does one step: [`StepKind::DenySessions`], [`StepKind::Cut`], [`StepKind::EndSessions`] or
    /// [`StepKind::Remove`]. Idempotent.
    ///
    /// # Errors
    /// The provider refused or broke; a missing permission is never success.
    fn act(
        &self,
        cx: &mut Context<'_>,
        subject: &Subject,
        step: StepKind,
    ) -> Result<Outcome, Error>;

    /// Tries one path once. Neither exempt from the cut nor harmful (RP-5).
    ///
    /// # Errors
    /// Only what is wrong with us; whatever the world does is a [`Probed`].
    fn probe(&self, cx: &mut Context<'_>, subject: &Subject, path: Path) -> Result<Probed, Error>;
}

/// What a [`Subject`] needs besides what the roll already knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The source that can act, and what it calls the thing.
    pub source: model::SourceId,
    /// What that source calls it.
    pub native: String,
    /// What its connector needs.
    pub handle: BTreeMap<String, String>,
    /// The principal a positive control must find (RP-1).
    pub principal: String,
}
