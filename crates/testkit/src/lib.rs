//! What tests of several crates need: real servers, emulators, outside truth, fresh names.
//!
//! `scripts/test` starts the servers and tells where they listen by environment variables;
//! nothing here starts or stops anything. A test asks for what it needs and gets `None`
//! where it is absent:
//!
//! ```no_run
//! let Some(server) = testkit::postgres() else { return };
//! ```
//!
//! **Invariant:** a skip is said aloud, past the capture of the test harness, and with
//! `KEYROLL_REQUIRE_SERVERS=1` (which `scripts/test` sets) an absent server is a failure.
//! Held by the tests of [`server`].
//!
//! **Deliberately absent:** a database driver and an HTTP client; callers bring their own.

pub mod chance;
pub mod kill;
pub mod names;
pub mod planted;
pub mod repositories;
pub mod server;
pub mod truth;

pub use chance::Chance;
pub use names::fresh_name;
pub use server::{
    Directory, Keystone, PgDatabase, PgServer, Spire, browser, certificate, encrypted, keystone,
    kubernetes, mariadb, ministack, moto, postgres, postgres_database, python, rabbitmq, redis,
    samba, slapd, spire,
};
pub use truth::truth;

use std::io::Write;

/// Whether the long form was asked for (`make soak`, `KEYROLL_SOAK=1`).
#[must_use]
pub fn soak() -> bool {
    is_set(std::env::var("KEYROLL_SOAK").ok().as_deref())
}

/// `short` in `make test`, `long` in `make soak`: how many kills, cases or rounds to run.
#[must_use]
pub fn rounds(short: usize, long: usize) -> usize {
    if soak() { long } else { short }
}

/// Says `line` on standard error although the harness captures what a passing test prints.
pub fn aloud(line: &str) {
    let mut stderr = std::io::stderr().lock();
    // A closed standard error must not fail a test that has nothing to do with it.
    let _ = writeln!(stderr, "{line}");
}

/// A switch is on when it holds anything but nothing and `0`.
fn is_set(value: Option<&str>) -> bool {
    !matches!(value, None | Some("" | "0"))
}

#[cfg(test)]
mod tests {
    use super::is_set;

    #[test]
    fn a_switch_that_is_empty_or_zero_is_off() {
        assert!(!is_set(None));
        assert!(!is_set(Some("")));
        assert!(!is_set(Some("0")));
        assert!(is_set(Some("1")));
    }
}
