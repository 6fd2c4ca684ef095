//! What of a cluster is read: each kind of object, where it is listed, and what lets one list it.

use serde_json::Value;

use crate::formats::kubernetes::object::Object;

/// One kind of object.
#[derive(Debug)]
pub(super) struct Part {
    /// As the interface calls its list, and a role the resource: `serviceaccounts`.
    pub(super) plural: &'static str,
    /// As an object calls itself.
    pub(super) kind: &'static str,
    /// Its group; empty for the core.
    pub(super) group: &'static str,
    /// The versions of the group that are understood, the best first.
    pub(super) versions: &'static [&'static str],
    /// Whether a cluster may be without it: an extension that is not installed.
    pub(super) extension: bool,
}

const fn core(plural: &'static str, kind: &'static str) -> Part {
    of("", &["v1"], plural, kind)
}

const fn of(
    group: &'static str,
    versions: &'static [&'static str],
    plural: &'static str,
    kind: &'static str,
) -> Part {
    Part {
        plural,
        kind,
        group,
        versions,
        extension: false,
    }
}

const fn extension(
    group: &'static str,
    versions: &'static [&'static str],
    plural: &'static str,
    kind: &'static str,
) -> Part {
    Part {
        plural,
        kind,
        group,
        versions,
        extension: true,
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const EXTERNAL: &[&str] = &["v1", "v1beta1"];
const EXTERNAL_SECRETS: &str = "external-secrets.io";

/// Every part that is listed, in the order in which they are asked for.
pub(super) static PARTS: &[Part] = &[
    core("namespaces", "Namespace"),
    core("serviceaccounts", "ServiceAccount"),
    core("secrets", "Secret"),
    of(RBAC, &["v1"], "clusterroles", "ClusterRole"),
    of(RBAC, &["v1"], "roles", "Role"),
    of(RBAC, &["v1"], "clusterrolebindings", "ClusterRoleBinding"),
    of(RBAC, &["v1"], "rolebindings", "RoleBinding"),
    of("apps", &["v1"], "deployments", "Deployment"),
    of("apps", &["v1"], "statefulsets", "StatefulSet"),
    of("apps", &["v1"], "daemonsets", "DaemonSet"),
    of("apps", &["v1"], "replicasets", "ReplicaSet"),
    of("batch", &["v1"], "cronjobs", "CronJob"),
    of("batch", &["v1"], "jobs", "Job"),
    core("replicationcontrollers", "ReplicationController"),
    core("pods", "Pod"),
    of(
        "certificates.k8s.io",
        &["v1"],
        "certificatesigningrequests",
        "CertificateSigningRequest",
    ),
    of(
        ADMISSION,
        &["v1"],
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
    ),
    of(
        ADMISSION,
        &["v1"],
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
    ),
    of(
        "apiregistration.k8s.io",
        &["v1"],
        "apiservices",
        "APIService",
    ),
    extension("cert-manager.io", &["v1"], "certificates", "Certificate"),
    extension("cert-manager.io", &["v1"], "issuers", "Issuer"),
    extension(
        "cert-manager.io",
        &["v1"],
        "clusterissuers",
        "ClusterIssuer",
    ),
    extension(
        EXTERNAL_SECRETS,
        EXTERNAL,
        "externalsecrets",
        "ExternalSecret",
    ),
    extension(
        EXTERNAL_SECRETS,
        EXTERNAL,
        "clusterexternalsecrets",
        "ClusterExternalSecret",
    ),
    extension(EXTERNAL_SECRETS, EXTERNAL, "secretstores", "SecretStore"),
    extension(
        EXTERNAL_SECRETS,
        EXTERNAL,
        "clustersecretstores",
        "ClusterSecretStore",
    ),
];

/// Maps that are read by name, since their lists would hold everybody's settings.
pub(super) static MAPS: &[&str] = &[
    "aws-auth",
    "kube-apiserver-legacy-service-account-token-tracking",
];
/// The namespace of the cluster's own.
pub(super) const SYSTEM: &str = "kube-system";
/// Maps, of which those two are read.
pub(super) static CONFIG_MAPS: Part = core("configmaps", "ConfigMap");
/// Workloads of kinds that somebody added to the cluster.
static ADDED: Part = extension("", &[], "workloads", "");

/// Parts whose objects run something.
pub(super) const RUNNING: &[&str] = &[
    "deployments",
    "statefulsets",
    "daemonsets",
    "replicasets",
    "cronjobs",
    "jobs",
    "replicationcontrollers",
    "pods",
    "workloads",
];

/// Which part an object belongs to; none is read of any other.
pub(super) fn part_of(object: &Object<'_>) -> Option<&'static Part> {
    let version = object.value.get("apiVersion").and_then(Value::as_str)?;
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let mut all = PARTS.iter().chain([&CONFIG_MAPS]);
    let known = all.find(|one| one.kind == object.kind && one.group == group);
    let runs = || crate::formats::kubernetes::workload::pod_of(object).is_some();
    known.or_else(|| runs().then_some(&ADDED))
}

impl Part {
    /// Whether its objects lie in no namespace.
    pub(super) fn is_of_cluster(&self) -> bool {
        const OTHERS: &[&str] = &[
            "namespaces",
            "certificatesigningrequests",
            "mutatingwebhookconfigurations",
            "validatingwebhookconfigurations",
            "apiservices",
        ];
        self.plural.starts_with("cluster") || OTHERS.contains(&self.plural)
    }

    /// What a gap says is missing: `list pods`, `list roles.rbac.authorization.k8s.io`.
    pub(super) fn needs(&self) -> String {
        match self.group {
            "" => format!("list {}", self.plural),
            group => format!("list {}.{group}", self.plural),
        }
    }
}

/// A ClusterRole that allows what a pass asks for and nothing else, as YAML to be applied. Kinds of
/// extensions that are not installed do no harm in it.
pub fn cluster_role() -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for part in PARTS.iter().filter(|part| part.plural != "secrets") {
        match groups.iter_mut().find(|(group, _)| *group == part.group) {
            Some((_, plurals)) => plurals.push(part.plural),
            None => groups.push((part.group, vec![part.plural])),
        }
    }
    let mut text = ROLE.to_owned();
    for (group, plurals) in groups {
        text.push_str(&format!(
            "  - apiGroups: [\"{group}\"]\n    resources: [{}]\n    verbs: [list]\n",
            plurals.join(", ")
        ));
    }
    text.push_str(&format!(
        "  - apiGroups: [\"\"]\n    resources: [namespaces]\n    resourceNames: [{SYSTEM}]\n    verbs: [get]\n"
    ));
    text.push_str(&format!(
        "  - apiGroups: [\"\"]\n    resources: [configmaps]\n    resourceNames: [{}]\n    verbs: [get]\n",
        MAPS.join(", ")
    ));
    text + REST
}

const ROLE: &str = "\
# What Keyroll reads a cluster with: kubectl apply -f FILE, then
#   kubectl create token keyroll -n keyroll
# gives a token for a kubeconfig, or run Keyroll in a pod that uses this account.
apiVersion: v1
kind: Namespace
metadata:
  name: keyroll
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: keyroll
  namespace: keyroll
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: keyroll-reads
rules:
";

const REST: &str = "\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: keyroll-reads
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: keyroll-reads
subjects:
  - kind: ServiceAccount
    name: keyroll
    namespace: keyroll
---
# Names and types of secrets, never what they hold: Keyroll asks for metadata alone. Kubernetes
# has no right that ends there: whoever has this one could read them. Leave the two objects out,
# and secrets are a gap; their users and their service accounts are still told.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: keyroll-lists-secrets
rules:
  - apiGroups: [\"\"]
    resources: [secrets]
    verbs: [list]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: keyroll-lists-secrets
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: keyroll-lists-secrets
subjects:
  - kind: ServiceAccount
    name: keyroll
    namespace: keyroll
";

/// The same in a word each, for whoever tells what a source wants.
pub(super) const NEEDS: &[&str] = &[
    "get namespaces (kube-system)",
    "list namespaces",
    "list serviceaccounts",
    "list secrets (asked for metadata alone)",
    "list clusterroles, roles, clusterrolebindings, rolebindings",
    "list deployments, statefulsets, daemonsets, replicasets, cronjobs, jobs, replicationcontrollers, pods",
    "list certificatesigningrequests",
    "list mutatingwebhookconfigurations, validatingwebhookconfigurations, apiservices",
    "list certificates, issuers, clusterissuers of cert-manager",
    "list externalsecrets, clusterexternalsecrets, secretstores, clustersecretstores of external-secrets",
    "get configmaps (kube-system: aws-auth, kube-apiserver-legacy-service-account-token-tracking)",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_allows_what_is_asked_for_and_changes_nothing() {
        let role = cluster_role();
        for part in PARTS {
            assert!(role.contains(part.plural), "{}", part.plural);
            let told = NEEDS.iter().any(|need| need.contains(part.plural));
            assert!(told, "{}", part.plural);
        }
        for verb in [
            "create", "update", "patch", "delete", "watch", "\"*\"", "bind", "escalate",
        ] {
            assert!(!role.contains(&format!("verbs: [{verb}")), "{verb}");
        }
        assert_eq!(role.matches("resources: [secrets]").count(), 1);
    }
}
