//! One object of a manifest, and who else is in it.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Kind};
use serde_json::Value;

use super::workload;
use crate::formats::{Thing, tree};

/// The objects of one file.
#[derive(Debug)]
pub(super) struct Manifest<'a> {
    objects: &'a [Value],
    /// Fields of the service accounts in it.
    accounts: BTreeSet<String>,
    /// Fields of the roles in it, with their rights.
    roles: BTreeMap<String, Vec<String>>,
    /// Field of a secret or map, to the fields of the workloads that it is handed to.
    users: BTreeMap<String, BTreeSet<String>>,
}

/// One object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'a> {
    /// `Deployment`.
    pub(super) kind: &'a str,
    /// Its name, or the beginning of the names it will get.
    pub(super) name: &'a str,
    /// Its namespace; empty where none is stated.
    pub(super) namespace: &'a str,
    /// All of it.
    pub(super) value: &'a Value,
}

impl<'a> Object<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        let text = |name: &str| {
            value
                .get("metadata")
                .and_then(|it| it.get(name))
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let kind = value.get("kind")?.as_str()?;
        value.get("apiVersion")?;
        let name = if text("name").is_empty() {
            text("generateName")
        } else {
            text("name")
        };
        Some(Self {
            kind,
            name,
            namespace: text("namespace"),
            value,
        })
    }

    /// Names it in its file: `deployment shop/app`.
    pub(super) fn field(&self) -> String {
        field(self.kind, self.namespace, self.name)
    }

    /// A thing of `kind` with what every object says of itself.
    pub(super) fn thing(&self, kind: Kind) -> Thing {
        let type_ = format!("kubernetes_{}", snake(self.kind));
        let labels: BTreeMap<String, String> = tree::members(self.value, &["metadata", "labels"])
            .filter_map(|(name, value)| Some((name, value.as_str()?)))
            .filter(|(_, value)| !value.is_empty() && !value.contains("{{"))
            .take(50)
            .map(|(name, value)| (model::shorten(name, 128), model::shorten(value, 256)))
            .collect();
        let of = |names: &[&str]| names.iter().find_map(|name| labels.get(*name)).cloned();
        let environment = of(&["environment", "env", "app.kubernetes.io/environment"]);
        let owner = of(&["owner", "team", "app.kubernetes.io/managed-by-team"]);
        let thing = Thing::new(kind, self.field(), &type_)
            .is(Attribute::NAME, self.name)
            .is(Attribute::PROVIDER, "kubernetes")
            .is(Attribute::named("namespace"), self.namespace)
            .maybe(Attribute::ENVIRONMENT, environment)
            .maybe(Attribute::OWNER_HINT, owner);
        let uid = tree::text(self.value, &["metadata", "uid"]).filter(|uid| uid.len() <= 64);
        // Without the cluster's own id an object's id is no hard key.
        let thing = match uid {
            Some(uid) => thing.with(|told| told.hint("kubernetes_uid", uid)),
            None => thing,
        };
        if labels.is_empty() {
            thing
        } else {
            thing.is(Attribute::TAGS, labels)
        }
    }

    /// An annotation.
    pub(super) fn annotation(&self, name: &str) -> Option<&'a str> {
        tree::text(self.value, &["metadata", "annotations", name])
    }
}

impl<'a> Manifest<'a> {
    /// What is in `objects`.
    pub(super) fn of(objects: &'a [Value]) -> Self {
        let mut out = Self {
            objects,
            accounts: BTreeSet::new(),
            roles: BTreeMap::new(),
            users: BTreeMap::new(),
        };
        for object in objects.iter().filter_map(Object::of) {
            match object.kind {
                "ServiceAccount" => {
                    out.accounts.insert(object.field());
                }
                "Role" | "ClusterRole" => {
                    out.roles
                        .insert(object.field(), super::rbac::rights(object.value));
                }
                _ => {
                    for used in workload::used(&object) {
                        out.users.entry(used).or_default().insert(object.field());
                    }
                }
            }
        }
        out
    }

    /// Every object.
    pub(super) fn objects(&self) -> impl Iterator<Item = Object<'a>> {
        self.objects.iter().filter_map(Object::of)
    }

    /// The field of a service account, if it is in this file. A rendered chart may leave the
    /// namespace to whoever applies it.
    pub(super) fn account(&self, namespace: &str, name: &str) -> Option<String> {
        [namespace, ""]
            .iter()
            .map(|namespace| field("ServiceAccount", namespace, name))
            .find(|field| self.accounts.contains(field))
    }

    /// The field and rights of a role, if it is in this file.
    pub(super) fn role(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Option<(&str, &[String])> {
        [namespace, ""]
            .iter()
            .find_map(|namespace| self.roles.get_key_value(&field(kind, namespace, name)))
            .map(|(field, rights)| (field.as_str(), rights.as_slice()))
    }

    /// The workloads of this file that a secret or map is handed to.
    pub(super) fn users(&self, field: &str) -> impl Iterator<Item = &String> {
        self.users.get(field).into_iter().flatten()
    }
}

/// Names an object in its file.
pub(super) fn field(kind: &str, namespace: &str, name: &str) -> String {
    let kind = kind.to_lowercase();
    if namespace.is_empty() {
        format!("{kind} {name}")
    } else {
        format!("{kind} {namespace}/{name}")
    }
}

/// `CronJob` as `cron_job`.
fn snake(kind: &str) -> String {
    let mut out = String::new();
    for (n, letter) in kind.chars().take(64).enumerate() {
        if letter.is_uppercase() && n > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}
