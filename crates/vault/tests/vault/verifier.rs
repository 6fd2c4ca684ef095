//! Password verifiers: the published exchange, a real server's own verifiers, hostile texts.

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use model::{Secret, Told};
use proptest::prelude::*;
use vault::{Error, ITERATIONS_MAX, PasswordVerifier, scram_stored_key};

/// Passwords and the verifiers that PostgreSQL 15.20 (UTF-8) stored for them.
const STORED: [(&str, &str); 13] = [
    (
        "pencil",
        "SCRAM-SHA-256$4096:KVDnGOzBcOshbzutzS2E8w==$rm8EYKMm5J+thUerFgzRPgHL0KIJS13yhjpf8PDgzMU=:v81VWFH5JAnIUbLznsDuGx6ZMXiwGis8MVQVuXGo/6k=",
    ),
    (
        "pässwörd",
        "SCRAM-SHA-256$4096:whlQnUTVox6Ox4pfAFwe2g==$nuba8/OHZgzzsW9WdqQNDEqnik1DL+DglG9aZ/zBVuQ=:w3s+hGiEYTLsQu0Mq/qEGLvEHtkXct7X+fluUqzcfbo=",
    ),
    (
        "pa\u{308}ss",
        "SCRAM-SHA-256$4096:J+toGBltxHUyWoHSYJ6deQ==$TsO5Kg74W94Ed6OhNkNXEWxAPBbAOW0e3FdESD8iSkY=:eUgsgvFxt/H/thMNDVZ91BrPOanqwkBRJQPrWwXfqkQ=",
    ),
    (
        "I\u{ad}X",
        "SCRAM-SHA-256$4096:+cTQBBHL3xf628H8YU7PBg==$n2hIesNl5EoH2hGbZa7gVBxLszn0ymC9O7ik8uHUT2Y=:3gBeRsAT1tRHwUfBo75SxLwJDhtBHkZ/nvtjVKQIYng=",
    ),
    (
        "\u{2168}",
        "SCRAM-SHA-256$4096:1xtmgv2N8vVvbPHzXnYdMA==$5B5YkyyczwqvhsbeFjFOConkzgjDD+xyYROMOsD6DN4=:uzojlyceA8YxxtS2Xqmqy4q/tJw1qlucJPQwMKkVmCI=",
    ),
    (
        "a\u{a0}b",
        "SCRAM-SHA-256$4096:myYoiDox3F8U96gV41mwXg==$bFCGfrqsfTJkLVfrImYnfO9YAzZl/Qq0Jh6+BwubT3k=:u8ucy5Ks0hkJSbxRmMSzRSQ+LlHXkzoN82uqXhQpI+Y=",
    ),
    (
        "\u{ad}",
        "SCRAM-SHA-256$4096:7m8Dn3BZ3m+MpfgbElDhQA==$di+StgtZyUSh844v5V0ofeqMn0vhyI8KVp8LaEalnxU=:obIQEzXdV4RccvqeJ9A9dJvWuSRS/+OuK0hvuxXpuIs=",
    ),
    (
        "\u{627}1",
        "SCRAM-SHA-256$4096:Y6Zc9vVrpwGE5R1NPX85bg==$qDsT5i5Lfkpxd73bS84QjaCG0nuiEZHN9lBCfnW0KXA=:H5nXGk/MLT3ntTXjQ1pin/aWWywJXe22qVwdi7ekHZM=",
    ),
    (
        "\u{627}x\u{628}",
        "SCRAM-SHA-256$4096:6g4QIkg5x9VZtSd03svwxw==$ayVaoaZPkCyrrDnaJSWX+LuFR3Dc1SxFH8BtDGFUXeA=:+ZHQwzZS9Bat/KgT8G1HUHVheQKgOz2fq7EDAZ4lbW8=",
    ),
    (
        "a\u{7}é",
        "SCRAM-SHA-256$4096:xMHzCSJz9+jwdsUztjcnBQ==$SglxESgmkiZ5t7Ap/gBxJrlC98Dr19SC/7teIvU142Y=:F1AT0kNUWwtSbBYOqxqA4vRu11a17VLsqy3EFaqX8jA=",
    ),
    (
        "\u{221}x",
        "SCRAM-SHA-256$4096:O2HFjpjVB5KSwWAFRXSvBA==$p+p55i/pgsT7BRUm2esVYtwCGG05fK/v4mJXjfdnZJc=:eu6lBV9taloghwG25LTkwMCuI5lI51oepPhAJqRYZzE=",
    ),
    (
        "\u{1f511}key",
        "SCRAM-SHA-256$4096:XZBmLBuodCt1jJWjh9Sulg==$0MtscTl2drHw0y98bpQzFvcowZxIMTXovtuKJ/X8DMU=:dRqFNBCug+G6TGGo0f1lwMd5K1npOizjmtqkPYHxdGQ=",
    ),
    (
        " lead trail ",
        "SCRAM-SHA-256$4096:M6l1QD95p7QvUQmP0f+wzw==$Dwbjk3bqBbfd//0HDSC2CcKMQapbUAyvP003yPzlUj4=:aC7BvHktuXp+1CKA+txfJLVxLfszyNlpMsfKG0sAQDs=",
    ),
];

fn parse(text: &str) -> Result<PasswordVerifier, Error> {
    PasswordVerifier::parse(&Secret::from(text))
}

/// RFC 7677, section 3: from our StoredKey and the proof that the client sent one gets a key that
/// hashes to our StoredKey again, and only for the right password.
#[test]
fn the_stored_key_accepts_the_proof_of_rfc_7677() {
    let decode = |text| BASE64_STANDARD.decode(text).unwrap();
    let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let exchange = format!(
        "n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}"
    );
    let proof = decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    let accepts = |password: &str| {
        let salt = decode("W22ZaJ0SNY7soEsUEjb6gQ==");
        let stored = scram_stored_key(&Secret::from(password), &salt, 4096).unwrap();
        let signature = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &stored),
            exchange.as_bytes(),
        );
        let key: Vec<u8> = proof
            .iter()
            .zip(signature.as_ref())
            .map(|(a, b)| a ^ b)
            .collect();
        digest::digest(&digest::SHA256, &key).as_ref() == stored
    };
    assert!(accepts("pencil"));
    assert!(!accepts("Pencil"));
}

#[test]
fn the_passwords_of_a_real_server_match_its_own_verifiers_and_no_other() {
    for (n, (password, text)) in STORED.iter().enumerate() {
        let verifier = parse(text).unwrap();
        let matches = verifier.matches(&Secret::from(*password)).unwrap();
        assert_eq!(matches, Told::Is(true), "password {n}: {password:?}");
        // Not the next one: two neighbours are both `IX` once prepared.
        let other = STORED[(n + 2) % STORED.len()].0;
        assert_eq!(
            verifier.matches(&Secret::from(other)).unwrap(),
            Told::Is(false)
        );
    }
}

#[test]
fn a_password_that_is_no_text_is_taken_as_it_is() {
    let raw = Secret::new(vec![b'a', 0xff, 0xfe]);
    assert!(scram_stored_key(&raw, b"salt", 1).is_ok());
    let other = scram_stored_key(&Secret::new(vec![b'a', 0xff]), b"salt", 1).unwrap();
    assert_ne!(scram_stored_key(&raw, b"salt", 1).unwrap(), other);
}

#[test]
fn an_md5_verifier_cannot_tell() {
    let verifier = parse("md55f4dcc3b5aa765d61d8327deb882cf99").unwrap();
    assert_eq!(
        verifier.matches(&Secret::from("password")).unwrap(),
        Told::CannotTell
    );
}

#[test]
fn a_server_cannot_make_us_compute_without_end() {
    let with = |rounds: &str| parse(&STORED[0].1.replace("$4096:", &format!("${rounds}:")));
    for rounds in ["0", "10000001", "4294967297", "99999999999999"] {
        assert!(
            matches!(with(rounds), Err(Error::Iterations { .. })),
            "{rounds}"
        );
    }
    for rounds in ["", "-1", "+4096", " 4096", "4e3", "99999999999999999999999"] {
        assert!(
            matches!(with(rounds), Err(Error::Verifier { .. })),
            "{rounds}"
        );
    }
    assert!(with("10000000").is_ok());
    let beyond = scram_stored_key(&Secret::from("x"), b"salt", ITERATIONS_MAX + 1);
    assert!(matches!(beyond, Err(Error::Iterations { .. })));
}

#[test]
fn what_is_no_verifier_is_refused_and_never_repeated() {
    let salt_and_keys = STORED[0].1.strip_prefix("SCRAM-SHA-256$4096:").unwrap();
    let long = format!("SCRAM-SHA-256$4096:{}", "A".repeat(2000));
    for text in [
        "",
        "hunter2",
        "md5",
        "md5abc",
        "SCRAM-SHA-1$4096:a$b:c",
        "SCRAM-SHA-256$",
        "SCRAM-SHA-256$4096:$:",
        "SCRAM-SHA-256$4096:hunter2$hunter2:hunter2",
        &long,
        &format!("SCRAM-SHA-256$4096:{salt_and_keys}x"),
        &STORED[0].1[..100],
    ] {
        let told = parse(text).unwrap_err().to_string();
        assert!(!told.contains("hunter2") && told.len() < 200, "{told}");
    }
    assert_eq!(
        format!("{:?}", parse(STORED[0].1).unwrap()),
        "PasswordVerifier(scram-sha-256, redacted)"
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(SCRAM-SHA-256\\$|md5)?[0-9:$=A-Za-z+/]{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(PasswordVerifier::parse(&Secret::new(bytes)).is_err());
    }
}
