//! What is known of one source, beside what one pass saw of it, gives changes.
//!
//! Both sides come as streams in the order of [`order`], so a source of any size takes the
//! memory of one entry from each.

use std::cmp::Ordering;
use std::iter::Peekable;

use model::{Kind, Native, Scope};

use crate::absence::{PassRead, ReadWhole};

/// One thing the roll knows of a source: what a pass is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What it is.
    pub kind: Kind,
    /// What the source calls it.
    pub native: Native,
    /// In which part of the source it was last seen.
    pub scope: Scope,
    /// Hash of what was last seen of it.
    pub hash: [u8; 16],
    /// Whether a complete pass did not find it.
    pub missing: bool,
}

/// One thing a pass saw. `body` is whatever leads to the observation: it is not looked at here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<B> {
    /// What it is.
    pub kind: Kind,
    /// What the source calls it.
    pub native: Native,
    /// Hash of the observation.
    pub hash: [u8; 16],
    /// Leads to the observation.
    pub body: B,
}

/// One difference between what is known and what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<B> {
    /// Never seen before.
    New(Seen<B>),
    /// Seen before, otherwise.
    Changed(Seen<B>),
    /// It was missing, and is seen again; perhaps otherwise than before.
    Back(Seen<B>),
    /// It lay in a part that was read whole, and was not there.
    Missing {
        /// What it is.
        kind: Kind,
        /// What the source calls it.
        native: Native,
    },
}

/// A stream that is not in the order it must be in: compared all the same, it would call things
/// missing that are there.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected {side} things in the order of kind and native id, got {kind} `{native}` too late; \
     nothing was concluded from it"
)]
pub struct OutOfOrder {
    side: &'static str,
    kind: Kind,
    native: String,
}

/// The order of both streams: kind as text, then native id, byte by byte.
pub fn order(kind_a: Kind, native_a: &str, kind_b: Kind, native_b: &str) -> Ordering {
    let kinds = kind_a.as_str().cmp(kind_b.as_str());
    kinds.then_with(|| native_a.as_bytes().cmp(native_b.as_bytes()))
}

/// Compares `known` with `seen`, both in [`order`].
///
/// Where one pass saw one thing twice, the observation with the smallest hash counts: the order
/// of pages does not matter. After an error the stream has ended.
pub fn merge<K, S, B, E>(known: K, seen: S, pass: &PassRead) -> Merge<K, S>
where
    K: Iterator<Item = Result<Known, E>>,
    S: Iterator<Item = Result<Seen<B>, E>>,
    E: From<OutOfOrder>,
{
    Merge {
        known: known.peekable(),
        seen: seen.peekable(),
        read_whole: ReadWhole::of(pass),
        last_known: None,
        last_seen: None,
        seen_count: 0,
        ended: false,
    }
}

/// The stream of changes that [`merge`] gives.
pub struct Merge<K: Iterator, S: Iterator> {
    known: Peekable<K>,
    seen: Peekable<S>,
    read_whole: ReadWhole,
    last_known: Option<(Kind, Native)>,
    last_seen: Option<(Kind, Native)>,
    seen_count: u64,
    ended: bool,
}

/// Which side stands first.
enum First {
    Known,
    Seen,
    Both,
    Neither,
}

impl<K, S, B, E> Merge<K, S>
where
    K: Iterator<Item = Result<Known, E>>,
    S: Iterator<Item = Result<Seen<B>, E>>,
    E: From<OutOfOrder>,
{
    /// How many different things were seen so far.
    pub const fn seen(&self) -> u64 {
        self.seen_count
    }

    fn first(&mut self) -> First {
        match (self.known.peek(), self.seen.peek()) {
            (None, None) => First::Neither,
            (Some(Err(_)), _) | (Some(_), None) => First::Known,
            (_, Some(Err(_))) | (None, Some(_)) => First::Seen,
            (Some(Ok(known)), Some(Ok(seen))) => {
                match order(known.kind, &known.native, seen.kind, &seen.native) {
                    Ordering::Less => First::Known,
                    Ordering::Greater => First::Seen,
                    Ordering::Equal => First::Both,
                }
            }
        }
    }

    fn take_known(&mut self) -> Result<Option<Known>, E> {
        let Some(known) = self.known.next().transpose()? else {
            return Ok(None);
        };
        if let Some((kind, native)) = &self.last_known
            && order(*kind, native, known.kind, &known.native) != Ordering::Less
        {
            return Err(out_of_order("known", known.kind, &known.native).into());
        }
        Ok(Some(known))
    }

    /// The next thing seen, as the one of its observations that counts.
    fn take_seen(&mut self) -> Result<Option<Seen<B>>, E> {
        let Some(mut best) = self.seen.next().transpose()? else {
            return Ok(None);
        };
        if let Some((kind, native)) = &self.last_seen
            && order(*kind, native, best.kind, &best.native) != Ordering::Less
        {
            return Err(out_of_order("seen", best.kind, &best.native).into());
        }
        while let Some(Ok(next)) = self.seen.peek() {
            if next.kind != best.kind || next.native != best.native {
                break;
            }
            if let Some(again) = self.seen.next().transpose()?
                && again.hash < best.hash
            {
                best = again;
            }
        }
        self.seen_count += 1;
        Ok(Some(best))
    }

    fn step(&mut self) -> Result<Option<Option<Change<B>>>, E> {
        Ok(match self.first() {
            First::Neither => None,
            First::Known => Some(self.take_known()?.and_then(|known| self.not_seen(known))),
            First::Seen => Some(self.take_seen()?.map(|seen| {
                self.last_seen = Some((seen.kind, seen.native.clone()));
                Change::New(seen)
            })),
            First::Both => match (self.take_known()?, self.take_seen()?) {
                (Some(known), Some(seen)) => Some(self.seen_again(known, seen)),
                _ => None,
            },
        })
    }

    fn not_seen(&mut self, known: Known) -> Option<Change<B>> {
        let gone = !known.missing && self.read_whole.covers(&known.scope);
        let change = gone.then(|| Change::Missing {
            kind: known.kind,
            native: known.native.clone(),
        });
        self.last_known = Some((known.kind, known.native));
        change
    }

    fn seen_again(&mut self, known: Known, seen: Seen<B>) -> Option<Change<B>> {
        self.last_known = Some((known.kind, known.native));
        if !known.missing && known.hash == seen.hash {
            self.last_seen = Some((seen.kind, seen.native));
            return None;
        }
        self.last_seen = Some((seen.kind, seen.native.clone()));
        Some(if known.missing {
            Change::Back(seen)
        } else {
            Change::Changed(seen)
        })
    }
}

impl<K, S, B, E> Iterator for Merge<K, S>
where
    K: Iterator<Item = Result<Known, E>>,
    S: Iterator<Item = Result<Seen<B>, E>>,
    E: From<OutOfOrder>,
{
    type Item = Result<Change<B>, E>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.step() {
                Ok(None) => self.ended = true,
                Ok(Some(None)) => {}
                Ok(Some(Some(change))) => return Some(Ok(change)),
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

fn out_of_order(side: &'static str, kind: Kind, native: &str) -> OutOfOrder {
    OutOfOrder {
        side,
        kind,
        native: model::shorten(&model::clean(native), 80),
    }
}

#[cfg(test)]
mod tests {
    use model::{Gap, Reason, Timestamp};

    use super::*;

    #[test]
    fn what_is_the_same_as_before_is_no_change() {
        assert_eq!(changes("a1 b1", "a1 b1"), "");
    }

    #[test]
    fn new_changed_missing_and_back_are_told_apart() {
        assert_eq!(changes("a1 b1 c1? d1", "b2 c1 e1"), "-a ~b <c -d +e");
    }

    #[test]
    fn what_is_missing_already_is_not_reported_again() {
        assert_eq!(changes("a1? b1", "b1"), "");
    }

    #[test]
    fn of_two_observations_of_one_thing_the_same_one_counts_in_any_order() {
        assert_eq!(changes("a1", "a1 a2"), changes("a1", "a2 a1"));
        assert_eq!(changes("", "a2 a1 a3"), "+a");
    }

    #[test]
    fn a_refused_part_makes_none_of_its_things_missing() {
        assert_eq!(changes("a1 b1", "!a"), "-b");
        assert_eq!(changes("a1 b1", "!"), "");
    }

    #[test]
    fn streams_that_are_out_of_order_conclude_nothing_more() {
        assert_eq!(changes("b1 a1", "b1 a1"), "error");
        assert_eq!(changes("", "b1 a1"), "+b error");
    }

    /// Reads `native hash` pairs; `?` is missing, `!part` a gap. A thing lies in the part of
    /// its name.
    fn changes(known: &str, seen: &str) -> String {
        let known = known.split_whitespace().map(|word| {
            Ok::<_, OutOfOrder>(Known {
                kind: Kind::Credential,
                native: word[..1].to_owned(),
                scope: Scope::of(&word[..1]),
                hash: [word.as_bytes()[1]; 16],
                missing: word.ends_with('?'),
            })
        });
        let (gaps, seen): (Vec<_>, Vec<_>) = seen
            .split_whitespace()
            .partition(|word| word.starts_with('!'));
        let pass = PassRead {
            scope: Scope::whole(),
            gaps: gaps
                .iter()
                .map(|word| {
                    let part = &word[1..];
                    let scope = if part.is_empty() {
                        Scope::whole()
                    } else {
                        Scope::of(part)
                    };
                    Gap::new(&scope, Reason::Denied, "403")
                })
                .collect(),
            started: Timestamp(0),
        };
        let seen = seen.into_iter().map(|word| {
            Ok(Seen {
                kind: Kind::Credential,
                native: word[..1].to_owned(),
                hash: [word.as_bytes()[1]; 16],
                body: (),
            })
        });
        let told: Vec<_> = merge(known, seen, &pass)
            .map(|change| match change {
                Ok(Change::New(seen)) => format!("+{}", seen.native),
                Ok(Change::Changed(seen)) => format!("~{}", seen.native),
                Ok(Change::Back(seen)) => format!("<{}", seen.native),
                Ok(Change::Missing { native, .. }) => format!("-{native}"),
                Err(_) => "error".to_owned(),
            })
            .collect();
        told.join(" ")
    }
}
