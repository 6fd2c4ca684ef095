//! Tokens and service principals that Azure's command line keeps under `~/.azure`, and the
//! subscriptions it works in (`azureProfile.json`).
//!
//! Each subscription is a resource (`azure_subscription`) with `account` (its id), `tenant`,
//! `default` and who is logged in (`user`, `login`: `user` or `servicePrincipal`). A service
//! principal is an identity as well.

use std::collections::BTreeSet;

use model::{Attribute, Class, CredentialType, Kind, Timestamp};
use serde_json::Value;

use super::text::secret;
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing, tree};
use crate::jwt;
use crate::microsoft::application_key;

/// More tokens than this in one cache are not looked at.
const TOKENS_MAX: usize = 1_000;

pub(super) struct Azure;

impl Format for Azure {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "azure",
            reads: "tokens, service principals' secrets and subscriptions of Azure's command line",
            places: &[
                "~/.azure/azureProfile.json",
                "~/.azure/msal_token_cache.json",
                "~/.azure/service_principal_entries.json",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        path.contains("/.azure/")
            && matches!(
                name,
                "msal_token_cache.json"
                    | "service_principal_entries.json"
                    | "accessTokens.json"
                    | "azureProfile.json"
            )
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::json(file, seen) else {
            return;
        };
        if file.name() == "azureProfile.json" {
            return subscriptions(&value, seen);
        }
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

/// The subscriptions that the command line works in, and as whom.
fn subscriptions(value: &Value, seen: &mut Seen) {
    let mut principals = BTreeSet::new();
    let all = tree::list(value, &["subscriptions"]);
    if all.len() > TOKENS_MAX {
        seen.unsupported(format!(
            "lists more than {TOKENS_MAX} subscriptions; the rest was not read"
        ));
    }
    for one in all.iter().take(TOKENS_MAX) {
        let text = |path: &[&str]| tree::text(one, path);
        let Some(id) = text(&["id"]) else {
            seen.broken("a subscription without an id");
            continue;
        };
        let (user, login) = (text(&["user", "name"]), text(&["user", "type"]));
        let tenant = text(&["tenantId"]);
        let default = one.get("isDefault").and_then(Value::as_bool);
        let off = text(&["state"]).is_some_and(|state| state != "Enabled");
        seen.thing(
            Thing::new(
                Kind::Resource,
                format!("subscription {id}"),
                "azure_subscription",
            )
            .is(Attribute::NAME, text(&["name"]).unwrap_or(id))
            .is(Attribute::PROVIDER, "azure")
            .is(Attribute::ACCOUNT, id)
            .maybe(Attribute::named("tenant"), tenant)
            .maybe(Attribute::named("cloud"), text(&["environmentName"]))
            .maybe(Attribute::named("default"), default)
            .maybe(Attribute::USER, user)
            .maybe(Attribute::named("login"), login)
            .maybe(Attribute::STATUS, off.then_some("disabled")),
        );
        // People are no business of the roll; what logs in for a program is.
        if let (Some("servicePrincipal"), Some(user)) = (login, user)
            && principals.insert((tenant, user))
        {
            let mut thing = Thing::new(
                Kind::Identity,
                format!("login {user}"),
                "azuread_service_principal",
            )
            .is(Attribute::NAME, user)
            .is(Attribute::PROVIDER, "azure")
            .is(Attribute::CLASS, Class::Workload)
            .maybe(Attribute::ACCOUNT, tenant);
            if let Some(key) = application_key(tenant, Some(user)) {
                thing = thing.with(|told| told.key(key));
            }
            seen.thing(thing);
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
