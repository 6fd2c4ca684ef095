//! The tree: appending leaves, and the root over what is stored.

use tlog_tiles::{EMPTY_HASH, Hash, node_hash};

use crate::tiles::{self, HEIGHT, TileId, Tiles, WIDTH};
use crate::{Error, LEAF_BYTES_MAX, record_hash};

/// The most leaves a log can number: beyond it, places of hashes would not fit 64 bits.
pub const SIZE_MAX: u64 = 1 << 47;

/// The head of a log: how many leaves it has and the hash over all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// Number of leaves.
    pub size: u64,
    /// RFC 6962 tree hash.
    pub root: Hash,
}

impl Head {
    /// The head of a log without leaves.
    pub const EMPTY: Self = Self {
        size: 0,
        root: EMPTY_HASH,
    };
}

/// What to write, in one transaction, to append a batch.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The head to sign.
    pub head: Head,
    /// The index of the first leaf of the batch; the others follow.
    pub first: u64,
    /// Tiles to insert, or to put in place of a narrower one at the same place.
    pub tiles: Vec<(TileId, Vec<u8>)>,
}

/// Appends `records` (bytes of leaves) to the log that ends at `old`, whose tiles are in `stored`.
///
/// The cost is that of hashing the batch and of reading and writing the last tile of each level
/// (at most six). Signing is left to the caller: once a batch.
///
/// # Errors
/// [`Error::Root`] if the stored tiles do not hash to `old`: nothing is appended to a log that
/// was changed.
pub fn append(stored: &dyn Tiles, old: Head, records: &[Vec<u8>]) -> Result<Appended, Error> {
    let mut edge = Edge::load(stored, old)?;
    let mut done = Vec::new();
    for record in records {
        if record.len() > LEAF_BYTES_MAX {
            return Err(Error::LeafLength {
                bytes: record.len(),
                bytes_max: LEAF_BYTES_MAX,
            });
        }
        done.extend(edge.push(record_hash(record))?);
    }
    let mut tiles: Vec<_> = done
        .iter()
        .map(|(id, full)| (*id, tiles::bytes(full)))
        .collect();
    for (id, partial) in edge.partial() {
        if old.size >> (HEIGHT * id.level) != edge.size >> (HEIGHT * id.level) {
            tiles.push((id, tiles::bytes(partial)));
        }
    }
    Ok(Appended {
        head: edge.head(),
        first: old.size,
        tiles,
    })
}

/// The root of the first `size` leaves of what is stored.
///
/// # Errors
/// [`Error::Tile`] if tiles are missing.
pub fn root(stored: &dyn Tiles, size: u64) -> Result<Hash, Error> {
    Ok(Edge::read(stored, size)?.head().root)
}

/// The right edge of the tree: the unfinished tile of each level. All that appending needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edge {
    size: u64,
    /// By level; fewer than 256 hashes each.
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    pub(crate) fn load(stored: &dyn Tiles, head: Head) -> Result<Self, Error> {
        let edge = Self::read(stored, head.size)?;
        let got = edge.head().root;
        if got != head.root {
            let (expected, got) = (head.root.to_string(), got.to_string());
            return Err(Error::Root {
                size: head.size,
                expected,
                got,
            });
        }
        Ok(edge)
    }

    fn read(stored: &dyn Tiles, size: u64) -> Result<Self, Error> {
        within(size)?;
        let mut levels = Vec::new();
        let mut hashes = size;
        for level in 0.. {
            if hashes == 0 {
                break;
            }
            let width = usize::try_from(hashes % 256).unwrap_or(0);
            let id = TileId {
                level,
                index: hashes >> HEIGHT,
            };
            let mut tile = if width == 0 {
                Vec::new()
            } else {
                tiles::read(stored, id, width)?
            };
            tile.truncate(width);
            levels.push(tile);
            hashes >>= HEIGHT;
        }
        Ok(Self { size, levels })
    }

    /// Adds the hash of one leaf; returns the tiles that it completes, lowest level first.
    pub(crate) fn push(&mut self, leaf: Hash) -> Result<Vec<(TileId, Vec<Hash>)>, Error> {
        within(self.size + 1)?;
        self.size += 1;
        let (mut done, mut hash, mut full) = (Vec::new(), leaf, self.size);
        for level in 0.. {
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::with_capacity(WIDTH));
            }
            let Some(tile) = self.levels.get_mut(usize::from(level)) else {
                break;
            };
            tile.push(hash);
            if tile.len() < WIDTH {
                break;
            }
            full >>= HEIGHT;
            hash = perfect(tile);
            done.push((
                TileId {
                    level,
                    index: full.saturating_sub(1),
                },
                std::mem::take(tile),
            ));
        }
        Ok(done)
    }

    /// The unfinished tiles that hold something, lowest level first.
    pub(crate) fn partial(&self) -> impl Iterator<Item = (TileId, &[Hash])> {
        let filled = (0u8..)
            .zip(&self.levels)
            .filter(|(_, tile)| !tile.is_empty());
        filled.map(|(level, tile)| {
            (
                TileId {
                    level,
                    index: self.size >> (HEIGHT * (level + 1)),
                },
                tile.as_slice(),
            )
        })
    }

    /// How many leaves were pushed.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// The head over everything pushed so far.
    pub(crate) fn head(&self) -> Head {
        // A tree is folded from its perfect subtrees, the smallest of them rightmost.
        let mut root: Option<Hash> = None;
        for tile in &self.levels {
            let mut end = tile.len();
            while end > 0 {
                let width = 1 << end.trailing_zeros();
                let left = perfect(&tile[end - width..end]);
                root = Some(root.map_or(left, |right| node_hash(left, right)));
                end -= width;
            }
        }
        Head {
            size: self.size,
            root: root.unwrap_or(EMPTY_HASH),
        }
    }
}

/// The hash over a number of subtrees that is a power of two.
fn perfect(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        let (pairs, _) = row.as_chunks::<2>();
        row = pairs
            .iter()
            .map(|[left, right]| node_hash(*left, *right))
            .collect();
    }
    row.first().copied().unwrap_or(EMPTY_HASH)
}

fn within(size: u64) -> Result<(), Error> {
    if size > SIZE_MAX {
        return Err(Error::Size {
            size,
            size_max: SIZE_MAX,
        });
    }
    Ok(())
}
