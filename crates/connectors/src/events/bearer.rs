//! Tokens that a platform shows: signed by a key of its issuer, for us, by whom we expect, now.
//!
//! Source: RFC 7515, 7517, 7519; "Authenticate for push subscriptions" of Google's manual; "Secure
//! webhook delivery with Microsoft Entra ID". RS256 alone: both sign so, and a token does not
//! choose how it is checked.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Duration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Closed, Delivery, Why, refused};

/// A longer token is none.
const TOKEN_MAX: usize = 16 * 1024;
/// Keys of one issuer.
const KEYS_MAX: usize = 64;
/// Clocks differ by less.
const LEEWAY: Duration = Duration::minutes(1);

/// What a token must say.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// Who may have made it.
    pub issuers: Vec<String>,
    /// For whom.
    pub audience: String,
    /// Whose it is, by the address of a service account; `None`: it bears no such claim.
    pub account: Option<String>,
    /// Whose it is, by its `appid` or `azp`; `None`: any that the issuer lets in.
    pub client: Option<String>,
}

/// The public keys of an issuer (RFC 7517).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet(Vec<KeyOf>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyOf {
    id: String,
    n: Vec<u8>,
    e: Vec<u8>,
}

#[derive(Deserialize)]
struct Written {
    keys: Vec<WrittenKey>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenKey {
    kty: String,
    kid: String,
    r#use: String,
    n: String,
    e: String,
}

impl KeySet {
    /// Reads a set; keys that are no RSA keys for signatures are passed over. `None` where it is
    /// no set, or one without a key.
    pub fn read(text: &[u8]) -> Option<Self> {
        let written: Written = serde_json::from_slice(text).ok()?;
        let key = |one: WrittenKey| {
            let signs = one.kty == "RSA" && matches!(one.r#use.as_str(), "" | "sig");
            Some(KeyOf {
                n: URL_SAFE_NO_PAD
                    .decode(one.n)
                    .ok()
                    .filter(|n| signs && !n.is_empty())?,
                e: URL_SAFE_NO_PAD
                    .decode(one.e)
                    .ok()
                    .filter(|e| !e.is_empty())?,
                id: one.kid,
            })
        };
        let keys: Vec<_> = written
            .keys
            .into_iter()
            .take(KEYS_MAX)
            .filter_map(key)
            .collect();
        (!keys.is_empty()).then_some(Self(keys))
    }
}

/// Checks the token in `Authorization`.
pub(super) fn check(
    rules: &TokenRules,
    keys: Option<&KeySet>,
    delivery: &Delivery<'_>,
) -> Result<(), Closed> {
    let header = delivery.header("authorization")?;
    let header = header.ok_or_else(|| refused(Why::Unsigned, "no token is shown"))?;
    let token = header
        .strip_prefix("Bearer ")
        .or_else(|| header.strip_prefix("bearer "));
    let unfit = || {
        refused(
            Why::WrongSignature,
            "expected `Bearer` and a token signed by RS256",
        )
    };
    let token = token
        .map(str::trim)
        .filter(|token| token.len() <= TOKEN_MAX)
        .ok_or_else(unfit)?;
    let (signed, signature) = token.rsplit_once('.').ok_or_else(unfit)?;
    let (head, body) = signed.split_once('.').ok_or_else(unfit)?;
    let head = part(head).ok_or_else(unfit)?;
    // What is critical and not understood is refused (RFC 7515, 4.1.11).
    if head.get("alg").and_then(Value::as_str) != Some("RS256") || head.contains_key("crit") {
        return Err(unfit());
    }
    let id = head.get("kid").and_then(Value::as_str).unwrap_or_default();
    let key = keys.and_then(|keys| keys.0.iter().find(|key| key.id == id));
    let key = key.ok_or(Closed::WantsKeys)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| unfit())?;
    let public = PublicKeyComponents {
        n: &key.n,
        e: &key.e,
    };
    public
        .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
        .map_err(|_| refused(Why::WrongSignature, "the token's signature does not hold"))?;
    let claims = part(body).ok_or_else(unfit)?;
    claims_fit(rules, &claims, delivery.at)
}

fn part(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn claims_fit(
    rules: &TokenRules,
    claims: &Map<String, Value>,
    now: Timestamp,
) -> Result<(), Closed> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    let now_seconds = now.seconds();
    let leeway = (now + LEEWAY).seconds() - now_seconds;
    match time("exp") {
        Some(end) if now_seconds <= end.saturating_add(leeway) => {}
        Some(_) => return Err(refused(Why::Stale, "the token has expired")),
        None => return Err(refused(Why::WrongSignature, "the token never ends")),
    }
    let begins = [time("nbf"), time("iat")].into_iter().flatten();
    if begins
        .into_iter()
        .any(|at| at.saturating_sub(leeway) > now_seconds)
    {
        return Err(refused(
            Why::Stale,
            "the token is not valid yet; set the clocks right",
        ));
    }
    if !rules
        .issuers
        .iter()
        .any(|issuer| text("iss") == Some(issuer))
    {
        return Err(refused(
            Why::WrongSignature,
            "the token is of another issuer",
        ));
    }
    let for_us = match claims.get("aud") {
        Some(Value::String(one)) => *one == rules.audience,
        Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(&rules.audience)),
        _ => false,
    };
    if !for_us {
        return Err(refused(Why::NotMeant, "the token is for another audience"));
    }
    if let Some(account) = &rules.account {
        let verified = claims.get("email_verified") == Some(&Value::Bool(true));
        if text("email") != Some(account) || !verified {
            return Err(refused(
                Why::NotMeant,
                "the token is of another service account",
            ));
        }
    }
    if let Some(client) = &rules.client
        && text("appid").or_else(|| text("azp")) != Some(client)
    {
        return Err(refused(
            Why::NotMeant,
            "the token is of another application",
        ));
    }
    Ok(())
}
