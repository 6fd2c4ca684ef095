//! The words of the roll: what is observed, what is known of it, and what is done about it.
//!
//! Every other crate speaks these types and nothing else across its seams. There is no I/O,
//! no clock and no randomness here.
//!
//! * seen: [`Observation`], [`Gap`], [`Collection`] — what one pass over a source brought back;
//! * known: [`Sighting`], [`Entity`], [`Fact`] — what the roll holds, with source, time and confidence;
//! * judged: [`Verdict`], [`Finding`];
//! * done: [`Plan`], [`Step`], [`Receipt`], [`Probe`], [`Proof`].
//!
//! **Invariant:** a secret's value lives in [`Secret`] alone, which can be neither printed nor
//! serialised. Held by `a_secret_shows_nothing_when_debugged`.

mod audit_event;
mod collection;
mod entity;
mod fact;
mod finding;
mod id;
mod key;
mod observation;
mod ownership;
mod plan;
mod proof;
mod revocability;
mod row;
mod scope;
mod secret;
mod text;
mod time;
mod told;
mod validity;

pub use audit_event::{Activity, AuditEvent, EventClass, EventOutcome, Life, Party, Turn};
pub use collection::{Collection, FORMAT, Gap, Reason, Scanner};
pub use entity::{Entity, Member, Sighting, SourcedFact, Version};
pub use fact::{Attribute, Confidence, Fact, Facts, Value};
pub use finding::{
    Finding, FindingId, FindingPrint, Mute, Place, RiskFactor, Severity, Suggested, Verdict,
};
pub use id::{EntityId, IdError, Kind, Native, PlanId, SightingKey, SourceId, Tenant};
pub use key::{Fingerprint, Key, KeyKind};
pub use observation::{Link, Observation, Relation, Target};
pub use ownership::Ownership;
pub use plan::{Act, Plan, PlanBody, Step, StepKind, Subject, Survivor};
pub use proof::{Grade, Outcome, Path, Probe, Probed, Proof, Receipt, Sessions, State, Window};
pub use revocability::{Class, CredentialType, Revocability, revocability};
pub use row::Row;
pub use scope::Scope;
pub use secret::Secret;
pub use text::{clean, shorten, without_login};
pub use time::{Duration, Timestamp};
pub use told::Told;
pub use validity::Validity;
