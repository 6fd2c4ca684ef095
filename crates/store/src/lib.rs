//! State: what the roll holds, in one SQLite file or a PostgreSQL database, by one SQL text.
//!
//! A narrow seam ([`engine`]) runs SQL in transactions; every operation is written once above
//! it, in a file of its own. The store is synchronous and reads no clock: times are passed in.
//! Async callers come through a blocking pool, never on a thread that drives a runtime.
//!
//! ```no_run
//! # fn main() -> Result<(), store::Error> {
//! let roll = store::Store::open(&"roll.db".parse()?, &store::Options::default())?;
//! let tenant = model::Tenant::local();
//! let sources = roll.read(|reading| reading.sources(&tenant))?;
//! # Ok(()) }
//! ```
//!
//! **Invariant:** every read and write names a tenant and touches no other. Held by
//! `no_read_shows_another_tenants_rows`.
//!
//! **Invariant:** what is acknowledged survives a kill at any point, and what is not is not half
//! there. Held by `a_kill_at_any_point_loses_nothing_acknowledged`.
//!
//! **Invariant:** the change feed of a shard has no hole and no order but that of commits. Held by
//! `the_feed_has_no_hole_under_concurrent_writers`.
//!
//! **Limits.** One writer at a time per SQLite file and per tenant's roll on PostgreSQL; waiting
//! ends after [`Options::busy_wait`]. Native ids to 1,024 bytes, keys and sources to 512. The feed
//! keeps the last [`FEED_KEPT`] changes of each of its 16 shards. A pass keeps its first
//! [`GAPS_KEPT`] gaps and counts the rest.

mod access;
mod archive;
mod closure;
mod decisions;
mod engine;
mod error;
mod evidence;
mod feed;
mod files;
mod history;
mod journal;
mod leases;
mod location;
mod migrate;
mod network_fs;
mod passes;
mod past;
mod plans;
mod query;
mod revocations;
mod roll;
mod session;
mod settings;
mod sightings;
mod sources;
mod store;
mod tables;
mod value;
mod views;

pub use access::{Account, ApiToken, Attempt, Invitation, SessionRow, Stage};
pub use archive::Archived;
#[doc(hidden)]
pub use archive::archive_rows;
pub use closure::Keyed;
pub use decisions::Owned;
pub use error::Error;
pub use feed::{FEED_KEPT, FeedEntry, Happening};
pub use history::{Difference, What};
pub use journal::JournalPart;
pub use leases::Lease;
pub use location::{Location, Options};
pub use migrate::SCHEMA;
#[doc(hidden)]
pub use network_fs::mounted_as;
pub use passes::{GAPS_KEPT, Pass, PassCounts, PassOutcome, SourceGap};
pub use past::{Moment, Stood};
pub use query::{QueryLimits, Table};
pub use revocations::{Intent, RevocationFilter, RevocationRow};
pub use roll::{Assigned, Facets, Filter, Order, Page, RollPage, Row};
pub use session::{Durability, Reading, Writing};
pub use sightings::{Change, Known};
pub use sources::SourceConfig;
pub use store::Store;
pub use views::{EXAMPLES, Example, VIEWS, View, meaning};
