//! Checking a bundle with nothing but a public key.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::Timestamp;

use crate::bundle::line::{self, LINE_BYTES_MAX, Line, Scope};
use crate::tree::Edge;
use crate::{Error, Head, Leaf, LeafKind, Proof, PublicKey, check_inclusion, record_hash};

/// How many subjects [`Verified`] names.
pub const SUBJECTS_MAX: usize = 10_000;

/// What a bundle was found to prove.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The log it is from.
    pub origin: String,
    /// The head of the log that was signed.
    pub head: Head,
    /// What part of the log it holds.
    pub scope: Scope,
    /// How many leaves it holds.
    pub leaves: u64,
    /// How many tiles it holds.
    pub tiles: u64,
    /// The earliest time in a leaf.
    pub from: Option<Timestamp>,
    /// The latest time in a leaf.
    pub to: Option<Timestamp>,
    /// How many leaves of each kind.
    pub kinds: BTreeMap<LeafKind, u64>,
    /// What the leaves are about, at most [`SUBJECTS_MAX`] of them.
    pub subjects: BTreeSet<String>,
    /// Whether there are more subjects than are named.
    pub more_subjects: bool,
}

/// Checks a bundle line by line, in bounded memory.
#[derive(Clone, Debug)]
pub struct Check<'k> {
    key: &'k PublicKey,
    earlier: Option<Head>,
    line: u64,
    edge: Edge,
    /// Lines of tiles that must come next.
    due: VecDeque<Vec<u8>>,
    next: u64,
    found: Option<Verified>,
    ended: bool,
}

impl<'k> Check<'k> {
    /// A check with the log's public key.
    pub fn new(key: &'k PublicKey) -> Self {
        Self {
            key,
            earlier: None,
            line: 0,
            edge: Edge::default(),
            due: VecDeque::new(),
            next: 0,
            found: None,
            ended: false,
        }
    }

    /// Also demands that the log continues the one whose head was `earlier`. Only a bundle of the
    /// whole log can show that.
    #[must_use]
    pub const fn since(mut self, earlier: Head) -> Self {
        self.earlier = Some(earlier);
        self
    }

    /// Takes the next line, its newline included. Answers the leaf in it, if it is one.
    ///
    /// A leaf is proven only when [`Check::end`] has agreed.
    ///
    /// # Errors
    /// [`Error::Bundle`] and [`Error::BundleLine`]: what does not match, and where. The check is
    /// then spent.
    pub fn line(&mut self, bytes: &[u8]) -> Result<Option<(u64, Leaf)>, Error> {
        self.line += 1;
        if self.ended {
            return Err(self.fault("expected nothing after the end"));
        }
        match (line::read(bytes), self.found.is_some()) {
            (Err(why), _) => Err(self.fault(&why)),
            (Ok(Line::Head { checkpoint, scope }), false) => {
                self.begin(&checkpoint, scope)
                    .map_err(|error| self.placed(error))?;
                Ok(None)
            }
            (Ok(_), false) => Err(self.fault("expected the head of a bundle first")),
            (Ok(Line::Head { .. }), true) => Err(self.fault("expected one head, got another")),
            (
                Ok(Line::Leaf {
                    index,
                    leaf,
                    record,
                    proof,
                }),
                true,
            ) => {
                self.leaf(index, &leaf, &record, proof.as_ref())?;
                Ok(Some((index, *leaf)))
            }
            (Ok(Line::Tile { bytes }), true) => self.tile(&bytes).map(|()| None),
            (Ok(Line::End { leaves, tiles }), true) => self.finish(leaves, tiles).map(|()| None),
        }
    }

    /// What was proven, once the last line was taken.
    ///
    /// # Errors
    /// [`Error::Bundle`] if the end never came.
    pub fn end(self) -> Result<Verified, Error> {
        let cut = Error::Bundle {
            line: self.line + 1,
            why: "expected more, got the end of the file: it was cut".to_owned(),
        };
        if self.ended {
            self.found.ok_or(cut)
        } else {
            Err(cut)
        }
    }

    fn begin(&mut self, checkpoint: &str, scope: Scope) -> Result<(), Error> {
        let head = self.key.open(checkpoint.as_bytes())?;
        if let Scope::Range { from, to } = scope {
            if from >= to || to > head.size {
                return Err(Error::Index {
                    index: from.max(to),
                    size: head.size,
                });
            }
            self.next = from;
        }
        if let Some(earlier) = self.earlier {
            if scope != Scope::Log {
                return Err(self.fault("expected the whole log, to compare with an earlier head"));
            }
            let forked = Error::Forked {
                old: earlier.size,
                new: head.size,
            };
            let same = earlier.size != head.size || earlier == head;
            let empty = earlier.size != 0 || earlier == Head::EMPTY;
            if earlier.size > head.size || !same || !empty {
                return Err(forked);
            }
        }
        self.found = Some(Verified {
            origin: self.key.name().to_owned(),
            head,
            scope,
            leaves: 0,
            tiles: 0,
            from: None,
            to: None,
            kinds: BTreeMap::new(),
            subjects: BTreeSet::new(),
            more_subjects: false,
        });
        self.close_tree()
    }

    fn leaf(
        &mut self,
        index: u64,
        leaf: &Leaf,
        record: &[u8],
        proof: Option<&Proof>,
    ) -> Result<(), Error> {
        let Some((head, scope)) = self.found.as_ref().map(|found| (found.head, &found.scope))
        else {
            return Err(self.fault("expected the head of a bundle first"));
        };
        if !self.due.is_empty() {
            return Err(self.fault("expected the tile that the leaves before complete"));
        }
        let whole = *scope == Scope::Log;
        let fits = match scope {
            Scope::Log | Scope::Range { .. } if index != self.next => {
                Err(format!("expected leaf {}, got leaf {index}", self.next))
            }
            Scope::Range { to, .. } if index >= *to => Err("expected no further leaf".to_owned()),
            Scope::Subjects(_) if index < self.next => Err(format!(
                "expected a leaf from {} on, got leaf {index}",
                self.next
            )),
            Scope::Subjects(ids) if !ids.contains(leaf.subject()) => {
                Err("expected a leaf about the subject of the bundle, got another".to_owned())
            }
            _ if index >= head.size => Err(format!(
                "expected a log of {} leaves, got leaf {index}",
                head.size
            )),
            _ => Ok(()),
        };
        fits.map_err(|why| self.fault(&why))?;
        match (whole, proof) {
            (true, None) => self.grow(record).map_err(|error| self.placed(error))?,
            (false, Some(proof)) => {
                check_inclusion(proof, head, index, record).map_err(|error| self.placed(error))?
            }
            (true, Some(_)) => return Err(self.fault("expected no proof in a bundle of the log")),
            (false, None) => return Err(self.fault("expected a proof of inclusion")),
        }
        self.next = index + 1;
        self.count(leaf);
        Ok(())
    }

    /// Grows the tree by a leaf of the whole log.
    fn grow(&mut self, record: &[u8]) -> Result<(), Error> {
        for (id, hashes) in self.edge.push(record_hash(record))? {
            self.due.push_back(line::tile(id, &hashes));
        }
        let new = self.found.as_ref().map_or(0, |found| found.head.size);
        if let Some(earlier) = self.earlier
            && self.edge.size() == earlier.size
            && self.edge.head() != earlier
        {
            return Err(Error::Forked {
                old: earlier.size,
                new,
            });
        }
        self.close_tree()
    }

    /// Once all leaves of the whole log came: the root must be the signed one, and the partial tiles are due.
    fn close_tree(&mut self) -> Result<(), Error> {
        let expected = match &self.found {
            Some(found) if found.scope == Scope::Log && found.head.size == self.edge.size() => {
                found.head
            }
            _ => return Ok(()),
        };
        let got = self.edge.head().root;
        if got != expected.root {
            let (expected_root, got) = (expected.root.to_string(), got.to_string());
            return Err(Error::Root {
                size: expected.size,
                expected: expected_root,
                got,
            });
        }
        self.due.extend(
            self.edge
                .partial()
                .map(|(id, hashes)| line::tile(id, hashes)),
        );
        Ok(())
    }

    fn tile(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self.due.pop_front() {
            None => Err(self.fault("expected no tile here")),
            Some(due) if due != bytes => {
                Err(self.fault("expected the tile that the leaves make, got another"))
            }
            Some(_) => {
                if let Some(found) = &mut self.found {
                    found.tiles += 1;
                }
                Ok(())
            }
        }
    }

    fn finish(&mut self, leaves: u64, tiles: u64) -> Result<(), Error> {
        let Some(found) = &self.found else {
            return Err(self.fault("expected the head of a bundle first"));
        };
        let last = match found.scope {
            Scope::Log => found.head.size,
            Scope::Range { to, .. } => to,
            Scope::Subjects(_) => self.next.max(1),
        };
        if self.next != last || !self.due.is_empty() {
            return Err(self.fault("expected more leaves or tiles before the end"));
        }
        if (leaves, tiles) != (found.leaves, found.tiles) {
            let why = format!(
                "expected the numbers of leaves and tiles that came, {} and {}, got {leaves} and {tiles}",
                found.leaves, found.tiles
            );
            return Err(self.fault(&why));
        }
        self.ended = true;
        Ok(())
    }

    fn count(&mut self, leaf: &Leaf) {
        let Some(found) = &mut self.found else { return };
        found.leaves += 1;
        found.from = Some(found.from.map_or(leaf.at(), |at| at.min(leaf.at())));
        found.to = Some(found.to.map_or(leaf.at(), |at| at.max(leaf.at())));
        *found.kinds.entry(leaf.kind()).or_default() += 1;
        if !found.subjects.contains(leaf.subject()) {
            if found.subjects.len() < SUBJECTS_MAX {
                found.subjects.insert(leaf.subject().to_owned());
            } else {
                found.more_subjects = true;
            }
        }
    }

    fn fault(&self, why: &str) -> Error {
        Error::Bundle {
            line: self.line,
            why: why.to_owned(),
        }
    }

    fn placed(&self, error: Error) -> Error {
        Error::BundleLine {
            line: self.line,
            source: Box::new(error),
        }
    }
}

/// Checks a whole bundle that is in memory. Larger ones go through [`Check`] line by line.
///
/// # Errors
/// [`Error::Bundle`] and [`Error::BundleLine`]: what does not match, and in which line.
pub fn verify(bundle: &[u8], key: &PublicKey) -> Result<Verified, Error> {
    let mut check = Check::new(key);
    for line in bundle.split_inclusive(|&byte| byte == b'\n') {
        check.line(line)?;
    }
    check.end()
}

const _: () = assert!(crate::LEAF_BYTES_MAX + 64 * 50 < LINE_BYTES_MAX);
