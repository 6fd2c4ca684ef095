//! Keys and what they are signed with, from the file to the finding: each algorithm under the name
//! that the formats have for it, not under one that a test of the rule made up.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::world::World;

/// A string as SSH writes it (RFC 4251 section 5).
fn string(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    [&length.to_be_bytes(), content].concat()
}

/// A positive number of so many bits.
fn number(bits: usize) -> Vec<u8> {
    let mut digits = vec![0xa5; bits / 8 + 1];
    digits[0] = 0;
    digits
}

/// A line of `authorized_keys`, of these fields.
fn line(kind: &str, fields: &[&[u8]]) -> String {
    let mut blob = string(kind.as_bytes());
    fields.iter().for_each(|field| blob.extend(string(field)));
    format!("{kind} {} ann@test\n", STANDARD.encode(blob))
}

/// A value in DER, shorter than 64 KiB.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], &length[..], content].concat()
}

fn pem(label: &str, body: &[u8]) -> String {
    let text = STANDARD.encode(body);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// A private key of these numbers, after its version.
fn numbers(label: &str, bits: &[usize]) -> String {
    let mut inside = der(2, &[0]);
    bits.iter()
        .for_each(|bits| inside.extend(der(2, &number(*bits))));
    pem(label, &der(0x30, &inside))
}

/// One that says that a pass phrase protects it, and shows nothing else.
fn sealed(kind: &str, byte: u8) -> String {
    let text = STANDARD.encode([byte; 96]);
    format!(
        "-----BEGIN {kind} PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
         DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n{text}\n\
         -----END {kind} PRIVATE KEY-----\n"
    )
}

/// What the rule says of what lies in which directory: `fail`, `unknown`; nothing where it passed.
fn judged(world: &World) -> BTreeMap<String, String> {
    world.get(&["scan", "-q", world.path("keys").to_str().unwrap()]);
    let told = world.get(&["findings", "--rule", "weak-key", "-o", "json"]);
    let told: Vec<Value> = serde_json::from_str(&told).unwrap();
    told.iter()
        .map(|one| {
            let path = one["path"].as_str().unwrap_or_default();
            let dir = path.rsplit('/').nth(1).unwrap_or_default();
            let verdict = one["verdict"].as_str().unwrap_or_default();
            (dir.to_owned(), verdict.to_owned())
        })
        .collect()
}

/// Writes each file, scans all, and holds what is said of each to its case.
fn holds(cases: &[(&str, &str, String, &str)]) {
    let world = World::new();
    for (dir, name, text, _) in cases {
        world.file(&format!("keys/{dir}/{name}"), text);
    }
    let told = judged(&world);
    for (dir, _, _, expected) in cases {
        let said = told.get(*dir).map(String::as_str).unwrap_or_default();
        assert_eq!(said, *expected, "{dir}: {told:?}");
    }
}

#[test]
fn public_keys_are_judged_under_the_names_that_ssh_has_for_them() {
    let name = "authorized_keys";
    let point = [&[4][..], &[7; 64]].concat();
    let curve = "ecdsa-sha2-nistp256";
    let (e, short, enough) = (&[1, 0, 1][..], number(1024), number(2048));
    let dss: &[&[u8]] = &[&short, &number(160), &short, &short];
    holds(&[
        ("dsa", name, line("ssh-dss", dss), "fail"),
        ("rsa_short", name, line("ssh-rsa", &[e, &short]), "fail"),
        ("rsa", name, line("ssh-rsa", &[e, &enough]), ""),
        ("ed25519", name, line("ssh-ed25519", &[&[9; 32]]), ""),
        ("curve", name, line(curve, &[b"nistp256", &point]), ""),
        // A point that is not written out in full.
        ("pressed", name, line(curve, &[b"nistp256", &[2; 33]]), ""),
        (
            "hardware",
            name,
            line("sk-ssh-ed25519@openssh.com", &[&[9; 32], b"ssh:"]),
            "",
        ),
    ]);
}

#[test]
fn private_keys_that_do_not_show_their_size_are_not_passed_and_dsa_fails_at_any() {
    let rsa = "RSA PRIVATE KEY";
    let short = numbers(rsa, &[1024, 24, 1024, 512, 512, 512, 512, 512]);
    let enough = numbers(rsa, &[2048, 24, 2048, 1024, 1024, 1024, 1024, 1024]);
    let dsa = numbers("DSA PRIVATE KEY", &[1024, 160, 1024, 1024, 160]);
    holds(&[
        ("dsa", "key.pem", dsa, "fail"),
        ("dsa_sealed", "key.pem", sealed("DSA", 1), "fail"),
        ("rsa_short", "key.pem", short, "fail"),
        ("rsa", "key.pem", enough, ""),
        ("rsa_sealed", "key.pem", sealed("RSA", 2), "unknown"),
        ("curve_sealed", "key.pem", sealed("EC", 3), "unknown"),
    ]);
}

/// A certificate of a user (OpenSSH's PROTOCOL.certkeys) for the key of this kind and fields.
fn certificate(of: (&str, &[&[u8]]), authority: &[u8], signature: &str) -> String {
    let kind = format!("{}-cert-v01@openssh.com", of.0);
    let mut blob = [string(kind.as_bytes()), string(&[5; 32])].concat();
    of.1.iter().for_each(|field| blob.extend(string(field)));
    blob.extend(7_u64.to_be_bytes());
    blob.extend(1_u32.to_be_bytes());
    blob.extend([string(b"ann"), string(&string(b"ann"))].concat());
    blob.extend([0_u64.to_be_bytes(), u64::MAX.to_be_bytes()].concat());
    // Critical options, extensions, what is reserved.
    (0..3).for_each(|_| blob.extend(string(b"")));
    blob.extend(string(authority));
    let signed = [string(signature.as_bytes()), string(&[6; 64])].concat();
    blob.extend(string(&signed));
    format!("{kind} {} ann\n", STANDARD.encode(blob))
}

#[test]
fn ssh_certificates_are_judged_by_key_signature_and_authority() {
    let name = "id-cert.pub";
    let rsa = |bits| {
        [
            string(b"ssh-rsa"),
            string(&[1, 0, 1]),
            string(&number(bits)),
        ]
        .concat()
    };
    let good = [string(b"ssh-ed25519"), string(&[8; 32])].concat();
    let short = number(1024);
    let dss: &[&[u8]] = &[&short, &number(160), &short, &short];
    let made = |byte, authority: &[u8], signature| {
        certificate(("ssh-ed25519", &[&[byte; 32]]), authority, signature)
    };
    let over_sha1 = made(1, &rsa(4096), "ssh-rsa");
    let over_sha2 = made(2, &rsa(4096), "rsa-sha2-512");
    let of_weak = made(3, &rsa(1024), "rsa-sha2-256");
    let of_strong = made(4, &good, "ssh-ed25519");
    let of_dsa = certificate(("ssh-dss", dss), &good, "ssh-ed25519");
    holds(&[
        ("over_sha1", name, over_sha1, "fail"),
        ("over_sha2", name, over_sha2, ""),
        ("weak_authority", name, of_weak, "fail"),
        ("strong_authority", name, of_strong, ""),
        ("dsa", name, of_dsa, "fail"),
    ]);
}

#[test]
fn a_host_that_is_known_by_a_weak_key_is_found_and_one_that_nobody_believes_is_not() {
    let dsa = |bits: usize| {
        let numbers = [number(bits), number(160), number(bits), number(bits)];
        let fields: Vec<&[u8]> = numbers.iter().map(Vec::as_slice).collect();
        line("ssh-dss", &fields)
    };
    let rsa = line("ssh-rsa", &[&[1, 0, 1], &number(3072)]);
    let world = World::new();
    let hosts = format!(
        "git.shop.test {}@revoked old.shop.test {}new.shop.test {rsa}",
        dsa(1024),
        dsa(2048)
    );
    world.file("keys/known_hosts", &hosts);
    world.get(&["scan", world.path("keys").to_str().unwrap()]);
    let found = world.get(&["findings", "--rule", "weak-key", "-o", "json"]);
    let found: Vec<Value> = serde_json::from_str(&found).unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert!(
        names.len() == 1 && names[0].starts_with("git.shop.test "),
        "{names:?}"
    );
    assert_eq!(found[0]["verdict"], "fail");
}
