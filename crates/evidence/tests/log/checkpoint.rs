//! Checkpoints: that other tools read them, and that nothing else passes for one.

use evidence::{Error, Head, PublicKey, Signer};
use model::Secret;
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};

use crate::{Kept, key, signer};

#[test]
fn another_implementation_of_signed_notes_verifies_a_checkpoint() {
    let head = Kept::of(3).head;
    let note = signer().sign(head).unwrap();
    let text = String::from_utf8(note.clone()).unwrap();
    let expected = format!(
        "keyroll.example/local\n3\n{}\n\n— keyroll.example/local ",
        head.root
    );
    assert!(text.starts_with(&expected), "{text}");

    let verifier = StandardVerifier::new(&key().to_string()).unwrap();
    assert_eq!(verifier.name(), "keyroll.example/local");
    let parsed = Note::from_bytes(&note).unwrap();
    let (good, unknown) = parsed
        .verify(&VerifierList::new(vec![Box::new(verifier)]))
        .unwrap();
    assert_eq!((good.len(), unknown.len()), (1, 0));
    assert_eq!(key().open(&note).unwrap(), head);
}

#[test]
fn the_example_of_the_note_library_is_a_key_here_too() {
    let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(PublicKey::parse(text).unwrap().to_string(), text);
}

#[test]
fn a_checkpoint_by_another_key_is_refused() {
    let head = Kept::of(3).head;
    let note = signer().sign(head).unwrap();
    let other = |origin| Signer::new(origin, &Secret::new(vec![8; 32])).unwrap();
    let same_name = other("keyroll.example/local");
    assert!(matches!(
        same_name.public_key().open(&note),
        Err(Error::Signature { .. })
    ));
    let other_name = Signer::new("keyroll.example/b", &Secret::new(vec![7; 32])).unwrap();
    assert!(matches!(
        other_name.public_key().open(&note),
        Err(Error::Checkpoint { .. })
    ));
}

#[test]
fn a_signature_taken_from_another_checkpoint_is_refused() {
    let note = |size| String::from_utf8(signer().sign(Kept::of(size).head).unwrap()).unwrap();
    let (three, four) = (note(3), note(4));
    let (text, _) = four.split_once("\n\n").unwrap();
    let (_, signature) = three.split_once("\n\n").unwrap();
    let refused = key().open(format!("{text}\n\n{signature}").as_bytes());
    assert!(matches!(refused, Err(Error::Signature { .. })));
}

#[test]
fn a_second_signature_or_a_further_line_is_refused() {
    let note = String::from_utf8(signer().sign(Kept::of(3).head).unwrap()).unwrap();
    let signature = note.split_once("\n\n").unwrap().1;
    assert!(key().open(format!("{note}{signature}").as_bytes()).is_err());
    assert!(key().open(format!("{note}\n").as_bytes()).is_err());
    assert!(
        key()
            .open(note.replacen("\n\n", "\nmore\n\n", 1).as_bytes())
            .is_err()
    );
    assert!(
        key()
            .open(note.replacen("\n3\n", "\n03\n", 1).as_bytes())
            .is_err()
    );
}

#[test]
fn flipping_any_one_bit_of_a_checkpoint_is_detected() {
    for size in [0, 1, 255, 300] {
        let mut note = signer().sign(Kept::of(size).head).unwrap();
        for bit in 0..note.len() * 8 {
            note[bit / 8] ^= 1 << (bit % 8);
            assert!(key().open(&note).is_err(), "bit {bit}");
            note[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(key().open(&note).is_ok());
    }
}

#[test]
fn a_public_key_with_a_wrong_letter_is_refused() {
    let text = key().to_string();
    for n in 0..text.len() {
        for letter in ["A", "b", "0", "+", "=", " ", ""] {
            let mut changed = text.clone();
            changed.replace_range(n..=n, letter);
            assert!(
                changed == text || PublicKey::parse(&changed).is_err(),
                "{changed}"
            );
        }
    }
}

#[test]
fn a_signer_shows_nothing_of_its_seed() {
    let seed = "0123456789abcdefghijklmnopqrstuv";
    let signer = Signer::new("a", &Secret::from(seed)).unwrap();
    let shown = format!("{signer:?}");
    assert!(
        shown.starts_with("Signer(a+") && shown.ends_with(", redacted)"),
        "{shown}"
    );
    for text in [seed, "3031323334", "48, 49, 50"] {
        assert!(!shown.contains(text));
    }
    let refused = Signer::new("a", &Secret::from("0123456789abcdef"))
        .unwrap_err()
        .to_string();
    assert!(!refused.contains("0123"), "{refused}");
}

#[test]
fn a_name_that_a_note_cannot_carry_makes_no_signer() {
    for name in ["", "a b", "a+b", "a\nb", "a\u{7f}b", "a\u{a0}b"] {
        assert!(
            Signer::new(name, &Secret::new(vec![7; 32])).is_err(),
            "{name:?}"
        );
    }
    let odd = Signer::new("rôle.example/é", &Secret::new(vec![7; 32])).unwrap();
    let note = odd.sign(Head::EMPTY).unwrap();
    assert_eq!(odd.public_key().open(&note).unwrap(), Head::EMPTY);
}
