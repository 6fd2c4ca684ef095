//! What a person decides about sources and keys: a leaf with what it makes true, or neither. On
//! both engines, and under kills at any point.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

mod access;
mod ground;
mod kills;
mod ring;
mod sources;
