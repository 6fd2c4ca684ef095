//! What AWS's command line keeps of its log-ins: tokens of single sign-on
//! (`~/.aws/sso/cache/*.json`) and sessions of roles (`~/.aws/cli/cache/*.json`,
//! `~/.aws/login/cache/*.json`).
//!
//! A token of single sign-on gives sessions of every role that its person may take on; its refresh
//! token and the client's secret outlive it.

use model::{Attribute, CredentialType, Timestamp};
use serde_json::Value;

use super::text::secret;
use super::{FileAt, Format, FormatSpec, Found, Seen, tree};
use crate::aws_credential::aws_credential;
use crate::jwt;

/// Directories below `.aws` in which the caches lie.
const CACHES: &[&str] = &["/.aws/sso/cache/", "/.aws/cli/cache/", "/.aws/login/cache/"];

pub(super) struct AwsCache;

impl Format for AwsCache {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "aws_cache",
            reads: "sessions and tokens of single sign-on that AWS's command line keeps",
            places: &[
                "~/.aws/sso/cache/*.json",
                "~/.aws/cli/cache/*.json",
                "~/.aws/login/cache/*.json",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        let dir = path.strip_suffix(name).unwrap_or_default();
        name.ends_with(".json") && CACHES.iter().any(|cache| dir.ends_with(cache))
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::json(file, seen) else {
            return;
        };
        let before = seen.found.len() + seen.gaps.len();
        if let Some(session) = value.get("Credentials") {
            read_session(session, &value, &UPPER, seen);
        }
        match value.get("accessToken") {
            Some(session @ Value::Object(_)) => read_session(session, &value, &LOWER, seen),
            Some(Value::String(token)) => read_token(token, &value, seen),
            _ => {}
        }
        read_client(&value, seen);
        if seen.found.len() + seen.gaps.len() == before {
            seen.set_aside("profile without a secret");
        }
    }
}

/// The names of a session's parts.
struct Names {
    id: &'static str,
    secret: &'static str,
    end: &'static str,
}

const UPPER: Names = Names {
    id: "AccessKeyId",
    secret: "SecretAccessKey",
    end: "Expiration",
};
const LOWER: Names = Names {
    id: "accessKeyId",
    secret: "secretAccessKey",
    end: "expiresAt",
};

/// An instant; older versions of the command line end it with `UTC`.
fn time(value: &Value, name: &str) -> Option<Timestamp> {
    let text = tree::text(value, &[name])?;
    let plain = text.strip_suffix("UTC").map(|text| format!("{text}Z"));
    plain.as_deref().unwrap_or(text).parse().ok()
}

/// The session of a role; `whole` says of which.
fn read_session(session: &Value, whole: &Value, names: &Names, seen: &mut Seen) {
    let text = |name: &str| tree::text(session, &[name]);
    let Some(value) = text(names.secret) else {
        return;
    };
    let id = text(names.id).unwrap_or_default();
    match aws_credential("session", id, secret(value), true) {
        Some(found) => seen.found(
            found
                .maybe(
                    Attribute::USER,
                    tree::text(whole, &["AssumedRoleUser", "Arn"]),
                )
                .maybe(Attribute::EXPIRES_AT, time(session, names.end)),
        ),
        None => seen.broken("expected an access key id beside the secret, got none of that form"),
    }
}

/// A token of single sign-on.
fn read_token(token: &str, whole: &Value, seen: &mut Seen) {
    let found = token_of("accessToken", token, whole);
    seen.found(match jwt::claims(token) {
        Some(claims) => jwt::told_by(found, &claims),
        None => found.maybe(Attribute::EXPIRES_AT, time(whole, "expiresAt")),
    });
}

/// What outlives the token: whoever has both gets another one.
fn read_client(whole: &Value, seen: &mut Seen) {
    let text = |name: &str| tree::text(whole, &[name]);
    if let Some(token) = text("refreshToken") {
        seen.found(token_of("refreshToken", token, whole));
    }
    if let Some(value) = text("clientSecret") {
        // A registration without a token tells its end under the name that a token has.
        let end = time(whole, "registrationExpiresAt").or_else(|| {
            let alone = whole.get("accessToken").is_none();
            alone.then(|| time(whole, "expiresAt")).flatten()
        });
        seen.found(token_of("clientSecret", value, whole).maybe(Attribute::EXPIRES_AT, end));
    }
}

fn token_of(field: &str, value: &str, whole: &Value) -> Found {
    let text = |name: &str| tree::text(whole, &[name]);
    Found::secret(CredentialType::ApiToken, field, secret(value))
        .is(Attribute::PROVIDER, "aws")
        .maybe(Attribute::ENDPOINT, text("startUrl"))
        .maybe(Attribute::named("client_id"), text("clientId"))
        .maybe(Attribute::named("region"), text("region"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Seen {
        let mut seen = Seen::default();
        let file = FileAt {
            path,
            bytes: text.as_bytes(),
        };
        assert!(AwsCache.recognises(path, file.name()), "{path}");
        AwsCache.read(&file, &mut seen);
        seen
    }

    fn ends(seen: &Seen) -> Vec<(&str, Option<String>)> {
        let end = |one: &Found| {
            let end = one.told.fact(&Attribute::EXPIRES_AT);
            end.is().map(ToString::to_string)
        };
        seen.found
            .iter()
            .map(|one| (one.field.as_str(), end(one)))
            .collect()
    }

    #[test]
    fn each_secret_of_a_cache_has_its_own_end() {
        let text = r#"{"startUrl": "https://acme.awsapps.com/start", "region": "eu-central-1",
            "accessToken": "aoaAAAAAGq7Zr1kVb0wXsPq2LmT5n8YcRd3Jf", "expiresAt": "2026-11-23T20:00:00Z",
            "clientId": "c1", "clientSecret": "eyNotAToken0Hv4Nb8sLx2KpQz6RtM9wYgD1",
            "registrationExpiresAt": "2027-02-01T00:00:00Z", "refreshToken": "aorAAAAAGn8YcRd3Jf5Wq7Zr1kVb0w"}"#;
        let seen = read("/home/ann/.aws/sso/cache/0a1b.json", text);
        assert_eq!(
            ends(&seen),
            [
                ("accessToken", Some("2026-11-23T20:00:00Z".to_owned())),
                ("refreshToken", None),
                ("clientSecret", Some("2027-02-01T00:00:00Z".to_owned())),
            ]
        );
        let text = r#"{"clientId": "c1", "clientSecret": "Hv4Nb8sLx2KpQz6RtM9wYgD1", "expiresAt": "2027-02-01T00:00:00Z"}"#;
        let seen = read("/home/ann/.aws/sso/cache/botocore-client-id-eu.json", text);
        assert_eq!(
            ends(&seen),
            [("clientSecret", Some("2027-02-01T00:00:00Z".to_owned()))]
        );
    }

    #[test]
    fn a_session_is_one_in_either_way_of_writing_it() {
        let [id, secret] = [
            "ASIAQ3EGWHX5JKPLTRMN",
            "k0jI91Nu99xWTCjw9sFTCKnzzUTRSABgTWB6esZ2",
        ];
        for (path, text) in [
            (
                "/home/ann/.aws/cli/cache/1.json",
                format!(
                    r#"{{"Credentials": {{"AccessKeyId": "{id}", "SecretAccessKey": "{secret}", "SessionToken": "x", "Expiration": "2026-11-23T20:00:00+00:00"}}, "AssumedRoleUser": {{"Arn": "arn:aws:sts::123456789012:assumed-role/admin/ann"}}}}"#
                ),
            ),
            (
                "/home/ann/.aws/login/cache/1.json",
                format!(
                    r#"{{"accessToken": {{"accessKeyId": "{id}", "secretAccessKey": "{secret}", "sessionToken": "x", "expiresAt": "2026-11-23T20:00:00Z"}}}}"#
                ),
            ),
        ] {
            let seen = read(path, &text);
            let one = &seen.found[0];
            let type_ = one.told.fact(&Attribute::TYPE);
            assert_eq!(
                type_.is().and_then(|one| one.text()),
                Some(CredentialType::AwsSession.as_str())
            );
            assert!(ends(&seen)[0].1.is_some(), "{path}");
            assert!(seen.gaps.is_empty());
        }
    }

    #[test]
    fn other_files_beside_the_caches_are_left_alone() {
        for path in [
            "/home/ann/.aws/config",
            "/home/ann/.aws/sso/cache/x.json.tmp",
            "/srv/aws/sso/cache/x.json",
        ] {
            let name = crate::formats::name_of(path);
            assert!(!AwsCache.recognises(path, name), "{path}");
        }
    }
}
