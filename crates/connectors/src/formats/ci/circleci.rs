//! CircleCI (CircleCI Docs, "Configuration reference").
//!
//! Beside what all CI tells: `contexts` (sets of secrets that a workflow hands to the job),
//! `unpinned_orbs` (orbs that are not fixed to a full version).

use std::collections::{BTreeMap, BTreeSet};

use model::Attribute;
use serde_json::Value;

use super::{Job, Jobs, jobs, secret_variables, settings, static_login, texts};
use crate::formats::{FileAt, Format, FormatSpec, Seen, tree};

pub(in crate::formats) struct Circleci;

impl Format for Circleci {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "circleci",
            reads: "jobs of CircleCI: contexts, variables, orbs and runners",
            places: &[".circleci/config.yml"],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        path.contains("/.circleci/") && (name.ends_with(".yml") || name.ends_with(".yaml"))
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = settings(file, seen) else {
            return;
        };
        tree::expect_tables(&value, "jobs", seen);
        tree::expect_table(&value, "workflows", seen);
        let contexts = contexts(&value);
        let mut roll = Jobs::new("circleci contexts and projects");
        for (name, job) in jobs(&value, &["jobs"], seen) {
            let mut out = read_job(name, job, file.bytes, seen);
            for context in contexts.get(name).into_iter().flatten() {
                out.tells("contexts", *context);
            }
            for (_, orb) in tree::pairs(&value, &["orbs"]) {
                if !is_pinned(orb) {
                    out.tells("unpinned_orbs", orb);
                }
            }
            roll.add(out, seen);
        }
        // A job of an orb is defined elsewhere, and is handed its contexts here.
        for (name, contexts) in &contexts {
            if value.get("jobs").and_then(|jobs| jobs.get(name)).is_none() && !contexts.is_empty() {
                let mut out = Job::new(name, "circleci_job");
                for context in contexts {
                    out.tells("contexts", *context);
                }
                let orbs = tree::pairs(&value, &["orbs"]).into_iter();
                let own = orbs.filter(|(short, _)| name.split('/').next() == Some(*short));
                for (_, orb) in own.filter(|(_, orb)| !is_pinned(orb)) {
                    out.tells("unpinned_orbs", orb);
                }
                roll.add(out, seen);
            }
        }
        roll.settle(seen);
    }
}

fn read_job(name: &str, value: &Value, file: &[u8], seen: &mut Seen) -> Job {
    let class = tree::text(value, &["resource_class"]);
    let own = class.filter(|class| class.contains('/'));
    let mut job =
        Job::new(name, "circleci_job").maybe(Attribute::named("self_hosted"), own.map(|_| true));
    if let Some(class) = class {
        job.tells("runs_on", class);
    }
    for text in texts(value) {
        if text.contains("CIRCLE_OIDC_TOKEN") || text.contains("circleci run oidc") {
            job.tells("federation", "circleci oidc");
        }
        for name in secret_variables(text).filter(|name| !name.starts_with("CIRCLE_")) {
            job.handed([name]);
            if let Some(system) = static_login(name) {
                job.tells("static_logins", system);
            }
        }
        for (_, name) in passed(value) {
            job.handed([name]);
        }
    }
    job.literals(value, &["environment"], "environment", file, seen);
    for (n, image) in tree::list(value, &["docker"]).iter().enumerate() {
        // The first is what the job runs in; the others serve it.
        if n > 0 {
            let name = tree::text(image, &["name"]).unwrap_or_default();
            let made_with = tree::pairs(image, &["environment"]);
            seen.short_lived.container(name, made_with);
        }
        job.literals(image, &["environment"], "docker", file, seen);
        job.literals(image, &["auth"], "auth", file, seen);
    }
    for step in tree::list(value, &["steps"]) {
        job.literals(step, &["run", "environment"], "run", file, seen);
    }
    job
}

/// Parameters that take the name of a variable.
fn passed(value: &Value) -> Vec<(&str, &str)> {
    let steps = tree::list(value, &["steps"]).iter();
    let commands = steps.flat_map(|step| tree::members(step, &[]));
    let pairs = commands.flat_map(|(_, command)| tree::pairs(command, &[]));
    pairs
        .filter(|(name, text)| {
            let shouted = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            name.contains("access") && !text.is_empty() && text.chars().all(shouted)
        })
        .collect()
}

/// The contexts of each job, by its name in workflows.
fn contexts(value: &Value) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut out: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, workflow) in tree::members(value, &["workflows"]) {
        for job in tree::list(workflow, &["jobs"]) {
            for (name, told) in tree::members(job, &[]) {
                out.entry(name)
                    .or_default()
                    .extend(tree::texts(told, &["context"]));
            }
        }
    }
    out
}

fn is_pinned(orb: &str) -> bool {
    let version = orb.rsplit_once('@').map_or("", |(_, version)| version);
    let numbers: Vec<_> = version.split('.').collect();
    numbers.len() == 3
        && numbers
            .iter()
            .all(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}
