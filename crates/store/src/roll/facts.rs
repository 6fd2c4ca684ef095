//! Owners and times of lines in blocks, so that what is asked of them is answered without reading
//! lines: a block tells of its [`LINES`] lines, one bit each, which of them meet a filter.
//!
//! Lines of which none of these is told are left out, and a block of such lines is not there.

use std::collections::{BTreeMap, BTreeSet};

use super::blocks::{LINES, block_of};
use super::filter::Filter;
use super::names::numbered;
use super::{Order, Row};
use crate::Error;
use crate::engine::{Bulk, Session};
use crate::value::{Type, Value};

/// What a block tells of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    spot: i64,
    expires: Option<i64>,
    used: Option<i64>,
    owner: Option<String>,
}

impl Facts {
    /// What is told of a line; `None` if that is nothing.
    pub(super) fn of(row: &Row, spot: i64) -> Option<Self> {
        let at = |told: &model::Told<model::Timestamp>| told.is().map(|at| at.0);
        let told = Self {
            spot,
            expires: at(&row.expires_at),
            used: at(&row.last_used_at),
            owner: row.owner.clone(),
        };
        told.says().then_some(told)
    }

    const fn says(&self) -> bool {
        self.expires.is_some() || self.used.is_some() || self.owner.is_some()
    }
}

/// What the line of each founder says now; `None` where it says nothing, or is no more.
pub(super) type Retold = BTreeMap<i64, Option<Facts>>;

/// The facts of one block by the number of a line in it.
type Block = BTreeMap<u8, Facts>;

/// The number of a line in its block.
pub(super) fn place(founder: i64) -> u8 {
    u8::try_from(founder.rem_euclid(LINES)).unwrap_or(0)
}

/// Puts `retold` into the blocks.
pub(super) fn write(
    session: &mut dyn Session,
    tenant: &Value,
    retold: Retold,
) -> Result<(), Error> {
    const BLOCKS: Bulk = Bulk {
        sql: "SELECT b.block, b.facts FROM {rows} JOIN fact_block b ON b.tenant = $1
              AND b.block = r.number",
        columns: &[("number", Type::Int)],
    };
    const PUT: Bulk = Bulk {
        sql: "INSERT INTO fact_block (tenant, block, facts) SELECT $1, r.block, r.facts
              FROM {rows} WHERE true ON CONFLICT (tenant, block)
              DO UPDATE SET facts = excluded.facts",
        columns: &[("block", Type::Int), ("facts", Type::Bytes)],
    };
    const EMPTY: Bulk = Bulk {
        sql: "DELETE FROM fact_block WHERE (tenant, block) IN (SELECT $1, r.block FROM {rows})",
        columns: &[("block", Type::Int)],
    };
    let asked: BTreeSet<_> = retold.keys().map(|founder| block_of(*founder)).collect();
    let mut blocks: BTreeMap<i64, Block> = BTreeMap::new();
    for mut row in numbered(session, tenant, &BLOCKS, &asked)? {
        blocks.insert(row.int()?, unpacked(&row.bytes()?)?);
    }
    for (founder, facts) in retold {
        let block = blocks.entry(block_of(founder)).or_default();
        match facts {
            Some(facts) => block.insert(place(founder), facts),
            None => block.remove(&place(founder)),
        };
    }
    let (empty, held): (Vec<_>, Vec<_>) = blocks.iter().partition(|(_, block)| block.is_empty());
    let held = held.into_iter();
    let rows: Vec<_> = held
        .map(|(number, block)| vec![(*number).into(), Value::Bytes(packed(block))])
        .collect();
    session.bulk(&PUT, std::slice::from_ref(tenant), &rows)?;
    let empty = empty.into_iter();
    let rows: Vec<_> = empty.map(|(number, _)| vec![(*number).into()]).collect();
    session.bulk(&EMPTY, std::slice::from_ref(tenant), &rows)?;
    Ok(())
}

/// Lines of older stores that are filed at once.
const FILED: usize = 4_096;

/// Files the lines of a store that has none in blocks yet.
pub(crate) fn fill(session: &mut dyn Session) -> Result<(), Error> {
    let tenants = session.rows("SELECT tenant FROM roll_head ORDER BY tenant", &[])?;
    for mut row in tenants {
        let tenant = Value::from(row.text()?);
        let mut after = i64::MIN;
        loop {
            let lines = session.rows(
                "SELECT founder, spot, expires_at, last_used_at, owner FROM entity
                 WHERE tenant = $1 AND founder > $2 ORDER BY founder LIMIT $3",
                &[tenant.clone(), after.into(), FILED.into()],
            )?;
            if lines.is_empty() {
                break;
            }
            let mut retold = Retold::new();
            for mut row in lines {
                after = row.int()?;
                let facts = Facts {
                    spot: row.int()?,
                    expires: row.int_opt()?,
                    used: row.int_opt()?,
                    owner: row.text_opt()?,
                };
                if facts.says() {
                    retold.insert(after, Some(facts));
                }
            }
            write(session, &tenant, retold)?;
        }
    }
    Ok(())
}

/// Four columns of (number of the line, value), each begun by how many there are (1): spots,
/// expiries and last uses (8 bytes each), owners by their place in a list of words that stands
/// before them; compressed (LZ4), the size (4) first.
fn packed(block: &Block) -> Vec<u8> {
    let mut raw = Vec::new();
    let spots = block.iter().map(|(line, facts)| (*line, facts.spot));
    put_numbers(&mut raw, spots);
    let told = |of: fn(&Facts) -> Option<i64>| {
        let lines = block.iter();
        lines.filter_map(move |(line, facts)| Some((*line, of(facts)?)))
    };
    put_numbers(&mut raw, told(|facts| facts.expires));
    put_numbers(&mut raw, told(|facts| facts.used));
    let owners: BTreeSet<&String> = block
        .values()
        .filter_map(|one| one.owner.as_ref())
        .collect();
    let words: BTreeMap<&String, u8> = owners.into_iter().zip(0..).collect();
    raw.push(short(words.len()));
    for word in words.keys() {
        raw.push(short(word.len()));
        raw.extend(word.as_bytes());
    }
    let owned = block.iter().filter_map(|(line, facts)| {
        let word = words.get(facts.owner.as_ref()?)?;
        Some([*line, *word])
    });
    let owned: Vec<_> = owned.collect();
    raw.push(short(owned.len()));
    raw.extend(owned.concat());
    lz4_flex::block::compress_prepend_size(&raw)
}

/// A count of lines, or the length of a word: neither is more than 128.
fn short(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

fn put_numbers(raw: &mut Vec<u8>, column: impl Iterator<Item = (u8, i64)>) {
    let column: Vec<_> = column.collect();
    raw.push(short(column.len()));
    for (line, number) in column {
        raw.push(line);
        raw.extend(number.to_le_bytes());
    }
}

/// The most that a block comes to before it is compressed.
const RAW_MAX: usize = 5 + LINES as usize * (3 * 9 + 2 + 1 + super::WORD_MAX);

/// What [`packed`] was given.
fn unpacked(bytes: &[u8]) -> Result<Block, Error> {
    let mut raw = Vec::new();
    let told = Told::read(bytes, &mut raw)?;
    let mut block: Block = told
        .spots
        .numbers()
        .map(|(line, spot)| {
            let facts = Facts {
                spot,
                expires: None,
                used: None,
                owner: None,
            };
            (line, facts)
        })
        .collect();
    for (line, at) in told.expires.numbers() {
        block
            .entry(line)
            .and_modify(|facts| facts.expires = Some(at));
    }
    for (line, at) in told.used.numbers() {
        block.entry(line).and_modify(|facts| facts.used = Some(at));
    }
    for [line, word] in told.owned.iter().copied() {
        let word = told.words.get(usize::from(word)).ok_or_else(broken)?;
        let word = std::str::from_utf8(word).map_err(|_| broken())?;
        let owner = Some(word.to_owned());
        block.entry(line).and_modify(|facts| facts.owner = owner);
    }
    Ok(block)
}

fn broken() -> Error {
    Error::corrupt("a block of facts")
}

/// Lines of a block with a number each, as they are kept.
#[derive(Clone, Copy)]
struct Numbers<'b>(&'b [[u8; 9]]);

impl Numbers<'_> {
    fn numbers(self) -> impl Iterator<Item = (u8, i64)> {
        self.0
            .iter()
            .map(|[line, number @ ..]| (*line, i64::from_le_bytes(*number)))
    }

    /// The lines before `instant`, a bit each.
    fn before(self, instant: i64) -> u128 {
        let lines = self.numbers().filter(|(_, at)| *at < instant);
        lines.fold(0, |bits, (line, _)| bits | bit(line))
    }
}

/// The bit of a line; none for what is no line.
fn bit(line: u8) -> u128 {
    1_u128.checked_shl(u32::from(line)).unwrap_or(0)
}

/// A block as it is kept, unpacked and not copied.
pub(super) struct Told<'b> {
    spots: Numbers<'b>,
    expires: Numbers<'b>,
    used: Numbers<'b>,
    words: Vec<&'b [u8]>,
    owned: &'b [[u8; 2]],
}

impl<'b> Told<'b> {
    /// Reads a block; `raw` is where it is unpacked.
    pub(super) fn read(bytes: &[u8], raw: &'b mut Vec<u8>) -> Result<Self, Error> {
        super::blocks::unpack_into(bytes, raw, RAW_MAX).ok_or_else(broken)?;
        Self::parse(raw).ok_or_else(broken)
    }

    fn parse(rest: &'b [u8]) -> Option<Self> {
        let (spots, rest) = column(rest)?;
        let (expires, rest) = column(rest)?;
        let (used, rest) = column(rest)?;
        let (count, mut rest) = rest.split_first()?;
        let mut words = Vec::with_capacity(usize::from(*count));
        for _ in 0..*count {
            let (length, word);
            (length, rest) = rest.split_first()?;
            (word, rest) = rest.split_at_checked(usize::from(*length))?;
            words.push(word);
        }
        let (owned, rest) = column(rest)?;
        rest.is_empty().then_some(Self {
            spots: Numbers(spots),
            expires: Numbers(expires),
            used: Numbers(used),
            words,
            owned,
        })
    }

    /// The lines that meet what `filter` asks of owner and times, a bit each.
    pub(super) fn meets(&self, filter: &Filter) -> u128 {
        let mut bits = u128::MAX;
        if let Some(before) = filter.expires_before {
            bits &= self.expires.before(before.0);
        }
        if let Some(before) = filter.unused_since {
            bits &= self.used.before(before.0);
        }
        if let Some(owner) = &filter.owner {
            let mut words = self.words.iter();
            let word = words.position(|word| *word == owner.as_bytes());
            let owned = self.owned.iter();
            let owned = owned.filter(|[_, one]| Some(usize::from(*one)) == word);
            bits &= owned.fold(0, |bits, [line, _]| bits | bit(*line));
        }
        bits
    }

    /// Those of its lines that are among `lines`, each with its spot.
    pub(super) fn spots_of(&self, lines: u128) -> impl Iterator<Item = (u8, i64)> {
        let all = self.spots.numbers();
        all.filter(move |(line, _)| lines & bit(*line) != 0)
    }

    /// The time of each line that `order` goes by, put into `times`; none where it goes by names,
    /// or where no time is told.
    pub(super) fn times(&self, order: Order, times: &mut Times) {
        *times = [None; LINES as usize];
        let column = match order {
            Order::Name => return,
            Order::Expires => self.expires,
            Order::LastUsed => self.used,
        };
        for (line, at) in column.numbers() {
            if let Some(time) = times.get_mut(usize::from(line)) {
                *time = Some(at);
            }
        }
    }
}

/// A time of each line of a block.
pub(super) type Times = [Option<i64>; LINES as usize];

/// The founder of a line of `block`.
pub(super) const fn founder(block: i64, line: u8) -> i64 {
    block.saturating_mul(LINES).saturating_add(line as i64)
}

/// Whether the line of `founder` is among `lines` of its block.
pub(super) fn is_among(founder: i64, lines: u128) -> bool {
    lines & bit(place(founder)) != 0
}

/// A column that says how many there are, and what follows it.
fn column<const N: usize>(bytes: &[u8]) -> Option<(&[[u8; N]], &[u8])> {
    let (count, rest) = bytes.split_first()?;
    let (column, rest) = rest.split_at_checked(usize::from(*count) * N)?;
    let (column, more) = column.as_chunks();
    more.is_empty().then_some((column, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts() -> impl Strategy<Value = Facts> {
        let at = || proptest::option::of(-3..3_i64);
        let owner = proptest::option::of("[a-c]{1,2}");
        (0..5_i64, at(), at(), owner).prop_map(|(spot, expires, used, owner)| Facts {
            spot,
            expires,
            used,
            owner,
        })
    }

    fn meets(facts: &Facts, filter: &Filter) -> bool {
        let before = |wanted: Option<model::Timestamp>, told: Option<i64>| {
            wanted.is_none_or(|wanted| told.is_some_and(|at| at < wanted.0))
        };
        before(filter.expires_before, facts.expires)
            && before(filter.unused_since, facts.used)
            && (filter.owner.is_none() || filter.owner == facts.owner)
    }

    proptest! {
        #[test]
        fn a_block_is_what_was_packed_and_its_bits_are_what_each_line_says(
            block in proptest::collection::btree_map(0..128_u8, facts(), 0..128),
            expires in proptest::option::of(-3..4_i64), used in proptest::option::of(-3..4_i64),
            owner in proptest::option::of("[a-c]{1,2}"),
        ) {
            let bytes = packed(&block);
            prop_assert_eq!(&unpacked(&bytes).unwrap(), &block);
            let filter = Filter {
                expires_before: expires.map(model::Timestamp),
                unused_since: used.map(model::Timestamp),
                owner,
                ..Filter::default()
            };
            let mut raw = Vec::new();
            let told = Told::read(&bytes, &mut raw).unwrap();
            let bits = told.meets(&filter);
            let expected: Vec<_> = block.iter().filter(|(_, one)| meets(one, &filter)).collect();
            for (line, one) in &block {
                prop_assert_eq!(bits & bit(*line) != 0, meets(one, &filter));
            }
            let spots: Vec<_> = expected.iter().map(|(line, one)| (**line, one.spot)).collect();
            prop_assert_eq!(told.spots_of(bits).collect::<Vec<_>>(), spots);
            let mut times = [None; LINES as usize];
            for (order, time) in [
                (Order::Expires, (|one| one.expires) as fn(&Facts) -> Option<i64>),
                (Order::LastUsed, |one| one.used),
                (Order::Name, |_| None),
            ] {
                told.times(order, &mut times);
                for line in 0..128_u8 {
                    let expected = block.get(&line).and_then(time);
                    prop_assert_eq!(times[usize::from(line)], expected);
                }
            }
        }

        #[test]
        fn foreign_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = unpacked(&bytes);
            let _ = unpacked(&lz4_flex::block::compress_prepend_size(&bytes));
        }
    }
}
