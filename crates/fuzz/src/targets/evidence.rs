//! Evidence from another machine: bundles, checkpoints, public keys, leaves, tiles.

use evidence::{Check, Fault, Head, Leaf, PublicKey, TileId, Tiles};
use model::Secret;

use super::Listed;

pub(super) const TARGETS: &[Listed] = &[
    (
        "evidence_bundle",
        "a bundle is refused, or it holds only leaves that were written, under the head that was signed",
        bundle,
    ),
    (
        "evidence_checkpoint",
        "a checkpoint is refused, or it is one that was signed",
        checkpoint,
    ),
    (
        "evidence_public_key",
        "a public key that is read is written the same",
        public_key,
    ),
    (
        "evidence_leaf",
        "a leaf that is read is written the same",
        leaf,
    ),
    (
        "evidence_tiles",
        "no tiles make the reader panic, and nothing is appended to tiles that were changed",
        tiles,
    ),
];

/// The log of the corpus, whole: 4 leaves, signed with [`key`].
const LOG: &[u8] = include_bytes!("../../corpus/evidence_bundle/log");
const NOTE: &[u8] = include_bytes!("../../corpus/evidence_checkpoint/signed");
const LEAVES: u64 = 4;

/// The key of the corpus: a test's seed, which signs nothing else.
fn key() -> Option<PublicKey> {
    let signer = evidence::Signer::new("keyroll.example/local", &Secret::new(vec![7; 32]));
    signer.ok().map(|signer| signer.public_key().clone())
}

fn bundle(input: &[u8]) {
    let Some(key) = key() else { return };
    let Ok(found) = evidence::verify(input, &key) else {
        return;
    };
    assert_eq!(found.head.size, LEAVES);
    let mut check = Check::new(&key);
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        match check.line(line) {
            Ok(Some((_, leaf))) => {
                let bytes = leaf.to_bytes().unwrap_or_default();
                let written = LOG.windows(bytes.len().max(1)).any(|part| part == bytes);
                assert!(written, "a leaf that nobody wrote was accepted");
            }
            Ok(None) => {}
            Err(why) => panic!("line by line it is refused: {why}"),
        }
    }
}

fn checkpoint(input: &[u8]) {
    if key().is_some_and(|key| key.open(input).is_ok()) {
        assert_eq!(input, NOTE, "a checkpoint that nobody signed was accepted");
    }
}

fn public_key(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(key) = PublicKey::parse(&text) {
        assert_eq!(key.to_string(), text);
        assert_eq!(model::clean(key.name()), key.name());
    }
}

fn leaf(input: &[u8]) {
    if let Ok(leaf) = Leaf::from_bytes(input) {
        match leaf.to_bytes() {
            Ok(written) => assert_eq!(written, input),
            Err(why) => panic!("what was read cannot be written: {why}"),
        }
    }
}

/// Every tile is what the input says, from a place that depends on the tile.
struct Foreign<'a>(&'a [u8]);

impl Tiles for Foreign<'_> {
    fn tile(&self, id: TileId) -> Result<Option<Vec<u8>>, Fault> {
        let at = usize::from(id.level) * 32;
        Ok(self.0.get(at..).map(<[u8]>::to_vec))
    }
}

/// The first eight bytes are the size of the log, the rest is what its tiles hold.
fn tiles(input: &[u8]) {
    let Some((size, hashes)) = input.split_first_chunk() else {
        return;
    };
    let size = u64::from_be_bytes(*size);
    let stored = Foreign(hashes);
    let _ = evidence::prove_consistency(&stored, size / 2, size);
    if let Ok(root) = evidence::root(&stored, size) {
        let head = Head { size, root };
        if let Ok(proof) = evidence::prove_inclusion(&stored, head, size / 3) {
            let _ = evidence::check_inclusion(&proof, head, size / 3, b"a record");
        }
    }
    let other = Head {
        size,
        root: evidence::record_hash(b"another root"),
    };
    let appended = evidence::append(&stored, other, &[b"a record".to_vec()]);
    assert!(appended.is_err(), "appended to a log that was changed");
}
