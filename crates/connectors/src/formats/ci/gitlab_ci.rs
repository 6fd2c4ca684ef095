//! GitLab CI/CD (GitLab Docs, "CI/CD YAML syntax reference").
//!
//! Beside what all CI tells: `federation` has the audiences of `id_tokens`; `unpinned_includes`
//! are configurations of other projects or addresses that may change under the pipeline;
//! `job_token` says that the job uses its own token for other projects.

use model::Attribute;
use serde_json::Value;

use super::{Job, Jobs, is_commit, jobs, secret_variables, static_login, texts};
use crate::formats::literals::literals;
use crate::formats::{FileAt, Format, FormatSpec, Seen, tree};

/// GitLab follows no more than this many jobs that extend one another.
const EXTENDS_MAX: usize = 11;
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

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        // A document before it tells the inputs of a component.
        let Some(value) = tree::documents(file.text(seen), 2, seen).pop() else {
            return;
        };
        expect(&value, seen);
        let mut roll = Jobs::new("gitlab ci variables");
        let includes = includes(&value);
        services(&value, seen);
        for (name, job) in jobs(&value, &[], seen) {
            let is_job = ["script", "trigger", "run", "extends", "variables"]
                .iter()
                .any(|word| job.get(word).is_some());
            if KEYWORDS.contains(&name) || !is_job {
                continue;
            }
            // A hidden job is there to be extended, and runs never.
            if name.starts_with('.') {
                let hidden = Job::new(name, "gitlab_ci_job");
                literals(
                    tree::pairs(job, &["variables"]),
                    &format!("{}.variables", hidden.field),
                    file.bytes,
                    seen,
                    |found| found,
                );
                continue;
            }
            let whole = extended(job, &value, 0);
            let mut job = read_job(name, &whole, &value, file.bytes, seen);
            for include in &includes {
                job.tells("unpinned_includes", include);
            }
            roll.add(job, seen);
        }
        roll.settle(seen);
    }
}

/// A job with what the jobs that it extends bring; its own wins, tables are put together.
fn extended(job: &Value, whole: &Value, depth: usize) -> Value {
    let mut out = Value::Object(serde_json::Map::new());
    if depth < EXTENDS_MAX {
        for name in tree::texts(job, &["extends"]).into_iter().take(EXTENDS_MAX) {
            if let Some(base) = whole.get(name) {
                merge(&mut out, extended(base, whole, depth + 1), 0);
            }
        }
    }
    merge(&mut out, job.clone(), 0);
    out
}

fn merge(into: &mut Value, from: Value, depth: usize) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) if depth < EXTENDS_MAX => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value, depth + 1);
            }
        }
        (into, from) => *into = from,
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

/// Gaps where what the file consists of is something else: stages are a list, jobs are tables.
fn expect(value: &Value, seen: &mut Seen) {
    if !value.is_object() {
        return seen.broken("expected a table of settings, got something else");
    }
    tree::expect_list(value, "stages", seen);
    let odd = |(name, job): (&str, &Value)| {
        let plain = job.is_number() || job.is_boolean() || job.is_string();
        plain && !name.starts_with('.') && !KEYWORDS.contains(&name)
    };
    if tree::members(value, &[]).any(odd) {
        seen.broken("expected a table for each job, got something else");
    }
}

/// Containers beside jobs: they are made with the variables of the job, or of all jobs.
fn services(value: &Value, seen: &mut Seen) {
    let jobs = tree::members(value, &[]).map(|(_, job)| job);
    let all: Vec<&Value> = std::iter::once(value).chain(jobs).collect();
    let listed = all.iter().flat_map(|one| tree::list(one, &["services"]));
    let names: Vec<&str> = listed
        .filter_map(|one| {
            let named = tree::text(one, &["alias"]).or_else(|| tree::text(one, &["name"]));
            let image = named.or_else(|| one.as_str())?.rsplit('/').next()?;
            image.split(':').next()
        })
        .collect();
    if names.is_empty() {
        return;
    }
    for name in names {
        seen.short_lived.container(name, []);
    }
    for one in all {
        let made_with = tree::pairs(one, &["variables"]);
        seen.short_lived.container("", made_with);
    }
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
        // A component names its version behind the path.
        let component = || Some(text("component")?.rsplit_once('@')?.1);
        let fixed = text("ref").or_else(component).is_some_and(is_commit);
        let address = one.as_str().filter(|text| text.contains("://"));
        let from = address
            .or(text("remote"))
            .or(text("project"))
            .or(text("component"))?;
        let whole = text("integrity").is_some();
        (!fixed && !whole).then(|| from.to_owned())
    });
    unpinned.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_fixed_by_a_commit_and_by_nothing_else() {
        let commit = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";
        let at = |version: &str| {
            let text = format!("include: [{{component: $CI_SERVER_FQDN/acme/scan/x@{version}}}]");
            let value = tree::documents(&text, 2, &mut Seen::default())
                .pop()
                .unwrap();
            includes(&value)
        };
        assert!(at(commit).is_empty());
        for version in ["1.2.3", "main", "~latest", &commit[..12]] {
            assert_eq!(at(version).len(), 1, "{version}");
        }
    }

    #[test]
    fn a_job_is_what_it_extends_as_well_and_a_hidden_one_never_runs() {
        let text = "spec: {inputs: {x: {}}}\n---\ninclude: https://x.test/ci.yml\n.base:\n  id_tokens: {AWS: {aud: sts.amazonaws.com}}\n  variables: {DEPLOY_TOKEN: hT5rFvB8nJm2}\n.more: {extends: [.base, .more], environment: prod}\ndeploy:\n  extends: .more\n  script: [deploy]\n";
        let mut seen = Seen::default();
        let file = FileAt {
            path: "/r/.gitlab-ci.yml",
            bytes: text.as_bytes(),
        };
        GitlabCi.read(&file, &mut seen);
        let jobs: Vec<_> = seen.things.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(jobs, ["job deploy"]);
        let told = &seen.things[0].told;
        let fact = |attribute| told.fact(&attribute).is().map(ToString::to_string);
        assert_eq!(fact(Attribute::ENVIRONMENT).as_deref(), Some("prod"));
        assert!(
            fact(Attribute::named("federation"))
                .unwrap()
                .contains("sts.amazonaws.com")
        );
        assert!(
            fact(Attribute::named("unpinned_includes"))
                .unwrap()
                .contains("https://x.test")
        );
        let used = seen
            .found
            .iter()
            .any(|one| one.field == "job deploy.variables.DEPLOY_TOKEN");
        assert!(used, "{:?}", seen.found);
    }
}
