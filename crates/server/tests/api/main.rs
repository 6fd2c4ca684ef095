//! The interface over a real socket: its frame, and what is asked of a roll.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

mod asked;
mod frame;
mod world;
