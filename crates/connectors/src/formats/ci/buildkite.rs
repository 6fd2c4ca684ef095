//! Buildkite pipelines: variables, plugins, queues.

use model::Attribute;

use super::{Job, Jobs, secret_variables, static_login, texts};
use crate::formats::{FileAt, Format, FormatSpec, Seen, tree};

pub(in crate::formats) struct Buildkite;

impl Format for Buildkite {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "buildkite",
            reads: "steps of Buildkite: variables, plugins and queues",
            places: &[".buildkite/pipeline.yml"],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        path.contains("/.buildkite/") && (name.ends_with(".yml") || name.ends_with(".yaml"))
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::yaml(file, seen) else {
            return;
        };
        tree::expect_list(&value, "steps", seen);
        let mut roll = Jobs::new("buildkite secrets and agents");
        // A pipeline may be its steps alone.
        let own = value.as_array().map(Vec::as_slice);
        let groups = own.unwrap_or_else(|| tree::list(&value, &["steps"])).iter();
        let steps = groups.flat_map(|one| match tree::list(one, &["steps"]) {
            [] => std::slice::from_ref(one),
            inner => inner,
        });
        for (n, step) in (1..).zip(steps.take(super::JOBS_MAX)) {
            let label = tree::text(step, &["key"]).or_else(|| tree::text(step, &["label"]));
            if step.get("command").is_none() && step.get("commands").is_none() {
                continue;
            }
            let mut job = Job::new(
                &format!("{n} {}", label.unwrap_or("step")),
                "buildkite_step",
            );
            if let Some(queue) = tree::text(step, &["agents", "queue"]) {
                job.tells("runs_on", queue);
                job = job.maybe(Attribute::named("self_hosted"), Some(true));
            }
            for plugin in tree::list(step, &["plugins"]) {
                let names = tree::members(plugin, &[]).map(|(name, _)| name);
                for name in names.chain(plugin.as_str()) {
                    if name.contains("aws-assume-role-with-web-identity") {
                        job.tells("federation", "aws");
                    }
                    if !name.contains('#') {
                        job.tells("unpinned_plugins", name);
                    }
                }
            }
            for text in texts(step) {
                if text.contains("buildkite-agent oidc") {
                    job.tells("federation", "buildkite oidc");
                }
                for name in secret_variables(text) {
                    job.handed([name]);
                    if let Some(system) = static_login(name) {
                        job.tells("static_logins", system);
                    }
                }
            }
            job.literals(&value, &["env"], "env", file.bytes, seen);
            job.literals(step, &["env"], "env", file.bytes, seen);
            roll.add(job, seen);
        }
        roll.settle(seen);
    }
}
