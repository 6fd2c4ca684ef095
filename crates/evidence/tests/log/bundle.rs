//! Bundles: what they prove, what they refuse to say, what they never let pass.

use evidence::{Check, Error, Export, Head, LeafKind, Scope, TileId, export, verify};
use model::Timestamp;
use proptest::prelude::*;

use crate::{Kept, key, record, signer};

#[test]
fn a_bundle_of_the_log_verifies_with_the_public_key_alone() {
    for size in [0, 1, 2, 3, 255, 256, 257, 300, 600] {
        let kept = Kept::of(size);
        let found = verify(&kept.bundle(), &key()).unwrap();
        assert_eq!(
            (found.leaves, found.head, found.scope),
            (size, kept.head, Scope::Log)
        );
        assert_eq!(found.tiles, kept.tiles.len() as u64);
        assert_eq!(found.origin, "keyroll.example/local");
        if size == 300 {
            assert_eq!(found.from, Some(Timestamp::from_seconds(1_770_000_000)));
            assert_eq!(found.to, Some(Timestamp::from_seconds(1_770_000_299)));
            assert_eq!(found.kinds[&LeafKind::Decision], 43);
            assert_eq!((found.subjects.len(), found.more_subjects), (7, false));
        }
    }
}

#[test]
fn a_bundle_of_one_subject_or_of_a_range_verifies() {
    let kept = Kept::of(300);
    let found = verify(&kept.bundle_about("crd-5"), &key()).unwrap();
    assert_eq!((found.leaves, found.head, found.tiles), (43, kept.head, 0));
    assert_eq!(found.subjects.into_iter().collect::<Vec<_>>(), ["crd-5"]);
    for (from, to) in [(0, 1), (254, 258), (299, 300), (0, 300)] {
        let found = verify(&kept.bundle_range(from, to), &key()).unwrap();
        assert_eq!(
            (found.leaves, found.scope),
            (to - from, Scope::Range { from, to })
        );
    }
}

#[test]
fn a_bundle_can_be_made_under_an_older_checkpoint_than_the_store_is_at() {
    let mut kept = Kept::of(270);
    let (note, head) = (signer().sign(kept.head).unwrap(), kept.head);
    kept.append((270..600).map(record).collect());
    let then = kept.leaves().take(270);
    let found = verify(
        &export(&kept, &note, &key(), Scope::Log, then).unwrap(),
        &key(),
    )
    .unwrap();
    assert_eq!((found.leaves, found.head), (270, head));
    let one = kept.leaves().skip(269).take(1);
    let scope = Scope::Range { from: 269, to: 270 };
    assert!(verify(&export(&kept, &note, &key(), scope, one).unwrap(), &key()).is_ok());
}

#[test]
fn a_bundle_checks_line_by_line_and_hands_out_its_leaves() {
    let bundle = Kept::of(300).bundle();
    let public = key();
    let mut check = Check::new(&public);
    let mut seen = Vec::new();
    for line in bundle.split_inclusive(|&byte| byte == b'\n') {
        seen.extend(
            check
                .line(line)
                .unwrap()
                .map(|(index, leaf)| (index, leaf.to_bytes().unwrap())),
        );
    }
    assert_eq!(seen, (0..300).map(|n| (n, record(n))).collect::<Vec<_>>());
    assert!(
        matches!(check.line(b"{}\n"), Err(Error::Bundle { .. })),
        "nothing follows the end"
    );
}

#[test]
fn a_bundle_that_was_cut_anywhere_is_refused() {
    for bundle in [Kept::of(3).bundle(), Kept::of(9).bundle_about("crd-1")] {
        for end in 0..bundle.len() {
            assert!(verify(&bundle[..end], &key()).is_err(), "cut at {end}");
        }
    }
}

#[test]
fn a_line_taken_out_twice_in_or_exchanged_is_refused() {
    for bundle in [
        Kept::of(258).bundle(),
        Kept::of(20).bundle_range(3, 9),
        Kept::of(30).bundle_about("crd-1"),
    ] {
        let lines: Vec<&[u8]> = bundle.split_inclusive(|&byte| byte == b'\n').collect();
        for n in 0..lines.len() {
            let mut without = lines.clone();
            without.remove(n);
            assert!(
                verify(&without.concat(), &key()).is_err(),
                "without line {n}"
            );
            let mut twice = lines.clone();
            twice.insert(n, lines[n]);
            assert!(verify(&twice.concat(), &key()).is_err(), "line {n} twice");
            if n + 1 < lines.len() {
                let mut exchanged = lines.clone();
                exchanged.swap(n, n + 1);
                assert!(
                    verify(&exchanged.concat(), &key()).is_err(),
                    "line {n} after the next"
                );
            }
        }
    }
}

/// The lines of a bundle, to be put together otherwise.
fn lines(bundle: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bundle.to_vec()).unwrap();
    text.lines().map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_second_spelling_of_any_line_is_refused() {
    for bundle in [Kept::of(3).bundle(), Kept::of(9).bundle_about("crd-1")] {
        let good = lines(&bundle);
        for n in 0..good.len() {
            let line = &good[n];
            let (at, _) = line.match_indices('"').next().unwrap();
            let letter = line.as_bytes()[at + 1];
            let (start, rest) = line.split_once(':').unwrap();
            let others = [
                format!(" {line}"),
                format!("{start}: {rest}"),
                line.replace("}\n", "} \n"),
                line.replace("}\n", "}\r\n"),
                format!("{line}\n"),
                format!("{}\\u{letter:04x}{}", &line[..=at], &line[at + 2..]),
                format!("{{\"x\":0,{}", &line[1..]),
                format!(
                    "{{{},{}",
                    line[1..].trim_end().trim_end_matches('}'),
                    &line[1..]
                ),
            ];
            for other in others {
                let mut changed = good.clone();
                changed[n].clone_from(&other);
                assert!(
                    verify(changed.concat().as_bytes(), &key()).is_err(),
                    "{other}"
                );
            }
        }
        assert_eq!(
            verify(good.concat().as_bytes(), &key()).unwrap(),
            verify(&bundle, &key()).unwrap()
        );
    }
}

#[test]
fn leaves_and_tiles_made_anew_under_the_old_checkpoint_are_refused() {
    for size in [1, 9, 256, 300] {
        let mut forged = Kept::of(size - 1);
        forged.append(vec![record(999)]);
        let old = lines(&Kept::of(size).bundle());
        let mut new = lines(&forged.bundle());
        new[0].clone_from(&old[0]);
        let refused = verify(new.concat().as_bytes(), &key()).unwrap_err();
        let root = matches!(&refused, Error::BundleLine { source, .. } if matches!(**source, Error::Root { .. }));
        assert!(root, "{refused}");
        let scope = Scope::Subjects([format!("crd-{}", 999 % 7)].into());
        let mut selection = lines(&forged.bundle_about(&format!("crd-{}", 999 % 7)));
        let kept = Kept::of(size);
        let note = signer().sign(kept.head).unwrap();
        let (_, head) = Export::begin(&kept, &note, &key(), scope).unwrap();
        selection[0] = String::from_utf8(head).unwrap();
        assert!(verify(selection.concat().as_bytes(), &key()).is_err());
    }
}

#[test]
fn a_part_left_out_is_noticed_though_the_counts_agree() {
    let good = lines(&Kept::of(300).bundle());
    let end = good.len() - 1;
    for n in (1..end).filter(|&n| good[n].contains("\"tile\"") || n % 50 == 0 || n == end - 3) {
        let mut without = good.clone();
        let tile = without.remove(n).contains("\"tile\"");
        let (leaves, tiles) = if tile { (300, 2) } else { (299, 3) };
        without[end - 1] = format!("{{\"end\":{{\"leaves\":{leaves},\"tiles\":{tiles}}}}}\n");
        assert!(
            verify(without.concat().as_bytes(), &key()).is_err(),
            "line {n}"
        );
    }
    // A selection of nothing would say that there is nothing.
    let about = lines(&Kept::of(9).bundle_about("crd-1"));
    let none = format!("{}{{\"end\":{{\"leaves\":0,\"tiles\":0}}}}\n", about[0]);
    assert!(verify(none.as_bytes(), &key()).is_err());
}

#[test]
fn a_proof_stands_where_it_belongs_and_nowhere_else() {
    let whole = lines(&Kept::of(1).bundle());
    let with = whole
        .concat()
        .replace("\"v\":1}}\n", "\"v\":1},\"proof\":[]}\n");
    assert_ne!(with, whole.concat());
    assert!(verify(with.as_bytes(), &key()).is_err());
    let selection = lines(&Kept::of(1).bundle_range(0, 1)).concat();
    assert!(verify(selection.as_bytes(), &key()).is_ok());
    let without = selection.replace(",\"proof\":[]", "");
    assert_ne!(without, selection);
    assert!(verify(without.as_bytes(), &key()).is_err());
}

#[test]
fn the_place_that_does_not_match_is_told() {
    let kept = Kept::of(300);
    let text = String::from_utf8(kept.bundle()).unwrap();
    let told = |changed: &str| verify(changed.as_bytes(), &key()).unwrap_err().to_string();
    let leaf = text.replacen("\"n\":7,", "\"n\":8,", 1);
    assert_eq!(
        told(&leaf),
        "line 258 of the bundle: expected the tile that the leaves make, got another"
    );
    let place = text.replacen("{\"index\":9,", "{\"index\":8,", 1);
    assert_eq!(
        told(&place),
        "line 11 of the bundle: expected leaf 9, got leaf 8"
    );
    assert_eq!(
        told("{}\n"),
        "line 1 of the bundle: expected the head, a leaf, a tile or the end"
    );
}

#[test]
fn a_log_that_was_cut_or_rewritten_since_an_earlier_head_is_detected() {
    let kept = Kept::of(300);
    let bundle = kept.bundle();
    let check = |earlier: Head| {
        let public = key();
        let mut check = Check::new(&public).since(earlier);
        for line in bundle.split_inclusive(|&byte| byte == b'\n') {
            check.line(line)?;
        }
        check.end()
    };
    for size in [0, 1, 255, 256, 257, 300] {
        assert!(check(Kept::of(size).head).is_ok(), "{size}");
        let mut other = Kept::of(size.max(1) - 1);
        other.append(vec![record(999)]);
        let refused = check(other.head).unwrap_err();
        let forked = match &refused {
            Error::BundleLine { source, .. } => source,
            other => other,
        };
        assert!(matches!(forked, Error::Forked { .. }), "{size}: {refused}");
    }
    assert!(check(Kept::of(301).head).is_err(), "a leaf is gone");
    assert!(
        check(Head {
            size: 0,
            root: kept.head.root
        })
        .is_err()
    );
}

#[test]
fn a_bundle_by_another_key_is_refused() {
    let bundle = Kept::of(3).bundle();
    let seed = model::Secret::new(vec![9; 32]);
    let other = evidence::Signer::new("keyroll.example/local", &seed).unwrap();
    let refused = verify(&bundle, other.public_key()).unwrap_err();
    assert!(
        matches!(refused, Error::BundleLine { line: 1, .. }),
        "{refused}"
    );
}

#[test]
fn an_export_refuses_what_the_checkpoint_does_not_cover() {
    let kept = Kept::of(300);
    let note = signer().sign(kept.head).unwrap();
    let whole = |kept: &Kept, leaves: Vec<(u64, Vec<u8>)>, scope| {
        let leaves = leaves.iter().map(|(n, record)| (*n, record.as_slice()));
        export(kept, &note, &key(), scope, leaves)
    };
    let numbered = |n: std::ops::Range<u64>| n.map(|n| (n, record(n))).collect::<Vec<_>>();
    assert!(
        whole(&kept, numbered(0..299), Scope::Log).is_err(),
        "one is missing"
    );
    assert!(
        whole(&kept, numbered(0..301), Scope::Log).is_err(),
        "one too many"
    );
    let mut changed = numbered(0..300);
    changed[299].1 = record(298);
    assert!(matches!(
        whole(&kept, changed, Scope::Log),
        Err(Error::Root { .. })
    ));
    let other = vec![(5, record(12))];
    let about = Scope::Subjects(["crd-5".to_owned()].into());
    assert!(matches!(
        whole(&kept, other, about.clone()),
        Err(Error::NotIncluded { .. })
    ));
    assert!(
        whole(&kept, vec![(6, record(6))], about.clone()).is_err(),
        "another subject"
    );
    assert!(
        whole(&kept, vec![], about).is_err(),
        "an empty selection proves nothing"
    );
    for (from, to) in [(3, 3), (4, 3), (299, 301)] {
        assert!(Export::begin(&kept, &note, &key(), Scope::Range { from, to }).is_err());
    }
}

#[test]
fn an_export_from_a_rewritten_store_is_refused() {
    let note = signer().sign(Kept::of(300).head).unwrap();
    let mut rewritten = Kept::of(299);
    rewritten.append(vec![record(999)]);
    let whole = export(&rewritten, &note, &key(), Scope::Log, rewritten.leaves());
    assert!(matches!(whole, Err(Error::Root { size: 300, .. })));
    let one = rewritten.leaves().take(1);
    let scope = Scope::Range { from: 0, to: 1 };
    let part = export(&rewritten, &note, &key(), scope, one);
    assert!(matches!(part, Err(Error::NotIncluded { .. })));
}

#[test]
fn an_export_compares_the_stored_tiles_with_its_leaves() {
    let kept = Kept::of(300);
    let note = signer().sign(kept.head).unwrap();
    for (id, byte) in [
        (TileId { level: 0, index: 0 }, 777),
        (TileId { level: 1, index: 0 }, 3),
    ] {
        let mut changed = kept.clone();
        changed.tiles.get_mut(&id).unwrap()[byte] ^= 1;
        let refused = export(&changed, &note, &key(), Scope::Log, kept.leaves());
        assert!(matches!(refused, Err(Error::Root { .. })), "{id}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_verify_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(verify(&bytes, &key()).is_err());
    }

    #[test]
    fn no_lines_of_a_bundles_words_make_verify_panic_or_pass(
        lines in prop::collection::vec(
            "\\{(\"(bundle|checkpoint|scope|v|index|leaf|proof|hashes|tile|end|range|from)\":(\"[a-z0-9+/=]{0,9}\"|[0-9]{1,20}|\\{\\}|\\[\\]),?){0,4}\\}", 0..9),
        rotate in 0usize..40,
    ) {
        let good = Kept::of(9).bundle_range(2, 7);
        let mut all: Vec<Vec<u8>> = good.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
        let clean = all.clone();
        for line in lines {
            let place = rotate % (all.len() + 1);
            all.insert(place, format!("{line}\n").into_bytes());
        }
        prop_assert_eq!(verify(&all.concat(), &key()).is_ok(), all == clean);
    }

    #[test]
    fn any_edit_of_a_bundle_is_detected(at in 0usize..5000, with in prop::collection::vec(any::<u8>(), 0..5), cut in 0usize..5) {
        let good = Kept::of(5).bundle();
        let at = at % good.len();
        let mut edited = good.clone();
        edited.splice(at..(at + cut).min(good.len()), with);
        prop_assert_eq!(verify(&edited, &key()).is_ok(), edited == good);
    }
}
