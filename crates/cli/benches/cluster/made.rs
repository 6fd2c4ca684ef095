//! A made-up cluster of 100,000 objects, as kubectl prints them: a file a kind.

use std::fmt::Write as _;
use std::path::Path;

const NAMESPACES: usize = 500;
const ACCOUNTS: usize = 5_500;
const SECRETS: usize = 6_000;
const ROLES: usize = 1_500;
const BINDINGS: usize = 3_000;
const DEPLOYMENTS: usize = 5_000;
const REPLICA_SETS: usize = 15_000;
const PODS: usize = 50_000;
/// What is passed over.
const SERVICES: usize = 13_500;

const LABELS: &str = r#""labels":{"app.kubernetes.io/name":"shop","app.kubernetes.io/part-of":"front","team":"payments","environment":"prod"}"#;
const MANAGED: &str = r#""managedFields":[{"manager":"kube-controller-manager","operation":"Update","apiVersion":"v1","time":"2026-10-01T08:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:team":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{".":{},"f:image":{},"f:name":{}}}}}}]"#;
const STATUS: &str = r#"{"phase":"Running","hostIP":"10.0.0.17","podIP":"10.1.2.3","startTime":"2026-10-01T08:00:00Z","conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-10-01T08:00:10Z"}],"containerStatuses":[{"name":"app","ready":true,"restartCount":0,"image":"registry.acme.test/shop/app:1.2.3","imageID":"sha256:0f3c","state":{"running":{"startedAt":"2026-10-01T08:00:05Z"}}}]}"#;
const CONTAINER: &str = r#""image":"registry.acme.test/shop/app:1.2.3","ports":[{"containerPort":8080}],"resources":{"limits":{"cpu":"1","memory":"512Mi"},"requests":{"cpu":"100m","memory":"256Mi"}},"livenessProbe":{"httpGet":{"path":"/healthz","port":8080},"periodSeconds":10},"volumeMounts":[{"name":"kube-api-access","mountPath":"/var/run/secrets/kubernetes.io/serviceaccount","readOnly":true}]"#;
const VOLUMES: &str = r#"[{"name":"kube-api-access","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"name":"kube-root-ca.crt"}}]}}]"#;
const TOLERATIONS: &str = r#"[{"effect":"NoExecute","key":"node.kubernetes.io/not-ready","operator":"Exists","tolerationSeconds":300}]"#;

/// Version, kind, how many, and what each says.
type Made = (&'static str, &'static str, usize, fn(usize) -> String);

/// Writes them below `dir`; how many there are, in how many bytes.
pub(crate) fn write(dir: &Path) -> (usize, usize) {
    let rbac = "rbac.authorization.k8s.io/v1";
    let all: [Made; 9] = [
        ("v1", "Namespace", NAMESPACES, namespace),
        ("v1", "ServiceAccount", ACCOUNTS, account),
        ("v1", "Secret", SECRETS, secret),
        (rbac, "Role", ROLES, role),
        (rbac, "RoleBinding", BINDINGS, binding),
        ("apps/v1", "Deployment", DEPLOYMENTS, deployment),
        ("apps/v1", "ReplicaSet", REPLICA_SETS, replica_set),
        ("v1", "Pod", PODS, pod),
        ("v1", "Service", SERVICES, service),
    ];
    let (mut objects, mut bytes) = (0, 0);
    for (version, kind, count, each) in all {
        let mut text = r#"{"apiVersion":"v1","kind":"List","items":["#.to_owned();
        for n in 0..count {
            let comma = if n == 0 { "" } else { "," };
            let body = each(n);
            write!(
                text,
                "{comma}\n{{\"apiVersion\":\"{version}\",\"kind\":\"{kind}\",{body}}}"
            )
            .unwrap();
        }
        text.push_str("]}\n");
        (objects, bytes) = (objects + count, bytes + text.len());
        std::fs::write(dir.join(format!("{kind}.json")), text).unwrap();
    }
    (objects, bytes)
}

fn uid(kind: usize, n: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{n:012x}")
}

fn meta(kind: usize, n: usize, namespace: Option<usize>, name: &str, more: &str) -> String {
    let namespace = namespace.map_or_else(String::new, |of| format!(r#""namespace":"ns-{of}","#));
    format!(
        r#""metadata":{{"name":"{name}",{namespace}"uid":"{}","resourceVersion":"{n}","creationTimestamp":"2026-01-05T10:00:00Z",{LABELS},{MANAGED}{more}}}"#,
        uid(kind, n)
    )
}

fn owner(kind: &str, name: &str, uid: &str) -> String {
    format!(
        r#","ownerReferences":[{{"apiVersion":"apps/v1","kind":"{kind}","name":"{name}","uid":"{uid}","controller":true}}]"#
    )
}

/// What the pods of a deployment run.
fn spec(of: usize) -> String {
    format!(
        r#"{{"serviceAccountName":"app-{of}","containers":[{{"name":"app",{CONTAINER},"env":[{{"name":"LOG_LEVEL","value":"info"}},{{"name":"DB_PASSWORD","valueFrom":{{"secretKeyRef":{{"name":"secret-{of}","key":"password"}}}}}}]}}],"volumes":{VOLUMES},"nodeName":"node-17","restartPolicy":"Always","tolerations":{TOLERATIONS}}}"#
    )
}

fn within(n: usize) -> Option<usize> {
    Some(n % NAMESPACES)
}

fn namespace(n: usize) -> String {
    match n {
        0 => meta(1, n, None, "kube-system", ""),
        _ => meta(1, n, None, &format!("ns-{n}"), ""),
    }
}

fn account(n: usize) -> String {
    match n.checked_sub(NAMESPACES) {
        None => meta(2, n, within(n), "default", ""),
        Some(of) => meta(2, n, within(of), &format!("app-{of}"), ""),
    }
}

fn secret(n: usize) -> String {
    let meta = meta(3, n, within(n), &format!("secret-{n}"), "");
    format!(r#"{meta},"type":"Opaque","data":{{"password":"aHVudGVyMi1odW50ZXIyLWh1bnRlcjI="}}"#)
}

fn role(n: usize) -> String {
    let meta = meta(4, n, within(n), &format!("role-{n}"), "");
    format!(
        r#"{meta},"rules":[{{"apiGroups":[""],"resources":["pods","secrets"],"verbs":["get","list"]}}]"#
    )
}

fn binding(n: usize) -> String {
    let meta = meta(5, n, within(n), &format!("binding-{n}"), "");
    let (role, of) = (n % ROLES, n % NAMESPACES);
    format!(
        r#"{meta},"roleRef":{{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"role-{role}"}},"subjects":[{{"kind":"ServiceAccount","name":"app-{n}","namespace":"ns-{of}"}}]"#
    )
}

fn deployment(n: usize) -> String {
    let meta = meta(6, n, within(n), &format!("deployment-{n}"), "");
    format!(
        r#"{meta},"spec":{{"replicas":10,"template":{{"spec":{}}}}}"#,
        spec(n)
    )
}

fn replica_set(n: usize) -> String {
    let of = n % DEPLOYMENTS;
    let owner = owner("Deployment", &format!("deployment-{of}"), &uid(6, of));
    let meta = meta(7, n, within(of), &format!("deployment-{of}-{n}"), &owner);
    format!(
        r#"{meta},"spec":{{"replicas":0,"template":{{"spec":{}}}}}"#,
        spec(of)
    )
}

fn pod(n: usize) -> String {
    let set = n % REPLICA_SETS;
    let of = set % DEPLOYMENTS;
    let owner = owner(
        "ReplicaSet",
        &format!("deployment-{of}-{set}"),
        &uid(7, set),
    );
    let meta = meta(8, n, within(of), &format!("pod-{n}"), &owner);
    format!(r#"{meta},"spec":{},"status":{STATUS}"#, spec(of))
}

fn service(n: usize) -> String {
    let meta = meta(9, n, within(n), &format!("service-{n}"), "");
    format!(
        r#"{meta},"spec":{{"clusterIP":"10.2.3.4","ports":[{{"port":80,"protocol":"TCP","targetPort":8080}}],"selector":{{"app":"shop"}},"type":"ClusterIP"}}"#
    )
}
