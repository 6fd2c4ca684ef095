//! Plans and states in the JSON of `terraform show -json` (JSON Output Format, version 1).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::resource::Resource;
use super::{RESOURCES_MAX, tell};
use crate::formats::settings::{self, Setting};
use crate::formats::{Seen, tree};

/// Modules nested deeper are not looked at.
const DEPTH_MAX: usize = 32;

static NONE: Value = Value::Null;

/// Reads a plan, or a state in the same form.
pub(super) fn read(plan: &Value, seen: &mut Seen) {
    let version = plan.get("format_version").map(Value::to_string);
    if let Some(version) = version
        && !matches!(version.trim_matches('"').split('.').next(), Some("0" | "1"))
    {
        seen.unsupported("a plan of a newer format than version 1; what was known of it was read");
    }
    let expressions = expressions(plan);
    let mut listed = Vec::new();
    for part in [
        &["planned_values"][..],
        &["values"],
        &["prior_state", "values"],
    ] {
        let at = part.iter().try_fold(plan, |at, name| at.get(name));
        if let Some(root) = at.and_then(|at| at.get("root_module")) {
            resources(root, 0, &mut listed);
        }
    }
    let changes = changes(plan);
    let mut known = BTreeSet::new();
    let mut filled: Vec<(Listed<'_>, Value)> = Vec::new();
    for one in listed.into_iter().chain(changes) {
        if filled.len() >= RESOURCES_MAX {
            seen.unsupported(format!(
                "holds more than {RESOURCES_MAX} resources; the rest was not read"
            ));
            break;
        }
        if known.insert(one.address.to_owned()) {
            let values = with_references(one.values, expressions.get(&one.configured()));
            filled.push((one, values));
        }
    }
    let planned = planned(plan);
    let resources: Vec<_> = filled
        .iter()
        .map(|(one, values)| Resource {
            sensitive: one.sensitive.clone(),
            planned: planned.get(one.address).cloned(),
            looked_up: one.looked_up,
            ..Resource::new(one.address, one.type_, values)
        })
        .collect();
    tell::all(&resources, seen);
    outputs(plan, seen);
}

/// A resource as a plan lists it.
struct Listed<'a> {
    address: &'a str,
    type_: &'a str,
    values: &'a Value,
    sensitive: &'a Value,
    looked_up: bool,
}

impl<'a> Listed<'a> {
    fn of(one: &'a Value, values: &'a Value, sensitive: &'a Value) -> Option<Self> {
        Some(Self {
            address: one.get("address")?.as_str()?,
            type_: one.get("type")?.as_str()?,
            values,
            sensitive,
            looked_up: one.get("mode").and_then(Value::as_str) == Some("data"),
        })
    }

    /// Its address in the configuration: without indexes.
    fn configured(&self) -> String {
        self.address
            .split('[')
            .enumerate()
            .map(|(n, part)| match n {
                0 => part,
                _ => part.split_once(']').map_or("", |(_, rest)| rest),
            })
            .collect()
    }
}

fn resources<'a>(module: &'a Value, depth: usize, out: &mut Vec<Listed<'a>>) {
    if depth > DEPTH_MAX || out.len() > RESOURCES_MAX {
        return;
    }
    for one in list(module, "resources") {
        let values = one.get("values").unwrap_or(&NONE);
        out.extend(Listed::of(
            one,
            values,
            one.get("sensitive_values").unwrap_or(&NONE),
        ));
    }
    for child in list(module, "child_modules") {
        resources(child, depth + 1, out);
    }
}

/// What the plan would change; of what it deletes, as it is now.
fn changes(plan: &Value) -> impl Iterator<Item = Listed<'_>> {
    list(plan, "resource_changes").filter_map(|one| {
        let change = one.get("change")?;
        let side = |name: &str| change.get(name).filter(|value| value.is_object());
        let (values, marks) = match side("after") {
            Some(after) => (after, "after_sensitive"),
            None => (side("before").unwrap_or(&NONE), "before_sensitive"),
        };
        Listed::of(one, values, change.get(marks).unwrap_or(&NONE))
    })
}

/// What is to be done with which address, where that is something.
fn planned(plan: &Value) -> BTreeMap<&str, String> {
    list(plan, "resource_changes")
        .filter_map(|one| {
            let actions = one.get("change")?.get("actions")?.as_array()?;
            let actions: Vec<_> = actions.iter().filter_map(Value::as_str).take(4).collect();
            let action = model::shorten(&actions.join(", "), 64);
            (!matches!(action.as_str(), "no-op" | "read" | ""))
                .then_some((one.get("address")?.as_str()?, action))
        })
        .collect()
}

/// For each address of the configuration, what its attributes refer to.
fn expressions(plan: &Value) -> BTreeMap<String, Map<String, Value>> {
    let mut out = BTreeMap::new();
    let root = plan
        .get("configuration")
        .and_then(|it| it.get("root_module"));
    let mut waiting: Vec<(String, &Value, usize)> = root
        .map(|root| (String::new(), root, 0))
        .into_iter()
        .collect();
    while let Some((prefix, module, depth)) = waiting.pop() {
        for one in list(module, "resources").take(RESOURCES_MAX) {
            let Some(address) = one.get("address").and_then(Value::as_str) else {
                continue;
            };
            let mut found = Map::new();
            for (name, expression) in tree::members(one, &["expressions"]) {
                let first = expression.get("references").and_then(|list| list.get(0));
                if let Some(first) = first.and_then(Value::as_str) {
                    found.insert(name.to_owned(), Value::String(format!("${{{first}}}")));
                }
            }
            out.insert(format!("{prefix}{address}"), found);
        }
        for (name, call) in tree::members(module, &["module_calls"]) {
            if let Some(module) = call.get("module").filter(|_| depth < DEPTH_MAX) {
                waiting.push((format!("{prefix}module.{name}."), module, depth + 1));
            }
        }
    }
    out
}

/// The attributes, with what those not known yet refer to.
fn with_references(values: &Value, references: Option<&Map<String, Value>>) -> Value {
    let mut out = values.clone();
    if out.is_null() {
        out = Value::Object(Map::new());
    }
    if let (Value::Object(members), Some(references)) = (&mut out, references) {
        for (name, reference) in references {
            let there = members.entry(name.as_str()).or_insert(Value::Null);
            if there.is_null() {
                *there = reference.clone();
            }
        }
    }
    out
}

/// Outputs and the values of variables.
fn outputs(plan: &Value, seen: &mut Seen) {
    let mut all = Vec::new();
    for (what, way) in [
        ("output", &["planned_values", "outputs"][..]),
        ("output", &["values", "outputs"]),
        ("var", &["variables"]),
    ] {
        for (name, one) in tree::members(plan, way) {
            let value = one
                .get("value")
                .and_then(Value::as_str)
                .filter(|it| !it.is_empty());
            let stated = one.get("sensitive").and_then(Value::as_bool) == Some(true);
            all.extend(value.map(|value| Setting {
                name,
                field: format!("{what}.{name}"),
                value,
                stated,
            }));
        }
    }
    settings::adopt(settings::read(&all), seen, |found| found);
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}
