//! Makes texts from the templates of the rule files, the same ones at every run.
//!
//! `<b62:36>` is 36 random letters and digits. Nothing that looks like a secret stands in the tree.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Chance that is the same at every run (xorshift).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn of(seed: &str) -> Self {
        let fold = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        Self(seed.bytes().fold(0xcbf2_9ce4_8422_2325, fold) | 1)
    }

    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    /// `count` letters of `alphabet`; for longer ones, letters and digits both occur.
    fn text(&mut self, alphabet: &str, count: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        loop {
            let text: String = (0..count)
                .map(|_| letters[self.next(letters.len())])
                .collect();
            let has =
                |is: fn(&char) -> bool| text.chars().any(|c| is(&c)) || !letters.iter().any(is);
            let mixed = has(char::is_ascii_digit)
                && has(char::is_ascii_uppercase)
                && has(char::is_ascii_lowercase);
            let ends = text.ends_with(|c: char| c.is_ascii_alphanumeric());
            let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric());
            if count < 8 || mixed && ends && starts {
                return text;
            }
        }
    }
}

const DIGITS: &str = "0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The text that `template` stands for.
pub(crate) fn fill(template: &str, chance: &mut Chance) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('<') {
        out.push_str(before);
        let made = behind
            .split_once('>')
            .and_then(|(word, behind)| Some((made(word, chance)?, behind)));
        match made {
            Some((text, behind)) => {
                out.push_str(&text);
                rest = behind;
            }
            None => {
                out.push('<');
                rest = behind;
            }
        }
    }
    out + rest
}

fn made(word: &str, chance: &mut Chance) -> Option<String> {
    let (name, count) = word.split_once(':').unwrap_or((word, "0"));
    let count: usize = count.parse().ok()?;
    let b62 = format!("{DIGITS}{UPPER}{LOWER}");
    let alphabet = match name {
        "hex" => "0123456789abcdef".to_owned(),
        "HEX" => "0123456789ABCDEF".to_owned(),
        "dig" => DIGITS.to_owned(),
        "low" => LOWER.to_owned(),
        "up" => UPPER.to_owned(),
        "alpha" => format!("{LOWER}{UPPER}"),
        "low36" => format!("{DIGITS}{LOWER}"),
        "up36" => format!("{DIGITS}{UPPER}"),
        "b32" => format!("{UPPER}234567"),
        "b58" => b62.replace(['0', 'O', 'I', 'l'], ""),
        "bech" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".to_owned(),
        "bechlow" => "qpzry9x8gf2tvdw0s3jn54khce6mua7l".to_owned(),
        "b62" => b62,
        "b64" => format!("{b62}+/"),
        "b64u" => format!("{b62}-_"),
        "pw" => {
            return Some(format!(
                "{}#7k{}",
                chance.text(&b62, 4),
                chance.text(&b62, count - 7)
            ));
        }
        _ => return special(name, chance),
    };
    Some(chance.text(&alphabet, count))
}

fn special(name: &str, chance: &mut Chance) -> Option<String> {
    let b62 = format!("{DIGITS}{UPPER}{LOWER}");
    let hex = "0123456789abcdef";
    Some(match name {
        "uuid" => [8, 4, 4, 4, 12]
            .map(|count| chance.text(hex, count))
            .join("-"),
        "githubcrc" | "npmcrc" | "keyrollcrc" => {
            let body = chance.text(&b62, 30);
            let check = check_digits(crc32(body.as_bytes()));
            body + &check
        }
        "aws40" => chance.text(&format!("{b62}+/"), 40),
        "b64of64" => STANDARD.encode(chance.text(&b62, 64)),
        "b64of32" | "wg" => STANDARD.encode(chance.text(&b62, 32)),
        "basic" => STANDARD.encode(format!("robot:{}", chance.text(&b62, 14))),
        "grafana" => {
            let key = chance.text(&b62, 40);
            STANDARD.encode(format!(r#"{{"k":"{key}","n":"robot","id":1}}"#))
        }
        "jwt" => {
            let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
            let claims = r#"{"iss":"https://id.internal.net","sub":"robot-7","exp":1900000000}"#;
            let tail = chance.text(&b62, 43);
            format!("{head}.{}.{tail}", URL_SAFE_NO_PAD.encode(claims))
        }
        "jwe" => {
            let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
            let part = |count| Chance::of("jwe").text(&b62, count);
            format!(
                "{head}.{}.{}.{}.{}",
                part(342),
                part(16),
                part(60),
                part(22)
            )
        }
        _ => return None,
    })
}

/// CRC-32 from its polynomial, not from the code under test.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for bit in bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |n| u32::from(byte >> n & 1)))
    {
        crc = if (crc ^ bit) & 1 == 1 {
            (crc >> 1) ^ 0xedb8_8320
        } else {
            crc >> 1
        };
    }
    !crc
}

fn check_digits(mut value: u32) -> String {
    let alphabet: Vec<char> = format!("{DIGITS}{UPPER}{LOWER}").chars().collect();
    let mut out = Vec::new();
    for _ in 0..6 {
        out.push(alphabet[usize::try_from(value % 62).unwrap()]);
        value /= 62;
    }
    out.iter().rev().collect()
}
