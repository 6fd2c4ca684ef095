//! Reads the tree as text, for the tests of the tree under `tests/tidy/`.
//!
//! What must hold of the whole tree, and no compiler checks, is a test there: layers, sizes,
//! words, recordings, links, who may look at a secret.

mod links;
mod source;
mod tree;

pub use links::links;
pub use source::{Function, blank, functions, identifiers};
pub use tree::{File, entries, files, root};
