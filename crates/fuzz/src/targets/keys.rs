//! Keys and what they seal: key files, enrolments, key rings, sealed values, verifiers.

use model::{Secret, Tenant};
use vault::{
    Enrolment, Error, FingerprintKey, KeyFileSeal, KeyRing, PasswordVerifier, Random, Seal, Sealed,
};

use super::Listed;

pub(super) const TARGETS: &[Listed] = &[
    (
        "key_text",
        "a key file or an enrolment that is read is written the same, and refused in words that hold none of it",
        key_text,
    ),
    (
        "sealed",
        "a sealed value that is read is written the same, and opens only if it was sealed",
        sealed,
    ),
    (
        "key_ring",
        "no ring makes the reader panic, whatever was sealed as one",
        key_ring,
    ),
    (
        "scram",
        "a verifier is refused or bounded, and shows nothing of itself",
        scram,
    ),
];

/// Chance of a kind that repeats itself.
struct Fixed;

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        bytes.fill(7);
        Ok(())
    }
}

fn key_text(input: &[u8]) {
    let text = Secret::new(input.to_vec());
    let trimmed = input.trim_ascii();
    if let Ok(key) = FingerprintKey::from_file(&text) {
        assert_eq!(key.to_file().expose(), trimmed);
    }
    if let Ok(seal) = KeyFileSeal::from_file(&text) {
        assert_eq!(seal.to_file().expose(), trimmed);
    }
    match FingerprintKey::from_enrolment(&Enrolment::new(text)) {
        Ok(key) => assert_eq!(key.enrol().expose(), trimmed),
        Err(why) => assert_eq!(model::clean(&why.to_string()), why.to_string()),
    }
    if let Ok(key) = FingerprintKey::from_bytes(Secret::new(input.to_vec())) {
        assert_eq!(input.len(), 32);
        assert_eq!(key.id().len(), 16);
    }
}

fn sealed(input: &[u8]) {
    let Ok(read) = Sealed::from_bytes(input) else {
        return;
    };
    assert_eq!(read.to_bytes(), input);
    if let Ok(ring) = KeyRing::generate(Tenant::local(), &Fixed) {
        assert!(
            ring.open("source/a", 1, &read).is_err(),
            "a forged value opened"
        );
    }
}

fn key_ring(input: &[u8]) {
    let tenant = Tenant::local();
    let Ok(seal) = KeyFileSeal::generate(&Fixed) else {
        return;
    };
    assert!(KeyRing::from_sealed(tenant.clone(), &seal, input).is_err());
    let Ok(wrapped) = seal.wrap(&tenant, &Secret::new(input.to_vec()), &Fixed) else {
        return;
    };
    if let Ok(ring) = KeyRing::from_sealed(tenant, &seal, &wrapped) {
        let value = Secret::from("a value");
        if let Ok(sealed) = ring.seal("source/a", 1, &value, &Fixed) {
            let opened = ring.open("source/a", 1, &sealed);
            assert!(opened.is_ok_and(|opened| opened.expose() == value.expose()));
        }
    }
}

fn scram(input: &[u8]) {
    // Beyond this the rounds would be what is measured.
    const ROUNDS_MAX: u32 = 16;
    let text = Secret::new(input.to_vec());
    match PasswordVerifier::parse(&text) {
        Ok(verifier) => {
            let shown = format!("{verifier:?}");
            assert!(shown.ends_with(", redacted)"), "{shown}");
            let PasswordVerifier::Scram {
                iterations, salt, ..
            } = &verifier
            else {
                return;
            };
            assert!((1..=vault::ITERATIONS_MAX).contains(iterations) && !salt.is_empty());
            if *iterations <= ROUNDS_MAX {
                assert!(verifier.matches(&text).is_ok());
            }
        }
        Err(why) => {
            let shown = why.to_string();
            assert!(shown.len() < 400, "{shown}");
        }
    }
    // Preparing a password reads foreign text as well.
    assert!(vault::scram_stored_key(&text, b"salt", 1).is_ok());
}
