//! From a plan to its proof: what is to be done, where it stands, what the probes add up to, and
//! what may be claimed (revocation.md sections 2 and 3).
//!
//! Start at [`next`]: every change of state goes through it. [`judge`] is the only place that
//! can call a credential dead; [`next`] takes its word and nobody else's.
//!
//! **Invariant:** nothing is proven without a positive control before the cut and denials over
//! the whole window on every path after it (S-3, RP-1 to RP-3). Held by
//! `nothing_is_proven_without_control_and_window`.
//!
//! **Invariant:** a revocation never ends because somebody stopped trying (S-1). Held by
//! `no_number_of_failures_closes_a_row`.
//!
//! **Deliberately absent:** clocks, chance, the world. The engine carries out what is said here.

mod backoff;
mod count;
mod plan;
mod proof;
mod state;

pub use backoff::pause;
pub use count::{PathCount, count};
pub use plan::{Draft, Unsound, revoke};
pub use proof::{Proved, Record, Verdict, assemble, judge};
pub use state::{Event, NotAllowed, next, rank};
