//! Logins to container registries: `~/.docker/config.json` and Kubernetes' image pull form of it.

use model::{Attribute, CredentialType, Secret};
use serde_json::Value;

use super::git_credentials::provider_of_host;
use super::npmrc::login_password;
use super::text::secret;
use super::{FileAt, Format, FormatSpec, Found, Seen, tree};
use crate::jwt;

pub(super) struct DockerConfig;

impl Format for DockerConfig {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "docker_config",
            reads: "logins to container registries",
            places: &[
                "~/.docker/config.json",
                ".dockerconfigjson",
                "~/.config/containers/auth.json",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        path.ends_with("/.docker/config.json")
            || path.ends_with("/containers/auth.json")
            || path.ends_with("/helm/registry/config.json")
            || matches!(name, ".dockerconfigjson" | ".dockercfg")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::json(file, seen) else {
            return;
        };
        let odd = |auths: &&Value| !auths.is_object() && !auths.is_null();
        if value.get("auths").filter(odd).is_some() {
            seen.broken("expected logins by registry, got something else");
        }
        for (registry, entry) in tree::members(&value, &["auths"]) {
            read_entry(registry, entry, seen);
        }
        if value.get("credsStore").is_some() || value.get("credHelpers").is_some() {
            seen.set_aside("login kept by a helper");
        }
    }
}

fn read_entry(registry: &str, entry: &Value, seen: &mut Seen) {
    let password = tree::text(entry, &["auth"]).map(login_password);
    let password = password.or_else(|| tree::text(entry, &["password"]).map(secret));
    let user = tree::text(entry, &["username"])
        .map(str::to_owned)
        .or_else(|| user_of(entry));
    let told = |credential, what: &str, value: Secret| {
        let host = registry
            .trim_start_matches("https://")
            .trim_end_matches('/');
        Found::secret(credential, format!("{what} for {host}"), value)
            .is(
                Attribute::PROVIDER,
                provider_of_host(host).unwrap_or("docker"),
            )
            .maybe(Attribute::USER, user.as_deref())
            .is(Attribute::ENDPOINT, host)
    };
    if let Some(password) = password.filter(|one| !one.is_empty()) {
        let text = std::str::from_utf8(password.expose()).unwrap_or_default();
        let claims = jwt::claims(text);
        let found = told(CredentialType::Password, "login", password);
        seen.found(match claims {
            Some(claims) => jwt::told_by(found, &claims),
            None => found,
        });
    }
    if let Some(token) = tree::text(entry, &["identitytoken"]) {
        seen.found(told(
            CredentialType::ApiToken,
            "identity token",
            secret(token),
        ));
    }
}

/// The user in base64 of `user:password`.
fn user_of(entry: &Value) -> Option<String> {
    use base64::Engine as _;
    let login = base64::engine::general_purpose::STANDARD
        .decode(tree::text(entry, &["auth"])?)
        .ok()?;
    let login = Secret::new(login);
    let at = login.expose().iter().position(|byte| *byte == b':')?;
    String::from_utf8(login.expose()[..at].to_vec()).ok()
}
