//! Holds connectors of exports to answers that nobody here wrote: everything that can be counted
//! in them by walking their JSON is on the roll, and nothing is that they do not name.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]
#![expect(clippy::disallowed_methods, reason = "outside truth lies in files")]

mod aws;
mod disk;
mod forge;
mod gcp;
mod trail;
