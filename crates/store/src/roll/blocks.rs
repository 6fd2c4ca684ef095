//! Names in blocks, and which blocks cannot hold a text.
//!
//! Entities are told by the number of their founder, the smallest sighting: numbers are counted
//! out in the order in which things were first seen, so that what comes together lies together. A
//! block holds the names of [`LINES`] numbers. A page holds the grams of [`BLOCKS`] blocks: for
//! each of [`GRAMS`] classes of sequences of three bytes, one bit a block. A text can stand only
//! in blocks that have all of its grams; which of them do hold it, their names tell.
//!
//! Letters A to Z count as a to z.

use std::collections::BTreeMap;

use crate::Error;

/// Numbers of one block.
pub(super) const LINES: i64 = 128;
/// Blocks of one page: as many as a word has bits.
pub(super) const BLOCKS: i64 = 64;
/// Classes that sequences of three bytes fall into.
const GRAMS: usize = 4_096;
/// Bytes of one page.
const PAGE_BYTES: usize = GRAMS * 8;
/// Ends a name: no text holds it.
const END: u8 = 0xff;

/// A line as a block tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) spot: i64,
    pub(super) name: String,
}

/// The lines of one block by the number of their founder.
pub(super) type Block = BTreeMap<i64, Named>;

/// The block that `founder` belongs to.
pub(super) const fn block_of(founder: i64) -> i64 {
    founder.div_euclid(LINES)
}

/// The page that `block` belongs to.
pub(super) const fn page_of(block: i64) -> i64 {
    block.div_euclid(BLOCKS)
}

/// The most that a block comes to before it is compressed: each line with its numbers, its name
/// and the mark behind it.
const RAW_MAX: usize = 2 + LINES as usize * (1 + 10 + 10 + super::NAME_MAX + 1);

/// The bytes of a block as they are kept: how many there are (4), then those of [`raw`], compressed
/// (LZ4): what is read less takes less time than what is unpacked more.
pub(super) fn packed(block: &Block) -> Vec<u8> {
    lz4_flex::block::compress_prepend_size(&raw(block))
}

/// Puts into `raw` what [`packed`] was given.
pub(super) fn unpack(bytes: &[u8], raw: &mut Vec<u8>) -> Result<(), Error> {
    unpack_into(bytes, raw, RAW_MAX).ok_or_else(|| Error::corrupt("a block of names"))
}

/// Puts what was compressed, at most `raw_max` bytes, into `raw`.
pub(super) fn unpack_into(bytes: &[u8], raw: &mut Vec<u8>, raw_max: usize) -> Option<()> {
    let (size, bytes) = bytes.split_first_chunk()?;
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    if size > raw_max {
        return None;
    }
    raw.resize(size, 0);
    let read = lz4_flex::block::decompress_into(bytes, raw).ok()?;
    (read == size).then_some(())
}

/// How many lines there are (2) and, for each, its number in the block (1), its spot and how long
/// its name is (LEB128 each); then the names, each ended.
fn raw(block: &Block) -> Vec<u8> {
    let count = u16::try_from(block.len()).unwrap_or(u16::MAX);
    let mut bytes = count.to_le_bytes().to_vec();
    for (founder, line) in block {
        bytes.push(u8::try_from(founder.rem_euclid(LINES)).unwrap_or(0));
        put(&mut bytes, line.spot.cast_unsigned());
        put(&mut bytes, line.name.len() as u64);
    }
    for line in block.values() {
        bytes.extend(line.name.as_bytes());
        bytes.push(END);
    }
    bytes
}

/// `number` in LEB128: seven bits a byte, the lowest first, the eighth where more follow.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The number that `bytes` begin with, and what follows it.
fn take(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[at + 1..]));
        }
    }
    None
}

/// What [`raw`] wrote, its names not copied.
pub(super) struct Packed<'b> {
    pub(super) heads: Vec<Head>,
    pub(super) names: &'b [u8],
}

/// One line of a packed block.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) founder: i64,
    pub(super) spot: i64,
    /// Where its name ends among the names, the mark behind it not counted.
    pub(super) end: usize,
    length: usize,
}

impl<'b> Packed<'b> {
    pub(super) fn of(block: i64, bytes: &'b [u8]) -> Result<Self, Error> {
        Self::read(block, bytes).ok_or_else(|| Error::corrupt("a block of names"))
    }

    fn read(block: i64, bytes: &'b [u8]) -> Option<Self> {
        let (count, mut rest) = bytes.split_first_chunk()?;
        let mut heads = Vec::with_capacity(usize::from(u16::from_le_bytes(*count)));
        let mut after = 0_usize;
        for _ in 0..u16::from_le_bytes(*count) {
            let (number, spot, length);
            (number, rest) = rest.split_first()?;
            (spot, rest) = take(rest)?;
            (length, rest) = take(rest)?;
            let length = usize::try_from(length).ok()?;
            let end = after.checked_add(length)?;
            after = end.checked_add(1)?;
            heads.push(Head {
                founder: block.checked_mul(LINES)?.checked_add(i64::from(*number))?,
                spot: spot.cast_signed(),
                end,
                length,
            });
        }
        let names = rest;
        (names.len() == after).then_some(Self { heads, names })
    }

    /// The name of one of its lines.
    pub(super) fn name(&self, head: &Head) -> &'b [u8] {
        let bytes = self.names.get(head.end - head.length..head.end);
        bytes.unwrap_or_default()
    }

    pub(super) fn unpacked(&self) -> Result<Block, Error> {
        let lines = self.heads.iter().map(|head| {
            let name = text(self.name(head))?.to_owned();
            let spot = head.spot;
            Ok((head.founder, Named { spot, name }))
        });
        lines.collect()
    }
}

/// A name as text.
pub(super) fn text(name: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(name).map_err(|_| Error::corrupt("a block of names"))
}

/// The classes of the sequences of three bytes of `text`.
fn grams(text: &[u8]) -> impl Iterator<Item = usize> {
    text.windows(3).map(|three| {
        let number = three.iter().fold(0_u32, |number, byte| {
            number << 8 | u32::from(byte.to_ascii_lowercase())
        });
        // Multiplicative hashing (Knuth, The Art of Computer Programming, 6.4): the upper bits.
        (number.wrapping_mul(2_654_435_769) >> 20) as usize % GRAMS
    })
}

/// The grams of the blocks of one page.
pub(super) struct Page(Vec<u8>);

impl Page {
    pub(super) fn empty() -> Self {
        Self(vec![0; PAGE_BYTES])
    }

    pub(super) fn of(bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.len() != PAGE_BYTES {
            return Err(Error::corrupt("a page of names"));
        }
        Ok(Self(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Tells what `block` holds instead of what was told of it.
    pub(super) fn set(&mut self, number: i64, block: &Block) {
        let place = usize::try_from(number.rem_euclid(BLOCKS)).unwrap_or(0);
        let (byte, bit) = (place / 8, 1_u8 << (place % 8));
        for gram in self.0.chunks_exact_mut(8) {
            gram[byte] &= !bit;
        }
        for gram in block.values().flat_map(|line| grams(line.name.as_bytes())) {
            self.0[gram * 8 + byte] |= bit;
        }
    }

    /// The blocks of `page` that may hold `text`.
    pub(super) fn may_hold(&self, page: i64, text: &str) -> impl Iterator<Item = i64> {
        let (words, _) = self.0.as_chunks::<8>();
        let all = grams(text.as_bytes())
            .filter_map(|gram| words.get(gram))
            .fold(u64::MAX, |all, word| all & u64::from_le_bytes(*word));
        (0..BLOCKS)
            .filter(move |bit| all >> bit & 1 == 1)
            .map(move |bit| page * BLOCKS + bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(number: i64, names: &[String]) -> Block {
        let lines = (number * LINES..).zip(names);
        lines
            .map(|(founder, name)| {
                let line = Named {
                    spot: founder % 3 + i64::from(u32::MAX),
                    name: name.clone(),
                };
                (founder, line)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn a_block_is_what_was_packed(
            number in 0_i64..1 << 40,
            names in proptest::collection::vec(".{0,40}", 0..32),
        ) {
            let block = block(number, &names);
            let mut bytes = vec![7; 3];
            unpack(&packed(&block), &mut bytes).unwrap();
            let read = Packed::of(number, &bytes).unwrap();
            prop_assert_eq!(read.unpacked().unwrap(), block);
        }

        #[test]
        fn no_block_that_holds_a_text_is_left_out(
            names in proptest::collection::vec("[A-Za-z0-9/_-]{0,20}", 1..32),
            at in 0_i64..BLOCKS,
            which in any::<prop::sample::Index>(),
            from in 0_usize..20, length in 0_usize..20,
        ) {
            let mut page = Page::empty();
            page.set(at, &block(at, &["something else".to_owned()]));
            page.set(at, &block(at, &names));
            let name = &names[which.index(names.len())];
            let from = from.min(name.len());
            let text = &name[from..(from + length).min(name.len())];
            prop_assert!(page.may_hold(0, &text.to_uppercase()).any(|block| block == at));
            let others: Vec<_> = page.may_hold(0, text).filter(|block| *block != at).collect();
            prop_assert!(text.len() < 3 || others.is_empty());
        }

        #[test]
        fn foreign_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(packed) = Packed::of(7, &bytes) {
                let _ = packed.unpacked();
            }
            let mut raw = Vec::new();
            if unpack(&bytes, &mut raw).is_ok() {
                let _ = Packed::of(7, &raw).map(|packed| packed.unpacked());
            }
            prop_assert!(raw.len() <= RAW_MAX);
        }
    }

    #[test]
    fn what_a_block_held_before_is_forgotten() {
        let mut page = Page::empty();
        page.set(5, &block(5, &["payments".to_owned()]));
        assert_eq!(
            page.may_hold(2, "payments").collect::<Vec<_>>(),
            [2 * BLOCKS + 5]
        );
        page.set(5, &block(5, &["billing".to_owned()]));
        assert_eq!(page.may_hold(2, "payments").count(), 0);
    }
}
