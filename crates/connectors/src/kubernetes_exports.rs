//! What `kubectl` printed into files: lists and objects as JSON or YAML, and dumps of a cluster.
//!
//! Files are known by what is in them, never by their names, so any layout will do: the option
//! `dirs` names files and directories, one a line; without it the target is the directory.

use model::{Reason, Scope};

use crate::exports::{files, places};
use crate::formats::as_utf8;
use crate::kubernetes::{self, Cluster};
use crate::{Connector, Context, PortKind, Refusal, Spec, Stop, armour};

/// Exports of Kubernetes in files.
pub(crate) struct KubernetesExports;

/// All pods of a cluster in one file, up to here.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What ought to be there, by any of several lists, and how it is had.
const WANTED: &[(&[&str], &str, &str)] = &[
    (&["serviceaccounts"], "service accounts", "serviceaccounts"),
    (&["secrets"], "secrets", "secrets"),
    (&["roles", "clusterroles"], "roles", "roles,clusterroles"),
    (
        &["rolebindings", "clusterrolebindings"],
        "bindings",
        "rolebindings,clusterrolebindings",
    ),
    (
        &[
            "pods",
            "deployments",
            "statefulsets",
            "daemonsets",
            "replicasets",
            "cronjobs",
            "jobs",
            "replicationcontrollers",
            "workloads",
        ],
        "workloads",
        "pods,deployments,statefulsets,daemonsets,replicasets,cronjobs,jobs",
    ),
];

impl Connector for KubernetesExports {
    fn spec(&self) -> &'static Spec {
        &Spec {
            name: "kubernetes_exports",
            reads: "objects of a Kubernetes cluster that lie in files, as kubectl prints them",
            named: "kubernetes:PATH",
            target: "a directory or file; option `dirs` names several, one a line",
            port: PortKind::Files,
            needs_to_discover: &["read access to the files"],
            needs_to_act: &[],
            scopes: &["kind of object", "namespace"],
        }
    }

    /// The cluster by its uid, where a file tells of its own namespace; else what is named.
    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        let (files, trouble) = files(cx);
        if files.is_empty()
            && let Some((_, refusal)) = trouble.into_iter().next()
        {
            return Err(refusal);
        }
        let mut cluster = Cluster::default();
        for file in files {
            // What cannot be read becomes a gap when the pass reads it.
            drop(read(cx, &file, &mut cluster, &["Namespace", "kube-system"]));
            if let Some(uid) = &cluster.uid {
                return Ok(model::clean(uid));
            }
        }
        let first = places(cx).into_iter().next().unwrap_or_default();
        let name = first.trim_end_matches('/').rsplit('/').next();
        Ok(name.unwrap_or(&first).to_owned())
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut cluster = Cluster::default();
        let (files, mut trouble) = files(cx);
        let mut ended = Ok(());
        for file in files {
            match read(cx, &file, &mut cluster, &[]) {
                Ok(true) => {}
                Ok(false) => cx.set_aside("file that is no export of Kubernetes"),
                Err(refusal) => {
                    let stop = refusal.stop;
                    trouble.push((file, refusal));
                    if stop {
                        ended = Err(Stop);
                        break;
                    }
                }
            }
        }
        let unmet = WANTED
            .iter()
            .filter(|(parts, _, _)| !parts.iter().any(|part| cluster.met.contains(part)));
        let unmet: Vec<_> = unmet.collect();
        kubernetes::tell(cx, cluster)?;
        // Anything may lie in a file that cannot be read, so its gap is one of the whole source.
        for (place, refusal) in trouble {
            let told = format!("{place}: {}", refusal.told);
            let refusal = Refusal { told, ..refusal };
            cx.gap(&Scope::whole(), &refusal, Some("read access to the file"))?;
        }
        for (parts, what, list) in unmet {
            let told = format!("no file holds {what}; add `kubectl get {list} -A -o json`");
            let refusal = Refusal::new(Reason::Unsupported, told);
            for part in *parts {
                cx.gap(&Scope::of(*part), &refusal, None)?;
            }
        }
        ended
    }
}

/// Whether the file holds objects; an error if it should and cannot be read. A file without each
/// of `words` is not looked into.
fn read(
    cx: &mut Context<'_>,
    path: &str,
    cluster: &mut Cluster,
    words: &[&str],
) -> Result<bool, Refusal> {
    let file = cx.read(path, FILE_BYTES_MAX)?;
    let bytes = as_utf8(file.bytes.expose());
    if !words
        .iter()
        .all(|word| armour::find(&bytes, word.as_bytes()).is_some())
    {
        return Ok(false);
    }
    let name = path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let claims = [".json", ".jsonl", ".ndjson", ".yaml", ".yml"];
    let claims = claims.iter().any(|end| name.ends_with(end));
    if file.cut {
        let told = format!(
            "larger than the limit of {} MiB; export each namespace by itself",
            FILE_BYTES_MAX >> 20
        );
        return Err(Refusal::new(Reason::Unsupported, told));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => kubernetes::take(text, cluster),
        Err(_) if claims => Err(Refusal::new(
            Reason::Failed,
            "expected text in UTF-8, got other bytes",
        )),
        Err(_) => Ok(false),
    }
}
