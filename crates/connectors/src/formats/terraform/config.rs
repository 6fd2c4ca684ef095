//! Configurations, in the tree of Terraform's JSON syntax.

use serde_json::Value;

use super::resource::{Resource, TRUST};
use super::trust::Trusts;
use super::{RESOURCES_MAX, tell};
use crate::formats::settings;
use crate::formats::{Seen, Thing, tree};
use model::{Attribute, Kind};

/// Reads a configuration, or a file that gives `variables` their values.
pub(super) fn read(tree: &Value, variables: bool, seen: &mut Seen) {
    if variables {
        return literals("var", tree, seen);
    }
    let trusts = Trusts::of(tree);
    let mut resources = Vec::new();
    for (block, prefix) in [("resource", ""), ("ephemeral", "ephemeral.")] {
        for (type_, named) in tree::members(tree, &[block]) {
            for (name, bodies) in tree::members(named, &[]) {
                for body in some(bodies) {
                    if resources.len() >= RESOURCES_MAX {
                        return seen.unsupported(format!(
                            "declares more than {RESOURCES_MAX} resources; none was read"
                        ));
                    }
                    let trust = body.get(TRUST).and_then(|one| trusts.policy(one));
                    resources.push(Resource {
                        trust,
                        ..Resource::new(format!("{prefix}{type_}.{name}"), type_, body)
                    });
                }
            }
        }
    }
    tell::all(&resources, seen);
    for (name, bodies) in tree::members(tree, &["variable"]) {
        for body in some(bodies) {
            let Some(default) = body.get("default") else {
                continue;
            };
            // What its author calls sensitive needs no name that speaks of it.
            let marked = body.get("sensitive") == Some(&Value::Bool(true));
            let table = |value| Value::Object([(name.to_owned(), value)].into_iter().collect());
            let (value, mark) = (table(default.clone()), table(Value::Bool(marked)));
            settings::stated("var", &value, &mark, seen);
        }
    }
    for (block, field) in [
        ("locals", "local"),
        ("output", "output"),
        ("module", "module"),
    ] {
        if let Some(bodies) = tree.get(block) {
            for body in some(bodies) {
                literals(field, body, seen);
            }
        }
    }
    for (name, bodies) in tree::members(tree, &["provider"]) {
        for body in some(bodies) {
            literals(&format!("provider.{name}"), body, seen);
        }
    }
    for body in tree.get("terraform").into_iter().flat_map(some) {
        for (name, bodies) in tree::members(body, &["backend"]) {
            for body in some(bodies) {
                backend(name, body, seen);
            }
        }
    }
}

/// Where the state is kept, and with which secrets written here.
fn backend(name: &str, body: &Value, seen: &mut Seen) {
    let place = [
        "bucket",
        "storage_account_name",
        "address",
        "hostname",
        "path",
        "key",
    ]
    .iter()
    .find_map(|place| tree::text(body, &[place]));
    let encrypted = body.get("encrypt").and_then(Value::as_bool);
    seen.thing(
        Thing::new(Kind::Resource, format!("backend.{name}"), "terraform_state")
            .is(
                Attribute::NAME,
                format!("state in {name} {}", place.unwrap_or_default()).trim(),
            )
            .is(Attribute::PROVIDER, "terraform")
            .is(Attribute::named("backend"), name)
            .maybe(Attribute::ENCRYPTED, encrypted),
    );
    literals(&format!("backend.{name}"), body, seen);
}

fn literals(field: &str, value: &Value, seen: &mut Seen) {
    settings::nested(field, value, seen, |found| found);
}

/// One body, or those of a list.
pub(super) fn some(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(list) => list.iter(),
        other => std::slice::from_ref(other).iter(),
    }
}
