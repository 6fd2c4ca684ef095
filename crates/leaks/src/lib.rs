//! Secret detection in bytes: a pure function from bytes to matches.
//!
//! A [`Detector`] is built once from a catalogue of rules (data files under `rules/`, or files
//! in gitleaks' form) and shared by any number of threads. It takes three passes over a block:
//!
//! 1. one Aho-Corasick automaton finds the keywords of all rules; a rule's regex runs only on a
//!    bounded window at its keyword, and is compiled when that happens for the first time;
//! 2. a hand-written scanner looks at every `=` and `:` for generic assignments and URLs;
//! 3. of matches that overlap, the most specific stays.
//!
//! **Invariant:** what is found does not depend on how the bytes were cut into chunks.
//! Held by `scanning_in_chunks_finds_what_scanning_whole_finds`.
//! **Invariant:** a failed checksum lowers confidence and never drops a match.
//! Held by `a_failed_checksum_lowers_confidence_and_drops_nothing`.
//! [`live`] tells how a provider is asked whether it still lets a found credential in.
//!
//! **Deliberately absent:** files, clocks, sending anything, and any output of a secret.

mod allow;
mod baseline;
mod catalog;
mod checks;
mod detector;
mod encoded;
mod entropy;
mod error;
mod found;
mod generic;
mod gitleaks;
mod ignore;
mod keywords;
pub mod live;
mod pem;
mod placeholder;
mod resolve;
mod rule;
mod stated;
mod stream;
mod window;

pub use allow::{Allowlist, Condition};
pub use baseline::{Baseline, Places, fingerprint};
pub use catalog::{Examples, builtin, examples};
pub use checks::{Check, base62_checksum};
pub use detector::{Detector, Summary};
pub use entropy::shannon;
pub use error::Error;
pub use found::{Checksum, Confidence, Fact, Match, Mode};
pub use gitleaks::{Apart, GitleaksConfig};
pub use rule::{Rule, What};
pub use stream::Stream;
