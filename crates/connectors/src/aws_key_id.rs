//! What an AWS access key id tells by itself.

/// The account a key id belongs to, 12 digits, offline (CV-31).
///
/// `None` where the id is of the older form, which does not carry it: the top bit of what
/// follows the prefix is tested first, and only where it is set is the rest an account.
pub fn aws_account_of(key_id: &str) -> Option<String> {
    if !is_aws_key_id(key_id) {
        return None;
    }
    // 12 digits of base32 (RFC 4648) are the 60 bits that hold the six bytes wanted.
    let value = key_id
        .bytes()
        .skip(4)
        .take(10)
        .try_fold(0u64, |sum, letter| {
            let digit = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'2'..=b'7' => letter - b'2' + 26,
                _ => return None,
            };
            Some((sum << 5) | u64::from(digit))
        })?;
    // 10 digits are 50 bits, the first six bytes are 48 of them.
    let six = value >> 2;
    if six >> 47 == 0 {
        return None;
    }
    Some(format!("{:012}", (six & 0x7fff_ffff_ff80) >> 7))
}

/// Whether `text` has the form of an access key id: `AKIA` or `ASIA` and 12 to 124 more.
pub fn is_aws_key_id(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && (text.starts_with("AKIA") || text.starts_with("ASIA"))
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The inverse, from the rule's text: (account << 7 | top bit | low bits) in base32.
    fn key_id_of(account: u64, low: u64) -> String {
        let six = (1u64 << 47) | (account << 7) | (low & 0x7f);
        let value = six << 2;
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let tail: String = (0..10)
            .rev()
            .map(|n| char::from(digits[usize::try_from((value >> (5 * n)) & 31).unwrap()]))
            .collect();
        format!("AKIA{tail}EXAMPL")
    }

    #[test]
    fn a_key_id_of_the_older_form_tells_no_account() {
        // CV-31: the fifth character is I or J.
        assert_eq!(aws_account_of("AKIAIOSFODNN7EXAMPLE"), None);
        assert_eq!(aws_account_of("AKIAJQABZZZZZZZZZZZZ"), None);
    }

    #[test]
    fn what_is_no_key_id_tells_no_account() {
        for text in [
            "",
            "AKIA",
            "AKIAQ",
            "AROAQABCDEFGHIJKLMNO",
            "AKIAQ0000000000000000",
            "AKIAQaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(aws_account_of(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_key_id_of_the_newer_form_tells_its_account(
            account in 0u64..1_000_000_000_000, low in 0u64..128,
        ) {
            let id = key_id_of(account, low);
            prop_assert!(matches!(id.as_bytes()[4], b'Q'..=b'Z' | b'2'..=b'7'));
            prop_assert_eq!(aws_account_of(&id), Some(format!("{account:012}")));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = aws_account_of(&text);
        }
    }
}
