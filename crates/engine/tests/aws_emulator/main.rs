//! AWS against emulators, which are called so: discovery, exports, revocation and its proof on
//! MiniStack, which checks signatures, status and policies; discovery with last use on moto,
//! which lets every key in and on which every proof must fail (revocation.md 7.1).

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

mod account;
mod chain;
mod crash;
mod discovery;
mod liveness;
mod organization;
mod regions;
