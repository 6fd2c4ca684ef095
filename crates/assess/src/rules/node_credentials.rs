//! A workload that reads what its node logs in with.
//!
//! A directory of the node that is mounted into a pod brings what lies there: the kubelet's key, the
//! node's own cloud credentials, the socket by which anything can be started. Whoever gets into
//! the pod acts as the node. Mount what is needed and nothing above it.

use model::{Severity, Told};

use super::cluster;
use crate::{Ground, Rule, Ruling, Thing};

/// Where nodes keep what they log in with, or what lets one be the node.
const KEPT: &[&str] = &[
    "/etc/kubernetes",
    "/var/lib/kubelet/pki",
    "/var/lib/kubelet/kubeconfig",
    "/var/lib/kubelet/pods",
    "/etc/rancher/k3s/k3s.yaml",
    "/etc/rancher/node/password",
    "/etc/shadow",
    "/root/.aws",
    "/root/.azure",
    "/root/.kube",
    "/root/.ssh",
    "/root/.config/gcloud",
    "/.aws",
    "/.aws/config",
    "/.aws/credentials",
    "/.azure",
    "/.azure/credentials",
    "/.config/gcloud",
    "/.config/gcloud/application_default_credentials.json",
    "/gcloud",
    "/gcloud/application_default_credentials.json",
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/var/run/containerd/containerd.sock",
    "/var/run/crio/crio.sock",
];

/// Of these whatever lies in them is such.
const WHOLE: &[&str] = &["/etc/kubernetes", "/var/lib/kubelet/pki", "/root/.ssh"];

pub(super) const RULE: Rule = Rule {
    id: "node-credentials",
    title: "a workload can read what its node logs in with",
    owasp: "NHI5",
    severity: Severity::High,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    if !cluster::is_workload(thing) {
        return Vec::new();
    }
    let Some(Told::Is(paths)) = cluster::told(thing.entity, "host_paths") else {
        return match cluster::told(thing.entity, "images") {
            // Whoever tells what it runs tells what it mounts.
            Some(Told::Is(_)) => Ruling::pass(),
            _ => Ruling::unknown("no source tells what it mounts"),
        };
    };
    let paths = paths.list().unwrap_or_default();
    let found = paths.iter().find_map(|path| Some((path, kept(path)?)));
    match found {
        Some((path, kept)) if path.trim_end_matches('/') == kept => Ruling::fail(format!(
            "`{}` of its node is mounted into it",
            model::clean(path)
        )),
        Some((path, kept)) => Ruling::fail(format!(
            "`{}` of its node is mounted into it, and with it `{kept}`",
            model::clean(path)
        )),
        None => Ruling::pass(),
    }
}

/// What lies at `path`, below it or above it.
fn kept(path: &str) -> Option<&'static str> {
    let path = path.trim_end_matches('/');
    let below = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    let at_or_above = KEPT.iter().find(|one| path == **one || below(one, path));
    let within = WHOLE.iter().find(|one| below(path, one));
    at_or_above.or(within).copied()
}
