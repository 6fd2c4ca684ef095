//! GitLab CI/CD (GitLab Docs, "CI/CD YAML syntax reference").
//!
//! Beside what all CI tells: `federation` has the audiences of `id_tokens`; `unpinned_includes`
//! are configurations of other projects or addresses that may change under the pipeline;
//! `job_token` says that the job uses its own token for other projects.

use model::Attribute;
use serde_json::Value;

use super::{Job, Jobs, jobs, secret_variables, static_login, texts};
use crate::formats::{FileAt, Format, FormatSpec, Seen, tree};

/// Keywords that stand beside jobs.
const KEYWORDS: &[&str] = &[
    "default",
    "include",
    "stages",
    "variables",
    "workflow",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "spec",
];

pub(in crate::formats) struct GitlabCi;

impl Format for GitlabCi {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "gitlab_ci",
            reads: "jobs of GitLab CI: their variables, identity tokens and includes",
            places: &[".gitlab-ci.yml", ".gitlab/ci/*.yml"],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
        yaml && (name.ends_with(".gitlab-ci.yml")
            || name.ends_with(".gitlab-ci.yaml")
            || path.contains("/.gitlab/ci/")
            || path.contains("/.gitlab-ci/"))
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::yaml(file, seen) else {
            return;
        };
        let mut roll = Jobs::new("gitlab ci variables");
        let includes = includes(&value);
        for (name, job) in jobs(&value, &[], seen) {
            let is_job = ["script", "trigger", "run", "extends", "variables"]
                .iter()
                .any(|word| job.get(word).is_some());
            if KEYWORDS.contains(&name) || !is_job {
                continue;
            }
            let mut job = read_job(name, job, &value, file.bytes, seen);
            for include in &includes {
                job.tells("unpinned_includes", include);
            }
            roll.add(job, seen);
        }
        roll.settle(seen);
    }
}

fn read_job(name: &str, value: &Value, whole: &Value, file: &[u8], seen: &mut Seen) -> Job {
    let environment =
        tree::text(value, &["environment", "name"]).or_else(|| tree::text(value, &["environment"]));
    let mut job = Job::new(name, "gitlab_ci_job").maybe(Attribute::ENVIRONMENT, environment);
    let defaults = ["before_script", "default", "variables"];
    let shared = defaults.iter().filter_map(|name| whole.get(name));
    let mut tokens = false;
    for text in shared.chain([value]).flat_map(texts) {
        for name in secret_variables(text) {
            match name {
                "CI_JOB_TOKEN" | "CI_REGISTRY_PASSWORD" | "CI_DEPLOY_PASSWORD" => tokens = true,
                name if name.starts_with("CI_") => {}
                name => job.handed([name]),
            }
        }
    }
    // What a job makes for itself is no stored secret.
    for own in ["id_tokens", "secrets"] {
        for (name, _) in tree::members(value, &[own]) {
            job.secrets.remove(name);
        }
    }
    if tokens {
        job = job.maybe(Attribute::named("job_token"), Some(true));
    }
    for (_, token) in tree::members(value, &["id_tokens"]) {
        for audience in tree::texts(token, &["aud"]) {
            job.tells("federation", audience);
        }
    }
    if tree::text(value, &["identity"]) == Some("google_cloud") {
        job.tells("federation", "gcp");
    }
    for (name, secret) in tree::members(value, &["secrets"]) {
        let place = tree::members(secret, &[])
            .next()
            .map_or("", |(kind, _)| kind);
        job.tells("vault_secrets", format!("{name} from {place}"));
    }
    for system in job.secrets.iter().filter_map(|name| static_login(name)) {
        job.lists
            .entry("static_logins")
            .or_default()
            .insert(system.to_owned());
    }
    for tag in tree::texts(value, &["tags"]) {
        job.tells("runs_on", tag);
    }
    job.literals(whole, &["variables"], "variables", file, seen);
    job.literals(value, &["variables"], "variables", file, seen);
    job
}

/// Includes that are not fixed to a commit.
fn includes(value: &Value) -> Vec<String> {
    let Some(include) = value.get("include") else {
        return Vec::new();
    };
    let single = std::slice::from_ref(include);
    let list = include.as_array().map_or(single, Vec::as_slice);
    let unpinned = list.iter().filter_map(|one| {
        let text = |name: &str| tree::text(one, &[name]);
        let fixed = text("ref")
            .is_some_and(|at| at.len() == 40 && at.chars().all(|c| c.is_ascii_hexdigit()));
        let from = text("remote").or(text("project")).or(text("component"))?;
        let whole = text("integrity").is_some();
        (!fixed && !whole).then(|| from.to_owned())
    });
    unpinned.collect()
}
