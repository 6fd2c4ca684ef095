//! Workloads: as whom they run, and which secrets are handed to them.

use model::{Attribute, Class, Kind, Relation};
use serde_json::Value;

use super::object::{Manifest, Object, field};
use crate::formats::settings::{self, Setting};
use crate::formats::{Seen, Thing, tree};

/// Where a pod stands in each kind of workload.
const PODS: &[(&str, &[&str])] = &[
    ("Pod", &["spec"]),
    (
        "CronJob",
        &["spec", "jobTemplate", "spec", "template", "spec"],
    ),
];
/// Kinds with a pod template.
const TEMPLATED: &[&str] = &[
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "DeploymentConfig",
    "Rollout",
    "Service",
];
/// The audience of a token that names none: the server of the cluster itself.
pub(crate) const OF_THE_CLUSTER: &str = "(the cluster)";
/// For how long a projected token is given where nobody says.
const TOKEN_SECONDS: i64 = 3600;
/// Containers and volumes beyond these tell nothing new.
const PARTS_MAX: usize = 100;

/// The pod that an object runs.
pub(crate) fn pod_of<'a>(object: &Object<'a>) -> Option<&'a Value> {
    let way = PODS.iter().find(|(kind, _)| *kind == object.kind);
    let way = match way {
        Some((_, way)) => way,
        None if TEMPLATED.contains(&object.kind) => &["spec", "template", "spec"][..],
        None => return None,
    };
    let pod = way.iter().try_fold(object.value, |at, name| at.get(name))?;
    pod.get("containers").and_then(Value::as_array).map(|_| pod)
}

/// Fields of the secrets and maps that are handed to a workload.
pub(super) fn used(object: &Object<'_>) -> Vec<String> {
    let Some(pod) = pod_of(object) else {
        return Vec::new();
    };
    let handed = Handed::of(pod);
    let of = |kind: &str, name: &String| field(kind, object.namespace, name);
    let secrets = handed.secrets.iter().map(|name| of("Secret", name));
    secrets
        .chain(handed.maps.iter().map(|name| of("ConfigMap", name)))
        .collect()
}

/// Tells of a workload.
pub(super) fn workload(object: &Object<'_>, manifest: &Manifest<'_>, seen: &mut Seen) {
    if let Some(Told { account, thing, .. }) = told(object, seen) {
        seen.thing(match manifest.account(object.namespace, &account) {
            Some(account) => thing.link(Relation::MemberOf, Kind::Identity, &account),
            None => thing,
        });
    }
}

/// What a workload says of itself.
#[derive(Debug)]
pub(crate) struct Told {
    /// The name of the service account that it runs as.
    pub(crate) account: String,
    /// Whether it wants that account's token mounted, where it says so.
    pub(crate) automount: Option<bool>,
    /// What it is handed.
    pub(crate) handed: Handed,
    /// It, with its facts.
    pub(crate) thing: Thing,
}

/// What `object` says of itself, if it is a workload; secrets written into its variables go to
/// `seen`.
pub(crate) fn told(object: &Object<'_>, seen: &mut Seen) -> Option<Told> {
    let pod = pod_of(object)?;
    let handed = Handed::of(pod);
    let mut sounding = Vec::new();
    for container in containers(pod) {
        environment(object, container, &mut sounding, seen);
    }
    let named = |name: &str| tree::text(pod, &[name]);
    let account = named("serviceAccountName").or_else(|| named("serviceAccount"));
    let account = account.unwrap_or("default");
    let automount = pod
        .get("automountServiceAccountToken")
        .and_then(Value::as_bool);
    // A server fills in both; what differs from the other is what somebody wrote.
    let deprecated =
        named("serviceAccount").is_some_and(|old| named("serviceAccountName") != Some(old));
    let mut thing = object
        .thing(Kind::Identity)
        .is(Attribute::CLASS, Class::Workload)
        .is(Attribute::named("service_account"), account)
        .maybe(
            Attribute::named("automount_service_account_token"),
            automount,
        )
        .maybe(
            Attribute::named("deprecated_service_account_field"),
            deprecated.then_some(true),
        );
    for (name, list) in [
        ("secrets_in_env", &sounding),
        ("secret_env", &handed.variables),
        ("secret_volumes", &handed.volumes),
        ("projected_tokens", &handed.tokens),
        ("host_paths", &handed.host_paths),
        ("images", &handed.images),
    ] {
        if !list.is_empty() {
            thing = thing.is(Attribute::named(name), list.clone());
        }
    }
    Some(Told {
        account: account.to_owned(),
        automount,
        thing: bounds(thing, pod),
        handed,
    })
}

/// What holds the workload back, or does not.
fn bounds(thing: Thing, pod: &Value) -> Thing {
    let privileged = containers(pod).any(|one| {
        one.get("securityContext")
            .and_then(|it| it.get("privileged"))
            .and_then(Value::as_bool)
            == Some(true)
    });
    let namespaces: Vec<String> = ["hostNetwork", "hostPID", "hostIPC"]
        .iter()
        .filter(|name| pod.get(**name).and_then(Value::as_bool) == Some(true))
        .map(|name| (*name).to_owned())
        .collect();
    let thing = thing.is(Attribute::named("privileged"), privileged);
    if namespaces.is_empty() {
        thing
    } else {
        thing.is(Attribute::named("host_namespaces"), namespaces)
    }
}

/// Secrets written into a container's variables.
fn environment(
    object: &Object<'_>,
    container: &Value,
    sounding: &mut Vec<String>,
    seen: &mut Seen,
) {
    let of = container
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let variables: Vec<Setting<'_>> = list(container, "env")
        .filter_map(|one| {
            let name = one.get("name")?.as_str()?;
            Some(Setting {
                name,
                field: format!("{} {of}.{name}", object.field()),
                value: one.get("value")?.as_str()?,
                stated: false,
            })
        })
        .collect();
    for one in variables.iter().filter(|one| settings::sounds_secret(one)) {
        sounding.push(format!("{of} {}", one.name));
    }
    let own = settings::read(&variables);
    for found in &own.found {
        let name = found.field.rsplit('.').next().unwrap_or_default();
        let told = format!("{of} {name}");
        if !sounding.contains(&told) {
            sounding.push(told);
        }
    }
    settings::adopt(own, seen, |found| {
        found
            .is(Attribute::named("namespace"), object.namespace)
            .is(
                Attribute::PURPOSE,
                format!("variable of {}", object.field()),
            )
            .used_in_file_by(&object.field())
    });
}

/// What a pod is handed.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    /// Names of secrets, by variable or volume.
    pub(crate) secrets: Vec<String>,
    /// Names of the secrets with which its images are fetched.
    pub(crate) pulls: Vec<String>,
    /// Names of maps.
    maps: Vec<String>,
    /// `app DB_PASSWORD=db/password`.
    variables: Vec<String>,
    volumes: Vec<String>,
    /// Projected tokens: for whom, and for how long each is given.
    pub(crate) tokens: Vec<String>,
    host_paths: Vec<String>,
    images: Vec<String>,
}

impl Handed {
    fn of(pod: &Value) -> Self {
        let mut out = Self::default();
        for container in containers(pod) {
            out.container(container);
        }
        for volume in list(pod, "volumes") {
            out.volume(volume);
        }
        let pulls = list(pod, "imagePullSecrets");
        out.pulls = pulls
            .filter_map(|one| tree::text(one, &["name"]).map(str::to_owned))
            .collect();
        out
    }

    fn container(&mut self, container: &Value) {
        let of = tree::text(container, &["name"]).unwrap_or_default();
        self.images
            .extend(tree::text(container, &["image"]).map(str::to_owned));
        for one in list(container, "env") {
            let variable = tree::text(one, &["name"]).unwrap_or_default();
            let reference = |kind: &str, part: &str| tree::text(one, &["valueFrom", kind, part]);
            if let Some(name) = reference("secretKeyRef", "name") {
                let key = reference("secretKeyRef", "key").unwrap_or_default();
                self.variables.push(format!("{of} {variable}={name}/{key}"));
                self.secrets.push(name.to_owned());
            }
            self.maps
                .extend(reference("configMapKeyRef", "name").map(str::to_owned));
        }
        for one in list(container, "envFrom") {
            if let Some(name) = tree::text(one, &["secretRef", "name"]) {
                self.variables.push(format!("{of} *={name}"));
                self.secrets.push(name.to_owned());
            }
            self.maps
                .extend(tree::text(one, &["configMapRef", "name"]).map(str::to_owned));
        }
    }

    fn volume(&mut self, volume: &Value) {
        self.host_paths
            .extend(tree::text(volume, &["hostPath", "path"]).map(str::to_owned));
        self.maps
            .extend(tree::text(volume, &["configMap", "name"]).map(str::to_owned));
        let mut names: Vec<&str> = tree::text(volume, &["secret", "secretName"])
            .into_iter()
            .collect();
        let projected = volume.get("projected");
        for source in projected.into_iter().flat_map(|it| list(it, "sources")) {
            names.extend(tree::text(source, &["secret", "name"]));
            if let Some(token) = source.get("serviceAccountToken") {
                let audience = tree::text(token, &["audience"]).unwrap_or(OF_THE_CLUSTER);
                let seconds = token.get("expirationSeconds").and_then(Value::as_i64);
                let seconds = seconds.unwrap_or(TOKEN_SECONDS);
                self.tokens.push(format!("{audience} for {seconds} s"));
            }
        }
        self.secrets
            .extend(names.iter().map(|name| (*name).to_owned()));
        self.volumes
            .extend(names.iter().map(|name| (*name).to_owned()));
    }
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["containers", "initContainers", "ephemeralContainers"]
        .into_iter()
        .flat_map(|name| list(pod, name))
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .take(PARTS_MAX)
}
