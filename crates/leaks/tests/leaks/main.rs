//! What the detector promises: the catalogue, chunks, outside truth, files in gitleaks' form.
#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

mod catalogue;
mod chunks;
mod gitleaks;
mod live;
mod matches;
mod sample;
mod truth;
