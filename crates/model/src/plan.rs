//! What will be done to the world, written down before anything is done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    CredentialType, Duration, EntityId, Native, Path, PlanId, SourceId, Tenant, Timestamp, Window,
};

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Make a credential, and what was minted from it, useless for ever.
    Revoke,
}

/// The thing a plan acts on, as its provider knows it. Stored before anything is done, so that
/// the authority to revoke outlives the object (revocation.md S-6). Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// On the roll.
    pub entity: EntityId,
    /// What people call it.
    pub name: String,
    /// Its type.
    pub credential: CredentialType,
    /// The source whose connector can act on it.
    pub source: SourceId,
    /// What that source calls it.
    pub native: Native,
    /// Whatever else its connector needs to act and to probe: role name and oid, user and key id.
    pub handle: BTreeMap<String, String>,
    /// The principal a positive control must find behind it (RP-1).
    pub principal: String,
    /// Where its secret was seen, as `(source, native id)`: there it is read again for the
    /// positive control and the probes. Empty: evidence of grade A is out of reach (RP-8).
    pub seen_at: Vec<(SourceId, Native)>,
    /// Its keyed fingerprints when the plan was made, each with what it is made of: they tell the
    /// secret that dies from every other one, and nothing of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<String>,
}

/// One kind of step, in the order of revocation.md section 2: cut first, clean later (RP-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// The exact probe succeeds and finds the expected principal (RP-1).
    Control,
    /// Sessions minted from it are denied before it can mint more.
    DenySessions,
    /// New logins are refused.
    Cut,
    /// Live sessions are ended and counted: none are left.
    EndSessions,
    /// The provider removes it.
    Remove,
    /// Denials for the right reason, n in a row over the window, on every path.
    Prove,
}

impl StepKind {
    /// The word in receipts and on screens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::DenySessions => "deny_sessions",
            Self::Cut => "cut",
            Self::EndSessions => "end_sessions",
            Self::Remove => "remove",
            Self::Prove => "prove",
        }
    }
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// From 1, in order.
    pub ordinal: u32,
    /// What is done.
    pub kind: StepKind,
    /// In words, with the call or statement that will be made.
    pub says: String,
}

/// Something that outlives the cut by design.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survivor {
    /// What it is.
    pub what: String,
    /// How long it may live, counted from the cut; `None`: without limit.
    pub lives_at_most: Option<Duration>,
    /// Whether this plan cuts it too.
    pub cut_by_plan: bool,
}

/// What a plan says: immutable, and it leaves no choice to whoever carries it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanBody {
    /// Version of this shape: 1.
    pub v: u32,
    /// Whose.
    pub tenant: Tenant,
    /// What for.
    pub act: Act,
    /// On what.
    pub subject: Subject,
    /// In this order.
    pub steps: Vec<Step>,
    /// What the proof has to see on every path that has no window of its own.
    pub window: Window,
    /// Paths on which a denial takes longer to be trusted (revocation.md section 5.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<(Path, Window)>,
    /// The credential types that can be derived from it, each with its own state; a type that
    /// cannot exist is named with the reason (RP-7).
    pub children: Vec<(String, String)>,
    /// What goes on working for a while.
    pub survives: Vec<Survivor>,
    /// What would break: names of consumers seen, for people.
    pub consumers: Vec<String>,
    /// The plan this one replaces.
    pub parent: Option<PlanId>,
    /// Counts plans for the same subject.
    pub generation: u32,
    /// When it was made.
    pub created: Timestamp,
    /// By whom.
    pub by: String,
}

impl PlanBody {
    /// What the proof has to see on `path`.
    pub fn window(&self, path: Path) -> Window {
        let own = self.windows.iter().find(|(one, _)| *one == path);
        own.map_or(self.window, |(_, window)| *window)
    }
}

/// A plan with its id, the hash of its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Hash of the body.
    pub id: PlanId,
    /// What it says.
    #[serde(flatten)]
    pub body: PlanBody,
}

impl Plan {
    /// Gives `body` its id.
    pub fn new(body: PlanBody) -> Self {
        let id = PlanId::of(&serde_json::to_vec(&body).unwrap_or_default());
        Self { id, body }
    }

    /// Whether the id is the hash of the body: a plan that was altered is none.
    pub fn is_whole(&self) -> bool {
        self.id == PlanId::of(&serde_json::to_vec(&self.body).unwrap_or_default())
    }
}
