//! One line of a platform's audit log, in the one shape that every reader of logs gives it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Duration, KeyKind, Kind, Timestamp};

/// Who did what, when, from where, with which credential; and whose beginning or end that was.
/// It borrows from the line it was read from and is never stored: folds keep what they need.
///
/// A field of which the platform says nothing is empty.
#[derive(Clone, Debug, Default)]
pub struct AuditEvent<'a> {
    /// The platform's own id of the event: equal ids are one event.
    pub id: Cow<'a, str>,
    /// When it happened; `None`: the line does not tell.
    pub at: Option<Timestamp>,
    /// Which kind of log: `aws_cloudtrail`, `kubernetes_audit`, …
    pub log: &'static str,
    /// Which part of that log, where it has several that are switched on one by one.
    pub part: Cow<'a, str>,
    /// Which class of OCSF it is.
    pub class: EventClass,
    /// What it did to what it names.
    pub activity: Activity,
    /// The action in the platform's words: `iam.amazonaws.com:CreateAccessKey`.
    pub action: Cow<'a, str>,
    /// Whether it was done.
    pub outcome: EventOutcome,
    /// The platform's code of the refusal.
    pub error: Cow<'a, str>,
    /// The account, tenant, project, organization or cluster it happened in.
    pub account: Cow<'a, str>,
    /// The region in it.
    pub region: Cow<'a, str>,
    /// The machine identity that acted; `None`: a person, the platform itself, or nobody known.
    pub actor: Option<Party<'a>>,
    /// The credential that was shown.
    pub credential: Option<Party<'a>>,
    /// How whoever acted is called, for a person who reads who made something.
    pub by: Cow<'a, str>,
    /// How they proved who they are.
    pub auth: Cow<'a, str>,
    /// From which address.
    pub address: Cow<'a, str>,
    /// From which network, where the platform names it: a VPC endpoint.
    pub network: Cow<'a, str>,
    /// By which program, as it calls itself.
    pub user_agent: Cow<'a, str>,
    /// To what it was done.
    pub resource: Cow<'a, str>,
    /// Whose beginning, change or end it was.
    pub lives: Vec<Life<'a>>,
}

/// An identity or credential as a log names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party<'a> {
    /// Its type in the words of the inventories.
    pub type_: &'static str,
    /// Its provider, likewise.
    pub provider: &'static str,
    /// What it is called by for ever; empty where the log names it by `handle` alone.
    pub native: Cow<'a, str>,
    /// The hard key it shares with the inventories, where the log tells one.
    pub key: Option<(KeyKind, Cow<'a, str>)>,
    /// A name that another may bear later: an ARN, `user/account/name`.
    pub handle: Cow<'a, str>,
    /// What people call it.
    pub name: Cow<'a, str>,
    /// The account or project it belongs to; empty: the one it acted in.
    pub account: Cow<'a, str>,
    /// The SHA-256 that the provider publishes of the secret, in lower-case hex. Never told as it
    /// is: what can be guessed could be tried against it.
    pub published: Cow<'a, str>,
    /// How long one of its kind lives at most.
    pub lives: Option<Duration>,
}

/// A beginning, a change or an end.
#[derive(Clone, Debug)]
pub struct Life<'a> {
    /// Of an identity or of a credential.
    pub kind: Kind,
    /// Of which one.
    pub of: Party<'a>,
    /// What became of it.
    pub turn: Turn,
    /// The identity that a credential belongs to.
    pub holder: Option<Party<'a>>,
    /// When it ends by itself, as its maker was told.
    pub expires: Option<Timestamp>,
}

/// What became of an identity or credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It began.
    Born,
    /// Its rights, trust or settings changed.
    Changed,
    /// It was switched on.
    On,
    /// It was switched off.
    Off,
    /// It was deleted, revoked or destroyed.
    Ended,
}

/// A class of events of OCSF 1.9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventClass {
    /// 3002.
    Authentication,
    /// 3004.
    EntityManagement,
    /// 3006.
    GroupManagement,
    /// 3007.
    UserManagement,
    /// 3008.
    RoleManagement,
    /// 6003.
    #[default]
    ApiActivity,
    /// 6005.
    DatastoreActivity,
}

impl EventClass {
    /// Its `class_uid`.
    pub const fn uid(self) -> u16 {
        match self {
            Self::Authentication => 3002,
            Self::EntityManagement => 3004,
            Self::GroupManagement => 3006,
            Self::UserManagement => 3007,
            Self::RoleManagement => 3008,
            Self::ApiActivity => 6003,
            Self::DatastoreActivity => 6005,
        }
    }
}

/// What was done, in the words of `activity_id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// 1.
    Create,
    /// 2.
    Read,
    /// 3.
    Update,
    /// 4.
    Delete,
    /// 99.
    #[default]
    Other,
}

impl Activity {
    /// What a verb begins with, as interfaces name their actions.
    pub fn of_verb(action: &str) -> Self {
        const VERBS: &[(&[&str], Activity)] = &[
            (&["create", "add", "upload", "generate"], Activity::Create),
            (
                &["get", "list", "describe", "head", "read", "watch", "view"],
                Activity::Read,
            ),
            (
                &[
                    "update", "put", "patch", "set", "modify", "attach", "detach",
                ],
                Activity::Update,
            ),
            (
                &["delete", "remove", "destroy", "revoke", "deletecollection"],
                Activity::Delete,
            ),
        ];
        let starts = |verb: &&str| {
            action
                .get(..verb.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(verb))
        };
        let found = VERBS.iter().find(|(verbs, _)| verbs.iter().any(&starts));
        found.map_or(Self::Other, |(_, activity)| *activity)
    }
}

/// Whether something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventOutcome {
    /// It was, or nothing says otherwise.
    #[default]
    Success,
    /// Whoever asked was known, and was refused or failed.
    Failure,
    /// Nobody was let in: whoever they claimed to be did not act.
    NotLetIn,
}
