//! Events that platforms send, from a delivery to the roll and to an alert.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

mod alerts;
mod crash;
mod deliveries;
mod keys;
mod queues;
mod turns;
mod world;
