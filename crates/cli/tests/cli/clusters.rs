//! Clusters of Kubernetes: how a kubeconfig leads into one, and what comes of it. The cluster is
//! a stub that answers as the reference of the API says; it is no Kubernetes.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::stub::{Said, Stub, json};
use crate::world::{World, files};

const TOKEN: &str = "k8s-9kYw3QzTn7RbXc1VdLpM";
/// Where a kubeconfig is looked for.
const CONFIG: &str = "home/.kube/config";
const UID: &str = "9f2d6c1a-7b1e-4c2d-8a01-0123456789ab";
const ACCOUNT: &str = "5195ed3a-fa3c-46ce-8c66-32d1a83ea41f";

fn list(kind: &str, items: &str) -> Said {
    json(
        "200 OK",
        &format!(r#"{{"kind":"{kind}List","apiVersion":"v1","metadata":{{}},"items":[{items}]}}"#),
    )
}

/// A cluster with one account and nothing else; `more` answers first.
fn cluster(more: impl Fn(&str) -> Option<Said> + Send + Sync + 'static) -> Stub {
    Stub::answering(move |path| {
        if let Some(said) = more(path) {
            return said;
        }
        let bare = path.split('?').next().unwrap_or_default();
        match bare {
            "/api/v1/namespaces/kube-system" => json(
                "200 OK",
                &format!(
                    r#"{{"kind":"Namespace","apiVersion":"v1","metadata":{{"name":"kube-system","uid":"{UID}"}}}}"#
                ),
            ),
            "/api/v1/serviceaccounts" => list(
                "ServiceAccount",
                &format!(r#"{{"metadata":{{"name":"app","namespace":"shop","uid":"{ACCOUNT}"}}}}"#),
            ),
            _ if bare.contains("/configmaps/")
                || bare.contains("cert-manager")
                || bare.contains("external-secrets") =>
            {
                json("404 Not Found", r#"{"kind":"Status","code":404}"#)
            }
            _ => list("Thing", ""),
        }
    })
}

/// A kubeconfig whose context `dev` leads to `server` with `user`.
fn kubeconfig(world: &World, server: &str, of_cluster: &str, user: &str) {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: dev\n\
         clusters: [{{name: c, cluster: {{server: '{server}'{of_cluster}}}}}]\n\
         contexts: [{{name: dev, context: {{cluster: c, user: u}}}}]\n\
         users: [{{name: u, user: {{{user}}}}}]\n"
    );
    std::fs::create_dir_all(world.path(CONFIG).parent().unwrap()).unwrap();
    std::fs::write(world.path(CONFIG), text).unwrap();
}

#[test]
fn stub_a_cluster_is_read_by_its_context_and_known_by_its_uid() {
    let world = World::new();
    let stub = cluster(|_| None);
    kubeconfig(&world, stub.url(), "", &format!("token: {TOKEN}"));
    let scanned = world.run(&["scan", "k8s:dev"]);
    assert_eq!(scanned.code, 0, "{scanned:?}");
    assert!(
        stub.asked()
            .iter()
            .all(|head| head.contains(&format!("authorization: Bearer {TOKEN}")))
    );
    // Values of secrets are never asked for.
    for head in stub
        .asked()
        .iter()
        .filter(|head| head.contains("/secrets?"))
    {
        assert!(
            (head.contains("as=Table") || head.contains("as=PartialObjectMetadataList"))
                && head.contains("fieldSelector=type"),
            "{head}"
        );
    }
    let listed = world.run(&["ls", "-o", "ndjson"]);
    assert!(
        listed.stdout.contains("kubernetes_service_account"),
        "{listed:?}"
    );
    let tested = world.run(&["sources", "test", &format!("kubernetes:{UID}")]);
    assert_eq!(tested.code, 0, "{tested:?}");
    assert!(
        tested.stdout.contains(UID) && tested.stdout.contains("list serviceaccounts"),
        "{tested:?}"
    );
    for (path, bytes) in files(&world.path("")) {
        let held = bytes
            .windows(TOKEN.len())
            .any(|one| one == TOKEN.as_bytes());
        assert!(!held || path.ends_with(CONFIG), "{}", path.display());
    }
}

#[test]
fn stub_every_kind_of_login_is_shown_as_it_is() {
    let world = World::new();
    world.file("home/.kube/token", &format!("{TOKEN}\n"));
    let cases = [
        (
            "tokenFile: token".to_owned(),
            format!("authorization: Bearer {TOKEN}"),
        ),
        (
            "username: ann, password: s3cret-pw".to_owned(),
            "authorization: Basic YW5uOnMzY3JldC1wdw==".to_owned(),
        ),
    ];
    for (user, shown) in cases {
        let stub = cluster(|_| None);
        kubeconfig(&world, stub.url(), "", &user);
        let scanned = world.run(&["scan", "k8s"]);
        assert_eq!(scanned.code, 0, "{user}: {scanned:?}");
        assert!(
            stub.asked().iter().all(|head| head.contains(&shown)),
            "{user}"
        );
    }
}

#[test]
fn stub_a_program_of_a_kubeconfig_runs_only_where_that_is_allowed() {
    let world = World::new();
    let stub = cluster(|_| None);

    let text = format!(
        "#!/bin/sh\necho ran >> '{}'\necho '{{\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"{TOKEN}\"}}}}'\n",
        world.path("ran").display()
    );
    let program = world.file("home/.kube/log-in", &text);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    kubeconfig(
        &world,
        stub.url(),
        "",
        "exec: {command: ./log-in, apiVersion: client.authentication.k8s.io/v1}",
    );
    let refused = world.run(&["scan", "k8s:dev"]);
    assert_eq!(refused.code, 5, "{refused:?}");
    let mut said = refused.stdout.clone();
    write!(said, "{}", refused.stderr).unwrap();
    assert!(
        said.contains("log-in") && said.contains("--allow-exec"),
        "{said}"
    );
    assert!(!world.path("ran").exists() && stub.asked().is_empty());
    let scanned = world.run(&["scan", "k8s:dev", "--allow-exec"]);
    assert_eq!(scanned.code, 0, "{scanned:?}");
    assert!(world.path("ran").exists());
    assert!(scanned.stderr.contains("log-in` to log in"), "{scanned:?}");
    assert!(stub.asked().iter().all(|head| head.contains(TOKEN)));
}

#[test]
fn a_server_that_nobody_vouches_for_is_not_asked() {
    let world = World::new();
    let user = format!("token: {TOKEN}");
    for (server, of_cluster, why) in [
        (
            "https://127.0.0.1:1",
            ", insecure-skip-tls-verify: true",
            "--allow-insecure",
        ),
        ("http://cluster.example", "", "not https"),
        ("https://ann:pw@127.0.0.1:1", "", "holds a user"),
    ] {
        kubeconfig(&world, server, of_cluster, &user);
        let refused = world.run(&["scan", "k8s:dev"]);
        assert_eq!(refused.code, 5, "{refused:?}");
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains(why) && !said.contains(TOKEN), "{said}");
    }
    let lost = world.run(&["scan", "k8s:nowhere"]);
    let said = format!("{}{}", lost.stdout, lost.stderr);
    assert!(
        lost.code == 5 && said.contains("no context `nowhere`"),
        "{said}"
    );
}

#[test]
fn stub_what_a_cluster_refuses_is_a_gap_that_names_the_right() {
    let world = World::new();
    let throttled = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&throttled);
    let stub = cluster(move |path| {
        if path.starts_with("/api/v1/secrets") {
            return Some(json(
                "403 Forbidden",
                r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"secrets is forbidden: User \"ann\" cannot list resource","reason":"Forbidden","code":403}"#,
            ));
        }
        if path.starts_with("/apis/apps/v1/deployments") && !path.contains("continue=") {
            return Some(json(
                "200 OK",
                r#"{"kind":"DeploymentList","apiVersion":"apps/v1","metadata":{"continue":"half"},"items":[]}"#,
            ));
        }
        if path.starts_with("/apis/apps/v1/deployments") {
            return Some(json("500 Internal Server Error", "{}"));
        }
        // Once, and once more than that.
        if path.starts_with("/api/v1/pods") && counted.fetch_add(1, Ordering::Relaxed) == 0 {
            return Some(Some((
                "429 Too Many Requests",
                "retry-after: 1\r\n".to_owned(),
                String::new(),
            )));
        }
        None
    });
    kubeconfig(&world, stub.url(), "", &format!("token: {TOKEN}"));
    let scanned = world.run(&["scan", "k8s:dev"]);
    assert_eq!(scanned.code, 0, "{scanned:?}");
    let gaps = world.run(&["gaps"]);
    for word in ["list secrets", "deployments", "cannot list resource"] {
        assert!(gaps.stdout.contains(word), "{word}: {gaps:?}");
    }
    assert!(!gaps.stdout.contains("pods"), "{gaps:?}");
    assert_eq!(
        throttled.load(Ordering::Relaxed),
        2,
        "a list that was throttled is asked again"
    );
}

#[test]
fn stub_a_token_in_a_kubeconfig_belongs_to_the_account_in_the_cluster() {
    let world = World::new();
    let stub = cluster(|_| None);
    // {"alg":"RS256"} and {"iss":"https://kubernetes.default.svc","sub":"system:serviceaccount:shop:app","kubernetes.io":{"namespace":"shop","serviceaccount":{"name":"app","uid":"5195ed3a-fa3c-46ce-8c66-32d1a83ea41f"}}}
    let (head, body) = (
        "eyJhbGciOiJSUzI1NiJ9",
        "eyJpc3MiOiJodHRwczovL2t1YmVybmV0ZXMuZGVmYXVsdC5zdmMiLCJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6c2hvcDphcHAiLCJrdWJlcm5ldGVzLmlvIjp7Im5hbWVzcGFjZSI6InNob3AiLCJzZXJ2aWNlYWNjb3VudCI6eyJuYW1lIjoiYXBwIiwidWlkIjoiNTE5NWVkM2EtZmEzYy00NmNlLThjNjYtMzJkMWE4M2VhNDFmIn19fQ",
    );
    let token = format!("{head}.{body}.c2ln");
    kubeconfig(&world, stub.url(), "", &format!("token: {token}"));
    let file = world.path(CONFIG);
    let scanned = world.run(&["scan", "k8s:dev", file.to_str().unwrap(), "--no-history"]);
    assert_eq!(scanned.code, 0, "{scanned:?}");
    let listed = world.run(&["ls", "-o", "ndjson"]);
    let account = listed
        .stdout
        .lines()
        .find(|line| line.contains("kubernetes_service_account"))
        .unwrap();
    let account: serde_json::Value = serde_json::from_str(account).unwrap();
    let shown = world.get(&["get", account["id"].as_str().unwrap(), "-o", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let held = shown["held"][0].as_str().unwrap();
    let token = world.get(&["get", held, "-o", "json"]);
    assert!(token.contains("kubernetes_token"), "{token}");
}

#[test]
fn the_rights_of_a_cluster_are_printed_to_be_applied() {
    let world = World::new();
    let printed = world.run(&["sources", "policy", "kubernetes"]);
    assert_eq!(printed.code, 0, "{printed:?}");
    for word in [
        "kind: ClusterRole",
        "serviceaccounts",
        "resourceNames: [kube-system]",
        "verbs: [list]",
    ] {
        assert!(printed.stdout.contains(word), "{word}");
    }
}
