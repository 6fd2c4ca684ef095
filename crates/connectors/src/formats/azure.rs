//! Tokens and service principals that Azure's command line keeps under `~/.azure`.

use model::{Attribute, CredentialType, Timestamp};
use serde_json::Value;

use super::text::secret;
use super::{FileAt, Format, FormatSpec, Found, Seen, tree};
use crate::jwt;
use crate::microsoft::application_key;

/// More tokens than this in one cache are not looked at.
const TOKENS_MAX: usize = 1_000;

pub(super) struct Azure;

impl Format for Azure {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "azure",
            reads: "tokens and service principals' secrets of Azure's command line",
            places: &[
                "~/.azure/msal_token_cache.json",
                "~/.azure/service_principal_entries.json",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        path.contains("/.azure/")
            && matches!(
                name,
                "msal_token_cache.json" | "service_principal_entries.json" | "accessTokens.json"
            )
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::json(file, seen) else {
            return;
        };
        for kind in ["RefreshToken", "AccessToken"] {
            for (_, entry) in tree::members(&value, &[kind]).take(TOKENS_MAX) {
                read_token(kind, entry, seen);
            }
        }
        for entry in value.as_array().into_iter().flatten().take(TOKENS_MAX) {
            read_principal(entry, seen);
        }
    }
}

fn read_token(kind: &str, entry: &Value, seen: &mut Seen) {
    let Some(token) = tree::text(entry, &["secret"]) else {
        return;
    };
    let text = |name: &str| tree::text(entry, &[name]);
    let field = format!("{kind} of {}", text("client_id").unwrap_or_default());
    let expires = text("expires_on")
        .and_then(|seconds| seconds.parse().ok())
        .map(Timestamp::from_seconds);
    let found = Found::secret(CredentialType::ApiToken, field, secret(token))
        .is(Attribute::PROVIDER, "azure")
        .maybe(Attribute::USER, text("home_account_id"))
        .maybe(Attribute::ENDPOINT, text("environment"))
        .maybe(Attribute::ACCOUNT, text("realm"));
    seen.found(match (jwt::claims(token), expires) {
        (Some(claims), _) => jwt::told_by(found, &claims),
        (None, Some(at)) => found.is(Attribute::EXPIRES_AT, at),
        (None, None) => found,
    });
}

fn read_principal(entry: &Value, seen: &mut Seen) {
    let text = |names: &[&str]| names.iter().find_map(|name| tree::text(entry, &[name]));
    let secrets = ["client_secret", "accessToken", "refreshToken", "secret"];
    let id = text(&["client_id", "servicePrincipalId", "_clientId"]).unwrap_or_default();
    let tenant = text(&["tenant", "servicePrincipalTenant", "_authority"]);
    let holder = application_key(tenant, Some(id));
    for field in secrets {
        if let Some(value) = tree::text(entry, &[field]) {
            let found = Found::secret(
                CredentialType::ApiToken,
                format!("{field} of {id}"),
                secret(value),
            )
            .is(Attribute::PROVIDER, "azure")
            .is(Attribute::USER, id)
            .maybe(Attribute::ACCOUNT, tenant);
            seen.found(match holder.clone() {
                Some(key) => found.held_by(key),
                None => found,
            });
        }
    }
}
