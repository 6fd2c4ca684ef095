//! Points at which a test may kill the process. Where nothing is asserted they are nothing.

#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicI64, Ordering};

#[cfg(debug_assertions)]
static LEFT: AtomicI64 = AtomicI64::new(i64::MAX);

/// Makes the `n`-th point from now, counted from 1, the last thing this process does.
///
/// # Panics
/// This build asserts nothing (`--release`) and has no such points: a test that went on would
/// prove nothing.
pub fn arm(n: u32) {
    #[cfg(debug_assertions)]
    LEFT.store(i64::from(n), Ordering::SeqCst);
    #[cfg(not(debug_assertions))]
    panic!("expected a build with debug assertions to die at point {n}; `make soak` makes one");
}

/// A point between two steps: what was done before it must be found again after it.
pub(crate) fn point(_name: &'static str) {
    #[cfg(debug_assertions)]
    if LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
        // No unwinding, no flushing, no farewell: what a power cut leaves.
        std::process::abort();
    }
}
