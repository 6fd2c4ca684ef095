//! Writing a bundle, line by line.

use crate::bundle::line::{self, Scope};
use crate::tree::Edge;
use crate::{
    Error, Head, Leaf, PublicKey, TileId, Tiles, check_inclusion, prove_inclusion, record_hash,
    tiles,
};
use tlog_tiles::Hash;

/// Writes a bundle: [`Export::begin`], every leaf in rising order, [`Export::end`]. Each answers
/// the bytes to append to the file. What is written was checked against the checkpoint.
pub struct Export<'a> {
    stored: &'a dyn Tiles,
    head: Head,
    scope: Scope,
    edge: Edge,
    next: u64,
    leaves: u64,
    tiles: u64,
}

impl<'a> Export<'a> {
    /// Starts a bundle of `scope` under the signed checkpoint `note`.
    ///
    /// The store may hold more leaves by now than the checkpoint has.
    ///
    /// # Errors
    /// [`Error::Signature`] if `key` did not sign the note; [`Error::Index`] for a range outside it.
    pub fn begin(
        stored: &'a dyn Tiles,
        note: &[u8],
        key: &PublicKey,
        scope: Scope,
    ) -> Result<(Self, Vec<u8>), Error> {
        let head = key.open(note)?;
        let text = str::from_utf8(note).map_err(|_| Error::Checkpoint { why: "got no text" })?;
        let bytes = line::head(text, &scope)?;
        let next = match scope {
            Scope::Range { from, to } if from >= to || to > head.size => {
                return Err(Error::Index {
                    index: from.max(to),
                    size: head.size,
                });
            }
            Scope::Range { from, .. } => from,
            Scope::Log | Scope::Subjects(_) => 0,
        };
        let edge = Edge::default();
        Ok((
            Self {
                stored,
                head,
                scope,
                edge,
                next,
                leaves: 0,
                tiles: 0,
            },
            bytes,
        ))
    }

    /// Adds leaf `index`, whose stored bytes are `record`.
    ///
    /// # Errors
    /// [`Error::NotIncluded`] if this leaf is not in the log; [`Error::Root`] if a stored tile is
    /// not the one that the leaves make; [`Error::Index`] if the scope calls for another leaf.
    pub fn leaf(&mut self, index: u64, record: &[u8]) -> Result<Vec<u8>, Error> {
        let leaf = Leaf::from_bytes(record)?;
        let called_for = match &self.scope {
            Scope::Log => index == self.next && index < self.head.size,
            Scope::Range { to, .. } => index == self.next && index < *to,
            Scope::Subjects(ids) => index >= self.next && ids.contains(leaf.subject()),
        };
        if !called_for {
            return Err(Error::Index {
                index,
                size: self.head.size,
            });
        }
        self.next = index + 1;
        self.leaves += 1;
        if self.scope != Scope::Log {
            let proof = prove_inclusion(self.stored, self.head, index)?;
            check_inclusion(&proof, self.head, index, record)?;
            return Ok(line::leaf(index, record, Some(&proof)));
        }
        let mut out = line::leaf(index, record, None);
        for (id, hashes) in self.edge.push(record_hash(record))? {
            out.extend(self.tile(id, &hashes)?);
        }
        Ok(out)
    }

    /// Ends the bundle.
    ///
    /// # Errors
    /// [`Error::Root`] if the leaves given are not those of the checkpoint; [`Error::Index`] if
    /// some are missing, or if a selection is empty (it would prove nothing).
    pub fn end(mut self) -> Result<Vec<u8>, Error> {
        let whole = match self.scope {
            Scope::Log => self.next == self.head.size,
            Scope::Range { to, .. } => self.next == to,
            Scope::Subjects(_) => self.leaves > 0,
        };
        if !whole {
            return Err(Error::Index {
                index: self.next,
                size: self.head.size,
            });
        }
        let mut out = Vec::new();
        if self.scope == Scope::Log {
            let edge = std::mem::take(&mut self.edge);
            let got = edge.head().root;
            if got != self.head.root {
                let (expected, got) = (self.head.root.to_string(), got.to_string());
                return Err(Error::Root {
                    size: self.head.size,
                    expected,
                    got,
                });
            }
            for (id, hashes) in edge.partial() {
                out.extend(self.tile(id, hashes)?);
            }
        }
        out.extend(line::end(self.leaves, self.tiles)?);
        Ok(out)
    }

    /// The line of a tile, if the store holds the same one or a wider one that begins with it.
    fn tile(&mut self, id: TileId, hashes: &[Hash]) -> Result<Vec<u8>, Error> {
        let stored = tiles::read(self.stored, id, hashes.len())?;
        if let Some((made, kept)) = hashes.iter().zip(&stored).find(|(made, kept)| made != kept) {
            let (expected, got) = (made.to_string(), kept.to_string());
            return Err(Error::Root {
                size: self.head.size,
                expected,
                got,
            });
        }
        self.tiles += 1;
        Ok(line::tile(id, hashes))
    }
}

/// A whole bundle in memory: for small logs and for tests. Others stream through [`Export`].
///
/// # Errors
/// Those of [`Export`].
pub fn export<'l>(
    stored: &dyn Tiles,
    note: &[u8],
    key: &PublicKey,
    scope: Scope,
    leaves: impl IntoIterator<Item = (u64, &'l [u8])>,
) -> Result<Vec<u8>, Error> {
    let (mut export, mut out) = Export::begin(stored, note, key, scope)?;
    for (index, record) in leaves {
        out.extend(export.leaf(index, record)?);
    }
    out.extend(export.end()?);
    Ok(out)
}
