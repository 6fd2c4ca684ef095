//! A made-up organisation, for whoever wants to look around without a credential.
//!
//! The same seed and the same day give the same organisation: users, service accounts, apps,
//! roles, agents and certificates of six systems, over two years, with what goes wrong in real
//! ones: keys in repositories, owners that nobody confirmed, certificates about to end, parts that
//! may not be read.
//!
//! **Invariant:** nothing in it is a secret or anybody's: hosts end in `.example`, keys are names
//! without a value. Held by `nothing_in_it_belongs_to_anybody`.

mod chance;
mod life;
mod organisation;
mod systems;

pub use organisation::Organisation;
