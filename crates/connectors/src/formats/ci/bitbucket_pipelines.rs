//! Bitbucket Pipelines: `oidc: true` federates, `deployment` is the environment.

use model::Attribute;
use serde_json::Value;

use super::{Job, Jobs, secret_variables, settings, static_login, texts};
use crate::formats::{FileAt, Format, FormatSpec, Seen, tree};

/// Steps lie no deeper than this.
const DEPTH_MAX: usize = 12;

pub(in crate::formats) struct BitbucketPipelines;

impl Format for BitbucketPipelines {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "bitbucket_pipelines",
            reads: "steps of Bitbucket Pipelines: variables, deployments and federation",
            places: &["bitbucket-pipelines.yml"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        matches!(name, "bitbucket-pipelines.yml" | "bitbucket-pipelines.yaml")
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = settings(file, seen) else {
            return;
        };
        tree::expect_table(&value, "pipelines", seen);
        let mut steps = Vec::new();
        collect("", &value, 0, &mut steps);
        let mut roll = Jobs::new("bitbucket variables");
        for (n, (way, step)) in (1..).zip(steps.into_iter().take(super::JOBS_MAX)) {
            let name = tree::text(step, &["name"]).unwrap_or("step");
            let mut job = Job::new(&format!("{n} {name}"), "bitbucket_step")
                .maybe(Attribute::ENVIRONMENT, tree::text(step, &["deployment"]));
            job.tells("triggers", way);
            if step.get("oidc").and_then(Value::as_bool) == Some(true) {
                job.tells("federation", "bitbucket oidc");
            }
            let runners = tree::texts(step, &["runs-on"]);
            if runners.contains(&"self.hosted") {
                job = job.maybe(Attribute::named("self_hosted"), Some(true));
            }
            for runner in runners {
                job.tells("runs_on", runner);
            }
            for name in texts(step).into_iter().flat_map(secret_variables) {
                if name.starts_with("BITBUCKET_") {
                    continue;
                }
                job.handed([name]);
                if let Some(system) = static_login(name) {
                    job.tells("static_logins", system);
                }
            }
            for pipe in tree::list(step, &["script"]) {
                job.literals(pipe, &["variables"], "variables", file.bytes, seen);
            }
            roll.add(job, seen);
        }
        roll.settle(seen);
    }
}

/// Steps, wherever they lie, with the trigger above them.
fn collect<'a>(way: &str, value: &'a Value, depth: usize, out: &mut Vec<(String, &'a Value)>) {
    if depth > DEPTH_MAX {
        return;
    }
    for (name, inner) in tree::members(value, &[]) {
        let here = match name {
            "pipelines" | "parallel" | "stage" | "steps" | "definitions" => way.to_owned(),
            _ if way.is_empty() => name.to_owned(),
            _ => way.to_owned(),
        };
        if name == "step" && inner.is_object() {
            out.push((way.to_owned(), inner));
        } else {
            collect(&here, inner, depth + 1, out);
        }
    }
    for inner in value.as_array().into_iter().flatten() {
        collect(way, inner, depth + 1, out);
    }
}
