//! Structure that single providers give their credentials.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Outcome;
use crate::entropy::Shape;
use crate::found::{Fact, Mode};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// `xoxb-<workspace>-<user>-…`, `xapp-1-<application>-…`, and a webhook's path `T…/B…/…`.
pub(super) fn slack(secret: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    let text = String::from_utf8_lossy(secret);
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    let is_number = |text: &&str| text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit());
    if let Some(app) = parts
        .iter()
        .find(|part| part.starts_with('A') && part.len() >= 9)
    {
        outcome.facts.push(Fact::new("application", *app));
    }
    if let Some(team) = parts
        .iter()
        .find(|part| part.starts_with('T') && part.len() >= 9)
    {
        outcome.facts.push(Fact::new("workspace", *team));
    } else if let Some(team) = parts.get(1).filter(|part| is_number(part)) {
        outcome.facts.push(Fact::new("workspace", *team));
    }
    outcome
}

pub(super) fn stripe(secret: &[u8]) -> Outcome {
    let is_test = secret.windows(6).any(|part| part == b"_test_");
    Outcome {
        mode: if is_test { Mode::Test } else { Mode::Unmarked },
        ..Outcome::default()
    }
}

/// How many bytes `text` is in base64; `None` where it is none.
pub(super) fn base64_bytes(text: &[u8]) -> Option<usize> {
    LENIENT.decode(text).ok().map(|bytes| bytes.len())
}

pub(super) fn basic_auth(text: &[u8]) -> Outcome {
    let Ok(bytes) = LENIENT.decode(text) else {
        return Outcome::none();
    };
    let Some(colon) = bytes.iter().position(|byte| *byte == b':') else {
        return Outcome::none();
    };
    let is_text = bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
    let password = &bytes[colon + 1..];
    if !is_text
        || password.is_empty()
        || crate::placeholder::is_one(password)
        || crate::generic::is_manual_word(password)
    {
        return Outcome::none();
    }
    let user = String::from_utf8_lossy(&bytes[..colon]);
    Outcome {
        facts: vec![Fact::new("user", user)],
        ..Outcome::default()
    }
}

/// The macaroon's location stands at its beginning.
pub(super) fn pypi(secret: &[u8]) -> Outcome {
    let is_test = secret.starts_with(b"pypi-AgENdGVzdC5weXBpLm9yZ");
    Outcome {
        mode: if is_test { Mode::Test } else { Mode::Unmarked },
        facts: vec![Fact::new(
            "host",
            if is_test { "test.pypi.org" } else { "pypi.org" },
        )],
        ..Outcome::default()
    }
}

/// The name of a field or a method: it says `password` itself, and digits only number it.
pub(super) fn is_name(secret: &[u8]) -> bool {
    let lower = secret.to_ascii_lowercase();
    let letters = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let digits = lower
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_digit())
        .count();
    lower.iter().all(letters)
        && digits <= 1
        && [&b"password"[..], b"passwd", b"pwd"]
            .iter()
            .any(|word| memchr::memmem::find(&lower, word).is_some())
}

/// A weak password is one as well, but such words stand in manuals, too.
pub(super) fn word(secret: &[u8]) -> Outcome {
    if crate::placeholder::is_variable(secret) || crate::placeholder::is_repeated(secret) {
        return Outcome::none();
    }
    let is_strong = crate::generic::is_password(secret);
    Outcome {
        mode: if is_strong {
            Mode::Unmarked
        } else {
            Mode::Example
        },
        ..Outcome::default()
    }
}

pub(super) fn grafana(secret: &[u8]) -> Outcome {
    let bytes = LENIENT.decode(secret).unwrap_or_default();
    let has = |part: &[u8]| memchr::memmem::find(&bytes, part).is_some();
    Outcome::or_none(has(b"\"n\":") && has(b"\"id\":"))
}

pub(super) fn telegram(secret: &[u8]) -> Outcome {
    let bot = secret
        .split(|byte| *byte == b':')
        .next()
        .unwrap_or_default();
    Outcome {
        facts: vec![Fact::new("bot", String::from_utf8_lossy(bot))],
        ..Outcome::default()
    }
}

/// Letters and digits mixed as chance mixes them, and not as names do.
pub(super) fn is_random(secret: &[u8]) -> bool {
    let shape = Shape::of(secret);
    shape.digits > 0 && shape.lower + shape.upper > 0 && shape.changes * 6 >= secret.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slack_token_tells_its_workspace() {
        let outcome = slack(b"xoxb-123456789012-123456789012-abcdefabcdefabcdefabcdef");
        assert_eq!(outcome.facts, [Fact::new("workspace", "123456789012")]);
    }

    #[test]
    fn credentials_of_basic_authentication_have_a_user_and_a_password() {
        let user = basic_auth(LENIENT.encode("robot:s3cr3t-9x").as_bytes());
        assert_eq!(user.facts, [Fact::new("user", "robot")]);
        assert!(basic_auth(LENIENT.encode("robot").as_bytes()).is_none);
        assert!(basic_auth(LENIENT.encode("robot:").as_bytes()).is_none);
        assert!(basic_auth(b"!!").is_none);
    }

    #[test]
    fn names_are_not_random() {
        assert!(!is_random(b"getSecretTokenFromStore"));
        assert!(is_random(b"x7Kp2Qm9Zt4Lw8aR"));
    }
}
