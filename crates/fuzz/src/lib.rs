//! Fuzz targets: one for every parser of bytes that others wrote.
//!
//! A target is a plain function that gets any bytes and fails, by a panic, if what it claims of
//! the parser does not hold. The same functions are run in three ways: `tests/replay.rs` gives
//! them the inputs in `corpus/` and seeded mutations of these (`make test`), libFuzzer looks for
//! others (`scripts/fuzz TARGET`), and `make soak` does so for long.
//!
//! To add one: a function under `targets/`, a line in its list there, and a first input
//! under `corpus/<target>/`. A file format is a target of its own as soon as it is in the catalogue,
//! and its recording is its first input.
//! An input that once failed stays in the corpus under a name that says of what.
//!
//! **Invariant:** a target depends on nothing but its input, so that every failure can be
//! repeated.

mod answers;
mod targets;
mod witness;

pub use targets::all;

/// The longest input worth giving to a target, in bytes: what lies beyond is met by the limits
/// of whoever reads it.
pub const INPUT_BYTES_MAX: usize = 16 * 1024;

/// One parser under test.
#[derive(Clone, Debug)]
pub struct Target {
    /// A noun of what is parsed: lower case, digits and underscores. Also the name of the
    /// folder under `corpus/`.
    pub name: String,
    /// What is claimed for every input, in one line.
    pub claim: &'static str,
    run: Run,
}

/// How a target is run.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// A function over bytes.
    Bytes(fn(&[u8])),
    /// The format of the catalogue of connectors at this place.
    Format(usize),
}

impl Target {
    /// Tries `input`.
    ///
    /// # Panics
    /// If the claim does not hold.
    pub fn run(&self, input: &[u8]) {
        match self.run {
            Run::Bytes(run) => run(input),
            Run::Format(at) => targets::formats::read(at, input),
        }
    }
}

/// The target called `name`.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    all().into_iter().find(|target| target.name == name)
}
