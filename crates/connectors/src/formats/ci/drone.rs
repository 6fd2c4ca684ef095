//! Drone, Woodpecker and their kin: steps take secrets by `from_secret`.

use std::collections::BTreeSet;

use model::Attribute;
use serde_json::Value;

use super::{Job, Jobs, jobs};
use crate::formats::{FileAt, Format, FormatSpec, Seen, tree};

/// Settings lie no deeper than this.
const DEPTH_MAX: usize = 16;

pub(in crate::formats) struct Drone;

impl Format for Drone {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "drone",
            reads: "steps of Drone and Woodpecker: the secrets they take",
            places: &[".drone.yml", ".woodpecker.yml", ".woodpecker/*.yml"],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
        yaml && (matches!(name.rsplit_once('.'), Some((".drone" | ".woodpecker", _)))
            || path.contains("/.woodpecker/"))
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let mut roll = Jobs::new("secrets of the ci server");
        // Each document is a pipeline, or a secret that the server sealed.
        for value in tree::documents(file.text(seen), super::JOBS_MAX, seen) {
            read_pipeline(&value, file, &mut roll, seen);
        }
        roll.settle(seen);
    }
}

fn read_pipeline(value: &Value, file: &FileAt<'_>, roll: &mut Jobs, seen: &mut Seen) {
    if tree::text(value, &["kind"]) == Some("secret") && value.get("data").is_some() {
        return seen.set_aside("encrypted secret");
    }
    let steps = value.get("steps");
    if steps.is_some_and(|steps| !steps.is_array() && !steps.is_null()) {
        tree::expect_table(value, "steps", seen);
    }
    let pipeline = tree::text(value, &["name"]);
    let listed = tree::list(value, &["steps"]).iter().take(super::JOBS_MAX);
    let listed = listed.map(|step| (tree::text(step, &["name"]).unwrap_or("step"), step));
    let mut steps: Vec<_> = listed.collect();
    for table in ["steps", "pipeline"] {
        steps.extend(jobs(value, &[table], seen));
    }
    for (name, step) in steps {
        let image = tree::text(step, &["image"]);
        let name = match pipeline {
            Some(pipeline) => format!("{pipeline} {name}"),
            None => name.to_owned(),
        };
        let mut job = Job::new(&name, "drone_step").maybe(Attribute::named("package"), image);
        let mut names = BTreeSet::new();
        collect(step, 0, &mut names);
        job.handed(names);
        job.handed(tree::texts(step, &["secrets"]));
        for part in ["environment", "settings"] {
            job.literals(step, &[part], part, file.bytes, seen);
        }
        for event in tree::texts(step, &["when", "event"]) {
            job.tells("triggers", event);
        }
        roll.add(job, seen);
    }
}

fn collect<'a>(value: &'a Value, depth: usize, out: &mut BTreeSet<&'a str>) {
    if depth > DEPTH_MAX {
        return;
    }
    out.extend(tree::text(value, &["from_secret"]));
    for (_, inner) in tree::members(value, &[]) {
        collect(inner, depth + 1, out);
    }
    for inner in value.as_array().into_iter().flatten() {
        collect(inner, depth + 1, out);
    }
}
