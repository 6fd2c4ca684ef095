//! Trees: roots, appending, proofs of inclusion and of consistency.

use evidence::{
    Error, Fault, Hash, Head, Proof, SIZE_MAX, TileId, Tiles, append, check_consistency,
    check_inclusion, prove_consistency, prove_inclusion, root,
};
use proptest::prelude::*;

use crate::{Kept, record};

/// Roots over the eight inputs that the certificate transparency logs test with (RFC 6962).
const KNOWN: [(&str, &str); 8] = [
    (
        "",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    ),
    (
        "00",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    ),
    (
        "10",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    ),
    (
        "2021",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (
        "3031",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    ),
    (
        "40414243",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    ),
    (
        "5051525354555657",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    ),
    (
        "606162636465666768696a6b6c6d6e6f",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ),
];

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn hex(hash: Hash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn roots_are_those_of_rfc_6962() {
    let mut kept = Kept::new();
    assert_eq!(
        hex(kept.head.root),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    for (input, expected) in KNOWN {
        kept.append(vec![unhex(input)]);
        assert_eq!(hex(kept.head.root), expected, "after `{input}`");
    }
}

#[test]
fn the_root_is_the_one_that_the_library_computes_over_three_levels_of_tiles() {
    struct All(Vec<Hash>);
    impl tlog_tiles::HashReader for All {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
            Ok(indexes
                .iter()
                .map(|&n| self.0[usize::try_from(n).unwrap()])
                .collect())
        }
    }
    let mut all = All(Vec::new());
    let mut kept = Kept::new();
    let size = 256 * 256 + 300;
    let records: Vec<Vec<u8>> = (0..size).map(|n: u64| n.to_be_bytes().to_vec()).collect();
    for (n, record) in (0..).zip(&records) {
        let hashes = tlog_tiles::stored_hashes(n, record, &all).unwrap();
        all.0.extend(hashes);
    }
    kept.append(records);
    assert_eq!(kept.head.root, tlog_tiles::tree_hash(size, &all).unwrap());
    let id = TileId { level: 2, index: 0 };
    assert_eq!(kept.tiles[&id].len(), 32, "the third level has begun");
    // Every tile to be published is there, as wide as the library says.
    for tile in tlog_tiles::Tile::new_tiles(8, 0, size) {
        let id = TileId {
            level: tile.level(),
            index: tile.level_index(),
        };
        assert_eq!(kept.tiles[&id], tile.read_data(&all).unwrap(), "{id}");
        let path = format!(
            "tile/8/{}",
            id.path(tile.width() as usize).split_once('/').unwrap().1
        );
        assert_eq!(path, tile.path());
    }
    for index in [0, 255, 256, 65_535, 65_536, size - 1] {
        let proof = prove_inclusion(&kept, kept.head, index).unwrap();
        let record = &kept.records[usize::try_from(index).unwrap()];
        check_inclusion(&proof, kept.head, index, record).unwrap();
    }
}

#[test]
fn every_leaf_is_proven_and_no_other_in_its_place() {
    for size in [1, 2, 3, 7, 8, 255, 256, 257, 300] {
        let kept = Kept::of(size);
        for index in 0..size {
            let proof = prove_inclusion(&kept, kept.head, index).unwrap();
            check_inclusion(&proof, kept.head, index, &record(index)).unwrap();
            let other = (index + 1) % (size + 1);
            assert!(check_inclusion(&proof, kept.head, index, &record(other)).is_err());
            let longer = Proof(proof.0.iter().copied().chain([Hash([0; 32])]).collect());
            assert!(check_inclusion(&longer, kept.head, index, &record(index)).is_err());
            if other < size {
                let elsewhere = check_inclusion(&proof, kept.head, other, &record(index));
                assert!(elsewhere.is_err());
            }
        }
        assert!(matches!(
            prove_inclusion(&kept, kept.head, size),
            Err(Error::Index { .. })
        ));
    }
}

#[test]
fn a_log_continues_each_of_its_beginnings_and_no_other_log() {
    let mut kept = Kept::new();
    let mut heads = vec![kept.head];
    for n in 0..=300 {
        kept.append(vec![record(n)]);
        heads.push(kept.head);
    }
    let mut forked = Kept::of(10);
    forked.append(vec![record(99)]);
    for &old in &heads {
        let proof = prove_consistency(&kept, old.size, kept.head.size).unwrap();
        check_consistency(&proof, old, kept.head).unwrap();
        if old.size > 0 && old.size < kept.head.size {
            let other = Head {
                root: forked.head.root,
                ..old
            };
            assert!(
                check_consistency(&proof, other, kept.head).is_err(),
                "{}",
                old.size
            );
            assert!(
                check_consistency(&proof, kept.head, old).is_err(),
                "{}",
                old.size
            );
        }
    }
    // Only the empty log is the beginning of every log.
    let (nothing, some) = (Proof(vec![]), Proof(vec![Hash([0; 32])]));
    let not_empty = Head {
        root: kept.head.root,
        ..Head::EMPTY
    };
    check_consistency(&nothing, Head::EMPTY, kept.head).unwrap();
    assert!(check_consistency(&some, Head::EMPTY, kept.head).is_err());
    assert!(check_consistency(&nothing, not_empty, kept.head).is_err());
    // The log that was cut to 10 leaves and went on otherwise.
    let proof = prove_consistency(&kept, forked.head.size, kept.head.size).unwrap();
    assert!(matches!(
        check_consistency(&proof, forked.head, kept.head),
        Err(Error::Forked { old: 11, new: 301 })
    ));
    assert!(prove_consistency(&kept, 302, 301).is_err());
}

#[test]
fn append_refuses_tiles_that_do_not_match_the_last_checkpoint() {
    let kept = Kept::of(300);
    // Every bit of every hash that the edge of the tree is made of.
    for (id, bytes) in &kept.tiles {
        if id.level == 0 && id.index == 0 {
            continue;
        }
        for bit in 0..bytes.len() * 8 {
            let mut changed = kept.clone();
            changed.tiles.get_mut(id).unwrap()[bit / 8] ^= 1 << (bit % 8);
            let refused = append(&changed, changed.head, &[record(300)]);
            assert!(
                matches!(refused, Err(Error::Root { size: 300, .. })),
                "{id} bit {bit}"
            );
        }
    }
    let mut short = kept.clone();
    short
        .tiles
        .get_mut(&TileId { level: 0, index: 1 })
        .unwrap()
        .truncate(32 * 43);
    assert!(matches!(
        append(&short, short.head, &[]),
        Err(Error::Tile {
            expected: 44,
            got: 43,
            ..
        })
    ));
}

#[test]
fn a_store_that_cannot_read_is_told_with_the_tile() {
    struct Broken;
    impl Tiles for Broken {
        fn tile(&self, _: TileId) -> Result<Option<Vec<u8>>, Fault> {
            Err("the disk is gone".into())
        }
    }
    let head = Head {
        size: 300,
        ..Head::EMPTY
    };
    assert!(matches!(
        append(&Broken, head, &[]),
        Err(Error::Unreadable { .. })
    ));
    assert!(matches!(
        prove_inclusion(&Broken, head, 7),
        Err(Error::Unreadable { .. })
    ));
    assert!(matches!(
        prove_consistency(&Broken, 7, 300),
        Err(Error::Unreadable { .. })
    ));
}

#[test]
fn a_size_beyond_all_logs_is_refused_and_not_computed() {
    for size in [SIZE_MAX + 1, u64::MAX] {
        let head = Head {
            size,
            ..Head::EMPTY
        };
        let kept = Kept::new();
        assert!(append(&kept, head, &[]).is_err());
        assert!(root(&kept, size).is_err());
        assert!(prove_inclusion(&kept, head, size - 1).is_err());
        assert!(check_inclusion(&Proof(vec![]), head, size - 1, b"").is_err());
        assert!(prove_consistency(&kept, 1, size).is_err());
        assert!(check_consistency(&Proof(vec![]), Head::EMPTY, head).is_err());
    }
}

#[test]
fn a_batch_that_is_empty_writes_nothing() {
    let mut kept = Kept::of(300);
    let before = kept.head;
    let appended = kept.append(vec![]);
    assert!(appended.tiles.is_empty());
    assert_eq!(kept.head, before);
}

#[test]
fn a_record_longer_than_an_entry_of_a_tile_may_be_is_refused() {
    let kept = Kept::new();
    assert!(append(&kept, kept.head, &[vec![0; 65_535]]).is_ok());
    assert!(matches!(
        append(&kept, kept.head, &[vec![0; 65_536]]),
        Err(Error::LeafLength { bytes: 65_536, .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_into_batches_gives_the_same_log(
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..700),
        sizes in prop::collection::vec(1usize..300, 1..8),
    ) {
        let mut whole = Kept::new();
        whole.append(records.clone());
        let mut split = Kept::new();
        let mut rest = records.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (batch, after) = rest.split_at((*size).min(rest.len()));
            split.append(batch.to_vec());
            rest = after;
        }
        prop_assert_eq!(whole.head, split.head);
        prop_assert_eq!(&whole.tiles, &split.tiles);
        prop_assert_eq!(root(&split, split.head.size).unwrap(), split.head.root);
    }

    #[test]
    fn heads_of_any_two_sizes_are_consistent(size in 1u64..900, thousandths in 0u64..=1000) {
        let old = size * thousandths / 1000;
        let kept = Kept::of(size);
        let before = Head { size: old, root: root(&kept, old).unwrap() };
        let proof = prove_consistency(&kept, old, size).unwrap();
        prop_assert!(check_consistency(&proof, before, kept.head).is_ok());
        prop_assert_eq!(before, Kept::of(old).head);
    }
}
