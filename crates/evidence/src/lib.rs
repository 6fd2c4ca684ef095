//! The evidence: an append-only Merkle log of every decision, act and proof, verifiable offline.
//!
//! A [`Leaf`] is written as canonical JSON and hashed as in RFC 6962; hashes live in tiles
//! (C2SP `tlog-tiles`), the head of the log in a signed checkpoint (C2SP `tlog-checkpoint`).
//! [`append`] says what to write, the caller writes leaves, tiles and checkpoint in one
//! transaction; [`Export`] and [`verify`] carry the log, or a part of it, to another machine.
//!
//! **Invariant:** no bit of an exported bundle can be changed unseen. Held by
//! `flipping_any_one_bit_of_a_bundle_is_detected`.
//!
//! **Invariant:** a checkpoint is never signed over tiles that do not match the one before it.
//! Held by `append_refuses_tiles_that_do_not_match_the_last_checkpoint`.
//!
//! **Deliberately absent:** files, clocks, randomness. Time and keys are parameters.

mod bundle;
mod canonical;
mod checkpoint;
mod error;
mod leaf;
mod proof;
mod tiles;
mod tree;

pub use bundle::{Check, Export, LINE_BYTES_MAX, SUBJECTS_MAX, Scope, Verified, export, verify};
pub use checkpoint::{PublicKey, Signer};
pub use error::Error;
pub use leaf::{LEAF_BYTES_MAX, Leaf, LeafKind};
pub use proof::{
    Proof, check_consistency, check_inclusion, prove_consistency, prove_inclusion, record_hash,
};
pub use tiles::{Fault, TileId, Tiles};
pub use tlog_tiles::Hash;
pub use tree::{Appended, Head, SIZE_MAX, append, root};
