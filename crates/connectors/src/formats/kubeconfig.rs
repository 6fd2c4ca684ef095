//! Kubernetes client configurations: tokens, client certificates, passwords by user.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, CredentialType, Secret};
use serde_json::Value;

use super::literals::{arguments, literals};
use super::text::secret;
use super::{FileAt, Format, FormatSpec, Found, Seen, private_key, settings, tree, x509};
use crate::{armour, jwt};

/// More users, clusters or contexts than this in one file are not looked at.
const ENTRIES_MAX: usize = 2_000;

pub(super) struct Kubeconfig;

impl Format for Kubeconfig {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "kubeconfig",
            reads: "tokens, client certificates and passwords of Kubernetes users",
            places: &[
                "~/.kube/config",
                "KUBECONFIG",
                "/etc/kubernetes/*.conf",
                "/etc/rancher/k3s/k3s.yaml",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        path.ends_with("/.kube/config")
            || name.contains("kubeconfig")
            || name == "k3s.yaml"
            || path.contains("/etc/kubernetes/") && name.ends_with(".conf")
    }

    fn marks(&self) -> &'static [&'static str] {
        &["kind: Config"]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        // A file of any name may be one: KUBECONFIG points anywhere.
        let head = bytes.get(..16 * 1024).unwrap_or(bytes);
        armour::find(head, b"kind: Config").is_some() && armour::find(bytes, b"users:").is_some()
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::yaml(file, seen) else {
            return;
        };
        tree::expect_list(&value, "users", seen);
        let servers = Servers::of(&value);
        for user in list(&value, "users") {
            let name = word(user, &["name"]);
            if let Some(user) = user.get("user") {
                read_user(name, user, &servers.of_user(name), seen);
            }
        }
        for cluster in list(&value, "clusters") {
            if tree::text(cluster, &["cluster", "certificate-authority-data"]).is_some() {
                seen.set_aside("trust anchor");
            }
        }
    }
}

fn read_user(name: &str, user: &Value, servers: &[String], seen: &mut Seen) {
    let told = |credential, field: &str, value: Secret| {
        let found = Found::secret(credential, format!("{field} of {name}"), value)
            .is(Attribute::PROVIDER, "kubernetes")
            .is(Attribute::USER, name);
        match servers {
            [] => found,
            [one] => found.is(Attribute::ENDPOINT, one.as_str()),
            more => found.is(Attribute::ENDPOINT, more.join(", ")),
        }
    };
    if let Some(token) = tree::text(user, &["token"]) {
        let found = told(CredentialType::KubernetesToken, "token", secret(token));
        seen.found(match jwt::claims(token) {
            Some(claims) => jwt::told_by(found, &claims),
            None => found,
        });
    }
    if let Some(password) = tree::text(user, &["password"]) {
        let found = told(CredentialType::Password, "password", secret(password));
        seen.found(found.maybe(Attribute::USER, tree::text(user, &["username"])));
    }
    if let Some(key) = tree::text(user, &["client-key-data"]).and_then(decoded) {
        private_key::read_armour(key.expose(), &format!("client-key-data of {name}"), 1, seen);
    }
    if let Some(bytes) = tree::text(user, &["client-certificate-data"]).and_then(decoded) {
        // The first is the user's, the others lead up to an authority.
        let first = armour::blocks(bytes.expose()).into_iter().next();
        match first
            .and_then(|block| block.body)
            .and_then(|body| x509::certificate(body.expose()))
        {
            Some(mut certificate) => {
                certificate.told = certificate.told.is(Attribute::USER, name);
                if let [server, ..] = servers {
                    certificate.told = certificate.told.is(Attribute::ENDPOINT, server.as_str());
                }
                seen.certificate(certificate);
            }
            None => seen.broken("a client certificate that is cut off or broken"),
        }
    }
    for (field, token) in tree::members(user, &["auth-provider", "config"]) {
        if let (true, Some(token)) = (field.ends_with("-token"), token.as_str()) {
            let found = told(CredentialType::ApiToken, field, secret(token));
            seen.found(match jwt::claims(token) {
                Some(claims) => jwt::told_by(found, &claims),
                None => found,
            });
        }
    }
    if let Some(exec) = user.get("exec") {
        seen.set_aside("login kept by a helper");
        // What the helper is given may be a secret itself.
        let field = format!("exec of {name}");
        if let Some(env) = exec.get("env") {
            settings::nested(&field, env, seen, |found| found.is(Attribute::USER, name));
        }
        let given = arguments(&tree::texts(exec, &["args"]));
        literals(given, &field, &[], seen, |found| {
            found.is(Attribute::USER, name)
        });
    }
}

/// Which servers a user is used with, by the contexts.
struct Servers {
    clusters: Vec<(String, String)>,
    contexts: Vec<(String, String)>,
}

impl Servers {
    fn of(value: &Value) -> Self {
        let pair = |one: &Value, first: &[&str], second: &[&str]| {
            (word(one, first).to_owned(), word(one, second).to_owned())
        };
        Self {
            clusters: list(value, "clusters")
                .map(|one| pair(one, &["name"], &["cluster", "server"]))
                .collect(),
            contexts: list(value, "contexts")
                .map(|one| pair(one, &["context", "user"], &["context", "cluster"]))
                .collect(),
        }
    }

    fn of_user(&self, user: &str) -> Vec<String> {
        let mut servers: Vec<String> = self
            .contexts
            .iter()
            .filter(|(name, _)| name == user)
            .filter_map(|(_, cluster)| self.clusters.iter().find(|(name, _)| name == cluster))
            .map(|(_, server)| server.clone())
            .filter(|server| !server.is_empty())
            .collect();
        servers.sort();
        servers.dedup();
        servers.truncate(8);
        servers
    }
}

/// A name, whatever it looks like: one letter is one, too.
fn word<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    let at = path.iter().try_fold(value, |at, name| at.get(name));
    at.and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .take(ENTRIES_MAX)
}

fn decoded(text: &str) -> Option<Secret> {
    STANDARD.decode(text.trim()).ok().map(Secret::new)
}
