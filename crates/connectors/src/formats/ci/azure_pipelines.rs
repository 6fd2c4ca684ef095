//! Azure Pipelines (Microsoft Learn, "YAML schema reference").
//!
//! Beside what all CI tells: `service_connections` (kept by the project; whether they hold a
//! secret or federate, only the project tells), `variable_groups`, `persists_credentials`.

use model::Attribute;
use serde_json::Value;

use super::{Job, Jobs, secret_variables, settings, static_login, texts};
use crate::formats::{FileAt, Format, FormatSpec, Seen, tree};

/// Inputs of tasks that name a service connection.
const CONNECTIONS: &[&str] = &[
    "azureSubscription",
    "ConnectedServiceName",
    "connectedServiceName",
    "connectedServiceNameARM",
    "awsCredentials",
    "containerRegistry",
    "dockerRegistryEndpoint",
    "kubernetesServiceConnection",
    "kubernetesServiceEndpoint",
    "sshEndpoint",
    "externalEndpoint",
    "publishEndpoint",
    "customEndpoint",
    "gitHubConnection",
];
/// Stages, jobs and steps lie no deeper than this.
const DEPTH_MAX: usize = 24;

pub(in crate::formats) struct AzurePipelines;

impl Format for AzurePipelines {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "azure_pipelines",
            reads: "jobs of Azure Pipelines: service connections, variables and pools",
            places: &["azure-pipelines.yml", ".azure-pipelines/*.yml"],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
        yaml && (name.starts_with("azure-pipelines") || path.contains("/.azure-pipelines/"))
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = settings(file, seen) else {
            return;
        };
        for list in ["stages", "jobs", "steps"] {
            tree::expect_list(&value, list, seen);
        }
        let mut found = Vec::new();
        collect(&value, 0, &mut found);
        if found.is_empty() {
            found.push(("pipeline", &value));
        }
        let mut roll = Jobs::new("azure pipelines variables");
        for (name, job) in found.into_iter().take(super::JOBS_MAX) {
            let job = read_job(name, job, &value, file.bytes, seen);
            roll.add(job, seen);
        }
        roll.settle(seen);
    }
}

/// Jobs by their names, wherever they lie.
fn collect<'a>(value: &'a Value, depth: usize, out: &mut Vec<(&'a str, &'a Value)>) {
    if depth > DEPTH_MAX {
        return;
    }
    for name in ["job", "deployment"] {
        if let Some(name) = tree::text(value, &[name]) {
            out.push((name, value));
            return;
        }
    }
    for list in ["stages", "jobs"] {
        for one in tree::list(value, &[list]) {
            collect(one, depth + 1, out);
        }
    }
    // `${{ if … }}:` holds what stands here under a condition.
    for (name, inner) in tree::members(value, &[]) {
        if name.starts_with("${{") {
            let some = inner
                .as_array()
                .map_or(std::slice::from_ref(inner), Vec::as_slice);
            for one in some {
                collect(one, depth + 1, out);
            }
        }
    }
}

fn read_job(name: &str, value: &Value, whole: &Value, file: &[u8], seen: &mut Seen) -> Job {
    let environment =
        tree::text(value, &["environment", "name"]).or_else(|| tree::text(value, &["environment"]));
    let mut job = Job::new(name, "azure_pipelines_job").maybe(Attribute::ENVIRONMENT, environment);
    for text in texts(value) {
        for name in secret_variables(text) {
            job.handed([name]);
            if let Some(system) = static_login(name) {
                job.tells("static_logins", system);
            }
        }
    }
    let own = value.get("pool").or_else(|| whole.get("pool"));
    if let Some(pool) = own {
        let named = tree::text(pool, &["name"]).or_else(|| pool.as_str());
        for name in named.into_iter().chain(tree::text(pool, &["vmImage"])) {
            job.tells("runs_on", name);
        }
        let hosted = pool.get("vmImage").is_some() || named == Some("Azure Pipelines");
        job = job.maybe(Attribute::named("self_hosted"), Some(!hosted));
    }
    for holder in [whole, value] {
        variables(holder, &mut job, file, seen);
    }
    walk(value, 0, &mut job);
    job.literals(value, &["env"], "env", file, seen);
    for step in steps(value) {
        job.literals(step, &["env"], "env", file, seen);
        job.literals(step, &["inputs"], "inputs", file, seen);
    }
    job
}

fn steps(value: &Value) -> impl Iterator<Item = &Value> {
    let nested = ["runOnce", "rolling", "canary"].into_iter();
    let nested = nested.flat_map(|name| tree::list(value, &["strategy", name, "deploy", "steps"]));
    tree::list(value, &["steps"]).iter().chain(nested)
}

/// Variables in a table, or in a list of names, groups and templates.
fn variables(holder: &Value, job: &mut Job, file: &[u8], seen: &mut Seen) {
    job.literals(holder, &["variables"], "variables", file, seen);
    for one in tree::list(holder, &["variables"]) {
        if let Some(group) = tree::text(one, &["group"]) {
            job.tells("variable_groups", group);
        }
        let pair = tree::text(one, &["name"]).zip(tree::text(one, &["value"]));
        if let Some((name, value)) = pair {
            let table = serde_json::json!({ name: value });
            job.literals(&table, &[], "variables", file, seen);
        }
    }
}

/// Service connections and what weakens a checkout, wherever they lie in a job.
fn walk(value: &Value, depth: usize, job: &mut Job) {
    if depth > DEPTH_MAX {
        return;
    }
    for (name, inner) in tree::members(value, &[]) {
        match inner {
            Value::String(connection) if CONNECTIONS.contains(&name) => {
                job.tells("service_connections", connection);
            }
            Value::Bool(true) if name == "persistCredentials" => {
                job.tells("persists_credentials", "checkout");
            }
            _ => walk(inner, depth + 1, job),
        }
    }
    for inner in value.as_array().into_iter().flatten() {
        walk(inner, depth + 1, job);
    }
}
