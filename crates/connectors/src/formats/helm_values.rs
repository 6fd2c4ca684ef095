//! Helm: the values of charts (Helm Docs, "Values Files"), and what a chart says of itself.
//!
//! A file of values is an identity of type `helm_release` (class workload) where it tells of
//! anything here: it is handed the secrets that stand in it or that it names (`existing_secrets`,
//! `image_pull_secrets`), and runs under the service accounts that it sets up. Each
//! `serviceAccount` is an identity of its own, with `federation` (the cloud identity it speaks as)
//! and `automount_service_account_token`. `values-prod.yaml` tells its `environment`. A chart
//! (`Chart.yaml`) is a resource with its maintainers and the repositories it is built from.
//!
//! What `helm template` prints are manifests, which the format of Kubernetes reads.

use std::collections::BTreeSet;

use model::{Attribute, Class, Kind, Relation};
use serde_json::Value;

use super::text::is_reference;
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing, kubernetes, settings, tree};

/// Tables nested deeper than this are not looked into.
const DEPTH_MAX: usize = 24;
/// More names of secrets than this in one file are not told.
const NAMES_MAX: usize = 500;
/// What a release is called in its file.
const RELEASE: &str = "release";

pub(super) struct HelmValues;

impl Format for HelmValues {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "helm_values",
            reads: "values of Helm charts: passwords written down, secrets named, service accounts set up",
            places: &["values.yaml", "values-*.yaml", "Chart.yaml"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name == "Chart.yaml" || environment(name).is_some()
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(mut value) = tree::yaml(file, seen) else {
            return;
        };
        if file.name() == "Chart.yaml" {
            return chart(&value, seen);
        }
        if value.get("sops").is_some() {
            seen.set_aside("encrypted secret");
        }
        let mut named = Named::default();
        named.take_from(&mut value, "", 0);
        let environment = environment(file.name()).filter(|one| !one.is_empty());
        let before = (seen.found.len(), seen.keys.len());
        settings::nested("", &value, seen, |found| {
            found
                .maybe(Attribute::ENVIRONMENT, environment)
                .used_in_file_by(RELEASE)
        });
        settings::locate(seen, file.bytes);
        let tells = before != (seen.found.len(), seen.keys.len()) || !named.is_empty();
        if !tells {
            return;
        }
        let chart = file.path.rsplit('/').nth(1).unwrap_or("chart");
        let mut release = Thing::new(Kind::Identity, RELEASE, "helm_release")
            .is(Attribute::NAME, format!("{chart} {}", file.name()))
            .is(Attribute::CLASS, Class::Workload)
            .is(Attribute::PROVIDER, "kubernetes")
            .maybe(Attribute::ENVIRONMENT, environment);
        for account in &named.accounts {
            release = release.link(Relation::MemberOf, Kind::Identity, &account.field);
        }
        for (fact, names) in [
            ("existing_secrets", &named.secrets),
            ("image_pull_secrets", &named.pull_secrets),
        ] {
            if !names.is_empty() {
                release = release.is(
                    Attribute::named(fact),
                    names.iter().cloned().collect::<Vec<_>>(),
                );
            }
        }
        seen.thing(release);
        named.tell(seen);
    }
}

/// The environment in the name of a file of values, empty where it names none: `values.yaml`,
/// `values-prod.yaml`, `prod.values.yaml`. `None` where the name is none of these.
fn environment(name: &str) -> Option<&str> {
    let stem = name
        .strip_suffix(".yaml")
        .or_else(|| name.strip_suffix(".yml"))?;
    let parted = |rest: &str| rest.starts_with(['-', '_', '.']) && rest.len() > 1;
    if let Some(rest) = stem.strip_prefix("values") {
        let whole = rest.is_empty() || parted(rest);
        return whole.then(|| rest.trim_start_matches(['-', '_', '.']));
    }
    let rest = stem.strip_suffix("values")?;
    let rest = rest.strip_suffix(['-', '_', '.'])?;
    (!rest.is_empty()).then_some(rest)
}

/// Tells of a chart.
fn chart(value: &Value, seen: &mut Seen) {
    let maintainers = tree::list(value, &["maintainers"]).iter();
    let owner = maintainers
        .filter_map(|one| tree::text(one, &["email"]).or_else(|| tree::text(one, &["name"])))
        .next();
    let repositories: BTreeSet<String> = tree::list(value, &["dependencies"])
        .iter()
        .filter_map(|one| tree::text(one, &["repository"]))
        .filter(|address| !address.contains('@'))
        .map(str::to_owned)
        .take(NAMES_MAX)
        .collect();
    let mut chart = Thing::new(Kind::Resource, "chart", "helm_chart")
        .is(Attribute::PROVIDER, "helm")
        .maybe(Attribute::NAME, tree::text(value, &["name"]))
        .maybe(Attribute::named("version"), tree::text(value, &["version"]))
        .maybe(Attribute::OWNER_HINT, owner);
    if !repositories.is_empty() {
        let list: Vec<String> = repositories.into_iter().collect();
        chart = chart.is(Attribute::named("repositories"), list);
    }
    seen.thing(chart);
    if let Some(dependencies) = value.get("dependencies") {
        settings::nested("dependencies", dependencies, seen, |found| found);
    }
}

/// What values name that lies in the cluster or is set up there.
#[derive(Debug, Default)]
struct Named {
    secrets: BTreeSet<String>,
    pull_secrets: BTreeSet<String>,
    accounts: Vec<Account>,
}

#[derive(Debug)]
struct Account {
    field: String,
    value: Value,
}

impl Named {
    fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.pull_secrets.is_empty() && self.accounts.is_empty()
    }

    /// Takes the names out of `value`, which stands at `way`, so that none is held for a secret.
    fn take_from(&mut self, value: &mut Value, way: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        match value {
            Value::Array(list) => {
                for (n, one) in list.iter_mut().enumerate() {
                    self.take_from(one, &format!("{way}[{n}]"), depth + 1);
                }
            }
            Value::Object(table) => {
                table.retain(|name, value| !self.takes(name, value));
                for (name, value) in table {
                    let way = match way {
                        "" => name.clone(),
                        way => format!("{way}.{name}"),
                    };
                    if name.ends_with("erviceAccount") && value.is_object() {
                        self.account(&way, value);
                    }
                    self.take_from(value, &way, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// Whether a member names secrets of the cluster; they are kept.
    fn takes(&mut self, name: &str, value: &Value) -> bool {
        let folded = settings::folded(name);
        let pull = folded.ends_with("pull_secrets") || folded.ends_with("pull_secret");
        let secret = folded.starts_with("existing_secret") && !folded.ends_with("_key")
            || [
                "existing_secret",
                "secret_name",
                "secret_ref",
                "env_vars_secret",
                "auth_secret",
            ]
            .iter()
            .any(|end| folded.ends_with(end));
        let keyed = folded.ends_with("secret_key_ref");
        if !(pull || secret || keyed) {
            // The name of a member of a secret of the cluster.
            return folded.starts_with("existing_secret")
                || folded.ends_with("_secret_key") && value.as_str().is_some_and(is_member);
        }
        let list = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        let names = list
            .iter()
            .filter_map(|one| one.as_str().or_else(|| tree::text(one, &["name"])))
            .filter(|name| !is_reference(name) && name.len() <= 253);
        let kept = if pull {
            &mut self.pull_secrets
        } else {
            &mut self.secrets
        };
        for name in names {
            if kept.len() < NAMES_MAX {
                kept.insert(name.to_owned());
            }
        }
        true
    }

    fn account(&mut self, way: &str, value: &Value) {
        let told = [
            "name",
            "annotations",
            "create",
            "automount",
            "automountServiceAccountToken",
        ];
        if self.accounts.len() < NAMES_MAX && told.iter().any(|name| value.get(name).is_some()) {
            self.accounts.push(Account {
                field: model::shorten(way, 100),
                value: value.clone(),
            });
        }
    }

    fn tell(self, seen: &mut Seen) {
        for account in &self.accounts {
            let automount = ["automountServiceAccountToken", "automount"]
                .iter()
                .find_map(|name| account.value.get(name)?.as_bool());
            let name = tree::text(&account.value, &["name"]);
            let thing = Thing::new(
                Kind::Identity,
                account.field.as_str(),
                "kubernetes_service_account",
            )
            .is(Attribute::NAME, name.unwrap_or(&account.field))
            .is(Attribute::CLASS, Class::Workload)
            .is(Attribute::PROVIDER, "kubernetes")
            .maybe(
                Attribute::named("automount_service_account_token"),
                automount,
            );
            let cloud =
                kubernetes::federated(|name| tree::text(&account.value, &["annotations", name]));
            seen.thing(match cloud {
                Some(cloud) => thing
                    .is(Attribute::named("federation"), cloud)
                    .with(|told| told.hint("cloud_identity", cloud)),
                None => thing,
            });
        }
        for name in self.secrets.union(&self.pull_secrets) {
            let found = Found::referenced(format!("secret {name}"), name, "secrets of the cluster");
            seen.found(found.used_in_file_by(RELEASE));
        }
    }
}

/// Whether a text could name a member of a secret: `postgres-password`.
fn is_member(text: &str) -> bool {
    text.len() <= 64
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_values_tells_its_environment() {
        for (name, told) in [
            ("values.yaml", Some("")),
            ("values-prod.yaml", Some("prod")),
            ("values.staging.yml", Some("staging")),
            ("eu-values.yaml", Some("eu")),
            ("defaultvalues.yaml", None),
            ("valuesx.yaml", None),
            ("values-.yaml", None),
            ("values.json", None),
        ] {
            assert_eq!(environment(name), told, "{name}");
        }
    }

    #[test]
    fn a_name_of_a_secret_is_no_secret() {
        let text = "auth:\n  existingSecret: shop-db-credentials\n  existingSecretPasswordKey: postgres-password\n  secretKeys: {adminPasswordKey: admin-password-key}\n  userPasswordSecretKey: user-password-key\ntls: [{secretName: shop-tls-certificate}]\n";
        let mut seen = Seen::default();
        let file = FileAt {
            path: "/c/values.yaml",
            bytes: text.as_bytes(),
        };
        HelmValues.read(&file, &mut seen);
        let secrets: Vec<_> = seen
            .found
            .iter()
            .filter(|one| one.secret.is_some())
            .map(|one| &one.field)
            .collect();
        assert!(secrets.is_empty(), "{secrets:?}");
        let names: Vec<_> = seen.found.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(
            names,
            ["secret shop-db-credentials", "secret shop-tls-certificate"]
        );
    }

    #[test]
    fn values_that_tell_nothing_are_no_release() {
        let mut seen = Seen::default();
        let file = FileAt {
            path: "/c/values.yaml",
            bytes: b"replicas: 2\nimage: {tag: v1}\n",
        };
        HelmValues.read(&file, &mut seen);
        assert!(seen.things.is_empty() && seen.found.is_empty());
    }
}
