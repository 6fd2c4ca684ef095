//! Private keys in PEM armour (RFC 7468, RFC 1421, OpenSSH, OpenPGP), anywhere in bytes.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::found::Fact;

/// A body shorter than this is a mention or a placeholder; a key of 256 bits has 44 digits.
const DIGITS_MIN: usize = 40;
const LABEL_BYTES_MAX: usize = 40;
/// Of so many digits at least one line of a key stands together.
const WORD_BYTES_MIN: usize = 24;

/// One key: where its armour stands, and what it says of itself.
#[derive(Debug)]
pub(crate) struct Armour {
    pub(crate) range: Range<usize>,
    pub(crate) facts: Vec<Fact>,
}

/// The armour that begins at `bytes[0]` with `-----BEGIN `; `None` where it holds no private key.
pub(crate) fn read(bytes: &[u8]) -> Option<Armour> {
    let begin = b"-----BEGIN ".len();
    let label = bytes.get(begin..)?;
    let length = label
        .iter()
        .take(LABEL_BYTES_MAX)
        .position(|byte| *byte == b'-')?;
    let label = std::str::from_utf8(&label[..length]).ok()?;
    if !label.contains("PRIVATE KEY") {
        return None;
    }
    let body_at = begin + length + 5;
    let body = bytes.get(body_at..)?;
    // A key that is cut off by another beginning, or by the window, has no end.
    let stop = memchr::memmem::find(body, b"-----").unwrap_or(body.len());
    let is_whole = body[stop..].starts_with(b"-----END");
    let (digits, encrypted) = digits(&body[..stop]);
    if digits.len() < DIGITS_MIN || crate::entropy::shannon(&digits) < 3.0 {
        return None;
    }
    // Code that looks for armour has words behind it, and none as long as the line of a key.
    let begins = begins_as_key(label, &digits);
    if !is_whole && !begins || longest_word(&body[..stop]) < WORD_BYTES_MIN {
        return None;
    }
    let (kind, locked) = key(label, &digits);
    let mut facts = vec![Fact::new("key_type", kind)];
    facts.push(Fact::new("encrypted", (encrypted || locked).to_string()));
    if !is_whole {
        facts.push(Fact::new("whole", "false"));
    }
    let end = match is_whole {
        true => (body_at + stop + 5 + "END ".len() + length + 5).min(bytes.len()),
        false => body_at + stop,
    };
    Some(Armour {
        range: 0..end,
        facts,
    })
}

/// The base64 digits of a body, and whether its headers speak of a pass phrase.
///
/// Lines may be indented, quoted, or written out as `\n` within one line.
fn digits(body: &[u8]) -> (Vec<u8>, bool) {
    let mut digits = Vec::with_capacity(body.len());
    let mut encrypted = false;
    let mut escaped = false;
    for line in body.split(|byte| *byte == b'\n') {
        if line.contains(&b':') && line.len() < 120 {
            encrypted |= memchr::memmem::find(line, b"ENCRYPTED").is_some();
            continue;
        }
        for byte in line {
            match byte {
                b'\\' => escaped = true,
                b'n' | b'r' | b't' if escaped => escaped = false,
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                    escaped = false;
                    digits.push(*byte);
                }
                _ => escaped = false,
            }
        }
    }
    (digits, encrypted)
}

/// Whether digits begin as DER does, or as what else the label announces.
fn begins_as_key(label: &str, digits: &[u8]) -> bool {
    match label {
        "OPENSSH PRIVATE KEY" => digits.starts_with(b"b3BlbnNzaC1r"),
        _ if label.starts_with("PGP") => matches!(digits.first(), Some(b'l' | b'x')),
        _ => digits.starts_with(b"M"),
    }
}

fn longest_word(body: &[u8]) -> usize {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let words = body.split(|byte| !is_digit(byte));
    words.map(<[u8]>::len).max().unwrap_or_default()
}

/// What kind of key it is, and whether it is locked.
fn key(label: &str, digits: &[u8]) -> (&'static str, bool) {
    let head: Vec<u8> = STANDARD_NO_PAD
        .decode(&digits[..digits.len().min(256) / 4 * 4])
        .unwrap_or_default();
    let has = |part: &[u8]| memchr::memmem::find(&head, part).is_some();
    match label {
        "RSA PRIVATE KEY" => ("rsa", false),
        "EC PRIVATE KEY" => ("ec", false),
        "DSA PRIVATE KEY" => ("dsa", false),
        "ENCRYPTED PRIVATE KEY" => ("pkcs8", true),
        "PGP PRIVATE KEY BLOCK" => ("openpgp", false),
        "OPENSSH PRIVATE KEY" => {
            // PROTOCOL.key: magic, then the cipher's name; `none` is a key without pass phrase.
            let locked = !has(b"\0\0\0\x04none");
            let kinds: [(&[u8], &str); 4] = [
                (b"ssh-ed25519", "ed25519"),
                (b"ssh-rsa", "rsa"),
                (b"ecdsa-sha2", "ec"),
                (b"ssh-dss", "dsa"),
            ];
            let kind = kinds.iter().find(|(name, _)| has(name));
            (kind.map_or("openssh", |(_, kind)| kind), locked)
        }
        // PKCS #8 names the algorithm by its object identifier.
        _ if has(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]) => ("rsa", false),
        _ if has(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]) => ("ec", false),
        _ if has(&[0x2b, 0x65, 0x70]) => ("ed25519", false),
        _ => ("unknown", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "MC4CAQAwBQYDK2VwBCIEIBq9zK3xV0aB7cD1eF5gH2iJ8kL4mN6oP0qR3sT7uV9w";

    #[test]
    fn the_kind_of_a_key_is_read_from_its_body() {
        let text = format!("-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----\nrest");
        let armour = read(text.as_bytes()).unwrap();
        assert_eq!(armour.range.end, text.len() - "\nrest".len());
        assert!(armour.facts.contains(&Fact::new("key_type", "ed25519")));
        assert!(armour.facts.contains(&Fact::new("encrypted", "false")));
    }

    #[test]
    fn a_key_in_one_line_and_one_that_is_cut_off_are_keys_and_a_mention_is_none() {
        let one = format!("-----BEGIN PRIVATE KEY-----\\n{BODY}\\n-----END PRIVATE KEY-----");
        assert!(read(one.as_bytes()).is_some());
        let cut = format!("-----BEGIN PRIVATE KEY-----\n{BODY}\n");
        assert!(
            read(cut.as_bytes())
                .unwrap()
                .facts
                .contains(&Fact::new("whole", "false"))
        );
        assert!(
            read(b"-----BEGIN PRIVATE KEY-----\" + body + \"-----END PRIVATE KEY-----").is_none()
        );
        assert!(read(format!("-----BEGIN CERTIFICATE-----\n{BODY}").as_bytes()).is_none());
        for mention in [
            "-----BEGIN RSA PRIVATE KEY-----\":\n    return Kind::of_older_form(header, \"rsa\", MAGIC_NUMBERS)\n",
            "-----BEGIN PRIVATE KEY-----\" in text: found(text.index(\"x\"), strip_armour(text)); \"-----END PRIVATE KEY-----",
        ] {
            assert!(read(mention.as_bytes()).is_none(), "{mention}");
        }
    }

    #[test]
    fn headers_tell_of_a_pass_phrase() {
        let text = format!(
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n{BODY}\n-----END RSA PRIVATE KEY-----"
        );
        assert!(
            read(text.as_bytes())
                .unwrap()
                .facts
                .contains(&Fact::new("encrypted", "true"))
        );
    }
}
