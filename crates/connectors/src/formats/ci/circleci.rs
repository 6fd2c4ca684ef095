//! CircleCI (CircleCI Docs, "Configuration reference").
//!
//! Beside what all CI tells: `contexts` (sets of secrets that a workflow hands to the job),
//! `called` (what workflows call the job, where not by its own name),
//! `unpinned_orbs` (orbs that the job uses and that are not fixed to a full version).

use std::collections::{BTreeMap, BTreeSet};

use model::Attribute;
use serde_json::Value;

use super::{Job, Jobs, jobs, secret_variables, settings, static_login, texts};
use crate::formats::{FileAt, Format, FormatSpec, Seen, tree};

/// Commands that run commands, and steps within steps, are followed so deep.
const DEPTH_MAX: usize = 32;

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
            called(name, &value, &mut out);
            let mut used = Used::default();
            used.look(job, &value, 0);
            for extra in steps_around(name, &value) {
                used.look(extra, &value, 0);
            }
            unpinned(&value, &mut out, |short| used.orbs.contains(short));
            roll.add(out, seen);
        }
        // A job of an orb is defined elsewhere, and is handed its contexts here.
        for (name, contexts) in &contexts {
            if value.get("jobs").and_then(|jobs| jobs.get(name)).is_none() && !contexts.is_empty() {
                let mut out = Job::new(name, "circleci_job");
                for context in contexts {
                    out.tells("contexts", *context);
                }
                called(name, &value, &mut out);
                unpinned(&value, &mut out, |short| {
                    name.split('/').next() == Some(short)
                });
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

/// Tells the orbs that `is_used` and that are not fixed to a full version.
fn unpinned(value: &Value, job: &mut Job, is_used: impl Fn(&str) -> bool) {
    let orbs = tree::pairs(value, &["orbs"]).into_iter();
    for (_, orb) in orbs.filter(|(short, orb)| is_used(short) && !is_pinned(orb)) {
        job.tells("unpinned_orbs", orb);
    }
}

/// The orbs whose commands, executors and jobs something uses, by their names in the file.
#[derive(Debug, Default)]
struct Used<'a> {
    orbs: BTreeSet<&'a str>,
    commands: BTreeSet<&'a str>,
}

impl<'a> Used<'a> {
    /// Takes what `value` uses, and what the commands of `whole` use that it runs.
    fn look(&mut self, value: &'a Value, whole: &'a Value, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        let step = |name: &'a str, used: &mut Self| {
            if let Some((orb, _)) = name.split_once('/') {
                used.orbs.insert(orb);
            }
            let command = whole.get("commands").and_then(|all| all.get(name));
            if let Some(command) = command.filter(|_| used.commands.insert(name)) {
                used.look(command, whole, depth + 1);
            }
        };
        match value {
            Value::String(name) => step(name, self),
            Value::Array(list) => list.iter().for_each(|one| self.look(one, whole, depth + 1)),
            Value::Object(table) => {
                for (name, one) in table {
                    step(name, self);
                    self.look(one, whole, depth + 1);
                }
            }
            _ => {}
        }
    }
}

/// What workflows say of the job called `name`, each time they run it.
fn runs_of<'a>(name: &str, value: &'a Value) -> impl Iterator<Item = &'a Value> {
    let jobs = tree::members(value, &["workflows"])
        .flat_map(|(_, workflow)| tree::list(workflow, &["jobs"]));
    jobs.filter_map(move |job| job.get(name))
}

/// Tells under which other names workflows run the job.
fn called(name: &str, value: &Value, job: &mut Job) {
    for told in runs_of(name, value) {
        if let Some(other) = tree::text(told, &["name"]).filter(|other| *other != name) {
            job.tells("called", other);
        }
    }
}

/// Steps that workflows put before and after the job called `name`.
fn steps_around<'a>(name: &str, value: &'a Value) -> Vec<&'a Value> {
    runs_of(name, value)
        .flat_map(|told| [told.get("pre-steps"), told.get("post-steps")])
        .flatten()
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of each job: its contexts, and the orbs that may change.
    fn told(text: &str) -> Vec<(String, String, String)> {
        let mut seen = Seen::default();
        let file = FileAt {
            path: "/r/.circleci/config.yml",
            bytes: text.as_bytes(),
        };
        Circleci.read(&file, &mut seen);
        assert!(seen.gaps.is_empty(), "{:?}", seen.gaps);
        let fact = |thing: &crate::formats::Thing, name| {
            let fact = thing.told.fact(&Attribute::named(name));
            fact.is().map(ToString::to_string).unwrap_or_default()
        };
        let things = seen.things.iter();
        things
            .map(|one| {
                let (given, orbs) = (fact(one, "contexts"), fact(one, "unpinned_orbs"));
                (one.field.clone(), given, orbs)
            })
            .collect()
    }

    #[test]
    fn a_job_is_told_the_orbs_it_uses_itself_or_through_commands() {
        let text = "orbs: {s: acme/slack@volatile, n: acme/node@1.2, p: acme/pin@1.2.3}\ncommands:\n  tell: {steps: [s/notify]}\njobs:\n  build: {executor: n/default, steps: [p/x]}\n  ship: {steps: [{when: {condition: x, steps: [tell]}}]}\n  test: {steps: [checkout]}\nworkflows:\n  w:\n    jobs:\n      - build\n      - ship: {context: prod}\n      - test: {pre-steps: [{s/notify: {a: b}}]}\n      - s/deploy: {context: [org]}\n      - ship: {name: ship-eu, context: eu}\n";
        let told = told(text);
        let of = |name: &str| {
            let one = told.iter().find(|(field, ..)| field == name).unwrap();
            (one.1.as_str(), one.2.as_str())
        };
        let slack = of("job s/deploy").1;
        assert!(slack.contains("acme/slack@volatile"), "{told:?}");
        assert_eq!(of("job ship"), (of("job ship").0, slack));
        assert!(of("job ship").0.contains("eu"), "{told:?}");
        assert!(of("job ship").0.contains("prod") && of("job s/deploy").0.contains("org"));
        assert_eq!(of("job test").1, slack);
        assert!(of("job build").1.contains("acme/node@1.2") && !of("job build").1.contains("pin"));
    }
}
