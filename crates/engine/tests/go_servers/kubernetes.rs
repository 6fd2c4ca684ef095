//! A real API server of Kubernetes on a real etcd, without nodes or controllers: objects are put in
//! and taken out by a real `kubectl`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use connectors::Login;
use engine::HttpPort;
use model::{Attribute, Gap, Kind, Link, Observation, Reason, Relation, Target, Told};
use serde_json::Value;

use crate::{Pass, RUNTIME, exported, objects, pass, printed, running};

/// Kinds that a person exports, as the page of `kubernetes_exports` lists them.
const EXPORTED: &str = "namespaces,serviceaccounts,secrets,clusterroles,roles,clusterrolebindings,\
    rolebindings,deployments,statefulsets,daemonsets,replicasets,cronjobs,jobs,\
    replicationcontrollers,pods,certificatesigningrequests,mutatingwebhookconfigurations,\
    validatingwebhookconfigurations,apiservices,certificates.cert-manager.io,\
    issuers.cert-manager.io,externalsecrets.external-secrets.io,secretstores.external-secrets.io";

/// Since when the server notes the use of tokens that lie in secrets.
const TRACKING: &str = "kube-apiserver-legacy-service-account-token-tracking";

/// Once for all tests: two at a time would be in each other's way.
static DEFINED: OnceLock<()> = OnceLock::new();

/// The cluster, and a namespace of one test in it.
struct Cluster {
    kubeconfig: String,
    namespace: String,
    dir: tempfile::TempDir,
}

impl Cluster {
    fn with(topic: &str) -> Option<Self> {
        let kubeconfig = testkit::kubernetes()?;
        let cluster = Self {
            kubeconfig,
            namespace: testkit::fresh_name(topic).replace('_', "-"),
            dir: tempfile::tempdir().unwrap(),
        };
        DEFINED.get_or_init(|| cluster.define());
        cluster.apply("objects.yaml", &objects::objects(&cluster.namespace));
        Some(cluster)
    }

    /// The kinds that others add to a cluster.
    fn define(&self) {
        self.apply("definitions.yaml", objects::DEFINITIONS);
        for name in objects::DEFINED {
            let (name, until) = (format!("crd/{name}"), "--for=condition=Established");
            self.kubectl(&["wait", until, "--timeout=60s", &name]);
        }
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        let programs = std::env::var("KEYROLL_TEST_KUBERNETES_PROGRAMS").unwrap();
        let at = ["--kubeconfig", &self.kubeconfig];
        printed(&format!("{programs}/kubectl"), &[&at, arguments].concat())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn apply(&self, name: &str, text: &str) {
        let path = self.write(name, text);
        self.kubectl(&["apply", "-f", path.to_str().unwrap()]);
    }

    /// One pass of `context` of `kubeconfig`.
    fn live_by(&self, kubeconfig: &Path, context: &str) -> Pass {
        let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let kubeconfig = kubeconfig.to_str().unwrap();
        let options = BTreeMap::from([of("kubeconfig", kubeconfig), of("context", context)]);
        let runtime = RUNTIME.handle().clone();
        let named = ("unknown", &options);
        let port = HttpPort::new(runtime, Login::Kubernetes, named, None, None, running());
        pass("kubernetes", &mut port.unwrap(), "unknown", &options)
    }

    fn live(&self) -> Pass {
        self.live_by(Path::new(&self.kubeconfig), "admin")
    }

    /// A kubeconfig whose context `it` comes with `token`.
    fn with_token(&self, token: &str) -> PathBuf {
        let cluster = self.kubectl(&["config", "view", "--raw", "--minify", "-o", "json"]);
        let mut config: Value = serde_json::from_str(&cluster).unwrap();
        config["users"] = serde_json::json!([{"name": "it", "user": {"token": token}}]);
        let context = serde_json::json!({"cluster": "real", "user": "it"});
        config["contexts"] = serde_json::json!([{"name": "it", "context": context}]);
        config["current-context"] = "it".into();
        self.write("it.kubeconfig", &config.to_string())
    }

    /// All that is told of this test's namespace: others work on the same server.
    fn ours(&self, pass: &Pass) -> Vec<Observation> {
        let all = pass.seen.iter();
        let ours = all.filter(|one| format!("{one:?}").contains(&self.namespace));
        ours.cloned().collect()
    }

    /// The one thing of a type and name in this test's namespace.
    fn find<'a>(&self, pass: &'a Pass, type_: &str, name: &str) -> &'a Observation {
        let is = |one: &Observation, attribute: Attribute, text: &str| {
            one.fact(&attribute).is().and_then(|it| it.text()) == Some(text)
        };
        let found = pass.seen.iter().find(|one| {
            is(one, Attribute::TYPE, type_)
                && is(one, Attribute::NAME, name)
                && (is(one, Attribute::named("namespace"), &self.namespace)
                    || name.contains(&self.namespace))
        });
        found.unwrap_or_else(|| panic!("no {type_} {name} in {:#?}", self.ours(pass)))
    }
}

fn fact(one: &Observation, name: &str) -> Option<String> {
    let told = one.fact(&Attribute::named(name)).map(|it| it.to_string());
    told.is().cloned()
}

/// The lines in which things of one name differ, and things that are in one list alone.
fn differences(some: &[Observation], others: &[Observation]) -> Vec<String> {
    let lines = |all: &[Observation]| -> BTreeSet<String> {
        let told = all.iter().flat_map(|one| {
            let facts = one
                .facts
                .iter()
                .map(|(name, fact)| format!("{name} = {:?}", fact.told));
            let keys = one.keys.iter().map(|key| format!("key {key}"));
            let links = one.links.iter().map(|link| format!("{link:?}"));
            let hints = one.hints.iter().map(|hint| format!("hint {hint:?}"));
            let scope = [format!("in {}", one.scope)];
            let all = facts.chain(keys).chain(links).chain(hints).chain(scope);
            all.map(|line| format!("{}: {line}", one.native))
                .collect::<Vec<_>>()
        });
        told.collect()
    };
    let (some, others) = (lines(some), lines(others));
    some.symmetric_difference(&others).cloned().collect()
}

#[test]
fn a_real_api_server_tells_what_kubectl_printed() {
    let Some(cluster) = Cluster::with("same") else {
        return;
    };
    let live = cluster.live();
    let gaps = &live.gaps;
    assert!(gaps.is_empty() && !live.stopped, "{gaps:#?}");
    let uid = cluster.kubectl(&["get", "ns", "kube-system", "-o", "jsonpath={.metadata.uid}"]);
    assert_eq!(live.named, uid);
    let text = cluster.kubectl(&["get", EXPORTED, "-A", "-o", "json"]);
    let path = cluster.write("exported/all.json", &text);
    let since = [
        "get",
        "configmap",
        "-n",
        "kube-system",
        "-o",
        "json",
        TRACKING,
    ];
    cluster.write("exported/since.json", &cluster.kubectl(&since));
    let offline = exported("kubernetes_exports", path.parent().unwrap());
    assert_eq!(offline.named, uid);
    assert!(offline.gaps.is_empty(), "{:#?}", offline.gaps);
    let (ours, theirs) = (cluster.ours(&live), cluster.ours(&offline));
    assert!(ours.len() > 20, "{}", ours.len());
    assert_eq!(differences(&ours, &theirs), [""; 0]);
    // No value of a secret came out, from either.
    for value in objects::VALUES {
        assert!(!format!("{live:?}{offline:?}").contains(value), "{value}");
    }
}

#[test]
fn accounts_rights_and_what_runs_of_a_real_api_server_are_joined() {
    let Some(cluster) = Cluster::with("joined") else {
        return;
    };
    let live = cluster.live();
    let app = cluster.find(&live, "kubernetes_service_account", "app");
    assert!(fact(app, "workloads").unwrap().contains("app"), "{app:#?}");
    assert_eq!(
        app.hints["jwt_subject"],
        format!("system:serviceaccount:{}:app", cluster.namespace)
    );
    let deployer = cluster.find(&live, "kubernetes_service_account", "deployer");
    assert_eq!(
        fact(deployer, "privilege").as_deref(),
        Some("admin"),
        "{deployer:#?}"
    );
    let tool = cluster.find(&live, "kubernetes_service_account", "left-over");
    assert!(
        fact(tool, "workloads").unwrap().contains("tool"),
        "{tool:#?}"
    );
    let idle = cluster.find(&live, "kubernetes_service_account", "idle");
    assert_eq!(idle.fact(&Attribute::named("workloads")), Told::Absent);
    let dangling = cluster.find(&live, "kubernetes_role_binding", "to-nobody");
    assert_eq!(
        fact(dangling, "dangling"),
        Some(format!("{}/gone", cluster.namespace))
    );
    let workload = cluster.find(&live, "kubernetes_deployment", "app");
    assert_eq!(
        fact(workload, "token_mounted").as_deref(),
        Some("yes"),
        "{workload:#?}"
    );
    let secret = cluster.find(&live, "kubernetes_secret", "db");
    assert_eq!(
        fact(secret, "secret_type").as_deref(),
        Some("Opaque"),
        "{secret:#?}"
    );
    // A token of old, of which the server notes the day of its last use.
    let token = live.seen.iter().find(|one| {
        let text = format!("{one:?}");
        one.kind == Kind::Credential
            && text.contains(&cluster.namespace)
            && text.contains("deployer-token")
    });
    let token = token.unwrap();
    let used = token
        .fact(&Attribute::LAST_USED_AT)
        .is()
        .and_then(|it| it.time());
    assert_eq!(used.unwrap().to_string(), "2026-11-01T00:00:00Z");
    assert!(
        token
            .links
            .iter()
            .any(|link| link.relation == Relation::Holder)
    );
    // What others add to a cluster, by their definitions.
    let certificate = cluster.find(&live, "x509_certificate", "shop-tls");
    assert_eq!(
        fact(certificate, "managed_by").as_deref(),
        Some("cert-manager")
    );
}

#[test]
fn a_request_that_a_real_api_server_was_asked_to_sign_is_told_with_what_was_decided() {
    let Some(cluster) = Cluster::with("signed") else {
        return;
    };
    let dir = cluster.dir.path().to_str().unwrap().to_owned();
    let at = |name: &str| format!("{dir}/{name}");
    let made = [
        "req",
        "-batch",
        "-nodes",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ];
    let names = [
        "-subj",
        "/O=shop/CN=ann",
        "-keyout",
        &at("ann.key"),
        "-out",
        &at("ann.csr"),
    ];
    printed("openssl", &[&made[..], &names].concat());
    let request = std::fs::read(at("ann.csr")).unwrap();
    let name = format!("{}-ann", cluster.namespace);
    cluster.apply("request.yaml", &objects::request(&name, &request));
    let of = |pass: &Pass| {
        let name = name.clone();
        let all = pass.seen.iter();
        let mut all = all.filter(move |one| format!("{one:?}").contains(&name));
        fact(
            all.find(|one| fact(one, "status").is_some()).unwrap(),
            "status",
        )
        .unwrap()
    };
    assert_eq!(of(&cluster.live()), "pending");
    cluster.kubectl(&["certificate", "deny", &name]);
    assert_eq!(of(&cluster.live()), "denied");
}

#[test]
fn a_reader_of_a_real_api_server_without_a_right_is_told_which_to_ask_for() {
    let Some(cluster) = Cluster::with("partial") else {
        return;
    };
    // The very role that `keyroll sources policy` prints, and the token that its comment asks for.
    cluster.apply("role.yaml", &connectors::kubernetes::cluster_role());
    let token = cluster.kubectl(&["create", "token", "keyroll", "-n", "keyroll"]);
    let whole = cluster.live_by(&cluster.with_token(token.trim()), "it");
    assert!(whole.gaps.is_empty(), "{:#?}", whole.gaps);
    let admin = cluster.live();
    let same = differences(&cluster.ours(&whole), &cluster.ours(&admin));
    assert_eq!(same, [""; 0]);
    // Somebody who may read accounts and nothing else.
    let account = ["-n", &cluster.namespace];
    cluster.kubectl(&[&account[..], &["create", "serviceaccount", "reader"]].concat());
    let name = format!("{}-reader", cluster.namespace);
    cluster.kubectl(&[
        "create",
        "clusterrole",
        &name,
        "--verb=list",
        "--resource=serviceaccounts",
    ]);
    let of = format!("--serviceaccount={}:reader", cluster.namespace);
    let role = format!("--clusterrole={name}");
    cluster.kubectl(&["create", "clusterrolebinding", &name, &role, &of]);
    let token = cluster.kubectl(&[&account[..], &["create", "token", "reader"]].concat());
    let partial = cluster.live_by(&cluster.with_token(token.trim()), "it");
    cluster.find(&partial, "kubernetes_service_account", "app");
    let secrets = partial
        .gaps
        .iter()
        .find(|gap| gap.scope.to_string() == "secrets")
        .unwrap();
    assert_eq!(secrets.reason, Reason::Denied);
    assert_eq!(secrets.needs.as_deref(), Some("list secrets"));
    let roles = partial
        .gaps
        .iter()
        .find(|gap| gap.scope.to_string() == "roles")
        .unwrap();
    assert_eq!(
        roles.needs.as_deref(),
        Some("list roles.rbac.authorization.k8s.io")
    );
    assert!(
        !partial
            .gaps
            .iter()
            .any(|gap| gap.scope.to_string() == "serviceaccounts")
    );
    // A token that the server signed, of an account that is gone before it was ever used. (One that
    // was used is let in for ten seconds more: the server remembers it.)
    cluster.kubectl(&[&account[..], &["create", "serviceaccount", "short"]].concat());
    let token = cluster.kubectl(&[&account[..], &["create", "token", "short"]].concat());
    cluster.kubectl(&[&account[..], &["delete", "serviceaccount", "short"]].concat());
    let gone = cluster.live_by(&cluster.with_token(token.trim()), "it");
    assert!(gone.seen.is_empty(), "{:#?}", gone.seen);
    let denied = |gap: &Gap| gap.reason == Reason::Denied;
    assert!(gone.gaps.iter().all(denied), "{:#?}", gone.gaps);
    assert!(
        gone.named.contains("wrong or has expired"),
        "{}",
        gone.named
    );
}

#[test]
fn a_token_that_a_real_api_server_signed_belongs_to_its_account_wherever_it_lies() {
    let Some(cluster) = Cluster::with("found") else {
        return;
    };
    let of = [
        "create",
        "token",
        "app",
        "-n",
        &cluster.namespace,
        "--duration=1h",
    ];
    let token = cluster.kubectl(&of);
    let path = cluster.write("found/.env", &format!("CLUSTER_TOKEN={token}\n"));
    let found = exported("files", path.parent().unwrap());
    let credential = |one: &&Observation| one.kind == Kind::Credential;
    let credential = found.seen.iter().find(credential).unwrap();
    let live = cluster.live();
    let app = cluster.find(&live, "kubernetes_service_account", "app");
    let held_by_app = |link: &Link| match &link.to {
        Target::Bearer { key, .. } => link.relation == Relation::Holder && app.keys.contains(key),
        Target::Native { .. } => false,
    };
    assert!(
        credential.links.iter().any(held_by_app),
        "{credential:#?} of {app:#?}"
    );
    let ends = credential
        .fact(&Attribute::EXPIRES_AT)
        .is()
        .and_then(|it| it.time());
    assert!(ends.is_some(), "{credential:#?}");
    assert!(!format!("{found:?}").contains(token.trim()));
}

#[test]
fn a_list_of_a_real_api_server_that_needs_several_pages_is_read_whole() {
    let Some(cluster) = Cluster::with("pages") else {
        return;
    };
    let account = |n: usize| {
        format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: many-{n}, namespace: {}}}\n---\n",
            cluster.namespace
        )
    };
    let many: String = (0..600).map(account).collect();
    let path = cluster.write("many.yaml", &many);
    cluster.kubectl(&["create", "-f", path.to_str().unwrap()]);
    let live = cluster.live();
    assert!(live.gaps.is_empty(), "{:#?}", live.gaps);
    let ours = cluster.ours(&live);
    let begins = |one: &&Observation| {
        let name = one.fact(&Attribute::NAME).is().and_then(|it| it.text());
        one.kind == Kind::Identity && name.is_some_and(|name| name.starts_with("many-"))
    };
    assert_eq!(ours.iter().filter(begins).count(), 600);
}
