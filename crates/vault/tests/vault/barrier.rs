//! The barrier: what opens, what does not, and when a key is spent.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use model::{Secret, Tenant};
use proptest::prelude::*;
use vault::{
    ENCRYPTIONS_MAX, Error, KeyFileSeal, KeyRing, PLAINTEXT_BYTES_MAX, Random, SAVED_AHEAD, Seal,
    Sealed,
};

use crate::{Counting, Dry, tenant};

/// A seal that wraps nothing: shows the test what a ring stores, and lets it say otherwise.
struct Bare;

impl Seal for Bare {
    fn name(&self) -> &'static str {
        "bare"
    }
    fn wrap(&self, _: &Tenant, ring: &Secret, _: &dyn Random) -> Result<Vec<u8>, Error> {
        Ok(ring.expose().to_vec())
    }
    fn unwrap(&self, _: &Tenant, wrapped: &[u8]) -> Result<Secret, Error> {
        Ok(Secret::new(wrapped.to_vec()))
    }
}

fn ring() -> KeyRing {
    KeyRing::generate(tenant("local"), &Counting::from(1)).unwrap()
}

#[test]
fn a_value_opens_where_it_was_sealed() {
    let (ring, random) = (ring(), Counting::from(100));
    let sealed = ring
        .seal("sources/aws", 3, &Secret::from("s3cr3t"), &random)
        .unwrap();
    assert_eq!(
        ring.open("sources/aws", 3, &sealed).unwrap().expose(),
        b"s3cr3t"
    );
    let wire = sealed.to_bytes();
    assert_eq!(&wire[..5], &[1, 0, 0, 0, 1], "format 1, term 1");
    assert_eq!(wire.len(), 1 + 4 + 12 + 6 + 16);
    assert_eq!(Sealed::from_bytes(&wire).unwrap(), sealed);
}

#[test]
fn a_sealed_value_opens_nowhere_else() {
    let random = Counting::from(100);
    let ring = ring();
    let bytes = ring.to_sealed(&Bare, &random).unwrap();
    let other_tenant = KeyRing::from_sealed(tenant("other"), &Bare, &bytes).unwrap();
    let sealed = ring
        .seal("a/b", 1, &Secret::from("s3cr3t"), &random)
        .unwrap();
    for (path, version) in [
        ("a/c", 1),
        ("a/b", 2),
        ("a/b", 0),
        ("a", 1),
        ("", 1),
        ("a/b\0", 1),
    ] {
        let refused = ring.open(path, version, &sealed);
        assert!(
            matches!(refused, Err(Error::Broken { .. })),
            "{path} {version}"
        );
    }
    assert!(matches!(
        other_tenant.open("a/b", 1, &sealed),
        Err(Error::Broken { .. })
    ));
    // The border between tenant and path cannot be moved.
    let (ab, a) = (tenant("ab"), tenant("a"));
    let ab = KeyRing::from_sealed(ab, &Bare, &bytes).unwrap();
    let a = KeyRing::from_sealed(a, &Bare, &bytes).unwrap();
    let sealed = ab.seal("c", 1, &Secret::from("s3cr3t"), &random).unwrap();
    assert!(ab.open("c", 1, &sealed).is_ok());
    assert!(a.open("bc", 1, &sealed).is_err());
}

/// The same value computed with the cipher alone: what is bound to a value is what the design says.
#[test]
fn the_ciphertext_is_aes_256_gcm_over_format_term_tenant_path_and_version() {
    let (ring, random) = (ring(), Counting::from(100));
    let stored = ring.to_sealed(&Bare, &random).unwrap();
    let key = &stored[1 + 4 + 4 + 8..];
    let wire = ring
        .seal("p/q", 258, &Secret::from("plain"), &random)
        .unwrap()
        .to_bytes();
    let bound_to = [
        [1].as_slice(),
        &1u32.to_be_bytes(),
        &5u64.to_be_bytes(),
        b"local",
        &3u64.to_be_bytes(),
        b"p/q",
        &258u64.to_be_bytes(),
    ]
    .concat();
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&wire[5..17]).unwrap();
    let mut bytes = wire[17..].to_vec();
    assert_eq!(
        cipher
            .open_in_place(nonce, Aad::from(bound_to), &mut bytes)
            .unwrap(),
        b"plain"
    );
}

#[test]
fn flipping_any_one_bit_of_a_sealed_value_is_detected() {
    let (ring, random) = (ring(), Counting::from(100));
    let mut wire = ring
        .seal("p", 1, &Secret::from("s3cr3t"), &random)
        .unwrap()
        .to_bytes();
    for bit in 0..wire.len() * 8 {
        wire[bit / 8] ^= 1 << (bit % 8);
        let opened = Sealed::from_bytes(&wire).and_then(|sealed| ring.open("p", 1, &sealed));
        assert!(opened.is_err(), "bit {bit}");
        wire[bit / 8] ^= 1 << (bit % 8);
    }
    for end in 0..wire.len() {
        let opened = Sealed::from_bytes(&wire[..end]).and_then(|sealed| ring.open("p", 1, &sealed));
        assert!(opened.is_err(), "cut at {end}");
    }
}

#[test]
fn after_a_rotation_new_values_use_the_new_key_and_old_ones_still_open() {
    let (mut ring, random) = (ring(), Counting::from(100));
    let old = ring.seal("p", 1, &Secret::from("old"), &random).unwrap();
    assert_eq!(ring.rotate(&random).unwrap(), 2);
    let new = ring.seal("p", 2, &Secret::from("new"), &random).unwrap();
    assert_eq!((old.term, new.term, ring.active_term()), (1, 2, 2));
    assert_eq!(ring.open("p", 1, &old).unwrap().expose(), b"old");
    assert_eq!(ring.open("p", 2, &new).unwrap().expose(), b"new");
    let fresh = KeyRing::generate(tenant("local"), &Counting::from(1)).unwrap();
    assert!(matches!(
        fresh.open("p", 2, &new),
        Err(Error::UnknownTerm { term: 2 })
    ));
}

#[test]
fn a_ring_comes_back_from_under_its_seal_and_from_no_other() {
    let random = Counting::from(100);
    let (mut ring, seal) = (ring(), KeyFileSeal::generate(&random).unwrap());
    ring.rotate(&random).unwrap();
    let sealed = ring.seal("p", 1, &Secret::from("s3cr3t"), &random).unwrap();
    let stored = ring.to_sealed(&seal, &random).unwrap();

    let reread = KeyFileSeal::from_file(&seal.to_file()).unwrap();
    let back = KeyRing::from_sealed(tenant("local"), &reread, &stored).unwrap();
    assert_eq!(back.open("p", 1, &sealed).unwrap().expose(), b"s3cr3t");
    assert_eq!(back.active_term(), 2);

    let other = KeyFileSeal::generate(&random).unwrap();
    let refused = |tenant, seal, stored: &[u8]| {
        matches!(
            KeyRing::from_sealed(tenant, seal, stored),
            Err(Error::Ring { .. })
        )
    };
    assert!(refused(tenant("local"), &other, &stored), "another key");
    assert!(refused(tenant("other"), &seal, &stored), "another tenant");
    let mut changed = stored.clone();
    for bit in 0..changed.len() * 8 {
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(refused(tenant("local"), &seal, &changed), "bit {bit}");
        changed[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn a_data_key_seals_2_to_the_32_values_and_not_one_more() {
    let random = Counting::from(100);
    let mut stored = ring().to_sealed(&Bare, &random).unwrap();
    stored[9..17].copy_from_slice(&(ENCRYPTIONS_MAX - 1).to_be_bytes());
    let mut ring = KeyRing::from_sealed(tenant("local"), &Bare, &stored).unwrap();
    assert!(ring.rotation_due());
    let last = ring.seal("p", 1, &Secret::from("last"), &random).unwrap();
    let refused = ring.seal("p", 2, &Secret::from("one more"), &random);
    assert!(matches!(
        refused,
        Err(Error::Spent {
            term: 1,
            encryptions: ENCRYPTIONS_MAX
        })
    ));
    assert!(refused.unwrap_err().to_string().contains("rotate"));
    // A ring that claims more than can be counted seals no more either.
    stored[9..17].copy_from_slice(&u64::MAX.to_be_bytes());
    let claiming = KeyRing::from_sealed(tenant("local"), &Bare, &stored).unwrap();
    let refused = claiming.seal("p", 3, &Secret::from("another"), &random);
    assert!(matches!(refused, Err(Error::Spent { .. })));
    ring.rotate(&random).unwrap();
    assert!(!ring.rotation_due());
    assert!(
        ring.seal("p", 2, &Secret::from("one more"), &random)
            .is_ok()
    );
    assert_eq!(ring.open("p", 1, &last).unwrap().expose(), b"last");
}

#[test]
fn a_saved_ring_is_ahead_of_the_count_so_that_a_crash_loses_none() {
    let (ring, random) = (ring(), Counting::from(100));
    let seal_one = |ring: &KeyRing| ring.seal("p", 1, &Secret::from("x"), &random).unwrap();
    seal_one(&ring);
    assert!(ring.wants_saving() && ring.encryptions() == 1);
    let stored = ring.to_sealed(&Bare, &random).unwrap();
    assert!(!ring.wants_saving());
    for _ in 0..9 {
        seal_one(&ring);
    }
    assert!(!ring.wants_saving());
    // The process dies here; the next one starts from what was saved.
    let back = KeyRing::from_sealed(tenant("local"), &Bare, &stored).unwrap();
    assert!(back.encryptions() >= ring.encryptions());
    assert_eq!(back.encryptions(), 1 + SAVED_AHEAD);
    seal_one(&back);
    assert!(back.wants_saving());
}

#[test]
fn without_random_bytes_nothing_is_sealed() {
    let mut ring = ring();
    assert!(matches!(
        ring.seal("p", 1, &Secret::from("x"), &Dry),
        Err(Error::NoRandom)
    ));
    assert!(matches!(ring.rotate(&Dry), Err(Error::NoRandom)));
    assert_eq!(ring.active_term(), 1, "a failed rotation changes nothing");
    assert!(KeyRing::generate(tenant("local"), &Dry).is_err());
    assert!(KeyFileSeal::generate(&Dry).is_err());
}

#[test]
fn a_value_that_is_too_long_is_refused_before_it_is_sealed() {
    let (ring, random) = (ring(), Counting::from(100));
    let longest = Secret::new(vec![7; PLAINTEXT_BYTES_MAX]);
    let sealed = ring.seal("p", 1, &longest, &random).unwrap().to_bytes();
    let sealed = Sealed::from_bytes(&sealed).unwrap();
    assert_eq!(
        ring.open("p", 1, &sealed).unwrap().len(),
        PLAINTEXT_BYTES_MAX
    );
    let longer = Secret::new(vec![7; PLAINTEXT_BYTES_MAX + 1]);
    assert!(matches!(
        ring.seal("p", 1, &longer, &random),
        Err(Error::TooLong { .. })
    ));
}

#[test]
fn a_ring_that_contradicts_itself_is_refused() {
    let stored = ring().to_sealed(&Bare, &Counting::from(1)).unwrap();
    let refused = |bytes: &[u8]| KeyRing::from_sealed(tenant("local"), &Bare, bytes).is_err();
    assert!(!refused(&stored));
    for end in 0..stored.len() {
        assert!(refused(&stored[..end]), "cut at {end}");
    }
    let twice = [&stored[..], &stored[5..]].concat();
    assert!(refused(&twice), "one term twice");
    let mut other = stored;
    other[4] = 9;
    assert!(refused(&other), "the active term is missing");
}

#[test]
fn nothing_here_shows_a_key() {
    let random = Counting::from(100);
    let seal = KeyFileSeal::generate(&random).unwrap();
    let ring = ring();
    let shown = format!("{seal:?} {ring:?}");
    assert_eq!(
        shown,
        "KeyFileSeal(redacted) KeyRing(local, 1 terms, redacted)"
    );
    let line = String::from_utf8(seal.to_file().expose().to_vec()).unwrap();
    let typo = line.replace(&line[20..24], "zzzz");
    let told = KeyFileSeal::from_file(&Secret::from(typo.as_str()))
        .unwrap_err()
        .to_string();
    assert!(
        !told.contains(&line[15..20]) && !told.contains("zzzz"),
        "{told}"
    );
}

proptest! {
    #[test]
    fn whatever_is_sealed_opens_again(
        plaintext in prop::collection::vec(any::<u8>(), 0..300),
        path in ".{0,40}",
        version: u64,
        start: u32,
    ) {
        let (ring, random) = (ring(), Counting::from(u64::from(start)));
        let sealed = ring.seal(&path, version, &Secret::new(plaintext.clone()), &random).unwrap();
        let wire = sealed.to_bytes();
        prop_assert!(plaintext.len() < 4 || !wire.windows(plaintext.len()).any(|w| w == plaintext));
        let opened = ring.open(&path, version, &Sealed::from_bytes(&wire).unwrap()).unwrap();
        prop_assert_eq!(opened.expose(), plaintext.as_slice());
    }

    #[test]
    fn a_value_opens_at_one_place_only(
        path in "[a/]{0,4}", other in "[a/]{0,4}", version in 0u64..3, other_version in 0u64..3,
    ) {
        let (ring, random) = (ring(), Counting::from(100));
        let sealed = ring.seal(&path, version, &Secret::from("s3cr3t"), &random).unwrap();
        let same = path == other && version == other_version;
        prop_assert_eq!(ring.open(&other, other_version, &sealed).is_ok(), same);
    }

    #[test]
    fn any_flipped_bit_fails(bytes in prop::collection::vec(any::<u8>(), 0..64), at: usize, bit in 0u8..8) {
        let (ring, random) = (ring(), Counting::from(100));
        let mut wire = ring.seal("p", 1, &Secret::new(bytes), &random).unwrap().to_bytes();
        let at = at % wire.len();
        wire[at] ^= 1 << bit;
        prop_assert!(Sealed::from_bytes(&wire).and_then(|s| ring.open("p", 1, &s)).is_err());
    }

    #[test]
    fn no_bytes_make_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let ring = ring();
        prop_assert!(Sealed::from_bytes(&bytes).and_then(|s| ring.open("p", 1, &s)).is_err());
        let seal = KeyFileSeal::generate(&Counting::from(5)).unwrap();
        prop_assert!(KeyRing::from_sealed(tenant("local"), &seal, &bytes).is_err());
        let _ = KeyRing::from_sealed(tenant("local"), &Bare, &bytes);
        prop_assert!(KeyFileSeal::from_file(&Secret::new(bytes)).is_err());
    }
}
