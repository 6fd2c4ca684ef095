//! Scheduled tasks as Windows exports them (Microsoft Learn, "Task Scheduler Schema"):
//! `schtasks /query /xml`, `Export-ScheduledTask`, files under `System32\Tasks`; and lists of them.
//!
//! Beside what all of Windows tells: `logon_type` (`Password` keeps a password, `S4U` and
//! `ServiceAccount` none), `run_level`, `triggers`, `enabled`.

mod listed;

use model::{Attribute, Class, Kind};
use roxmltree::Node;

use super::account::runs_as;
use crate::armour;
use crate::formats::literals::{arguments, literals};
use crate::formats::{FileAt, Format, FormatSpec, Seen, Thing, xml};

/// So much of a file of any name is looked at.
const HEAD_BYTES: usize = 4096;
/// More tasks than this in one export are not looked at.
const TASKS_MAX: usize = 2_000;

pub(in crate::formats) struct WindowsTask;

impl Format for WindowsTask {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "windows_task",
            reads: "scheduled tasks of Windows: as whom they run, with which stored password",
            places: &["C:\\Windows\\System32\\Tasks\\*", "tasks.xml"],
        }
    }

    fn recognises(&self, _path: &str, _name: &str) -> bool {
        false
    }

    fn marks(&self) -> &'static [&'static str] {
        &["microsoft.com/windows/", listed::MARKS[0], listed::MARKS[1]]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
        is_xml(head) || is_list(head)
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let head = file.bytes.get(..HEAD_BYTES).unwrap_or(file.bytes);
        if !is_xml(head) && is_list(head) {
            return listed::read(file, seen);
        }
        let text = file.text(seen);
        let mut count = 0;
        for (before, line, one) in tasks(text) {
            count += 1;
            if count > TASKS_MAX {
                return seen.unsupported(format!(
                    "holds more than {TASKS_MAX} tasks; the rest was not read"
                ));
            }
            if let Some(document) = xml::document(one, line, seen) {
                let name = before.unwrap_or(file.name());
                read_task(document.root_element(), name, file.bytes, seen);
            }
        }
        if count == 0 {
            seen.broken("expected a scheduled task, got something else");
        }
    }
}

fn is_xml(head: &[u8]) -> bool {
    armour::find(head, b"schemas.microsoft.com/windows/2004/02/mit/task").is_some()
}

/// Whether `schtasks` or PowerShell wrote a list of tasks.
fn is_list(head: &[u8]) -> bool {
    let has = |word: &str| armour::find(head, word.as_bytes()).is_some();
    let by = |mark: &str, other: &str| has(mark) && has(other);
    has("TaskName") && (by(listed::MARKS[0], "HostName") || by(listed::MARKS[1], "\"Principal\""))
}

/// The tasks of an export: an export of all writes one document after another, each behind a
/// comment with its name. Name, line, text.
fn tasks(text: &str) -> Vec<(Option<&str>, usize, &str)> {
    let mut out = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(start) = text[at..].find("<Task ").map(|start| at + start) {
        let end = text[start..]
            .find("</Task>")
            .map_or(text.len(), |end| start + end + "</Task>".len());
        let before = &text[at..start];
        line += before.matches('\n').count();
        let named = before
            .rsplit_once("<!--")
            .and_then(|(_, name)| name.split_once("-->"));
        out.push((named.map(|(name, _)| name.trim()), line, &text[start..end]));
        line += text[start..end].matches('\n').count();
        at = end;
        if out.len() > TASKS_MAX {
            break;
        }
    }
    out
}

fn read_task(task: Node<'_, '_>, named: &str, file: &[u8], seen: &mut Seen) {
    let text = |way: &[&str]| xml::text(task, way);
    let name = text(&["RegistrationInfo", "URI"]).unwrap_or(named);
    let field = format!("task {}", model::shorten(name, 100));
    let enabled = text(&["Settings", "Enabled"]).map(|text| text == "true");
    let mut thing = Thing::new(Kind::Identity, field.as_str(), "windows_task")
        .is(Attribute::NAME, name)
        .is(Attribute::CLASS, Class::Workload)
        .is(Attribute::PROVIDER, "windows")
        .maybe(Attribute::named("enabled"), enabled)
        .maybe(
            Attribute::named("registered_by"),
            text(&["RegistrationInfo", "Author"]),
        );
    let triggers: Vec<String> = xml::child(task, "Triggers")
        .into_iter()
        .flat_map(|all| all.children().filter(Node::is_element))
        .map(|one| one.tag_name().name().to_owned())
        .take(64)
        .collect();
    if !triggers.is_empty() {
        thing = thing.is(Attribute::named("triggers_of_task"), triggers);
    }
    let actions = xml::child(task, "Actions");
    let runs = actions
        .into_iter()
        .flat_map(|all| all.children())
        .filter(|one| one.tag_name().name() == "Exec");
    for (n, exec) in runs.take(32).enumerate() {
        if n == 0 {
            thing = thing.maybe(Attribute::named("command"), xml::text(exec, &["Command"]));
        }
        if let Some(given) = xml::text(exec, &["Arguments"]) {
            let words: Vec<&str> = given.split_whitespace().collect();
            let within = format!("{field}.arguments");
            literals(arguments(&words), &within, file, seen, |found| {
                found.used_in_file_by(&field)
            });
        }
    }
    let principal = xml::child(task, "Principals").and_then(|all| xml::child(all, "Principal"));
    let of = |name: &str| principal.and_then(|one| xml::text(one, &[name]));
    let logon = of("LogonType");
    thing = thing
        .maybe(Attribute::named("logon_type"), logon)
        .maybe(Attribute::named("run_level"), of("RunLevel"));
    match of("UserId").or(of("GroupId")) {
        Some(user) => {
            let stored = matches!(logon, Some("Password" | "InteractiveTokenOrPassword"));
            runs_as(thing, user, stored, "the task scheduler", seen);
        }
        None => seen.thing(thing),
    }
}
