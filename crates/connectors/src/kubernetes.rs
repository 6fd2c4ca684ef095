//! Kubernetes: service accounts and their tokens, who may do what, what runs as whom, the secrets
//! that are kept and who is handed them, and the identities of clouds behind them.
//!
//! Live over the interface of a cluster, or from what `kubectl` exports (`kubernetes_exports`):
//! both are taken in object by object ([`cluster`]) and tell the same ([`observe`]). What manifests
//! in files tell is told by the same words (`formats/kubernetes`).
//!
//! Facts beside those. Of identities: `bindings`, `sensitive_rights` (a power and where:
//! `read_secrets in shop`), `control_plane` (bound by the server itself). Of service accounts:
//! `workloads` that run as it. Of workloads: `token_mounted`, `account_rights` (`none`, `some`,
//! `takeover`, `admin`), `account_missing`. Of bindings: `built_in`, `dangling` (accounts that are
//! not there). Of secrets: `secret_type`, `workloads`. Of hooks: `asks`, `ca_expires_at`.
//!
//! **Invariant:** no value of a secret is taken from where it lies ([`sieve`]).

pub mod access;
mod ask;
mod cloud;
mod cluster;
mod documents;
mod eks;
mod grants;
mod observe;
mod parts;
mod rights;
mod sieve;
mod stored;
mod table;
mod trust;

use model::{Reason, Scope};

use crate::{Connector, Context, Login, PortKind, Refusal, Spec, Stop};
pub(crate) use cluster::Cluster;
pub use parts::cluster_role;
pub(crate) use stored::legacy_key;

/// Kubernetes, live.
pub(crate) struct Kubernetes;

static SPEC: Spec = Spec {
    name: "kubernetes",
    reads: "service accounts, tokens, roles, bindings, workloads, metadata of secrets and cloud identities of a Kubernetes cluster",
    named: "k8s or k8s:CONTEXT",
    target: "a context of a kubeconfig, or the cluster that this pod runs in; its uid answers for itself",
    port: PortKind::Http(Login::Kubernetes),
    needs_to_discover: parts::NEEDS,
    needs_to_act: &[],
    scopes: &["kind of object", "namespace"],
};

impl Connector for Kubernetes {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        let uid = ask::uid(cx)?;
        // Who may not see its own namespace knows a cluster by what it calls it.
        let context = || cx.option("context").unwrap_or(cx.target()).to_owned();
        Ok(uid.unwrap_or_else(context))
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut cluster = Cluster::default();
        let ended = ask::read(cx, &mut cluster);
        let told = tell(cx, cluster);
        ended.and(told)
    }
}

/// Takes the objects of one text; whether it held any. See [`documents::read`].
pub(crate) fn take(text: &str, cluster: &mut Cluster) -> Result<bool, Refusal> {
    documents::read(text, &mut |one| cluster.take(&one))
}

/// Tells of `cluster`, and what of it was beyond us.
pub(crate) fn tell(cx: &mut Context<'_>, cluster: Cluster) -> Result<(), Stop> {
    let (odd, beyond) = (cluster.odd, cluster.beyond);
    observe::tell(cx, cluster);
    let mut gap = |reason, told: String| cx.gap(&Scope::whole(), &Refusal::new(reason, told), None);
    if odd > 0 {
        let told = format!("{odd} things that are no objects, or bear names that no object can");
        gap(Reason::Failed, told)?;
    }
    if beyond > 0 {
        gap(
            Reason::Unsupported,
            format!("{beyond} more objects than the limit"),
        )?;
    }
    Ok(())
}
