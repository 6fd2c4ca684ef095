//! What can be wrong with a leaf, the stored log, a key or a bundle.

use crate::{Fault, TileId};

/// Why evidence could not be written, read or believed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A leaf's body has no canonical form.
    #[error("a leaf cannot hold this body: {why}")]
    Body {
        /// What stands against it.
        why: String,
    },
    /// A leaf is longer than an entry of a tiled log may be.
    #[error(
        "expected a leaf of at most {bytes_max} bytes, got {bytes}: put the digest of the large \
         part into the body instead"
    )]
    LeafLength {
        /// Its length.
        bytes: usize,
        /// The limit of `tlog-tiles`.
        bytes_max: usize,
    },
    /// Bytes that are no leaf.
    #[error("expected a leaf in canonical form: {why}")]
    LeafForm {
        /// What is wrong.
        why: String,
    },
    /// The store failed to read a tile.
    #[error("cannot read {tile}")]
    Unreadable {
        /// Which tile.
        tile: TileId,
        /// What the store said.
        #[source]
        source: Fault,
    },
    /// The store has no such tile, or it is too short.
    #[error(
        "expected {tile} to hold at least {expected} hashes, the store has {got}: the log is \
         damaged, restore it from a backup"
    )]
    Tile {
        /// Which tile.
        tile: TileId,
        /// Hashes needed.
        expected: usize,
        /// Hashes found.
        got: usize,
    },
    /// The tiles do not belong to the checkpoint.
    #[error(
        "expected the tiles of {size} leaves to hash to `{expected}` as the checkpoint says, got \
         `{got}`: the log was changed or is damaged; keep it, restore it from a backup, compare"
    )]
    Root {
        /// Leaves in the tree.
        size: u64,
        /// The root of the checkpoint.
        expected: String,
        /// The root of what is stored.
        got: String,
    },
    /// More leaves than the log can number.
    #[error("expected a log of at most {size_max} leaves, got {size}")]
    Size {
        /// Leaves asked for.
        size: u64,
        /// The limit.
        size_max: u64,
    },
    /// A place outside the tree.
    #[error("expected an index below the {size} leaves of the log, got {index}")]
    Index {
        /// The index asked for.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// An inclusion proof that does not lead to the root.
    #[error("leaf {index} is not the one in the log of {size} leaves with root `{root}`")]
    NotIncluded {
        /// Where the leaf should be.
        index: u64,
        /// Leaves in the tree.
        size: u64,
        /// The root it should lead to.
        root: String,
    },
    /// Two heads that are not of one log.
    #[error(
        "the log of {new} leaves does not begin with the log of {old} leaves known before: it was \
         cut or rewritten; keep both and find out who could write it"
    )]
    Forked {
        /// Leaves known before.
        old: u64,
        /// Leaves now.
        new: u64,
    },
    /// A text that is no key, or a key of the wrong size.
    #[error("expected a public key such as `name+0a1b2c3d+AbC…`, {why}")]
    PublicKey {
        /// What is wrong.
        why: &'static str,
    },
    /// A signing key that cannot be used.
    #[error("cannot sign: {why}")]
    Signer {
        /// What is wrong.
        why: &'static str,
    },
    /// A text that is no checkpoint of ours.
    #[error("expected a signed checkpoint (origin, size, root, empty line, signature): {why}")]
    Checkpoint {
        /// What is wrong.
        why: &'static str,
    },
    /// A checkpoint signed by somebody else, or changed after it was signed.
    #[error("the signature of the checkpoint is not by key `{key}`, or the checkpoint was changed")]
    Signature {
        /// Name and hash of the key it was checked with.
        key: String,
    },
    /// A line of a bundle that is not what must stand there.
    #[error("line {line} of the bundle: {why}")]
    Bundle {
        /// Counted from 1.
        line: u64,
        /// What was expected and what came.
        why: String,
    },
    /// A line of a bundle that fails for one of the other reasons.
    #[error("line {line} of the bundle")]
    BundleLine {
        /// Counted from 1.
        line: u64,
        /// The reason.
        #[source]
        source: Box<Self>,
    },
}
