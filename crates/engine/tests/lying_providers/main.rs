//! Carrying out plans on providers that lie, fail and come back, and under kills at any point.
//! The provider is a stub kept in a file; the store, the log and the executor are the real ones.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

mod crash;
mod faults;
mod lies;
mod queue;
mod resume;
mod stub;
