//! What was done, what was asked afterwards, and what that proves (revocation.md sections 2 and 3).

use serde::{Deserialize, Serialize};

use crate::{Duration, PlanId, StepKind, Subject, Timestamp};

/// What a proof has to see: at least `denials` in a row, spread over at least `over` (RP-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Denials in a row.
    pub denials: u32,
    /// From the first of them to the last.
    pub over: Duration,
    /// How long after the cut the first probe goes out.
    pub first_after: Duration,
}

/// A path on which the credential, or something derived from it, could still work. Each is
/// probed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// A new login with the credential.
    NewLogin,
    /// A session that was opened with it before the cut.
    HeldSession,
    /// A temporary credential that was minted from it before the cut.
    MintedSession,
}

impl Path {
    /// The word in evidence and on screens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewLogin => "new_login",
            Self::HeldSession => "held_session",
            Self::MintedSession => "minted_session",
        }
    }
}

/// What the world answered to one probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Probed {
    /// It let us in, as this principal.
    Accepted {
        /// As whom.
        principal: String,
    },
    /// It refused, for a reason that speaks of this very credential (RP-2).
    Denied {
        /// The provider's code.
        code: String,
    },
    /// It did neither: time-outs, 5xx, throttles, network. Counts for nothing, resets nothing.
    Unclear {
        /// Why, for a person.
        why: String,
    },
}

/// One probe as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// On which path.
    pub path: Path,
    /// When the answer came.
    pub at: Timestamp,
    /// The answer.
    pub probed: Probed,
}

/// What one step did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which plan.
    pub plan: PlanId,
    /// Which step, from 1.
    pub step: u32,
    /// Of what kind.
    pub kind: StepKind,
    /// When it ended.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
    /// Fencing token under which it was done.
    pub token: i64,
}

/// What came of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Done now. `told` names calls and request ids.
    Done {
        /// For a person and for evidence.
        told: String,
        /// A count, where the step counts: sessions ended.
        count: Option<u32>,
    },
    /// It was so already: a success of the provider, never a proof (S-4).
    Already {
        /// For a person and for evidence.
        told: String,
    },
    /// The positive control: who was found behind the credential.
    Controlled {
        /// As whom we were let in.
        principal: String,
    },
    /// The step cannot be done here, for a stated reason that does not stop the plan.
    Impossible {
        /// Why.
        why: String,
    },
    /// It failed and will be tried again, for ever (S-1).
    Failed {
        /// Why.
        why: String,
    },
}

/// How strong the evidence is (RP-8). Only A proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// The credential was replayed and denied.
    A,
    /// The provider's state was read back; the value was never held.
    B,
    /// The provider acknowledged, nothing more.
    C,
}

/// Where a revocation stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// The intent is durable, the positive control done or recorded as impossible.
    Requested,
    /// New logins are refused; one denial was seen.
    AuthnCut,
    /// No live session is left, or the provider knows none.
    SessionsEnded,
    /// The provider's last call succeeded, or it was gone already.
    ProviderAcked,
    /// Probes are running over the window.
    Probing,
    /// Proven dead, with everything derived from it.
    Proven {
        /// When the last denial of the window came.
        at: Timestamp,
        /// Denials in a row.
        denials: u32,
        /// From the first to the last of them.
        over: Duration,
    },
    /// Something derived from it survives by design.
    Residual {
        /// Until when; `None`: without limit.
        until: Option<Timestamp>,
        /// What, and why.
        why: String,
    },
    /// No probe is possible, or an operator forced it.
    Unverifiable {
        /// Why.
        why: String,
        /// How strong the evidence is all the same.
        grade: Grade,
    },
    /// It could not be verified, and a person vouches for it by evidence of another kind.
    Attested {
        /// Who.
        by: String,
        /// What they found, and how.
        why: String,
        /// The file that shows it: its name and SHA-256.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
    /// A call failed; it is tried again, for ever, visibly.
    Failed {
        /// Why.
        why: String,
        /// When next.
        next: Timestamp,
        /// How often so far.
        tries: u32,
        /// The state it goes on from.
        from: Box<Self>,
    },
}

impl State {
    /// Whether nothing of it is under way: it is proven, or open for a reason that it tells.
    pub const fn is_settled(&self) -> bool {
        matches!(
            self,
            Self::Proven { .. }
                | Self::Residual { .. }
                | Self::Unverifiable { .. }
                | Self::Attested { .. }
        )
    }

    /// Whether it is still to be worked off: proven or vouched for, it is not.
    pub const fn is_open(&self) -> bool {
        !matches!(self, Self::Proven { .. } | Self::Attested { .. })
    }

    /// The word in the store and in filters.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::AuthnCut => "authn_cut",
            Self::SessionsEnded => "sessions_ended",
            Self::ProviderAcked => "provider_acked",
            Self::Probing => "probing",
            Self::Proven { .. } => "proven",
            Self::Residual { .. } => "residual",
            Self::Unverifiable { .. } => "unverifiable",
            Self::Attested { .. } => "attested",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Live sessions of what was revoked, by the provider's count; the one that a probe held open is
/// among them. `None`: the provider has no such concept, or nobody could tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    /// There when they were about to be ended; those that came later are added.
    pub found: Option<u32>,
    /// Ended, as the provider acknowledged it. What ended while nobody could write it down is not
    /// told here.
    pub ended: Option<u32>,
    /// Left when the provider was last asked.
    pub left: Option<u32>,
}

/// The evidence record of a revocation (revocation.md section 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Which plan.
    pub plan: PlanId,
    /// Of what.
    pub subject: Subject,
    /// Where it ended.
    pub state: State,
    /// How strong the evidence is.
    pub grade: Grade,
    /// When the positive control found which principal.
    pub control: Option<(Timestamp, String)>,
    /// Every receipt, in order.
    pub receipts: Vec<Receipt>,
    /// Every probe, in order.
    pub probes: Vec<Probe>,
    /// The last time it was accepted.
    pub last_allowed: Option<Timestamp>,
    /// The first denial after the cut.
    pub first_denied: Option<Timestamp>,
    /// From the cut to the first denial.
    pub time_to_denied: Option<Duration>,
    /// Each derived type with its state, or why none can exist (RP-7).
    pub children: Vec<(String, String)>,
    /// What survives, and until when.
    pub residual: Vec<(String, Option<Timestamp>)>,
    /// Sessions found, ended and left over. A proof of before they were told has none.
    #[serde(default)]
    pub sessions: Sessions,
    /// `real`, `emulator` or `stub`, as the source declares itself.
    pub target: String,
}
