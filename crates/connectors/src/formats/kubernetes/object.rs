//! One object of a manifest, and who else is in it.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Key, KeyKind, Kind};
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
pub(crate) struct Object<'a> {
    /// `Deployment`.
    pub(crate) kind: &'a str,
    /// Its name, or the beginning of the names it will get.
    pub(crate) name: &'a str,
    /// Its namespace; empty where none is stated.
    pub(crate) namespace: &'a str,
    /// All of it.
    pub(crate) value: &'a Value,
}

impl<'a> Object<'a> {
    /// One that says its kind.
    pub(crate) fn of(value: &'a Value) -> Option<Self> {
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
    pub(crate) fn field(&self) -> String {
        field(self.kind, self.namespace, self.name)
    }

    /// A thing of `kind` with what every object says of itself.
    pub(crate) fn thing(&self, kind: Kind) -> Thing {
        let type_ = type_of(self.kind);
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
        let thing = match self.uid() {
            Some(uid) => match uid_key(uid) {
                Some(key) => thing.with(|told| told.key(key)),
                None => thing.with(|told| told.hint("kubernetes_uid", uid)),
            },
            None => thing,
        };
        if labels.is_empty() {
            thing
        } else {
            thing.is(Attribute::TAGS, labels)
        }
    }

    /// What its server calls it, once it has one.
    pub(crate) fn uid(&self) -> Option<&'a str> {
        tree::text(self.value, &["metadata", "uid"]).filter(|uid| uid.len() <= 64)
    }

    /// An annotation.
    pub(crate) fn annotation(&self, name: &str) -> Option<&'a str> {
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

/// The hard key that an object's uid is. A server makes it up at random (RFC 9562, version 4), so
/// it is one over all clusters, and a token that bears it need not say of which; any other text
/// may have been written by hand, twice.
pub(crate) fn uid_key(uid: &str) -> Option<Key> {
    let dashes = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        14 => byte == b'4',
        19 => matches!(byte, b'8' | b'9' | b'a' | b'b'),
        _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
    };
    let random = uid.len() == 36 && uid.bytes().enumerate().all(dashes);
    random.then(|| Key::new(KeyKind::KubernetesUid, uid))
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

/// What type an object of `kind` is on the roll: `kubernetes_cron_job`.
pub(crate) fn type_of(kind: &str) -> String {
    format!("kubernetes_{}", snake(kind))
}

/// `CronJob` as `cron_job`, `APIService` as `api_service`.
fn snake(kind: &str) -> String {
    let letters: Vec<char> = kind.chars().take(64).collect();
    let mut out = String::new();
    for (n, letter) in letters.iter().enumerate() {
        let of_word = |at: usize| letters.get(at).is_some_and(|one| one.is_lowercase());
        if letter.is_uppercase() && n > 0 && (of_word(n - 1) || of_word(n + 1)) {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}
