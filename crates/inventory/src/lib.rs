//! What is known and what was seen gives what changed, and what belongs together.
//!
//! * [`merge`]: known and seen of one source, side by side, give changes; [`ReadWhole`] says
//!   what a pass lets us call gone;
//! * [`resolve`]: which sightings are one thing; [`place`]: what that does to ids;
//! * [`summarise`] and [`assemble`]: one thing over all its sightings, short and in full;
//! * [`suggest`]: what might be one thing, and is never made so by itself;
//! * [`owners`]: who might answer for it, scored, with reasons, for a person to confirm.
//!
//! No clock, no store, no provider: this crate does not know that AWS exists.
//!
//! **Invariant:** absence is concluded only in a part that was read whole.
//! **Invariant:** two different unique ids of one kind never end in one thing.
//! **Invariant:** the order in which sources were read does not matter.

mod absence;
mod entity;
mod facts;
mod hints;
pub mod owners;
mod placement;
mod reconcile;
mod resolve;
mod summary;

pub use absence::{PassRead, ReadWhole};
pub use entity::assemble;
pub use hints::{Hinted, Suggestion, suggest};
pub use placement::{Held, Placed, Placement, place};
pub use reconcile::{Change, Known, Merge, OutOfOrder, Seen, merge, order};
pub use resolve::{Conflict, Group, Keyed, Resolution, resolve};
pub use summary::summarise;
