//! Proofs: that a leaf is in the log, that one log continues another (RFC 6962, 2.1.1 and 2.1.2).

use tlog_tiles::{Hash, check_record, check_tree, prove_record, prove_tree};

use crate::tiles::{Reader, Tiles};
use crate::{Error, Head, SIZE_MAX};

/// The hashes that lead from a leaf, or from an older head, to a root.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof(pub Vec<Hash>);

/// The hash of a leaf's bytes.
pub fn record_hash(record: &[u8]) -> Hash {
    tlog_tiles::record_hash(record)
}

/// Proves from the stored tiles that leaf `index` is in the log with head `head`.
///
/// # Errors
/// [`Error::Index`] outside the log; [`Error::Tile`] if tiles are missing.
pub fn prove_inclusion(stored: &dyn Tiles, head: Head, index: u64) -> Result<Proof, Error> {
    inside(head, index)?;
    let reader = Reader::new(stored);
    let proof = prove_record(head.size, index, &reader);
    proof.map(Proof).map_err(|_| {
        reader.fault(Error::Index {
            index,
            size: head.size,
        })
    })
}

/// Whether `record` is leaf `index` of the log with head `head`.
///
/// # Errors
/// [`Error::NotIncluded`] if the proof leads elsewhere.
pub fn check_inclusion(proof: &Proof, head: Head, index: u64, record: &[u8]) -> Result<(), Error> {
    inside(head, index)?;
    let not = |_| Error::NotIncluded {
        index,
        size: head.size,
        root: head.root.to_string(),
    };
    short(proof)
        .and_then(|()| check_record(&proof.0, head.size, head.root, index, record_hash(record)))
        .map_err(not)
}

/// Proves from the stored tiles that the log of `new` leaves begins with that of `old` leaves.
///
/// # Errors
/// [`Error::Forked`] if `old` is larger; [`Error::Tile`] if tiles are missing.
pub fn prove_consistency(stored: &dyn Tiles, old: u64, new: u64) -> Result<Proof, Error> {
    if old > new || new > SIZE_MAX {
        return Err(Error::Forked { old, new });
    }
    if old == 0 {
        return Ok(Proof(Vec::new()));
    }
    let reader = Reader::new(stored);
    let proof = prove_tree(new, old, &reader);
    proof
        .map(Proof)
        .map_err(|_| reader.fault(Error::Forked { old, new }))
}

/// Whether the log with head `new` begins with the log that had head `old`.
///
/// # Errors
/// [`Error::Forked`] if it does not.
pub fn check_consistency(proof: &Proof, old: Head, new: Head) -> Result<(), Error> {
    let forked = Error::Forked {
        old: old.size,
        new: new.size,
    };
    if old.size > new.size || new.size > SIZE_MAX {
        return Err(forked);
    }
    if old.size == 0 {
        // Every log begins with the empty one.
        let holds = proof.0.is_empty() && old == Head::EMPTY;
        return if holds { Ok(()) } else { Err(forked) };
    }
    short(proof)
        .and_then(|()| check_tree(&proof.0, new.size, new.root, old.size, old.root))
        .map_err(|_| forked)
}

fn inside(head: Head, index: u64) -> Result<(), Error> {
    if index >= head.size || head.size > SIZE_MAX {
        return Err(Error::Index {
            index,
            size: head.size,
        });
    }
    Ok(())
}

/// No proof is longer than the tree is high (twice that, for two heads).
fn short(proof: &Proof) -> Result<(), tlog_tiles::Error> {
    if proof.0.len() > 128 {
        Err(tlog_tiles::Error::InvalidProof)
    } else {
        Ok(())
    }
}
