//! JSON web tokens (RFC 7519), looked at from outside: claims are read, signatures are not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Attribute, CredentialType, Key, KeyKind, Timestamp, Told};
use serde_json::{Map, Value};

use crate::formats::Found;
use crate::formats::kubernetes::object::uid_key;
use crate::kubernetes::legacy_key;

/// A longer text is no token.
const TOKEN_BYTES_MAX: usize = 32 * 1024;

/// The claims of `text`, if it is a JSON web token.
pub(crate) fn claims(text: &str) -> Option<Map<String, Value>> {
    if text.len() > TOKEN_BYTES_MAX || !text.starts_with("eyJ") {
        return None;
    }
    let mut parts = text.split('.');
    let (header, body, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !part(header)?.contains_key("alg") {
        return None;
    }
    part(body)
}

fn part(text: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// `found` with what its claims tell (decision 3: `iss` and `jti` make it one with others,
/// `sub` only names its identity).
pub(crate) fn told_by(found: Found, claims: &Map<String, Value>) -> Found {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let mut found = found
        .maybe(Attribute::ISSUER, text("iss"))
        .maybe(Attribute::SUBJECT, text("sub"))
        .maybe(Attribute::CREATED_AT, time(claims.get("iat")))
        .maybe(Attribute::VALID_FROM, time(claims.get("nbf")));
    let expires = match claims.get("exp") {
        None => Told::Absent,
        Some(value) => Told::or_cannot_tell(time(Some(value))),
    };
    found = found.with(|told| told.told(Attribute::EXPIRES_AT, expires));
    if let (Some(issuer), Some(id)) = (text("iss"), text("jti")) {
        let value = format!("{issuer} {id}");
        if value.len() <= 512 {
            found = found.key(Key::new(KeyKind::JwtId, value));
        }
    }
    if let Some(subject) = text("sub") {
        let subject = model::shorten(subject, 256);
        found = found.with(|told| told.hint("jwt_subject", subject));
    }
    of_account(found, claims)
}

/// The account of a cluster that a token is of: the API server writes its uid into each, the
/// secret that holds it into one without an end (Kubernetes, "Managing Service Accounts").
fn of_account(found: Found, claims: &Map<String, Value>) -> Found {
    const LEGACY: &str = "kubernetes.io/serviceaccount/service-account.uid";
    const SECRET: &str = "kubernetes.io/serviceaccount/secret.name";
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let bound = claims.get("kubernetes.io");
    let bound = bound.and_then(|of| of.pointer("/serviceaccount/uid")?.as_str());
    let Some(uid) = bound.or_else(|| text(LEGACY)) else {
        return found;
    };
    let found = match uid_key(uid) {
        Some(account) => found.held_by(account),
        None => return found,
    };
    match text(SECRET).and_then(|secret| legacy_key(uid, secret)) {
        Some(key) => found.key(key),
        None => found,
    }
}

/// What type of credential a token with these claims is.
pub(crate) fn type_of(claims: &Map<String, Value>) -> CredentialType {
    let names_an_account = claims.contains_key("kubernetes.io")
        || claims
            .get("sub")
            .and_then(Value::as_str)
            .is_some_and(|sub| sub.starts_with("system:serviceaccount:"));
    if names_an_account {
        CredentialType::KubernetesToken
    } else {
        CredentialType::Jwt
    }
}

/// A NumericDate: seconds, perhaps with a fraction.
fn time(value: Option<&Value>) -> Option<Timestamp> {
    let number = value?.as_number()?;
    let seconds = number
        .as_i64()
        .or_else(|| number.to_string().split_once('.')?.0.parse().ok())?;
    // Years 1970 to 9999: others are no dates, and cannot be written down either.
    (0..=253_402_300_799)
        .contains(&seconds)
        .then(|| Timestamp::from_seconds(seconds))
}

/// By which one subject of an issuer is suggested as the same wherever its tokens are taken: a
/// pipeline that several clouds let in.
pub(crate) fn subject_hint(issuer: &str, subject: &str) -> String {
    let issuer = issuer.trim_start_matches("https://").trim_end_matches('/');
    model::shorten(&format!("{issuer}|{subject}"), 400)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, body: &str) -> String {
        format!(
            "{}.{}.c2ln",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(body)
        )
    }

    #[test]
    fn a_token_tells_its_issuer_and_its_end() {
        let text = token(
            r#"{"alg":"RS256"}"#,
            r#"{"iss":"https://issuer","sub":"system:serviceaccount:a:b","jti":"7","exp":1900000000}"#,
        );
        let claims = claims(&text).unwrap();
        assert_eq!(type_of(&claims), CredentialType::KubernetesToken);
        let found = told_by(Found::public(CredentialType::Jwt, "x", ""), &claims);
        let json = serde_json::to_string(&found.told).unwrap();
        assert!(
            json.contains("https://issuer 7") && json.contains("2030-03-17T17:46:40Z"),
            "{json}"
        );
    }

    #[test]
    fn a_token_of_a_cluster_belongs_to_its_account_and_one_in_a_secret_is_that_secret() {
        let uid = "5195ed3a-fa3c-46ce-8c66-32d1a83ea41f";
        let bound = format!(r#"{{"kubernetes.io":{{"serviceaccount":{{"uid":"{uid}"}}}}}}"#);
        let legacy = format!(
            r#"{{"kubernetes.io/serviceaccount/service-account.uid":"{uid}","kubernetes.io/serviceaccount/secret.name":"app-token"}}"#
        );
        for (body, keys) in [(bound, 0), (legacy, 1)] {
            let claims = claims(&token(r#"{"alg":"RS256"}"#, &body)).unwrap();
            let told = told_by(Found::public(CredentialType::Jwt, "x", ""), &claims).told;
            let json = serde_json::to_string(&told.links).unwrap();
            assert!(json.contains(uid) && json.contains("holder"), "{json}");
            assert_eq!(told.keys.len(), keys, "{:?}", told.keys);
        }
    }

    #[test]
    fn what_only_looks_like_a_token_is_none() {
        for text in [
            "eyJ",
            "eyJ.eyJ.x",
            "eyJhbGciOiJub25lIn0.x",
            &token("{}", "{}"),
        ] {
            assert!(claims(text).is_none(), "{text}");
        }
    }
}
