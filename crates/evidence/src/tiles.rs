//! Where the hashes of the log are kept, seen from here: tiles by level and index.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use tlog_tiles::{HASH_SIZE, Hash, HashReader, Tile};

use crate::Error;

/// Log2 of the hashes in a full tile (C2SP `tlog-tiles`).
pub(crate) const HEIGHT: u8 = 8;
/// Hashes in a full tile.
pub(crate) const WIDTH: usize = 1 << HEIGHT;

/// What a store says when it cannot read.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The tiles that are stored. The store implements this over its own rows.
pub trait Tiles {
    /// The hashes of a tile, 32 bytes each, at most 256 of them; `None` if there is no such tile.
    ///
    /// The last tile of a level may be partial, and may be wider than it was at an earlier size.
    ///
    /// # Errors
    /// Whatever the store says; it is handed on as [`Error::Unreadable`].
    fn tile(&self, id: TileId) -> Result<Option<Vec<u8>>, Fault>;
}

/// The place of a tile: `level` 0 holds the hashes of leaves, each higher level the roots of 256
/// hashes of the level below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 to 5.
    pub level: u8,
    /// From the left.
    pub index: u64,
}

impl TileId {
    /// The path under which `tlog-tiles` serves a tile of `hashes` hashes (1 to 256).
    pub fn path(self, hashes: usize) -> String {
        let mut rest = self.index;
        let mut number = format!("{:03}", rest % 1000);
        while rest >= 1000 {
            rest /= 1000;
            number = format!("x{:03}/{number}", rest % 1000);
        }
        let partial = if hashes < WIDTH {
            format!(".p/{hashes}")
        } else {
            String::new()
        };
        format!("tile/{}/{number}{partial}", self.level)
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile {} of level {}", self.index, self.level)
    }
}

/// At least `need` hashes of a stored tile.
pub(crate) fn read(tiles: &dyn Tiles, id: TileId, need: usize) -> Result<Vec<Hash>, Error> {
    let bytes = tiles
        .tile(id)
        .map_err(|source| Error::Unreadable { tile: id, source })?;
    let bytes = bytes.unwrap_or_default();
    let (hashes, rest) = bytes.as_chunks::<HASH_SIZE>();
    if hashes.len() < need || hashes.len() > WIDTH || !rest.is_empty() {
        return Err(Error::Tile {
            tile: id,
            expected: need,
            got: hashes.len(),
        });
    }
    Ok(hashes.iter().copied().map(Hash).collect())
}

/// The bytes of a tile.
pub(crate) fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Lets `tlog_tiles` read hashes of a tree from stored tiles.
pub(crate) struct Reader<'a> {
    tiles: &'a dyn Tiles,
    read: RefCell<BTreeMap<TileId, Vec<Hash>>>,
    fault: RefCell<Option<Error>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(tiles: &'a dyn Tiles) -> Self {
        Self {
            tiles,
            read: RefCell::default(),
            fault: RefCell::default(),
        }
    }

    /// What went wrong below `tlog_tiles`, or else `other`.
    pub(crate) fn fault(self, other: Error) -> Error {
        self.fault.into_inner().unwrap_or(other)
    }

    fn hash(&self, stored: u64) -> Result<Hash, Error> {
        let place = Tile::from_index(HEIGHT, stored);
        let id = TileId {
            level: place.level(),
            index: place.level_index(),
        };
        let need = usize::try_from(place.width()).unwrap_or(WIDTH);
        let mut cache = self.read.borrow_mut();
        let hashes = match cache.entry(id) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                new.insert(read(self.tiles, id, need)?)
            }
        };
        let got = hashes.len();
        let short = Error::Tile {
            tile: id,
            expected: need,
            got,
        };
        let prefix = hashes.get(..need).ok_or(short)?;
        place
            .hash_at_index(&bytes(prefix), stored)
            .map_err(|_| Error::Tile {
                tile: id,
                expected: need,
                got,
            })
    }
}

impl HashReader for Reader<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let hashes: Result<Vec<Hash>, Error> = indexes.iter().map(|&n| self.hash(n)).collect();
        hashes.map_err(|error| {
            self.fault.replace(Some(error));
            tlog_tiles::Error::InvalidTile
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_tlog_tiles() {
        let path = |level, index, hashes| TileId { level, index }.path(hashes);
        assert_eq!(path(0, 0, 256), "tile/0/000");
        assert_eq!(path(0, 5, 112), "tile/0/005.p/112");
        assert_eq!(path(1, 1_234_067, 256), "tile/1/x001/x234/067");
    }
}
