//! Variables: which are the log-ins of hosts, which other secrets, which sealed.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Class, CredentialType, Kind, Relation};
use serde_json::{Map, Value};

use super::SEALED;
use crate::formats::seen::in_file;
use crate::formats::text::{is_placeholder, secret};
use crate::formats::{Found, Seen, Thing, settings, tree};

/// Hosts beyond these of one account are not told.
const HOSTS_MAX: usize = 64;
/// More accounts than this in one file are not told.
const LOGINS_MAX: usize = 500;
/// Endings of Ansible's own variables that hold a secret.
const ENDS: &[&str] = &["_pass", "_password", "_passwd", "_token", "_passphrase"];
/// Variables that name the file of a key.
const KEY_FILES: &[&str] = &["ansible_ssh_private_key_file", "ansible_private_key_file"];

/// The accounts that a file logs in as, with their hosts.
#[derive(Debug, Default)]
pub(super) struct Logins {
    hosts: BTreeMap<String, BTreeSet<String>>,
}

/// Whom variables at a path are for: `prod` of `group_vars/prod/vault.yml`.
pub(super) fn owner(path: &str) -> &str {
    ["/group_vars/", "/host_vars/", "/roles/"]
        .iter()
        .find_map(|dir| path.split_once(dir))
        .map_or("", |(_, rest)| {
            let first = rest.split('/').next().unwrap_or_default();
            first.split_once(".y").map_or(first, |(stem, _)| stem)
        })
}

impl Logins {
    /// Variables `value` at `within`, for the host or group `of`; each credential is changed by
    /// `tell`.
    pub(super) fn table(
        &mut self,
        within: &str,
        of: &str,
        value: &Value,
        seen: &mut Seen,
        tell: impl Fn(Found) -> Found,
    ) {
        let Some(table) = value.as_object() else {
            return;
        };
        tree::each_text(value, &mut |text| {
            if text.starts_with(SEALED) {
                seen.set_aside("sealed by Ansible Vault");
            }
        });
        let user = ["ansible_user", "ansible_ssh_user", "remote_user"]
            .iter()
            .find_map(|name| tree::text(value, &[name]));
        let login = user.and_then(|user| self.login(user, of));
        let mut rest = Map::new();
        for (name, value) in table {
            let text = value.as_str().filter(|text| !is_placeholder(text));
            match (own(name), text) {
                (Some(Own::Secret), Some(text)) => {
                    let found = password(within, name, text, table, of);
                    let found = match login.as_deref().filter(|_| !name.contains("become")) {
                        Some(login) => found.with(|told| {
                            told.link(Relation::Holder, Kind::Identity, in_file(login))
                        }),
                        None => found,
                    };
                    seen.found(tell(found));
                }
                (Some(Own::KeyFile), Some(path)) => {
                    let found = Found::referenced(format!("{within}.{name}"), path, "a file")
                        .is(Attribute::TYPE, CredentialType::PrivateKey)
                        .maybe(Attribute::USER, user);
                    seen.found(match &login {
                        Some(login) => found.used_in_file_by(login),
                        None => found,
                    });
                }
                (Some(_), _) => {}
                (None, _) => {
                    rest.insert(name.clone(), value.clone());
                }
            }
        }
        settings::nested(within, &Value::Object(rest), seen, tell);
    }

    /// The field of the account `user`, which is used on `host`.
    fn login(&mut self, user: &str, host: &str) -> Option<String> {
        if self.hosts.len() >= LOGINS_MAX && !self.hosts.contains_key(user) {
            return None;
        }
        let hosts = self.hosts.entry(user.to_owned()).or_default();
        if !host.is_empty() && hosts.len() < HOSTS_MAX {
            hosts.insert(host.to_owned());
        }
        Some(field(user))
    }

    /// Tells of the accounts.
    pub(super) fn tell(self, seen: &mut Seen) {
        for (user, hosts) in self.hosts {
            let hosts: Vec<String> = hosts.into_iter().collect();
            let thing = Thing::new(Kind::Identity, field(&user), "ansible_login")
                .is(Attribute::NAME, user.as_str())
                .is(Attribute::CLASS, Class::Integration)
                .is(Attribute::USER, user.as_str());
            seen.thing(match hosts.is_empty() {
                true => thing,
                false => thing.is(Attribute::named("hosts"), hosts),
            });
        }
    }
}

fn field(user: &str) -> String {
    format!("login {}", model::shorten(user, 80))
}

enum Own {
    Secret,
    KeyFile,
}

/// What one of Ansible's own variables is.
fn own(name: &str) -> Option<Own> {
    if KEY_FILES.contains(&name) {
        return Some(Own::KeyFile);
    }
    (name.starts_with("ansible_") && ENDS.iter().any(|end| name.ends_with(end)))
        .then_some(Own::Secret)
}

/// What opens an account of a host.
fn password(within: &str, name: &str, text: &str, beside: &Map<String, Value>, of: &str) -> Found {
    let get = |names: &[&str]| {
        let mut texts = names.iter().filter_map(|name| beside.get(*name)?.as_str());
        texts.find(|text| !is_placeholder(text))
    };
    let becomes = name.contains("become") || name.contains("sudo");
    let user = if becomes {
        Some(get(&["ansible_become_user", "ansible_sudo_user"]).unwrap_or("root"))
    } else {
        get(&["ansible_user", "ansible_ssh_user", "remote_user"])
    };
    let way = match get(&["ansible_connection"]) {
        Some("winrm" | "psrp") => "winrm",
        _ => "ssh",
    };
    let host = get(&["ansible_host", "ansible_ssh_host"]).unwrap_or(of);
    Found::secret(
        CredentialType::Password,
        format!("{within}.{name}"),
        secret(text),
    )
    .is(Attribute::PROVIDER, way)
    .maybe(Attribute::USER, user)
    .is(Attribute::ENDPOINT, host)
    .maybe(
        Attribute::PURPOSE,
        becomes.then_some("becomes another user of a host"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_whom_variables_are_for() {
        for (path, whom) in [
            ("/a/group_vars/prod/vault.yml", "prod"),
            ("/a/host_vars/db1.acme.test", "db1.acme.test"),
            ("/a/group_vars/all.yml", "all"),
            ("/a/roles/web/defaults/main.yml", "web"),
            ("/a/vars.yml", ""),
        ] {
            assert_eq!(owner(path), whom, "{path}");
        }
    }
}
