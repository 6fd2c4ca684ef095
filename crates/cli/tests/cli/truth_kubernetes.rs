//! Alert or no alert, beside cases that nobody here wrote: what `keyroll scan` says of their
//! manifests, read as files and as what a cluster holds.
//!
//! Most of their rules are findings of ours. Some only list who may do what, or what lies where:
//! for those a fact on the roll is the answer, not a finding.

use std::collections::BTreeMap;
use std::path::Path;

use connectors::{Context, Event, Fingerprints};
use engine::FilesPort;
use model::{Fingerprint, Secret};
use serde_json::Value;

use crate::world::World;

/// What of ours says what one of their rules says.
#[derive(Clone, Copy)]
enum Ours {
    /// A failure of one of these rules, manifests read as files.
    Files(&'static [&'static str]),
    /// A failure of one of these rules, manifests read as a cluster.
    Cluster(&'static [&'static str]),
    /// Something of which a cluster tells these facts.
    Fact(fn(&Thing<'_>) -> bool),
}

/// Something on the roll with the facts that are told of it.
struct Thing<'a> {
    kind: &'a str,
    facts: &'a Value,
}

impl Thing<'_> {
    fn text(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap_or_default()
    }

    fn is(&self, type_: &str) -> bool {
        self.text("type") == type_
    }

    fn list(&self, name: &str) -> Vec<&str> {
        let list = self.facts[name].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).collect()
    }

    /// Whether an account, user or group may do one of `powers` anywhere.
    fn may(&self, powers: &[&str]) -> bool {
        let told = self.list("sensitive_rights");
        let subject = [
            "kubernetes_service_account",
            "kubernetes_user",
            "kubernetes_group",
        ];
        let has = |power: &&str| told.iter().any(|one| one.split(' ').next() == Some(*power));
        subject.iter().any(|one| self.is(one))
            && (told.iter().any(|one| one.starts_with("everything ")) || powers.iter().any(has))
    }

    fn workload_with(&self, powers: &[&str]) -> bool {
        let told = self.list("sensitive_rights");
        let all = powers.iter().all(|power| {
            told.iter().any(|one| {
                ["everything", power].contains(&one.split(' ').next().unwrap_or_default())
            })
        });
        self.facts["token_mounted"] == true && all
    }
}

/// Their rules, and what says the same here.
const RULES: &[(&str, Ours)] = &[
    (
        "rule-credentials-in-env-var",
        Ours::Files(&["secret-in-variable", "open-secret", "secret-in-text"]),
    ),
    (
        "rule-credentials-configmap",
        Ours::Files(&["open-secret", "secret-in-text"]),
    ),
    (
        "rule-secrets-in-env-var",
        Ours::Files(&["secret-in-variable"]),
    ),
    (
        "alert-mount-potential-credentials-paths",
        Ours::Files(&["node-credentials"]),
    ),
    (
        "ensure-default-service-accounts-has-only-default-roles",
        Ours::Cluster(&["default-account"]),
    ),
    (
        "non-existent-service-account",
        Ours::Cluster(&["dangling-account"]),
    ),
    (
        "workload-with-administrative-roles",
        Ours::Fact(|one| one.workload_with(&["read_secrets", "create_workloads", "create_tokens"])),
    ),
    (
        "workload-with-cluster-takeover-roles",
        Ours::Fact(|one| {
            one.workload_with(&["read_secrets"]) || one.workload_with(&["create_workloads"])
        }),
    ),
    (
        "automount-service-account",
        Ours::Fact(|one| one.facts["token_mounted"] == true),
    ),
    (
        "serviceaccount-token-mount",
        Ours::Fact(|one| {
            one.facts["token_mounted"] == true
                && !["", "none"].contains(&one.text("account_rights"))
        }),
    ),
    (
        "automount-default-service-account",
        Ours::Fact(|one| {
            one.is("kubernetes_service_account")
                && one.text("name") == "default"
                && one.facts["automount_service_account_token"] != false
        }),
    ),
    (
        "access-container-service-account-v1",
        Ours::Fact(|one| one.is("kubernetes_service_account") && !one.list("bindings").is_empty()),
    ),
    (
        "cluster-admin-role",
        Ours::Fact(|one| {
            one.kind == "grant"
                && one.is("kubernetes_cluster_role_binding")
                && one.text("privilege") == "admin"
        }),
    ),
    (
        "exec-into-container-v1",
        Ours::Fact(|one| one.may(&["exec"])),
    ),
    (
        "rule-can-approve-cert-signing-request",
        Ours::Fact(|one| one.may(&["approve_certificates"])),
    ),
    (
        "rule-can-create-service-account-token",
        Ours::Fact(|one| one.may(&["create_tokens"])),
    ),
    (
        "rule-can-list-get-secrets-v1",
        Ours::Fact(|one| one.may(&["read_secrets"])),
    ),
    (
        "rule-list-all-cluster-admins-v1",
        Ours::Fact(|one| {
            one.may(&[]) || one.is("kubernetes_user") && !one.text("privilege").is_empty()
        }),
    ),
    (
        "deprecated-service-account-field",
        Ours::Fact(|one| one.facts["deprecated_service_account_field"] == true),
    ),
    (
        "workload-mounted-secrets",
        Ours::Fact(|one| one.is("kubernetes_secret") && !one.list("workloads").is_empty()),
    ),
    (
        "resources-secret-in-default-namespace",
        Ours::Fact(|one| one.is("kubernetes_secret") && one.text("namespace") == "default"),
    ),
    (
        "role-in-default-namespace",
        Ours::Fact(|one| one.is("kubernetes_role") && one.text("namespace") == "default"),
    ),
    (
        "rolebinding-in-default-namespace",
        Ours::Fact(|one| one.is("kubernetes_role_binding") && one.text("namespace") == "default"),
    ),
];

/// Where a case says that nothing is wrong, so many may be named all the same.
const FALSE_MAX: usize = 2;
/// So many agree at least. Where we differ: words that only sound secret (`JWT`, `my_key_value`),
/// ids and placeholders that open nothing, `pods/*`, which Kubernetes takes for no pattern, a pod
/// without any list of accounts, of which we say that we cannot tell, and maps, which are no secrets.
const AGREED_MIN: usize = 101;

/// Their cases lie in directories called `test`, which alone makes a verdict of ours doubtful:
/// anywhere else the same file fails.
const FOR_ITS_PLACE: &str = "it lies among data for tests";

fn findings(world: &World, source: &str) -> Vec<Value> {
    let found = world.get(&["scan", "--ephemeral", "--no-history", source, "-o", "json"]);
    let found: Vec<Value> = serde_json::from_str(&found).unwrap();
    found
        .into_iter()
        .filter(|one| {
            let why = one["why"].as_str().unwrap_or_default();
            one["verdict"] == "fail" || why.starts_with(FOR_ITS_PLACE)
        })
        .collect()
}

fn alert(input: &Path, ours: Ours) -> bool {
    let world = World::new();
    let input = input.to_str().unwrap();
    let named = |rules: &[&str], source: &str| {
        let found = findings(&world, source);
        found
            .iter()
            .any(|one| rules.iter().any(|rule| one["rule"] == *rule))
    };
    match ours {
        Ours::Files(rules) => named(rules, input),
        Ours::Cluster(rules) => named(rules, &format!("kubernetes:{input}")),
        Ours::Fact(holds) => observed(input)
            .iter()
            .any(|(kind, facts)| holds(&Thing { kind, facts })),
    }
}

/// What a cluster with these objects tells: each thing by its kind, with the values of its facts.
fn observed(input: &str) -> Vec<(String, Value)> {
    let exports = connectors::connector("kubernetes_exports").unwrap();
    let options = BTreeMap::from([("dirs".to_owned(), input.to_owned())]);
    let mut port = FilesPort::new(vec![input.into()]);
    let (mut seen, mut cut) = (Vec::new(), 0);
    let mut sink = |event| match event {
        Event::Seen(one) => seen.push(one),
        Event::Gap(gap) => cut += usize::from(gap.reason == model::Reason::Denied),
        Event::SetAside { .. } => {}
    };
    let now = "2026-11-02T00:00:00Z".parse().unwrap();
    let mut cx = Context::new(&mut port, &NoKey, input, &options, now, &mut sink);
    exports.discover(&mut cx).unwrap();
    assert_eq!(cut, 0, "{input} was not read");
    let value = |fact: &model::Fact| match &fact.told {
        model::Told::Is(value) => serde_json::to_value(value).unwrap(),
        _ => Value::Null,
    };
    let told = seen.iter().map(|one| {
        let facts = one
            .facts
            .iter()
            .map(|(name, fact)| (name.to_string(), value(fact)));
        (one.kind.as_str().to_owned(), facts.collect())
    });
    told.collect()
}

/// What is compared here is no secret.
struct NoKey;

impl Fingerprints for NoKey {
    fn fingerprint(&self, _: &Secret) -> Fingerprint {
        Fingerprint {
            key: String::new(),
            mac: String::new(),
        }
    }

    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

#[test]
fn what_kubescape_says_of_identities_is_compared() {
    let Some(dir) = testkit::truth("kubescape-rbac") else {
        return;
    };
    let (mut cases, mut agreed, mut named) = (0, 0, 0);
    for (theirs, ours) in RULES {
        let mut of = std::fs::read_dir(dir.join(theirs).join("test"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>();
        of.sort();
        for case in of {
            let expected = std::fs::read(case.join("expected.json")).unwrap();
            let expected: Vec<Value> = serde_json::from_slice(&expected).unwrap();
            let input = [case.join("input"), case.join("input.yaml")];
            let input = input.iter().find(|path| path.exists()).unwrap();
            let alert = alert(input, *ours);
            cases += 1;
            if alert == expected.is_empty() {
                println!(
                    "{theirs}/{}: expected alert {}, ours {alert}",
                    case.file_name().unwrap().to_string_lossy(),
                    !expected.is_empty()
                );
                named += usize::from(alert);
            } else {
                agreed += 1;
            }
        }
    }
    println!(
        "kubescape: {agreed} of {cases} agree ({} rules), {named} named that are none",
        RULES.len()
    );
    assert!(
        agreed >= AGREED_MIN && named <= FALSE_MAX,
        "{agreed} of {cases}, {named}"
    );
}
