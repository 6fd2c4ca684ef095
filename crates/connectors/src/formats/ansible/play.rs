//! Playbooks and the tasks of roles: with what modules log in.

use model::{Attribute, Class, Kind};
use serde_json::Value;

use super::inventory::assignments;
use super::variables::Logins;
use crate::formats::text::is_reference;
use crate::formats::{Found, Seen, Thing, settings, tree};

/// Plays and tasks beyond these in one file are not looked at.
const TASKS_MAX: usize = 2_000;
/// Blocks lie no deeper than this in one another.
const DEPTH_MAX: usize = 16;
/// Where the tasks of a play stand.
const TASKS: &[&str] = &["pre_tasks", "tasks", "post_tasks", "handlers", "roles"];
/// Modules whose text is a command: what stands there is searched by rules, not read as names
/// and values.
const COMMANDS: &[&str] = &["shell", "command", "raw", "script", "name", "when"];

/// Reads a list of plays, or of tasks.
pub(super) fn read(value: &Value, logins: &mut Logins, seen: &mut Seen) {
    let list = value.as_array().map_or(&[][..], Vec::as_slice);
    if list.len() > TASKS_MAX {
        seen.unsupported(format!(
            "holds more than {TASKS_MAX} plays or tasks; the rest was not read"
        ));
    }
    for (n, one) in list.iter().take(TASKS_MAX).enumerate() {
        if one.get("hosts").is_some() {
            play(n, one, logins, seen);
        } else {
            task(&format!("task {}", n + 1), one, 0, seen, &|found| found);
        }
    }
}

fn play(n: usize, value: &Value, logins: &mut Logins, seen: &mut Seen) {
    let field = format!("play {}", n + 1);
    let hosts = tree::texts(value, &["hosts"]).join(",");
    let name = tree::text(value, &["name"]).unwrap_or(&hosts);
    let handed = |found: Found| found.used_in_file_by(&field);
    let mut thing = Thing::new(Kind::Identity, field.as_str(), "ansible_play")
        .is(
            Attribute::NAME,
            if name.is_empty() {
                field.as_str()
            } else {
                name
            },
        )
        .is(Attribute::CLASS, Class::Integration)
        .is(Attribute::named("hosts"), hosts.as_str())
        .maybe(Attribute::USER, tree::text(value, &["remote_user"]))
        .maybe(
            Attribute::named("become"),
            value.get("become").and_then(Value::as_bool),
        );
    let files: Vec<String> = tree::texts(value, &["vars_files"])
        .into_iter()
        .filter(|path| !is_reference(path))
        .map(str::to_owned)
        .collect();
    if !files.is_empty() {
        thing = thing.is(Attribute::named("vars_files"), files);
    }
    seen.thing(thing);
    if let Some(variables) = value.get("vars") {
        logins.table(&format!("{field}.vars"), &hosts, variables, seen, handed);
    }
    if let Some(variables) = value.get("environment") {
        settings::nested(&format!("{field}.environment"), variables, seen, handed);
    }
    for part in TASKS {
        for (n, one) in tree::list(value, &[part])
            .iter()
            .take(TASKS_MAX)
            .enumerate()
        {
            task(&format!("{field}.{part} {}", n + 1), one, 0, seen, &handed);
        }
    }
}

fn task(at: &str, value: &Value, depth: usize, seen: &mut Seen, tell: &dyn Fn(Found) -> Found) {
    if depth > DEPTH_MAX {
        return seen.unsupported("blocks nested deeper than plays have them");
    }
    let blocks = ["block", "rescue", "always"];
    for block in blocks {
        for (n, one) in tree::list(value, &[block])
            .iter()
            .take(TASKS_MAX)
            .enumerate()
        {
            task(
                &format!("{at}.{block} {}", n + 1),
                one,
                depth + 1,
                seen,
                tell,
            );
        }
    }
    for (module, arguments) in tree::members(value, &[]) {
        let short = module.rsplit('.').next().unwrap_or_default();
        let within = format!("{at}.{short}");
        match arguments {
            _ if blocks.contains(&module) || COMMANDS.contains(&short) => {}
            Value::String(text) if text.contains('=') => {
                let table = Value::Object(assignments(text));
                settings::nested(&within, &table, seen, tell);
            }
            Value::Object(_) => settings::nested(&within, arguments, seen, tell),
            _ => {}
        }
    }
}
