//! Fingerprints: equal where secrets are equal, strangers under another key, carried by enrolment.

use model::Secret;
use proptest::prelude::*;
use vault::{Enrolment, FingerprintKey, canonical};

use crate::{Counting, Dry};

fn key() -> FingerprintKey {
    FingerprintKey::from_bytes(Secret::new(vec![0x0b; 32])).unwrap()
}

/// HMAC-SHA-256 test cases 6 and 7 of RFC 4231 have keys of 131 bytes, longer than ours; case 1's
/// key padded with zeros to 32 bytes is the same HMAC key, so its answer must come out here.
#[test]
fn the_fingerprint_is_hmac_sha_256() {
    let mut bytes = vec![0x0b; 20];
    bytes.resize(32, 0);
    let key = FingerprintKey::from_bytes(Secret::new(bytes)).unwrap();
    let known = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
    assert_eq!(key.fingerprint(b"Hi There").unwrap().mac, known);
}

#[test]
fn blanks_around_a_secret_do_not_make_it_another() {
    let plain = key().fingerprint(b"hunter2").unwrap();
    for same in ["hunter2\n", " hunter2", "\thunter2 \r\n"] {
        assert_eq!(
            key().fingerprint(same.as_bytes()).unwrap(),
            plain,
            "{same:?}"
        );
    }
    for other in ["hunter 2", "Hunter2", "hunter2.", "\"hunter2\""] {
        assert_ne!(
            key().fingerprint(other.as_bytes()).unwrap(),
            plain,
            "{other:?}"
        );
    }
    for blank in ["", " ", "\r\n"] {
        assert_eq!(key().fingerprint(blank.as_bytes()), None);
    }
    // A JWT is one credential by its whole text: another signature is another token.
    assert_eq!(
        canonical(b"eyJh.eyJz.c2ln\n"),
        Some(b"eyJh.eyJz.c2ln".as_slice())
    );
    assert_ne!(
        key().fingerprint(b"eyJh.eyJz.c2ln"),
        key().fingerprint(b"eyJh.eyJz.c2lo")
    );
}

#[test]
fn fingerprints_of_two_tenants_do_not_match() {
    let other = FingerprintKey::from_bytes(Secret::new(vec![0x0c; 32])).unwrap();
    let (ours, theirs) = (
        key().fingerprint(b"x").unwrap(),
        other.fingerprint(b"x").unwrap(),
    );
    assert_ne!(ours.mac, theirs.mac);
    assert_ne!(ours.key, theirs.key);
    assert_eq!(ours.key, key().id());
    assert!(ours.key.len() == 16 && ours.mac.len() == 64);
}

#[test]
fn an_enrolled_scanner_makes_the_same_fingerprints() {
    let key = FingerprintKey::generate(&Counting::from(1)).unwrap();
    let line = key.enrol().expose().to_vec();
    assert!(line.starts_with(b"keyroll-enrol-1.") && line.len() == 16 + 48);
    let given = Enrolment::new(Secret::new([line.as_slice(), b"\n"].concat()));
    let there = FingerprintKey::from_enrolment(&given).unwrap();
    assert_eq!(there.id(), key.id());
    assert_eq!(there.fingerprint(b"x"), key.fingerprint(b"x"));
}

#[test]
fn a_key_file_an_enrolment_and_a_seal_are_not_taken_for_one_another() {
    let key = key();
    let file = FingerprintKey::from_file(&key.to_file()).unwrap();
    assert_eq!(file.id(), key.id());
    assert!(FingerprintKey::from_enrolment(&Enrolment::new(key.to_file())).is_err());
    assert!(FingerprintKey::from_file(&Secret::new(key.enrol().expose().to_vec())).is_err());
    assert!(vault::KeyFileSeal::from_file(&key.to_file()).is_err());
    // Nor by renaming one: the checksum covers the name.
    let text = String::from_utf8(key.to_file().expose().to_vec()).unwrap();
    let renamed = text.replace("keyroll-fingerprint-1", "keyroll-seal-1");
    assert!(vault::KeyFileSeal::from_file(&Secret::from(renamed.as_str())).is_err());
}

#[test]
fn every_single_mistyped_letter_of_an_enrolment_is_noticed() {
    let line = FingerprintKey::generate(&Counting::from(1))
        .unwrap()
        .enrol()
        .expose()
        .to_vec();
    for at in 0..line.len() {
        for letter in b"Aa0_-.zZ9= " {
            let mut typo = line.clone();
            typo[at] = *letter;
            let read = FingerprintKey::from_enrolment(&Enrolment::new(Secret::new(typo.clone())));
            assert_eq!(read.is_ok(), typo == line, "letter {at}");
        }
        let cut = Enrolment::new(Secret::new(line[..at].to_vec()));
        assert!(FingerprintKey::from_enrolment(&cut).is_err());
    }
}

#[test]
fn no_key_is_shown_by_debug_or_in_an_error() {
    let key = FingerprintKey::generate(&Counting::from(1)).unwrap();
    let line = String::from_utf8(key.enrol().expose().to_vec()).unwrap();
    let shown = format!("{key:?} {:?}", key.enrol());
    assert_eq!(
        shown,
        format!("FingerprintKey({}, redacted) Enrolment(redacted)", key.id())
    );
    let typo = Enrolment::new(Secret::from(format!("{}!", &line[..63]).as_str()));
    let told = FingerprintKey::from_enrolment(&typo)
        .unwrap_err()
        .to_string();
    assert!(!told.contains(&line[16..22]), "{told}");
    let short = FingerprintKey::from_bytes(Secret::from("0123456789"))
        .unwrap_err()
        .to_string();
    assert_eq!(short, "expected a key of 32 bytes, got 10");
    assert!(FingerprintKey::generate(&Dry).is_err());
}

proptest! {
    #[test]
    fn equal_values_and_only_they_have_equal_fingerprints(a in "[ab ]{0,4}", b in "[ab ]{0,4}") {
        let same = canonical(a.as_bytes()) == canonical(b.as_bytes());
        let (a, b) = (key().fingerprint(a.as_bytes()), key().fingerprint(b.as_bytes()));
        prop_assert_eq!(a == b, same);
    }

    #[test]
    fn no_bytes_make_the_reader_of_enrolments_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(FingerprintKey::from_enrolment(&Enrolment::new(Secret::new(bytes))).is_err());
    }
}
