//! Azure Pipelines (Microsoft Learn, "YAML schema reference").
//!
//! Beside what all CI tells: `service_connections` (kept by the project; whether they hold a
//! secret or federate, only the project tells), `variable_groups`, `persists_credentials`;
//! `unpinned_includes` are repositories that templates come from and that are fixed to no commit.

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

/// What a pipeline, or a template of one, has one of.
const PARTS: &[&str] = &["stages", "jobs", "steps", "extends", "trigger", "pool"];

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
        let plain = name.to_ascii_lowercase().replace(['-', '_', '.'], "");
        let in_dir = ["/.azure-pipelines/", "/azure-pipelines/", "/.azuredevops/"]
            .iter()
            .any(|dir| path.contains(dir));
        yaml && (plain.starts_with("azurepipeline") || in_dir)
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
        collect(&value, &mut Vec::new(), &mut found);
        if found.is_empty() {
            // What lies beside pipelines may be something else.
            if !PARTS.iter().any(|part| value.get(part).is_some()) {
                return;
            }
            found.push(("pipeline", vec![&value]));
        }
        let includes = includes(&value);
        let mut roll = Jobs::new("azure pipelines variables");
        for (name, around) in found.into_iter().take(super::JOBS_MAX) {
            let Some(job) = read_job(name, &around, file.bytes, seen) else {
                continue;
            };
            let tell = |mut job: Job, include: &&str| {
                job.tells("unpinned_includes", *include);
                job
            };
            roll.add(includes.iter().fold(job, tell), seen);
        }
        roll.settle(seen);
    }
}

/// A job's name, and what stands around it from the outside in: the pipeline, a stage, itself.
type Found<'a> = (&'a str, Vec<&'a Value>);

/// Jobs wherever they lie; `around` is what leads to `value`.
fn collect<'a>(value: &'a Value, around: &mut Vec<&'a Value>, out: &mut Vec<Found<'a>>) {
    if around.len() > DEPTH_MAX {
        return;
    }
    around.push(value);
    let name = ["job", "deployment"];
    if let Some(name) = name.iter().find_map(|name| tree::text(value, &[name])) {
        out.push((name, around.clone()));
        around.pop();
        return;
    }
    for list in ["stages", "jobs"] {
        for one in tree::list(value, &[list]) {
            collect(one, around, out);
        }
    }
    // `${{ if … }}:` holds what stands here under a condition.
    for (name, inner) in tree::members(value, &[]) {
        if name.starts_with("${{") {
            let some = inner
                .as_array()
                .map_or(std::slice::from_ref(inner), Vec::as_slice);
            for one in some {
                collect(one, around, out);
            }
        }
    }
    around.pop();
}

/// The job that is the innermost of `around`.
fn read_job(name: &str, around: &[&Value], file: &[u8], seen: &mut Seen) -> Option<Job> {
    let value = *around.last()?;
    let environment =
        tree::text(value, &["environment", "name"]).or_else(|| tree::text(value, &["environment"]));
    let mut job = Job::new(name, "azure_pipelines_job").maybe(Attribute::ENVIRONMENT, environment);
    let shared = around.iter().filter_map(|one| one.get("variables"));
    for text in shared.chain([value]).flat_map(texts) {
        for name in secret_variables(text) {
            job.handed([name]);
            if let Some(system) = static_login(name) {
                job.tells("static_logins", system);
            }
        }
    }
    if let Some(pool) = around.iter().rev().find_map(|one| one.get("pool")) {
        let named = tree::text(pool, &["name"]).or_else(|| pool.as_str());
        for name in named.into_iter().chain(tree::text(pool, &["vmImage"])) {
            job.tells("runs_on", name);
        }
        let hosted = pool.get("vmImage").is_some() || named == Some("Azure Pipelines");
        job = job.maybe(Attribute::named("self_hosted"), Some(!hosted));
    }
    for holder in around {
        variables(holder, &mut job, file, seen);
    }
    walk(value, 0, &mut job);
    job.literals(value, &["env"], "env", file, seen);
    for step in steps(value) {
        job.literals(step, &["env"], "env", file, seen);
        job.literals(step, &["inputs"], "inputs", file, seen);
    }
    Some(job)
}

/// The repositories that templates come from and that are fixed to no commit.
fn includes(value: &Value) -> Vec<&str> {
    let used: Vec<&str> = texts(value)
        .into_iter()
        .filter_map(|text| text.rsplit_once('@'))
        .filter(|(path, _)| path.ends_with(".yml") || path.ends_with(".yaml"))
        .map(|(_, alias)| alias)
        .collect();
    let all = tree::list(value, &["resources", "repositories"]).iter();
    all.filter_map(|one| {
        let text = |name: &str| tree::text(one, &[name]);
        let is_used = used.contains(&text("repository")?);
        let fixed = text("ref").is_some_and(super::is_commit);
        (is_used && !fixed).then(|| text("name").or(text("repository")))?
    })
    .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Seen {
        let mut seen = Seen::default();
        let file = FileAt {
            path,
            bytes: text.as_bytes(),
        };
        assert!(AzurePipelines.recognises(path, file.name()), "{path}");
        AzurePipelines.read(&file, &mut seen);
        seen
    }

    #[test]
    fn a_job_has_what_its_stage_has() {
        let text = "pool: {name: own}\nstages:\n  - stage: prod\n    pool: {vmImage: ubuntu}\n    variables:\n      - group: shop-production\n      - {name: KEY, value: $(DeployToken)}\n    jobs:\n      - job: deploy\n        steps: [{script: x}]\n  - stage: test\n    jobs: [{job: test, steps: [{script: x}]}]\n";
        for path in ["/r/azure-pipeline.yml", "/r/.azuredevops/ci.yaml"] {
            let seen = read(path, text);
            let told = |job: usize, name: &'static str| {
                let fact = seen.things[job].told.fact(&Attribute::named(name));
                fact.is().map(ToString::to_string).unwrap_or_default()
            };
            assert!(told(0, "variable_groups").contains("shop-production"));
            assert!(told(0, "secrets").contains("DeployToken"));
            assert!(told(0, "runs_on").contains("ubuntu"));
            assert_eq!(told(1, "variable_groups"), "");
            assert_eq!(told(1, "secrets"), "");
        }
    }

    #[test]
    fn templates_of_a_repository_are_fixed_by_a_commit() {
        let commit = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";
        let text = |at: &str, from: &str| {
            format!(
                "resources:\n  repositories:\n    - repository: shared\n      type: github\n      name: acme/templates\n      ref: {at}\nextends:\n  template: build.yml@{from}\n"
            )
        };
        for (at, from, expected) in [
            ("refs/heads/main", "shared", true),
            ("refs/tags/v1", "shared", true),
            (commit, "shared", false),
            ("refs/heads/main", "self", false),
        ] {
            let seen = read("/r/azure-pipelines.yml", &text(at, from));
            let told = seen.things[0]
                .told
                .fact(&Attribute::named("unpinned_includes"));
            assert_eq!(told.is().is_some(), expected, "{at} {from}");
        }
    }
}
