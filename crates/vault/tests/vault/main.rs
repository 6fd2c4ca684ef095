//! The vault from outside: barrier, fingerprints, password verifiers.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

mod barrier;
mod fingerprint;
mod verifier;

use std::cell::Cell;

use model::Tenant;
use vault::{Error, Random};

/// Bytes that are foreseen: a counter, so that no two fills are alike.
pub(crate) struct Counting(Cell<u64>);

impl Counting {
    pub(crate) const fn from(start: u64) -> Self {
        Self(Cell::new(start))
    }
}

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        for chunk in bytes.chunks_mut(8) {
            self.0.set(self.0.get() + 1);
            let mixed = self
                .0
                .get()
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .to_be_bytes();
            chunk.copy_from_slice(&mixed[..chunk.len()]);
        }
        Ok(())
    }
}

/// A system without randomness.
pub(crate) struct Dry;

impl Random for Dry {
    fn fill(&self, _: &mut [u8]) -> Result<(), Error> {
        Err(Error::NoRandom)
    }
}

pub(crate) fn tenant(name: &str) -> Tenant {
    name.parse().unwrap()
}
