//! A cluster as it comes in, object by object, in any order and from anywhere: an interface or
//! files. What it tells is made of the whole, once it is there.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Kind, Observation, Scope, Timestamp};
use serde_json::Value;

use super::parts::{self, Part};
use super::{eks, trust};
use crate::formats::kubernetes::object::{Object, uid_key};
use crate::formats::kubernetes::workload::{Handed, OF_THE_CLUSTER};
use crate::formats::kubernetes::{rbac, workload};
use crate::formats::{Found, Seen, Thing, tree_text};

/// More objects than this of one cluster are not looked at.
const OBJECTS_MAX: usize = 2_000_000;
/// No name or namespace is longer (RFC 1123 subdomains).
const NAME_BYTES_MAX: usize = 253;
/// Labels by which a server tells of a token in a secret.
const LEGACY: &str = "kubernetes.io/legacy-token-";
/// Subjects of one binding beyond these are not told.
pub(super) const SUBJECTS_MAX: usize = 1_000;

/// Where an object is: kind, namespace (empty: none), name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl At {
    pub(super) fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// `shop/app`, `admin`.
    pub(super) fn named(&self) -> String {
        match self.namespace.as_str() {
            "" => self.name.clone(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }

    /// `deployment shop/app`.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.kind.to_lowercase(), self.named())
    }
}

/// A service account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) told: Observation,
    pub(super) automount: Option<bool>,
    /// Names of the secrets that its pods fetch images with.
    pub(super) pulls: Vec<String>,
    /// The identity of a cloud that it speaks as.
    pub(super) cloud: Option<String>,
}

/// A secret: never what it holds.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) told: Observation,
    /// Empty where nobody tells.
    pub(super) type_: String,
    /// Name and uid of the account that a token is of.
    pub(super) account: Option<(String, Option<String>)>,
    pub(super) labels: BTreeMap<String, String>,
    /// Certificates that are public, where they were given.
    pub(super) certificate: Option<String>,
}

/// A role.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) told: Observation,
    pub(super) rights: Vec<String>,
    pub(super) powers: Vec<String>,
}

/// A binding.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) told: Observation,
    pub(super) role: At,
    /// Kind, namespace, name of each subject.
    pub(super) subjects: Vec<At>,
    /// Made by the server itself at its start.
    pub(super) bootstrap: bool,
}

/// What runs: a workload, a pod without one, or what pods tell of a workload.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) told: Observation,
    pub(super) account: String,
    pub(super) automount: Option<bool>,
    pub(super) handed: Handed,
    pub(super) found: Vec<Found>,
    /// A pod has the account's token mounted: no template need say so.
    pub(super) mounted: bool,
}

/// A cluster as far as it has come in.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    /// The uid of the namespace `kube-system`, which stands for the cluster.
    pub(crate) uid: Option<String>,
    /// The parts of which something came.
    pub(crate) met: BTreeSet<&'static str>,
    /// The parts that could not be read whole.
    pub(super) unread: BTreeSet<&'static str>,
    pub(super) namespaces: BTreeSet<String>,
    pub(super) accounts: BTreeMap<At, Account>,
    pub(super) secrets: BTreeMap<At, Stored>,
    pub(super) roles: BTreeMap<At, Role>,
    pub(super) bindings: BTreeMap<At, Binding>,
    pub(super) runs: BTreeMap<At, Run>,
    /// What pods tell of whoever owns them.
    pub(super) pods: BTreeMap<At, Run>,
    /// Whom what belongs to another belongs to: a replica set to its deployment.
    pub(super) owners: BTreeMap<At, (At, String)>,
    /// Everything else, as it is told.
    pub(super) others: Vec<Observation>,
    pub(super) entries: Vec<eks::Entry>,
    /// Since when the server watches the use of tokens in secrets.
    pub(super) watched_since: Option<Timestamp>,
    /// Recognised and set aside, by kind.
    pub(super) aside: Vec<&'static str>,
    /// Objects that are none, or are called what no object can be.
    pub(super) odd: usize,
    pub(super) beyond: usize,
    objects: usize,
}

impl Cluster {
    /// Takes one object as it is.
    pub(super) fn take(&mut self, value: &Value) {
        let Some(object) = Object::of(value) else {
            return self.strange(value);
        };
        let Some(part) = parts::part_of(&object) else {
            return;
        };
        self.met.insert(part.plural);
        let fits = |text: &str| text.len() <= NAME_BYTES_MAX;
        if object.name.is_empty() || !fits(object.name) || !fits(object.namespace) {
            self.odd += 1;
            return;
        }
        self.objects += 1;
        if self.objects > OBJECTS_MAX {
            self.beyond += 1;
            return;
        }
        let namespace = match (part.is_of_cluster(), object.namespace) {
            (true, _) => "",
            // Where a file names none, it is applied there.
            (false, "") => "default",
            (false, stated) => stated,
        };
        self.sort(
            &Object {
                namespace,
                ..object
            },
            part,
        );
    }

    /// What is no object of a cluster may be an answer of EKS about one.
    fn strange(&mut self, value: &Value) {
        match eks::access_entry(value) {
            Some(entry) => self.entries.push(entry),
            None if eks::is_answer(value) => {}
            None => self.odd += 1,
        }
    }

    fn sort(&mut self, object: &Object<'_>, part: &'static Part) {
        let at = At::new(object.kind, object.namespace, object.name);
        match object.kind {
            "Namespace" => {
                if object.name == parts::SYSTEM {
                    self.uid = object.uid().map(str::to_owned).or(self.uid.take());
                }
                self.namespaces.insert(at.name);
            }
            "ServiceAccount" => {
                self.accounts.insert(at, account(object, part));
            }
            "Secret" => self.secret(at, object, part),
            "Role" | "ClusterRole" => {
                self.roles.insert(at, role(object, part));
            }
            "RoleBinding" | "ClusterRoleBinding" => {
                self.bindings.insert(at, binding(object, part));
            }
            "ConfigMap" => self.map(object),
            _ if parts::RUNNING.contains(&part.plural) => self.run(at, object, part),
            _ => trust::take(object, part, self),
        }
    }

    fn secret(&mut self, at: At, object: &Object<'_>, part: &'static Part) {
        let type_ = tree_text(object.value, &["type"]).unwrap_or_default();
        if type_ == "helm.sh/release.v1" {
            return self.aside.push("chart release");
        }
        let account = object.annotation("kubernetes.io/service-account.name");
        let uid = object.annotation("kubernetes.io/service-account.uid");
        let labels = object.value.pointer("/metadata/labels");
        let labels = labels.and_then(Value::as_object).into_iter().flatten();
        let labels: BTreeMap<_, _> = labels
            .filter(|(name, _)| name.starts_with(LEGACY))
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        let certificate = object.value.pointer("/data/tls.crt");
        let certificate = certificate.filter(|_| type_ == "kubernetes.io/tls");
        let mut told = placed(object.thing(Kind::Resource), object, part);
        // The server writes the day of a token's last use there: a fact of the token.
        if !labels.is_empty() {
            told.facts.remove(&Attribute::TAGS);
        }
        let stored = Stored {
            told,
            type_: type_.to_owned(),
            account: account.map(|name| (name.to_owned(), uid.map(str::to_owned))),
            labels,
            certificate: certificate.and_then(|text| text.as_str().map(str::to_owned)),
        };
        self.secrets.insert(at, stored);
    }

    /// Of the maps of a cluster two say something of identities.
    fn map(&mut self, object: &Object<'_>) {
        if object.namespace != parts::SYSTEM {
            return;
        }
        if object.name == parts::MAPS[0] {
            match eks::mapped(object.value) {
                Some(entries) => self.entries.extend(entries),
                None => self.odd += 1,
            }
        } else if object.name == parts::MAPS[1] {
            let since = tree_text(object.value, &["data", "since"]);
            self.watched_since = since.and_then(day);
        }
    }

    fn run(&mut self, at: At, object: &Object<'_>, part: &'static Part) {
        let owner = owner(object);
        let pod = object.kind == "Pod";
        if let (Some((owner, uid)), false) = (&owner, pod) {
            self.owners.insert(at, (owner.clone(), uid.clone()));
            return;
        }
        let mut seen = Seen::default();
        let Some(told) = workload::told(object, &mut seen) else {
            return;
        };
        let to_cluster = |token: &String| token.starts_with(OF_THE_CLUSTER);
        let run = Run {
            mounted: pod && told.handed.tokens.iter().any(to_cluster),
            told: placed(told.thing, object, part),
            account: told.account,
            automount: told.automount,
            handed: told.handed,
            found: seen.found,
        };
        match owner {
            None => drop(self.runs.insert(at, run)),
            Some((owner, uid)) => self.pod_of(owner, &uid, object, run),
        }
    }

    /// Whether all of `part` came.
    pub(super) fn knows(&self, part: &str) -> bool {
        self.met.contains(part) && !self.unread.contains(part)
    }

    /// Whether it is known who is bound to what, so that who is bound to nothing is known as well.
    pub(super) fn knows_bindings(&self) -> bool {
        self.knows("clusterrolebindings") && self.knows("rolebindings")
    }

    /// Whether it is known what runs. What is scaled to nothing or waits for its hour has no pod.
    pub(super) fn knows_runs(&self) -> bool {
        const SCALED: &[&str] = &["deployments", "statefulsets", "daemonsets", "cronjobs"];
        self.knows("pods")
            && SCALED.iter().any(|part| self.met.contains(part))
            && !parts::RUNNING.iter().any(|part| self.unread.contains(part))
    }

    /// Whether it is known that there is no such account: others of its namespace came, or the
    /// namespace itself is none. Each namespace has an account.
    pub(super) fn lacks(&self, account: &At) -> bool {
        let first = At::new("ServiceAccount", &account.namespace, "");
        let mut others = self.accounts.range(first..);
        let beside = others
            .next()
            .is_some_and(|(at, _)| at.namespace == account.namespace);
        let no_namespace =
            self.knows("namespaces") && !self.namespaces.contains(&account.namespace);
        !self.accounts.contains_key(account)
            && !self.unread.contains("serviceaccounts")
            && (beside || no_namespace)
    }

    /// Pods come and go; what they tell is told of whoever owns them, once.
    fn pod_of(&mut self, owner: At, uid: &str, object: &Object<'_>, mut run: Run) {
        if owner.kind == "ReplicaSet" && !self.owners.contains_key(&owner) {
            // Where no replica set is known, the label that it puts on its pods tells whose it is.
            let hash = tree_text(object.value, &["metadata", "labels", "pod-template-hash"]);
            let name = hash.and_then(|hash| owner.name.strip_suffix(hash)?.strip_suffix('-'));
            if let Some(name) = name {
                let deployment = At::new("Deployment", &owner.namespace, name);
                let of = (deployment, String::new());
                self.owners.entry(owner.clone()).or_insert(of);
            }
        }
        match self.pods.get_mut(&owner) {
            Some(known) => known.mounted |= run.mounted,
            None => {
                run.told.native = native(&owner.kind, uid, &owner);
                run.told.keys = uid_key(uid).into_iter().collect();
                run.told.hints.remove("kubernetes_uid");
                self.pods.insert(owner, run);
            }
        }
    }
}

/// Who controls an object, and that one's uid. A node controls what it starts by itself: that
/// stands alone.
fn owner(object: &Object<'_>) -> Option<(At, String)> {
    let owners = object
        .value
        .pointer("/metadata/ownerReferences")?
        .as_array()?;
    let one = owners
        .iter()
        .find(|one| one.get("controller").and_then(Value::as_bool) == Some(true))?;
    let text = |name: &str| one.get(name).and_then(Value::as_str);
    let (kind, name) = (text("kind")?, text("name")?);
    if kind == "Node" || kind.len() > NAME_BYTES_MAX || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let uid = text("uid")
        .filter(|uid| uid.len() <= 64)
        .unwrap_or_default();
    Some((At::new(kind, object.namespace, name), uid.to_owned()))
}

fn account(object: &Object<'_>, part: &'static Part) -> Account {
    let names = |list: &str| {
        let list = object.value.get(list).and_then(Value::as_array);
        let names = list.into_iter().flatten().take(SUBJECTS_MAX);
        let names = names.filter_map(|one| one.get("name")?.as_str());
        names.map(str::to_owned).collect()
    };
    Account {
        told: placed(rbac::account(object), object, part),
        automount: object
            .value
            .get("automountServiceAccountToken")
            .and_then(Value::as_bool),
        pulls: names("imagePullSecrets"),
        cloud: cloud(object),
    }
}

/// A role of AWS, an account of Google, or a directory of Microsoft and an application in it.
fn cloud(object: &Object<'_>) -> Option<String> {
    let cloud = rbac::federated(|name| object.annotation(name))?;
    let azure = object.annotation("azure.workload.identity/client-id") == Some(cloud);
    let tenant = object.annotation("azure.workload.identity/tenant-id");
    Some(match tenant.filter(|one| azure && one.len() <= 64) {
        // Ids of Microsoft are the same in any case.
        Some(tenant) => format!("{tenant}/{cloud}").to_ascii_lowercase(),
        None => cloud.to_owned(),
    })
}

fn role(object: &Object<'_>, part: &'static Part) -> Role {
    let rights = rbac::rights(object.value).into_iter();
    Role {
        told: placed(rbac::role_told(object), object, part),
        rights: rights.map(|one| model::shorten(&one, 400)).collect(),
        powers: rbac::sensitive_rights(object.value),
    }
}

fn binding(object: &Object<'_>, part: &'static Part) -> Binding {
    let of = |name: &str| tree_text(object.value, &["roleRef", name]).unwrap_or_default();
    let namespace = match of("kind") {
        "Role" => object.namespace,
        _ => "",
    };
    let subjects = object.value.get("subjects").and_then(Value::as_array);
    let subjects = subjects.into_iter().flatten().take(SUBJECTS_MAX);
    let label = ["metadata", "labels", "kubernetes.io/bootstrapping"];
    Binding {
        told: placed(object.thing(Kind::Grant), object, part),
        role: At::new(of("kind"), namespace, of("name")),
        subjects: subjects
            .filter_map(|one| subject(one, object.namespace))
            .collect(),
        bootstrap: tree_text(object.value, &label) == Some("rbac-defaults"),
    }
}

/// Who is bound. A user that is called as a service account is one.
fn subject(value: &Value, namespace: &str) -> Option<At> {
    const PREFIX: &str = "system:serviceaccount:";
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::trim);
    let (kind, name) = (text("kind")?, text("name")?);
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    if let ("User", Some((of, name))) = (
        kind,
        name.strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once(':')),
    ) {
        return Some(At::new("ServiceAccount", of, name));
    }
    Some(match kind {
        "ServiceAccount" => {
            let of = text("namespace").filter(|of| !of.is_empty());
            At::new(kind, of.unwrap_or(namespace), name)
        }
        "User" | "Group" => At::new(kind, "", name),
        _ => return None,
    })
}

/// What an object is called for ever: by its uid, or by its name where no server gave it one.
pub(super) fn native(kind: &str, uid: &str, at: &At) -> String {
    let kind = kind.to_lowercase();
    match uid {
        "" => format!("{kind}/{}", at.named()),
        uid => format!("{kind}/{uid}"),
    }
}

/// `thing` with its native id, its part and the day it was made.
pub(super) fn placed(thing: Thing, object: &Object<'_>, part: &Part) -> Observation {
    let at = At::new(object.kind, object.namespace, object.name);
    let mut told = thing.told;
    told.native = native(object.kind, object.uid().unwrap_or_default(), &at);
    told.scope = scope(part.plural, object.namespace);
    let made = tree_text(object.value, &["metadata", "creationTimestamp"]);
    match made.and_then(|made| made.parse::<Timestamp>().ok()) {
        Some(made) => told.is(Attribute::CREATED_AT, made),
        None => told,
    }
}

/// The part of a cluster that is `plural` in `namespace`.
pub(super) fn scope(plural: &str, namespace: &str) -> Scope {
    match namespace {
        "" => Scope::of(plural),
        namespace => Scope::of(plural).part(namespace),
    }
}

/// A day, `2026-03-01`, from its beginning.
pub(super) fn day(text: &str) -> Option<Timestamp> {
    format!("{}T00:00:00Z", text.trim()).parse().ok()
}
