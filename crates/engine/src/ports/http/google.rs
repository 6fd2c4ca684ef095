//! What Google's own tools keep to log in with, and the access token that is given for it: the key
//! of a service account (RFC 7523 section 2.1), or the refresh token of whoever logged in by
//! `gcloud auth application-default login` (RFC 6749 section 6).
//!
//! Tokens are asked for at Google's own endpoint, whatever the file says, or at the source's
//! `endpoint`.

use std::time::SystemTime;

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use connectors::{Refusal, Request};
use model::{Reason, Secret};
use reqwest::Url;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;

use super::jwt;

/// Where tokens are given.
pub(super) const ENDPOINT: &str = "https://oauth2.googleapis.com/";
/// For how long an assertion asks a token (seconds): the most that Google gives.
const VALID_FOR: u64 = 3_600;

/// A login that outlives the tokens that are given for it.
pub(super) enum Kept {
    /// The key of a service account.
    Key {
        account: String,
        id: String,
        key: KeyPair,
    },
    /// Somebody who logged in.
    User {
        client: String,
        secret: Secret,
        refresh: Secret,
        /// Whom Google counts questions for.
        project: Option<String>,
    },
}

#[derive(serde::Deserialize)]
struct Written {
    r#type: String,
    #[serde(default)]
    client_email: String,
    #[serde(default)]
    private_key_id: String,
    #[serde(default)]
    private_key: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
    #[serde(default)]
    refresh_token: String,
    #[serde(default)]
    quota_project_id: Option<String>,
}

impl Kept {
    /// Reads the file of a login; `None` where `secret` is no such file but an access token.
    ///
    /// # Errors
    /// It is a file of another kind, or a broken one.
    pub(super) fn read(secret: &Secret) -> Result<Option<Self>, Refusal> {
        let text = secret.expose().trim_ascii();
        if !text.starts_with(b"{") {
            return Ok(None);
        }
        let unfit = || {
            let told = "expected an access token, the key file of a service account or the file \
                of `gcloud auth application-default login`, got something else; seal one of these \
                by `keyroll sources add … --password-stdin`";
            Refusal::new(Reason::Denied, told).code("no_credentials")
        };
        // The parser's own message could repeat a part of the file.
        let written: Written = serde_json::from_slice(text).map_err(|_| unfit())?;
        match written.r#type.as_str() {
            "service_account" => {
                let key = PrivateKeyDer::from_pem_slice(written.private_key.as_bytes());
                let key = match key.map_err(|_| unfit())? {
                    PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
                    PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
                    _ => return Err(unfit()),
                };
                Ok(Some(Self::Key {
                    account: written.client_email,
                    id: written.private_key_id,
                    key: key.map_err(|_| unfit())?,
                }))
            }
            "authorized_user" if !written.refresh_token.is_empty() => Ok(Some(Self::User {
                client: written.client_id,
                secret: Secret::from(written.client_secret.as_str()),
                refresh: Secret::from(written.refresh_token.as_str()),
                project: written.quota_project_id,
            })),
            _ => Err(unfit()),
        }
    }

    /// The question that an access token for `scope` is given for.
    ///
    /// # Errors
    /// The assertion cannot be signed.
    pub(super) fn request(&self, scope: &str) -> Result<Request, Refusal> {
        let mut request = match self {
            Self::Key { account, id, key } => {
                let assertion = assertion((account, id, key), scope)?;
                let text = String::from_utf8_lossy(assertion.expose()).into_owned();
                let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                Request::form("", &[("grant_type", grant), ("assertion", &text)])
            }
            Self::User {
                client,
                secret,
                refresh,
                ..
            } => {
                let secret = String::from_utf8_lossy(secret.expose()).into_owned();
                let refresh = String::from_utf8_lossy(refresh.expose()).into_owned();
                Request::form(
                    "",
                    &[
                        ("grant_type", "refresh_token"),
                        ("client_id", client),
                        ("client_secret", &secret),
                        ("refresh_token", &refresh),
                    ],
                )
            }
        };
        request.segments = vec!["token".to_owned()];
        Ok(request)
    }

    /// Whom Google counts questions for, where that is not the account's own project.
    pub(super) fn project(&self) -> Option<&str> {
        match self {
            Self::User { project, .. } => project.as_deref(),
            Self::Key { .. } => None,
        }
    }
}

/// What a service account says of itself to be given a token.
fn assertion(of: (&str, &str, &KeyPair), scope: &str) -> Result<Secret, Refusal> {
    let (account, id, key) = of;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_err(|_| jwt::unsigned())?.as_secs();
    let head = json!({"alg": "RS256", "typ": "JWT", "kid": id});
    let body = json!({
        "iss": account,
        "scope": scope,
        "aud": format!("{ENDPOINT}token"),
        "iat": now,
        "exp": now + VALID_FOR,
    });
    jwt::signed(key, &RSA_PKCS1_SHA256, &head, &body)
}

/// Google's endpoint, as an address.
pub(super) fn endpoint() -> Option<Url> {
    Url::parse(ENDPOINT).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_of_google_is_an_access_token_or_refused_without_a_word_of_it() {
        assert!(matches!(Kept::read(&Secret::from("ya29.token")), Ok(None)));
        for text in [
            "{\"type\": \"external_account\", \"x\": \"s3cret\"}",
            "{\"type\": \"service_account\", \"private_key\": \"s3cret\"}",
            "{\"type\": \"authorized_user\", \"client_secret\": \"s3cret\"}",
            "{s3cret",
        ] {
            let refusal = Kept::read(&Secret::from(text)).err().unwrap();
            assert!(refusal.told.contains("key file of a service account"));
            assert!(!format!("{refusal:?}").contains("s3cret"));
        }
    }
}
