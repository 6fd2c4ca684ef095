//! States as Terraform keeps them: version 4 (since 0.12) and version 3.

use serde_json::{Map, Value};

use super::resource::Resource;
use super::{RESOURCES_MAX, tell};
use crate::formats::settings::{self, Setting};
use crate::formats::{Seen, tree};

/// Reads a state.
pub(super) fn read(state: &Value, seen: &mut Seen) {
    match state.get("version").and_then(Value::as_u64) {
        Some(4) => version_4(state, seen),
        Some(3) => version_3(state, seen),
        None if state.get("encrypted_data").is_some() => seen.set_aside("encrypted state"),
        // Version 2 and older have not been written since 2016.
        _ => seen.unsupported("a state of another version than 3 and 4"),
    }
}

fn version_4(state: &Value, seen: &mut Seen) {
    let mut out = Vec::new();
    let all = state.get("resources").and_then(Value::as_array);
    for one in all.into_iter().flatten() {
        let text = |name: &str| one.get(name).and_then(Value::as_str);
        let (Some(type_), Some(name)) = (text("type"), text("name")) else {
            continue;
        };
        let looked_up = text("mode") == Some("data");
        let module = text("module")
            .map(|module| format!("{module}."))
            .unwrap_or_default();
        let data = if looked_up { "data." } else { "" };
        let instances = one.get("instances").and_then(Value::as_array);
        for instance in instances.into_iter().flatten() {
            if out.len() >= RESOURCES_MAX {
                break;
            }
            let index = match instance.get("index_key") {
                Some(Value::Number(number)) => format!("[{number}]"),
                Some(Value::String(key)) => format!("[\"{key}\"]"),
                _ => String::new(),
            };
            // What is to be deleted after its replacement was made still exists.
            let deposed = match instance.get("deposed").and_then(Value::as_str) {
                Some(key) => format!(" (deposed {key})"),
                None => String::new(),
            };
            let address = format!("{module}{data}{type_}.{name}{index}{deposed}");
            let Some(values) = instance.get("attributes") else {
                continue;
            };
            out.push(Resource {
                sensitive: marks(instance.get("sensitive_attributes")),
                depends: depends(instance.get("dependencies")),
                looked_up,
                ..Resource::new(address, type_, values)
            });
        }
    }
    if out.len() >= RESOURCES_MAX {
        seen.unsupported(format!(
            "holds more than {RESOURCES_MAX} resources; the rest was not read"
        ));
    }
    tell::all(&out, seen);
    outputs(state, seen);
}

fn depends(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str)
        .take(100)
        .map(str::to_owned)
        .collect()
}

/// Marks in the shape of the attributes, from paths of steps. Only first steps are kept: what
/// lies below a marked attribute is marked with it.
fn marks(paths: Option<&Value>) -> Value {
    let mut out = Map::new();
    for path in paths.and_then(Value::as_array).into_iter().flatten() {
        let step = path.get(0).unwrap_or(path);
        if let Some(name) = step.get("value").and_then(Value::as_str) {
            out.insert(name.to_owned(), Value::Bool(true));
        }
    }
    Value::Object(out)
}

/// Version 3: attributes are flat, `tags.Team` for a member and `tags.%` for their count.
fn version_3(state: &Value, seen: &mut Seen) {
    let mut held: Vec<(String, String, Value, Vec<String>)> = Vec::new();
    let modules = state.get("modules").and_then(Value::as_array);
    for module in modules.into_iter().flatten() {
        let path = module
            .get("path")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let prefix: String = path
            .filter_map(Value::as_str)
            .skip(1)
            .map(|part| format!("module.{part}."))
            .collect();
        for (key, one) in tree::members(module, &["resources"]) {
            let Some(type_) = one.get("type").and_then(Value::as_str) else {
                continue;
            };
            let values = unflattened(one.get("primary").and_then(|it| it.get("attributes")));
            let depends = depends(one.get("depends_on"));
            held.push((format!("{prefix}{key}"), type_.to_owned(), values, depends));
            if held.len() >= RESOURCES_MAX {
                seen.unsupported(format!(
                    "holds more than {RESOURCES_MAX} resources; the rest was not read"
                ));
                break;
            }
        }
        outputs(module, seen);
    }
    let resources: Vec<_> = held
        .iter()
        .map(|(address, type_, values, depends)| Resource {
            depends: depends.clone(),
            looked_up: address.contains("data."),
            ..Resource::new(address.as_str(), type_, values)
        })
        .collect();
    tell::all(&resources, seen);
}

fn unflattened(flat: Option<&Value>) -> Value {
    let mut out = Map::new();
    for (name, value) in flat.and_then(Value::as_object).into_iter().flatten() {
        match name.split_once('.') {
            Some((_, "%" | "#")) => {}
            Some((table, member)) => {
                let there = out
                    .entry(table)
                    .or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(members) = there {
                    members.insert(member.to_owned(), value.clone());
                }
            }
            None => {
                out.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(out)
}

fn outputs(state: &Value, seen: &mut Seen) {
    let all: Vec<_> = tree::members(state, &["outputs"])
        .filter_map(|(name, one)| {
            Some(Setting {
                name,
                field: format!("output.{name}"),
                value: one.get("value")?.as_str().filter(|it| !it.is_empty())?,
                stated: one.get("sensitive").and_then(Value::as_bool) == Some(true),
            })
        })
        .collect();
    settings::adopt(settings::read(&all), seen, |found| found);
}
