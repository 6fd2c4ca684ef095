//! Tests that kill themselves: one test starts itself again as a child, tells it where to die,
//! and looks at what it left.
//!
//! ```no_run
//! # use std::path::Path;
//! # fn arm(_: u32) {}
//! # fn act(_: &Path) {}
//! if let Some(child) = testkit::kill::child() {
//!     child.arm(arm);
//!     return act(&child.dir);
//! }
//! let dir = Path::new("somewhere");
//! let ended = testkit::kill::at(7, "crash::the_name_of_this_test", dir, &[]);
//! # let _ = ended;
//! ```
//!
//! **Invariant:** a child that fails in any other way than it was told to fails the test.
//! Held by `a_child_that_fails_by_itself_fails_its_test`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const DIR: &str = "KEYROLL_CRASH_DIR";
const AT: &str = "KEYROLL_CRASH_AT";

/// What a child is to do.
#[derive(Clone, Debug)]
pub struct Child {
    /// Where it works.
    pub dir: PathBuf,
    /// The point at which it dies, from 1; 0: it may come to its end.
    pub at: u32,
}

impl Child {
    /// Arms what makes the `at`-th point the last, if there is to be one.
    pub fn arm(&self, arm: impl FnOnce(u32)) {
        if self.at > 0 {
            arm(self.at);
        }
    }

    /// What the test that started it told it besides.
    ///
    /// # Panics
    /// It was not told: the test is wrong.
    #[must_use]
    pub fn told(&self, name: &str) -> String {
        std::env::var(name).unwrap_or_else(|_| panic!("the child was not told `{name}`"))
    }
}

/// The child that this process is, if it is one.
///
/// # Panics
/// It was started with half of what it needs.
#[must_use]
pub fn child() -> Option<Child> {
    let dir = PathBuf::from(std::env::var_os(DIR)?);
    let at = std::env::var(AT).ok().and_then(|at| at.parse().ok());
    let at = at.unwrap_or_else(|| panic!("expected the number of a point in {AT}"));
    Some(Child { dir, at })
}

/// Runs `test` of this very binary as a child that dies at the point `at`. Whether it came to
/// its end instead.
///
/// # Panics
/// The child could not be started, was not found in this binary, or failed by itself.
#[must_use]
pub fn at(at: u32, test: &str, dir: &Path, told: &[(&str, &str)]) -> bool {
    let binary = std::env::current_exe().unwrap_or_else(|error| panic!("no binary: {error}"));
    let output = Command::new(binary)
        .args(["--exact", test])
        .env(DIR, dir)
        .env(AT, at.to_string())
        .envs(told.iter().copied())
        .output();
    ended(
        test,
        &output.unwrap_or_else(|error| panic!("no child: {error}")),
    )
}

fn ended(test: &str, output: &Output) -> bool {
    let told = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        assert!(
            told.contains("1 passed"),
            "no test is called `{test}`: {told}"
        );
        return true;
    }
    // Who was killed by a signal has no code; any other end is a failure of the child.
    assert_eq!(output.status.code(), None, "{told}");
    false
}

/// A small generator: the same kills in every run.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A point from 1 to `points`.
    pub fn point(&mut self, points: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let drawn = (self.0 >> 33) % u64::from(points.max(1));
        u32::try_from(drawn).unwrap_or(0) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: &str = "kill::tests::a_child_dies_where_it_was_told_to";

    #[test]
    fn a_child_dies_where_it_was_told_to() {
        if let Some(child) = child() {
            assert_eq!(child.told("KEYROLL_CRASH_WORD"), "word");
            child.arm(|_| std::process::abort());
            return;
        }
        let told = [("KEYROLL_CRASH_WORD", "word")];
        assert!(at(0, ME, Path::new("/"), &told));
        assert!(!at(1, ME, Path::new("/"), &told));
    }

    #[test]
    fn a_child_that_fails_by_itself_fails_its_test() {
        let failed = || at(0, ME, Path::new("/"), &[("KEYROLL_CRASH_WORD", "another")]);
        assert!(std::panic::catch_unwind(failed).is_err());
        let nobody = || at(0, "kill::tests::nothing_is_called_so", Path::new("/"), &[]);
        assert!(std::panic::catch_unwind(nobody).is_err());
    }

    #[test]
    fn the_same_seed_kills_at_the_same_points() {
        let points = || {
            let mut chance = Chance::new(7);
            (0..100).map(|_| chance.point(9)).collect::<Vec<_>>()
        };
        assert_eq!(points(), points());
        assert!((1..=9).all(|point| points().contains(&point)));
    }
}
