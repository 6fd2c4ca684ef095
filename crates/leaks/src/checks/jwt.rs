//! A JSON web token's own claims (RFC 7519), unverified.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::Outcome;
use crate::found::{Fact, Mode};

/// Claims are text of an unknown author: no longer than this is kept of each.
const CLAIM_BYTES_MAX: usize = 512;

#[derive(Deserialize)]
struct Header {
    alg: Option<String>,
    kid: Option<String>,
    enc: Option<String>,
}

/// `sub` only names the identity; it is no key of the credential (decision 3).
const CLAIMS: &[(&str, &str)] = &[
    ("iss", "issuer"),
    ("sub", "subject"),
    ("aud", "audience"),
    ("jti", "token_id"),
    ("azp", "client"),
    ("client_id", "client"),
];

/// The subject of the token that jwt.io shows to whoever comes there.
const EXAMPLE_SUBJECT: &str = "1234567890";
/// The expiry of the tokens of RFC 7515 and RFC 7519.
const EXAMPLE_EXPIRY: i64 = 1_300_819_380;

pub(super) fn read(token: &[u8]) -> Outcome {
    let mut parts = token.split(|byte| *byte == b'.');
    let Some(header) = parts.next().and_then(decode::<Header>) else {
        return Outcome::none();
    };
    if header.alg.is_none() {
        return Outcome::none();
    }
    let mut outcome = Outcome::default();
    let mut tell = |name, value: Option<String>| {
        outcome
            .facts
            .extend(value.map(|value| Fact::new(name, cut(value))));
    };
    tell("algorithm", header.alg);
    tell("key_id", header.kid);
    if header.enc.is_some() {
        return outcome;
    }
    let Some(Value::Object(claims)) = parts.next().and_then(decode::<Value>) else {
        return Outcome::none();
    };
    let claims_so = |claim: &str, is: fn(&Value) -> bool| claims.get(claim).is_some_and(is);
    if claims_so("sub", |sub| sub == EXAMPLE_SUBJECT)
        || claims_so("exp", |exp| exp == EXAMPLE_EXPIRY)
    {
        outcome.mode = Mode::Example;
    }
    for (claim, name) in CLAIMS {
        let value = claims.get(*claim).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        tell(name, value);
    }
    for (claim, name) in [
        ("iat", "issued_at"),
        ("nbf", "not_before"),
        ("exp", "expires_at"),
    ] {
        let seconds = claims.get(claim).and_then(Value::as_f64);
        tell(name, seconds.and_then(time));
    }
    outcome
}

/// Seconds since 1970, as RFC 3339; `None` beyond what a calendar has.
fn time(seconds: f64) -> Option<String> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is out of range saturates and is refused"
    )]
    let whole = seconds as i64;
    Some(jiff::Timestamp::from_second(whole).ok()?.to_string())
}

fn cut(mut text: String) -> String {
    let mut end = CLAIM_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

fn decode<T: serde::de::DeserializeOwned>(part: &[u8]) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!(
            "{}.{}.c2ln",
            part(r#"{"alg":"HS256","typ":"JWT"}"#),
            part(claims)
        )
    }

    #[test]
    fn issuer_subject_and_expiry_are_told() {
        let outcome =
            read(token(r#"{"iss":"https://a.example","sub":"robot","exp":1767225600}"#).as_bytes());
        let told: Vec<_> = outcome
            .facts
            .iter()
            .map(|fact| (fact.name, fact.value.as_str()))
            .collect();
        assert!(told.contains(&("issuer", "https://a.example")));
        assert!(told.contains(&("subject", "robot")));
        assert!(told.contains(&("expires_at", "2026-01-01T00:00:00Z")));
    }

    #[test]
    fn the_token_that_documents_show_is_an_example_and_one_nearly_like_it_is_none() {
        for (claims, mode) in [
            (
                r#"{"sub":"1234567890","name":"John Doe","iat":1516239022}"#,
                Mode::Example,
            ),
            (
                r#"{"iss":"joe","exp":1300819380,"http://example.com/is_root":true}"#,
                Mode::Example,
            ),
            (
                r#"{"iss":"joe","sub":"1234567891","name":"John Doe","iat":1516239022}"#,
                Mode::default(),
            ),
        ] {
            assert_eq!(read(token(claims).as_bytes()).mode, mode, "{claims}");
        }
    }

    #[test]
    fn what_has_no_algorithm_or_no_claims_is_no_token() {
        assert!(read(b"eyJhIjoxfQ.eyJhIjoxfQ.x").is_none);
        assert!(read(token("[1]").as_bytes()).is_none);
        assert!(read(b"...").is_none);
    }

    #[test]
    fn a_time_that_no_calendar_has_is_not_told() {
        assert_eq!(time(1e300), None);
        assert_eq!(time(f64::NAN).as_deref(), Some("1970-01-01T00:00:00Z"));
    }
}
