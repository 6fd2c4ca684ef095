//! Every single bit of bundles of every shape, flipped one by one.

use evidence::{Check, Error, Verified, verify};

use crate::{Kept, key};

/// Flips each `stride`-th bit of the bytes `part` of `bundle` and counts them.
///
/// `verify` takes one line after the other: what comes before the line with the flipped bit is
/// checked once and its state copied, which keeps this to seconds.
fn flip(bundle: &[u8], part: std::ops::Range<usize>, stride: usize) -> usize {
    let public = key();
    assert!(verify(bundle, &public).is_ok(), "the bundle is good before");
    let mut changed = bundle.to_vec();
    let (mut before, mut start, mut flipped) = (Check::new(&public), 0, 0);
    for bit in (part.start * 8..part.end * 8).step_by(stride) {
        while let Some(line) = bundle[start..bit / 8]
            .iter()
            .position(|&byte| byte == b'\n')
        {
            before.line(&bundle[start..=start + line]).unwrap();
            start += line + 1;
        }
        changed[bit / 8] ^= 1 << (bit % 8);
        let seen = rest(before.clone(), &changed[start..]);
        assert!(
            seen.is_err(),
            "bit {} of byte {} went unseen",
            bit % 8,
            bit / 8
        );
        changed[bit / 8] ^= 1 << (bit % 8);
        flipped += 1;
    }
    assert_eq!(
        rest(before, &changed[start..]).unwrap(),
        verify(bundle, &public).unwrap()
    );
    flipped
}

fn rest(mut check: Check<'_>, bytes: &[u8]) -> Result<Verified, Error> {
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        check.line(line)?;
    }
    check.end()
}

#[test]
fn flipping_any_one_bit_of_a_bundle_is_detected() {
    for size in [0, 1, 2, 3, 9] {
        let bundle = Kept::of(size).bundle();
        assert_eq!(flip(&bundle, 0..bundle.len(), 1), bundle.len() * 8);
    }
}

#[test]
fn flipping_any_one_bit_of_a_selection_is_detected() {
    let kept = Kept::of(20);
    let one = Kept::of(1).bundle_range(0, 1);
    for bundle in [kept.bundle_about("crd-6"), kept.bundle_range(4, 5), one] {
        assert_eq!(flip(&bundle, 0..bundle.len(), 1), bundle.len() * 8);
    }
}

/// Logs with full and partial tiles on two levels: every bit of the first line (the checkpoint),
/// of a leaf before a tile, and of all that follows the last leaf; every 4001st bit of all else
/// (odd, so that every place in a byte is met).
#[test]
fn flipping_bits_all_over_a_large_bundle_is_detected() {
    for size in [255, 256, 257, 300] {
        let bundle = Kept::of(size).bundle();
        let ends: Vec<usize> = (0..bundle.len())
            .filter(|&at| bundle[at] == b'\n')
            .collect();
        assert!(flip(&bundle, 0..ends[0] + 1, 1) > 1000);
        assert!(flip(&bundle, ends[253] + 1..ends[254] + 1, 1) > 1000);
        let index = ends
            .iter()
            .rposition(|&end| bundle[end + 1..].starts_with(b"{\"index\""));
        let tail = ends[index.unwrap() + 1] + 1;
        assert!(flip(&bundle, tail..bundle.len(), if size < 257 { 7 } else { 1 }) > 1000);
        assert!(flip(&bundle, 0..bundle.len(), 4001) > 90);
    }
}
