//! Service accounts, roles and bindings.

use model::{Attribute, Class, Kind, Relation};
use serde_json::Value;

use super::object::{Manifest, Object};
use crate::formats::{Seen, Thing, tree};

/// Rules and subjects beyond these are not told.
const RULES_MAX: usize = 200;
/// Annotations by which a service account speaks as an identity of a cloud.
const FEDERATED: &[&str] = &[
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/client-id",
];

/// Tells of a service account.
pub(super) fn service_account(object: &Object<'_>, seen: &mut Seen) {
    seen.thing(account(object));
}

/// What a service account says of itself.
pub(crate) fn account(object: &Object<'_>) -> Thing {
    let automount = object
        .value
        .get("automountServiceAccountToken")
        .and_then(Value::as_bool);
    let mut thing = object
        .thing(Kind::Identity)
        .is(Attribute::CLASS, Class::Workload)
        .maybe(
            Attribute::named("automount_service_account_token"),
            automount,
        );
    if let Some(cloud) = federated(|name| object.annotation(name)) {
        thing = thing
            .is(Attribute::named("federation"), cloud)
            .with(|told| told.hint("cloud_identity", cloud));
    }
    for (name, part) in [
        ("secrets", "secrets"),
        ("image_pull_secrets", "imagePullSecrets"),
    ] {
        let names: Vec<String> = list(object.value, part)
            .filter_map(|one| tree::text(one, &["name"]).map(str::to_owned))
            .collect();
        if !names.is_empty() {
            thing = thing.is(Attribute::named(name), names);
        }
    }
    let login = format!("{}/{}", object.namespace, object.name);
    thing.with(|told| told.hint("kubernetes_service_account", model::shorten(&login, 300)))
}

/// The cloud identity that a service account speaks as, by its annotations.
pub(crate) fn federated<'a>(annotation: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    let cloud = FEDERATED.iter().find_map(|name| annotation(name));
    cloud.filter(|cloud| cloud.len() <= 400)
}

/// Tells of a role: rights that somebody may be given.
pub(super) fn role(object: &Object<'_>, seen: &mut Seen) {
    seen.thing(role_told(object));
}

/// What a role says of itself.
pub(crate) fn role_told(object: &Object<'_>) -> Thing {
    let thing = object
        .thing(Kind::Resource)
        .is(Attribute::RIGHTS, rights(object.value));
    let words = sensitive_rights(object.value);
    if words.is_empty() {
        thing
    } else {
        thing.is(Attribute::named("sensitive_rights"), words)
    }
}

/// Tells of a binding: a grant.
pub(super) fn binding(object: &Object<'_>, manifest: &Manifest<'_>, seen: &mut Seen) {
    let text = |name: &str| tree::text(object.value, &["roleRef", name]).unwrap_or_default();
    let (kind, name) = (text("kind"), text("name"));
    let mut thing = object
        .thing(Kind::Grant)
        .is(Attribute::named("role"), format!("{kind}/{name}"));
    let mut subjects = Vec::new();
    for subject in list(object.value, "subjects") {
        let text = |name: &str| tree::text(subject, &[name]).unwrap_or_default();
        let namespace = if text("namespace").is_empty() {
            object.namespace
        } else {
            text("namespace")
        };
        match text("kind") {
            "ServiceAccount" => {
                subjects.push(format!("ServiceAccount {namespace}/{}", text("name")));
                if let Some(account) = manifest.account(namespace, text("name")) {
                    thing = thing.link(Relation::Of, Kind::Identity, &account);
                }
            }
            other => subjects.push(format!("{other} {}", text("name"))),
        }
    }
    thing = thing.is(Attribute::named("subjects"), subjects);
    if kind == "ClusterRole" && name == "cluster-admin" {
        thing = thing.is(Attribute::PRIVILEGE, "admin");
    }
    if let Some((field, rights)) = manifest.role(kind, object.namespace, name) {
        thing = thing
            .link(Relation::On, Kind::Resource, field)
            .is(Attribute::RIGHTS, rights.to_vec());
    }
    seen.thing(thing);
}

/// `get,list secrets`, `* apps/*`, `get /metrics`, as a role writes them.
pub(crate) fn rights(role: &Value) -> Vec<String> {
    list(role, "rules")
        .flat_map(|rule| {
            let verbs = texts(rule, "verbs").join(",");
            let groups = texts(rule, "apiGroups");
            let group = match groups.as_slice() {
                [] | [""] => String::new(),
                some => format!("{}/", some.join(",")),
            };
            let only = texts(rule, "resourceNames").join(",");
            let only = if only.is_empty() {
                only
            } else {
                format!(" named {only}")
            };
            let resources = texts(rule, "resources").join(",");
            let mut out = Vec::new();
            if !resources.is_empty() {
                out.push(format!("{verbs} {group}{resources}{only}"));
            }
            let urls = texts(rule, "nonResourceURLs");
            out.extend(urls.iter().map(|url| format!("{verbs} {url}")));
            out
        })
        .collect()
}

/// Rights that lead to secrets, identities or more rights: word, group, resource, verbs of which
/// one is enough.
const RIGHTS: &[(&str, &str, &str, &[&str])] = &[
    ("read_secrets", "", "secrets", &["get", "list", "watch"]),
    ("exec", "", "pods/exec", &["create", "get"]),
    ("exec", "", "pods/attach", &["create", "get"]),
    ("exec", "", "pods/portforward", &["create", "get"]),
    ("exec", "", "pods/ephemeralcontainers", &["update", "patch"]),
    ("create_workloads", "", "pods", WRITE),
    ("create_workloads", "", "replicationcontrollers", WRITE),
    ("create_workloads", "apps", "deployments", WRITE),
    ("create_workloads", "apps", "statefulsets", WRITE),
    ("create_workloads", "apps", "daemonsets", WRITE),
    ("create_workloads", "apps", "replicasets", WRITE),
    ("create_workloads", "batch", "jobs", WRITE),
    ("create_workloads", "batch", "cronjobs", WRITE),
    ("create_volumes", "", "persistentvolumes", WRITE),
    ("nodes_proxy", "", "nodes/proxy", &["create", "get"]),
    ("create_tokens", "", "serviceaccounts/token", &["create"]),
    (
        "approve_certificates",
        "certificates.k8s.io",
        "certificatesigningrequests/approval",
        &["update", "patch"],
    ),
    (
        "escalate",
        "rbac.authorization.k8s.io",
        "clusterroles",
        &["escalate", "bind"],
    ),
    (
        "escalate",
        "rbac.authorization.k8s.io",
        "roles",
        &["escalate", "bind"],
    ),
    (
        "escalate",
        "rbac.authorization.k8s.io",
        "clusterrolebindings",
        WRITE,
    ),
    ("impersonate", "", "users", &["impersonate"]),
    ("impersonate", "", "groups", &["impersonate"]),
    ("impersonate", "", "serviceaccounts", &["impersonate"]),
    (
        "change_webhooks",
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        WRITE,
    ),
    (
        "change_webhooks",
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
        WRITE,
    ),
];

const WRITE: &[&str] = &["create", "update", "patch"];

/// The rights of a role by which an identity gets secrets, identities or more rights.
pub(crate) fn sensitive_rights(role: &Value) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut add = |word: &str| {
        if !out.iter().any(|one| one == word) {
            out.push(word.to_owned());
        }
    };
    for rule in list(role, "rules") {
        let has = |name: &str, wanted: &str| {
            // Of any resource the part behind the slash: the only pattern there is beside all.
            let any = wanted.split_once('/').map(|(_, part)| format!("*/{part}"));
            texts(rule, name)
                .iter()
                .any(|one| *one == "*" || *one == wanted || any.as_deref() == Some(*one))
        };
        if ["verbs", "apiGroups", "resources"]
            .iter()
            .all(|name| texts(rule, name).contains(&"*"))
        {
            add("everything");
        }
        // To read one secret by its name is what each of its consumers needs.
        let named = !texts(rule, "resourceNames").is_empty();
        for (word, group, resource, verbs) in RIGHTS {
            if named && *word == "read_secrets" {
                continue;
            }
            if has("apiGroups", group)
                && has("resources", resource)
                && verbs.iter().any(|verb| has("verbs", verb))
            {
                add(word);
            }
        }
    }
    out
}

fn texts<'a>(rule: &'a Value, name: &str) -> Vec<&'a str> {
    list(rule, name).filter_map(Value::as_str).collect()
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .take(RULES_MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rights_that_lead_to_more_are_named() {
        let role = |groups: &[&str], resources: &[&str], verbs: &[&str]| {
            sensitive_rights(
                &json!({"rules": [{"apiGroups": groups, "resources": resources, "verbs": verbs}]}),
            )
        };
        assert_eq!(role(&[""], &["secrets"], &["list"]), ["read_secrets"]);
        assert_eq!(role(&["*"], &["secrets"], &["*"]), ["read_secrets"]);
        assert!(role(&["apps"], &["secrets"], &["get"]).is_empty());
        assert!(role(&[""], &["secrets"], &["create"]).is_empty());
        assert_eq!(role(&[""], &["pods/exec"], &["create"]), ["exec"]);
        assert_eq!(role(&[""], &["*/exec"], &["create"]), ["exec"]);
        assert!(
            role(&[""], &["pods/*"], &["create"]).is_empty(),
            "no such pattern"
        );
        assert!(role(&["*"], &["*"], &["*"]).contains(&"everything".to_owned()));
    }
}
