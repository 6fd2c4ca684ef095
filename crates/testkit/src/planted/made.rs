//! Secrets written by a template: `ghp_<b62:30><crc>`.

use crate::chance::Chance;

const DIGITS: &str = "0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// What `template` says, with chance for what stands in angle brackets: `<b62:30>` are 30 letters
/// and digits, `<crc>` is the checksum of the last of them as GitHub and npm write it, `<jwt>` a
/// signed token of RFC 7519, `<pem>` an Ed25519 key of RFC 8410.
///
/// # Panics
/// Where the template is wrong.
pub fn secret(template: &str, chance: &mut Chance) -> String {
    let mut made = String::new();
    let mut last = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('<') {
        made.push_str(before);
        let Some((word, after)) = after.split_once('>') else {
            panic!("a bracket that is not closed: {template}");
        };
        rest = after;
        let piece = match word.split_once(':') {
            Some((alphabet, length)) => {
                chance.text(&letters(alphabet), length.parse().unwrap_or(0))
            }
            None => match word {
                "crc" => checksum(&last),
                "jwt" => jwt(chance),
                "pem" => pem(chance),
                "uuid" => uuid(chance),
                other => panic!("no such piece: {other}"),
            },
        };
        made.push_str(&piece);
        last = piece;
    }
    made + rest
}

fn letters(name: &str) -> String {
    match name {
        "d" => DIGITS.to_owned(),
        "hex" => format!("{DIGITS}abcdef"),
        "HEX" => format!("{DIGITS}ABCDEF"),
        "az" => LOWER.to_owned(),
        "AZaz" => format!("{UPPER}{LOWER}"),
        "b32" => format!("{UPPER}234567"),
        "b36" => format!("{DIGITS}{LOWER}"),
        "B36" => format!("{DIGITS}{UPPER}"),
        "b62" => format!("{DIGITS}{UPPER}{LOWER}"),
        "b64" => format!("{DIGITS}{UPPER}{LOWER}+/"),
        "b64u" => format!("{DIGITS}{UPPER}{LOWER}-_"),
        // Of BIP 173, which age writes its keys with.
        "bech32" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".to_owned(),
        other => panic!("no such alphabet: {other}"),
    }
}

/// CRC-32 in six digits of base 62.
fn checksum(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut left = !crc;
    let alphabet = format!("{DIGITS}{UPPER}{LOWER}");
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = alphabet.as_bytes()[(left % 62) as usize];
        left /= 62;
    }
    digits.iter().map(|byte| char::from(*byte)).collect()
}

fn uuid(chance: &mut Chance) -> String {
    let hex = letters("hex");
    let mut part = |length| chance.text(&hex, length);
    let (a, b, c, d, e) = (part(8), part(4), part(3), part(3), part(12));
    format!("{a}-{b}-4{c}-a{d}-{e}")
}

fn jwt(chance: &mut Chance) -> String {
    let name = chance.text(LOWER, 8);
    let claims =
        format!("{{\"iss\":\"https://id.acme.test\",\"sub\":\"{name}\",\"iat\":1764000000}}");
    let header = base64(br#"{"alg":"HS256","typ":"JWT"}"#, true);
    let signature = chance.text(&letters("b64u"), 43);
    format!("{header}.{}.{signature}", base64(claims.as_bytes(), true))
}

fn pem(chance: &mut Chance) -> String {
    // RFC 8410 section 10.3: the frame of a key without its public part, then the seed.
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    for _ in 0..4 {
        der.extend(chance.number().to_be_bytes());
    }
    let body = base64(&der, false);
    let (begin, end) = ("-----BEGIN", "-----END");
    format!("{begin} PRIVATE KEY-----\n{body}\n{end} PRIVATE KEY-----")
}

/// RFC 4648, sections 4 and 5.
pub fn base64(bytes: &[u8], url: bool) -> String {
    let end = if url { "-_" } else { "+/" };
    let alphabet = format!("{UPPER}{LOWER}{DIGITS}{end}");
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for digit in 0..4 {
            if digit <= three.len() {
                let at = (bits >> (18 - 6 * digit)) & 63;
                text.push(char::from(alphabet.as_bytes()[at as usize]));
            } else if !url {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_and_base64_are_those_of_the_standards() {
        // CRC-32 of `123456789` is 0xcbf43926, 3,421,780,262: 3JZOxE read in base 62.
        let value = checksum("123456789").bytes().fold(0_u64, |sum, byte| {
            let at = format!("{DIGITS}{UPPER}{LOWER}").find(char::from(byte));
            sum * 62 + at.unwrap() as u64
        });
        assert_eq!(value, 0xcbf4_3926);
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes(), false), coded);
        }
    }

    #[test]
    fn a_template_is_filled_the_same_from_the_same_seed() {
        let make = || secret("ghp_<b62:30><crc>", &mut Chance::seeded(7));
        assert_eq!(make(), make());
        assert_eq!(make().len(), 40);
    }
}
