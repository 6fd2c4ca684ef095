//! Who may do what: rights as bindings give them, gathered for each account, user and group.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{At, Binding, Cluster, Role};
use super::parts::SYSTEM;

/// A role that allows everything, in every cluster.
pub(super) const ADMIN: &str = "cluster-admin";
/// Rights that, in the whole cluster or where its own parts run, lead to all others (Kubernetes,
/// "Role Based Access Control Good Practices").
const LEADING: &[&str] = &[
    "everything",
    "read_secrets",
    "exec",
    "create_workloads",
    "create_tokens",
    "approve_certificates",
    "escalate",
    "impersonate",
    "nodes_proxy",
    "change_webhooks",
];
/// Bindings of one subject that are told by name.
const BINDINGS_MAX: usize = 256;
/// Namespaces in which the powers of one subject are told; in more it is not known.
const NAMESPACES_MAX: usize = 1_000;
/// Groups that every service account is in.
const EVERYBODY: &[&str] = &["system:authenticated", "system:serviceaccounts"];

/// What somebody may do.
#[derive(Clone, Debug, Default)]
pub(super) struct Rights {
    /// `clusterrole view by clusterrolebinding shop`, those of the server's own making aside.
    pub(super) bindings: BTreeSet<String>,
    /// Powers in the whole cluster.
    pub(super) everywhere: BTreeSet<String>,
    /// Powers in namespaces.
    pub(super) within: BTreeMap<String, BTreeSet<String>>,
    /// A role that nobody tells of is among them.
    pub(super) unknown: bool,
    /// Bound by the server itself: a part of the cluster.
    pub(super) built_in: bool,
}

impl Rights {
    /// Those powers that lead to the whole cluster.
    pub(super) fn leading(&self) -> BTreeSet<&str> {
        let system = self.within.get(SYSTEM).into_iter().flatten();
        let all = self.everywhere.iter().chain(system).map(String::as_str);
        all.filter(|one| LEADING.contains(one)).collect()
    }

    /// `admin`, `takeover`, or nothing special.
    pub(super) fn privilege(&self) -> Option<&'static str> {
        if self.everywhere.contains("everything") {
            Some("admin")
        } else {
            (!self.leading().is_empty()).then_some("takeover")
        }
    }

    /// `read_secrets everywhere`, `exec in shop`.
    pub(super) fn told(&self) -> Vec<String> {
        if self.everywhere.contains("everything") {
            return vec!["everything everywhere".to_owned()];
        }
        let everywhere = self
            .everywhere
            .iter()
            .map(|one| format!("{one} everywhere"));
        let within = self.within.iter().flat_map(|(namespace, powers)| {
            let new = powers.iter().filter(|one| !self.everywhere.contains(*one));
            new.map(move |one| format!("{one} in {namespace}"))
        });
        everywhere.chain(within).collect()
    }

    fn add(&mut self, other: &Self) {
        self.bindings.extend(other.bindings.iter().cloned());
        self.everywhere.extend(other.everywhere.iter().cloned());
        for (namespace, powers) in &other.within {
            let here = self.within.entry(namespace.clone()).or_default();
            here.extend(powers.iter().cloned());
        }
        self.unknown |= other.unknown;
    }
}

/// Rights of everybody who is bound.
#[derive(Debug, Default)]
pub(super) struct Everyone(BTreeMap<At, Rights>);

impl Everyone {
    /// As the bindings of `cluster` give them.
    pub(super) fn of(cluster: &Cluster) -> Self {
        let mut all = BTreeMap::<At, Rights>::new();
        for (at, binding) in &cluster.bindings {
            let role = cluster.roles.get(&binding.role);
            for subject in &binding.subjects {
                bind(all.entry(subject.clone()).or_default(), at, binding, role);
            }
        }
        Self(all)
    }

    /// Who is bound.
    pub(super) fn bound(&self) -> impl Iterator<Item = (&At, &Rights)> {
        self.0.iter()
    }

    /// What is given to `who` by name.
    pub(super) fn own(&self, who: &At) -> Option<&Rights> {
        self.0.get(who)
    }

    /// All that a service account may do: what it is given by name, and what is given to the
    /// groups that it is in.
    pub(super) fn of_account(&self, account: &At) -> Rights {
        let mut rights = self.own(account).cloned().unwrap_or_default();
        let own = format!("system:serviceaccounts:{}", account.namespace);
        for group in EVERYBODY.iter().copied().chain([own.as_str()]) {
            if let Some(more) = self.own(&At::new("Group", "", group)) {
                rights.add(more);
            }
        }
        rights
    }
}

/// Adds what `binding` at `at` gives.
fn bind(rights: &mut Rights, at: &At, binding: &Binding, role: Option<&Role>) {
    if binding.bootstrap {
        rights.built_in = true;
        // Of the groups that everybody is in, the server's own bindings let see what there is.
        if !is_admin(&binding.role) {
            return;
        }
    } else {
        if rights.bindings.len() < BINDINGS_MAX {
            let by = format!("{} by {}", binding.role.shown(), at.shown());
            rights.bindings.insert(by);
        }
    }
    let all = ["everything".to_owned()];
    let powers = match role {
        Some(role) => role.powers.as_slice(),
        None if is_admin(&binding.role) => &all,
        None => {
            rights.unknown = true;
            &[]
        }
    };
    let here = match at.namespace.as_str() {
        "" => &mut rights.everywhere,
        namespace
            if rights.within.len() < NAMESPACES_MAX || rights.within.contains_key(namespace) =>
        {
            rights.within.entry(namespace.to_owned()).or_default()
        }
        _ => {
            rights.unknown = true;
            return;
        }
    };
    here.extend(powers.iter().cloned());
}

/// Whether it is the role that every cluster has for everything.
pub(super) fn is_admin(role: &At) -> bool {
    role.kind == "ClusterRole" && role.name == ADMIN
}
