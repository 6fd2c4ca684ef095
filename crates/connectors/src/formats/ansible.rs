//! Ansible: inventories, variables of groups and hosts, roles, playbooks (Ansible documentation,
//! "How to build your inventory", "Using variables").
//!
//! An account that Ansible logs in as is an identity of type `ansible_login` with its `hosts`;
//! its password, and the key file it names, are credentials it holds. A play is an identity of
//! type `ansible_play` (class integration) with `hosts`, `become` and `vars_files`, and is handed
//! what stands in its variables and tasks. What Ansible Vault sealed is counted and is no leak;
//! a whole sealed file is a resource with its `vault_id`. The password that opens it, where it
//! lies in a file of its own, is a credential.

mod inventory;
mod play;
mod variables;

use model::{Attribute, CredentialType, Kind};

use super::text::{ini, is_placeholder, secret, unquoted};
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing, settings, tree};
use crate::armour;
use variables::Logins;

/// So much of a file of any name is looked at.
const HEAD_BYTES: usize = 4096;
/// How a sealed file begins.
const SEALED: &str = "$ANSIBLE_VAULT;";
/// Names under which the password of a vault lies in the open.
const OPENERS: &[&str] = &[
    ".vault_pass",
    ".vault_pass.txt",
    ".vault_password",
    ".vault-password",
    ".vault-pass",
    "vault_pass.txt",
    "vault_password.txt",
    "vault-password.txt",
    ".ansible_vault_pass",
    ".ansible_vault_password",
];

pub(super) struct Ansible;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Config,
    Opener,
    Inventory,
    Variables,
    Play,
}

impl Format for Ansible {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "ansible",
            reads: "log-ins of inventories, secrets in variables and plays, sealed files of Ansible",
            places: &[
                "inventory.ini",
                "group_vars/*",
                "host_vars/*",
                "roles/*/vars/*.yml",
                "site.yml",
                "ansible.cfg",
                ".vault_pass",
            ],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        part_of(path, name).is_some()
    }

    fn marks(&self) -> &'static [&'static str] {
        &[SEALED, "hosts:"]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        if bytes.starts_with(SEALED.as_bytes()) {
            return true;
        }
        let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
        let has = |word: &[u8]| armour::find(head, word).is_some();
        has(b"hosts:")
            && (head.starts_with(b"- hosts:") || has(b"\n- hosts:") || has(b"\n  hosts:"))
            && (head.starts_with(b"- ") || has(b"\n- "))
            && !has(b"apiVersion")
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let text = file.text(seen);
        if let Some(rest) = text.strip_prefix(SEALED) {
            return sealed(rest, file, seen);
        }
        let mut logins = Logins::default();
        match part_of(file.path, file.name()).unwrap_or(Part::Play) {
            Part::Config => config(text, seen),
            Part::Opener => opener(text, seen),
            Part::Inventory if is_tree(file.name()) => {
                if let Some(value) = tree::yaml(file, seen) {
                    inventory::read_tree(&value, &mut logins, seen);
                }
            }
            Part::Inventory => inventory::read_lines(text, &mut logins, seen),
            Part::Variables => {
                let of = variables::owner(file.path);
                for value in tree::documents(text, 1, seen) {
                    logins.table("vars", of, &value, seen, |found| found);
                }
            }
            Part::Play => {
                if let Some(value) = tree::yaml(file, seen) {
                    play::read(&value, &mut logins, seen);
                }
            }
        }
        logins.tell(seen);
        settings::locate(seen, file.bytes);
    }
}

/// What a file of this name is for; `None` where its name does not say.
fn part_of(path: &str, name: &str) -> Option<Part> {
    let stem = name.split('.').next().unwrap_or_default();
    let tree = is_tree(name);
    let below = |dir: &str| path.contains(dir);
    if name == "ansible.cfg" || name == ".ansible.cfg" {
        Some(Part::Config)
    } else if OPENERS.contains(&name) {
        Some(Part::Opener)
    } else if (below("/group_vars/") || below("/host_vars/")) && (tree || !name.contains('.'))
        || below("/roles/") && (below("/vars/") || below("/defaults/")) && tree
    {
        Some(Part::Variables)
    } else if below("/roles/") && (below("/tasks/") || below("/handlers/")) && tree
        || below("/playbooks/") && tree
        || matches!(stem, "site" | "playbook")
            && (name.ends_with(".yml") || name.ends_with(".yaml"))
    {
        Some(Part::Play)
    } else if (tree || name.ends_with(".ini")) && matches!(stem, "inventory")
        || name == "inventory"
        || name == "hosts.ini"
        || (below("/inventory/") || below("/inventories/") || below("ansible"))
            && matches!(name, "hosts" | "hosts.yml" | "hosts.yaml")
    {
        Some(Part::Inventory)
    } else {
        None
    }
}

fn is_tree(name: &str) -> bool {
    [".yml", ".yaml", ".json"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// A file that Ansible Vault sealed as a whole: `1.2;AES256;prod`.
fn sealed(rest: &str, file: &FileAt<'_>, seen: &mut Seen) {
    let head = rest.lines().next().unwrap_or_default();
    let id = head.split(';').nth(2).map(str::trim);
    seen.set_aside("sealed by Ansible Vault");
    seen.thing(
        Thing::new(Kind::Resource, "vault", "ansible_vault")
            .is(Attribute::NAME, file.name())
            .is(Attribute::PROVIDER, "ansible")
            .is(Attribute::ENCRYPTED, true)
            .maybe(Attribute::named("vault_id"), id),
    );
}

/// `ansible.cfg`: tokens for servers of collections, and where the password of a vault lies.
fn config(text: &str, seen: &mut Seen) {
    for section in ini(text) {
        for name in ["token", "password"] {
            if let Some((value, line)) = section.get(name)
                && !is_placeholder(value)
            {
                let kind = match name {
                    "token" => CredentialType::ApiToken,
                    _ => CredentialType::Password,
                };
                let field = format!("{}.{name}", section.name);
                let get = |name: &str| section.get(name).map(|(value, _)| value);
                seen.found(
                    Found::secret(kind, field, secret(unquoted(value)))
                        .is(Attribute::PROVIDER, "ansible")
                        .maybe(Attribute::USER, get("username"))
                        .maybe(Attribute::ENDPOINT, get("url"))
                        .line(line),
                );
            }
        }
        for (name, kind) in [
            ("vault_password_file", CredentialType::Password),
            ("private_key_file", CredentialType::PrivateKey),
        ] {
            if let Some((path, line)) = section.get(name)
                && !is_placeholder(path)
            {
                let found =
                    Found::referenced(name, unquoted(path), "a file").is(Attribute::TYPE, kind);
                seen.found(found.line(line));
            }
        }
    }
}

/// A file that holds the password of a vault; a program that prints it holds none.
fn opener(text: &str, seen: &mut Seen) {
    let word = text.trim();
    if word.starts_with("#!") {
        return seen.set_aside("program that asks for a password");
    }
    if word.is_empty() || word.lines().count() > 1 {
        return seen.broken("expected one line with a password, got something else");
    }
    seen.found(
        Found::secret(CredentialType::Password, "password", secret(word))
            .is(Attribute::PROVIDER, "ansible")
            .is(Attribute::PURPOSE, "opens what Ansible Vault sealed")
            .line(1),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_a_file_is_for() {
        for (path, part) in [
            ("/a/group_vars/prod/vault.yml", Some(Part::Variables)),
            ("/a/host_vars/db1", Some(Part::Variables)),
            ("/a/group_vars/README.md", None),
            ("/a/roles/web/tasks/main.yml", Some(Part::Play)),
            ("/a/roles/web/defaults/main.yml", Some(Part::Variables)),
            ("/a/inventories/prod/hosts", Some(Part::Inventory)),
            ("/etc/ansible/hosts", Some(Part::Inventory)),
            ("/etc/hosts", None),
            ("/a/site.yml", Some(Part::Play)),
            ("/a/inventory.ini", Some(Part::Inventory)),
            ("/a/.vault_pass", Some(Part::Opener)),
        ] {
            let name = path.rsplit('/').next().unwrap();
            assert_eq!(part_of(path, name), part, "{path}");
        }
    }

    #[test]
    fn a_playbook_is_told_by_what_it_holds_and_an_ingress_is_none() {
        for (text, is) in [
            ("- hosts: all\n  tasks: []\n", true),
            ("---\n- name: x\n  hosts: web\n", true),
            ("apiVersion: v1\nspec:\n- x\n  hosts: y\n", false),
            ("hosts:\n  - a\n", false),
            ("$ANSIBLE_VAULT;1.1;AES256\n61\n", true),
        ] {
            assert_eq!(Ansible.contained_in(text.as_bytes()), is, "{text}");
        }
    }
}
