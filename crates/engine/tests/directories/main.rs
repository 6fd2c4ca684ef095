//! Directories: a real OpenLDAP, a real Samba AD, and servers that lie.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

mod ground;
mod hostile;
mod openldap;
mod samba;
