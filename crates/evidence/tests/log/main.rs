//! The log from outside: trees, checkpoints, bundles.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

mod bundle;
mod checkpoint;
mod tampered;
mod tree;

use std::collections::BTreeMap;

use evidence::{
    Appended, Fault, Head, Leaf, LeafKind, PublicKey, Scope, Signer, TileId, Tiles, append, export,
};
use model::{Secret, Timestamp};
use serde_json::json;

/// A store in memory: what a batch says is written, nothing else.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) head: Head,
    pub(crate) records: Vec<Vec<u8>>,
    pub(crate) tiles: BTreeMap<TileId, Vec<u8>>,
}

impl Tiles for Kept {
    fn tile(&self, id: TileId) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.tiles.get(&id).cloned())
    }
}

impl Kept {
    pub(crate) fn new() -> Self {
        Self {
            head: Head::EMPTY,
            records: Vec::new(),
            tiles: BTreeMap::new(),
        }
    }

    /// A log of `size` leaves, appended in one batch.
    pub(crate) fn of(size: u64) -> Self {
        let mut kept = Self::new();
        kept.append((0..size).map(record).collect());
        kept
    }

    pub(crate) fn append(&mut self, records: Vec<Vec<u8>>) -> Appended {
        let appended = append(self, self.head, &records).unwrap();
        assert_eq!(appended.first, self.head.size);
        self.tiles.extend(appended.tiles.iter().cloned());
        self.records.extend(records);
        self.head = appended.head;
        appended
    }

    pub(crate) fn leaves(&self) -> impl Iterator<Item = (u64, &[u8])> {
        (0..).zip(self.records.iter().map(Vec::as_slice))
    }

    /// A bundle of the whole log.
    pub(crate) fn bundle(&self) -> Vec<u8> {
        let note = signer().sign(self.head).unwrap();
        export(self, &note, &key(), Scope::Log, self.leaves()).unwrap()
    }

    /// A bundle of the leaves about `subject`.
    pub(crate) fn bundle_about(&self, subject: &str) -> Vec<u8> {
        let note = signer().sign(self.head).unwrap();
        let scope = Scope::Subjects([subject.to_owned()].into());
        let about = |record: &[u8]| Leaf::from_bytes(record).unwrap().subject() == subject;
        let leaves = self.leaves().filter(|(_, record)| about(record));
        export(self, &note, &key(), scope, leaves).unwrap()
    }

    /// A bundle of the leaves `from..to`.
    pub(crate) fn bundle_range(&self, from: u64, to: u64) -> Vec<u8> {
        let note = signer().sign(self.head).unwrap();
        let leaves = self
            .leaves()
            .filter(|(index, _)| (from..to).contains(index));
        export(self, &note, &key(), Scope::Range { from, to }, leaves).unwrap()
    }
}

/// The bytes of the n-th leaf of every fixture; subjects `crd-0` to `crd-6` take turns.
pub(crate) fn record(n: u64) -> Vec<u8> {
    let kind = LeafKind::ALL[usize::try_from(n % 7).unwrap()];
    let at = Timestamp::from_seconds(1_770_000_000 + i64::try_from(n).unwrap());
    let subject = format!("crd-{}", n % 7);
    let body = json!({"n": n, "why": "é \" \\ \u{1}", "list": [null, true, -1]});
    Leaf::new(kind, at, "person:ada", &subject, &body)
        .unwrap()
        .to_bytes()
        .unwrap()
}

pub(crate) fn signer() -> Signer {
    Signer::new("keyroll.example/local", &Secret::new(vec![7; 32])).unwrap()
}

pub(crate) fn key() -> PublicKey {
    signer().public_key().clone()
}
