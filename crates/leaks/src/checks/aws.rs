//! What AWS puts into its keys.

use super::Outcome;
use crate::entropy::Shape;
use crate::found::{Fact, Mode};

/// The account is in the id (CV-31): base32 digits behind the prefix hold 40 bits of it where
/// the top bit is set.
pub(super) fn key_id(id: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    if id.ends_with(b"EXAMPLE") {
        outcome.mode = Mode::Example;
    }
    if let Some(account) = account(id) {
        outcome.facts.push(Fact::new("account", account));
    }
    outcome
        .facts
        .push(Fact::new("key_id", String::from_utf8_lossy(id)));
    outcome
}

fn account(id: &[u8]) -> Option<String> {
    let digits = id.get(4..14)?;
    let mut value = 0_u64;
    for digit in digits {
        let digit = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        value = (value << 5) | u64::from(digit);
    }
    let six = value >> 2;
    (six >> 47 == 1).then(|| format!("{:012}", (six >> 7) & 0xff_ffff_ffff))
}

/// 40 letters of base64; a path or a hash in hexadecimal has that length, too.
pub(super) fn secret(secret: &[u8]) -> Outcome {
    let shape = Shape::of(secret);
    let is_random = shape.lower > 0 && shape.upper > 0 && shape.digits > 0 && shape.changes >= 8;
    let mut outcome = Outcome::or_none(is_random);
    if secret.ends_with(b"EXAMPLEKEY") {
        outcome = Outcome {
            mode: Mode::Example,
            ..Outcome::default()
        };
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_of_a_key_id_is_read_from_its_digits() {
        // CV-31, made by the inverse: top bit, account 123456789012, seven low bits.
        let six = (1_u64 << 47) | (123_456_789_012 << 7) | 0x55;
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let tail: Vec<u8> = (0..10)
            .rev()
            .map(|n| alphabet[usize::try_from(((six << 2) >> (5 * n)) & 31).unwrap()])
            .collect();
        let id = [b"AKIA".as_slice(), &tail, b"QQ"].concat();
        assert_eq!(account(&id).as_deref(), Some("123456789012"));
    }

    #[test]
    fn an_older_key_id_tells_no_account_and_that_of_the_manual_is_an_example() {
        let outcome = key_id(b"AKIAIOSFODNN7EXAMPLE");
        assert_eq!(outcome.mode, Mode::Example);
        assert!(outcome.facts.iter().all(|fact| fact.name != "account"));
    }
}
