//! Revocation of PostgreSQL roles against a real server, with an attacker who holds an open
//! session: every PostgreSQL row of the revocation reference, section 4.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]
#![expect(
    clippy::expect_used,
    reason = "a fixture that fails is a test that fails"
)]

mod chain;
mod crash;
mod facts;
mod ground;
mod matrix;
mod port;
mod rights;
