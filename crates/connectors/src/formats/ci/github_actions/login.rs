//! Where a job of GitHub Actions logs in, and whether by a stored secret.

use serde_json::Value;

use super::{secrets, takes_own_token};
use crate::formats::ci::{Job, static_login};
use crate::formats::text::is_reference;
use crate::formats::tree;

/// The systems to which a workflow, job or step logs in by secrets in its variables; what another
/// step has made in the same run is not stored.
pub(super) fn by_variables(value: &Value, job: &mut Job) {
    for (name, value) in tree::pairs(value, &["env"]) {
        let made = ["steps.", "needs."].iter().any(|one| value.contains(one));
        if let (Some(system), true, false) = (static_login(name), is_reference(value), made) {
            job.tells("static_logins", system);
        }
    }
}

/// Actions that log in: name, system, inputs that take a stored secret, inputs that take an
/// identity to federate with (none: whatever has no stored secret federates).
type Login = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);
const LOGINS: &[Login] = &[
    (
        "aws-actions/configure-aws-credentials",
        "aws",
        &["aws-access-key-id", "aws-secret-access-key"],
        &["role-to-assume"],
    ),
    (
        "google-github-actions/auth",
        "gcp",
        &["credentials_json"],
        &["workload_identity_provider"],
    ),
    ("azure/login", "azure", &["creds"], &["client-id"]),
    ("Azure/login", "azure", &["creds"], &["client-id"]),
    (
        "hashicorp/vault-action",
        "vault",
        &["token", "secretId", "githubToken"],
        &["role"],
    ),
    ("pypa/gh-action-pypi-publish", "pypi", &["password"], &[]),
];

/// How the hosts of registries begin and end that take an identity in place of a password; to the
/// first a job of GitHub logs in with its own token. Docker Hub and most others take none.
const TAKE_IDENTITIES: &[(&str, &str)] = &[
    ("ghcr.io", ""),
    ("public.ecr.aws", ""),
    ("", ".amazonaws.com"),
    ("", ".amazonaws.com.cn"),
    ("gcr.io", ""),
    ("", ".gcr.io"),
    ("", ".pkg.dev"),
    ("", ".azurecr.io"),
    ("", ".azurecr.cn"),
    ("", ".azurecr.us"),
];

/// What a step that runs `action` says of where the job logs in; `variable` tells what a variable
/// is set to around the step.
pub(super) fn by_action<'a>(
    action: &str,
    step: &'a Value,
    variable: impl Fn(&str) -> Option<&'a str>,
    job: &mut Job,
) {
    let from = |name: &str| step.get("with").and_then(|with| with.get(name));
    let text = |name: &str| from(name).and_then(Value::as_str);
    let given = |input: &&str| from(input).is_some_and(|value| !is_own_token(value));
    if action == "docker/login-action" {
        let registry = text("registry").unwrap_or_default();
        let registry = match variable_in(registry) {
            Some(name) => variable(name).unwrap_or_default(),
            None => registry,
        };
        if given(&"password") && takes_identities(registry) {
            job.tells("static_logins", "registry");
        }
    }
    for (name, system, stored, federated) in LOGINS {
        if action != *name {
            continue;
        }
        if stored.iter().any(given) {
            job.tells("static_logins", *system);
        } else if federated.iter().any(|input| from(input).is_some()) || federated.is_empty() {
            job.tells("federation", *system);
        }
        for input in ["role-to-assume", "service_account", "client-id"] {
            if let Some(whom) = text(input).filter(|whom| !is_reference(whom)) {
                job.tells("assumes", whom);
            }
        }
    }
}

/// Whether a value is the token that is made for the job and dies with it.
fn is_own_token(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    takes_own_token(text) && secrets(text).is_empty()
}

/// The variable that a text is as a whole: `${{ env.NAME }}`.
fn variable_in(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("${{")?.strip_suffix("}}")?;
    inside.trim().strip_prefix("env.")
}

/// Whether a registry takes an identity; none that is named is Docker Hub.
fn takes_identities(registry: &str) -> bool {
    let host = registry.trim_start_matches("https://").split('/').next();
    let host = host.unwrap_or_default().to_ascii_lowercase();
    TAKE_IDENTITIES.iter().any(|(start, end)| match *end {
        "" => host == *start,
        end => host.ends_with(end),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_known_by_its_host() {
        for (registry, expected) in [
            ("ghcr.io", true),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", true),
            ("europe-west3-docker.pkg.dev/acme/images", true),
            ("eu.gcr.io", true),
            ("https://acme.azurecr.io", true),
            ("", false),
            ("docker.io", false),
            ("registry.acme.test", false),
            ("notgcr.io", false),
            ("ghcr.io.acme.test", false),
        ] {
            assert_eq!(takes_identities(registry), expected, "{registry}");
        }
    }
}
