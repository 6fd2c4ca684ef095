//! Lists of scheduled tasks: `schtasks /query /v /fo csv` and `/fo list`, and
//! `Get-ScheduledTask | ConvertTo-Json`.
//!
//! `schtasks` does not tell whether Windows keeps a password for a task (`logon_mode` only says
//! whether it runs while nobody is logged on); the other two ways of exporting tasks do.

use model::{Attribute, Class, Kind};
use serde_json::{Map, Value};

use super::TASKS_MAX;
use crate::formats::literals::{arguments, literals};
use crate::formats::text::lines;
use crate::formats::windows::account::runs_as;
use crate::formats::windows::service::{command, rows};
use crate::formats::{FileAt, Seen, Thing, tree};

/// How what `schtasks` calls the account begins, and what PowerShell calls the folder.
pub(super) const MARKS: [&str; 2] = ["Run As U", "TaskPath\""];

/// What stands where there is nothing.
const NOTHING: &[&str] = &["", "N/A"];

/// The logon types of a task by their numbers, as PowerShell writes them into JSON.
const LOGON_TYPES: &[&str] = &[
    "None",
    "Password",
    "S4U",
    "InteractiveToken",
    "Group",
    "ServiceAccount",
    "InteractiveTokenOrPassword",
];

/// The tasks that a list holds; none where it is no list.
pub(super) fn read(file: &FileAt<'_>, seen: &mut Seen) {
    let text = file.text(seen);
    let start = text.trim_start();
    let tasks: Vec<Task> = if start.starts_with(['[', '{']) {
        let list = match tree::json(file, seen) {
            Some(Value::Array(list)) => list,
            Some(one) => vec![one],
            None => return,
        };
        list.iter().filter_map(Task::of_object).collect()
    } else {
        let rows = match start.starts_with('"') {
            true => rows(text, TASKS_MAX, seen),
            false => blocks(text),
        };
        rows.iter().filter_map(Task::of_row).collect()
    };
    if tasks.is_empty() && seen.gaps.is_empty() {
        seen.broken("expected scheduled tasks with their names, got none");
    }
    if tasks.len() > TASKS_MAX {
        seen.unsupported(format!(
            "holds more than {TASKS_MAX} tasks; the rest was not read"
        ));
    }
    for task in tasks.into_iter().take(TASKS_MAX) {
        task.tell(file.bytes, seen);
    }
}

/// `/fo list`: names and values, each task from its host's name on.
fn blocks(text: &str) -> Vec<Value> {
    let mut out: Vec<Map<String, Value>> = Vec::new();
    for (_, line) in lines(text) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        if name == "HostName" {
            if out.len() > TASKS_MAX {
                break;
            }
            out.push(Map::new());
        }
        if let Some(last) = out.last_mut() {
            last.entry(name).or_insert_with(|| value.into());
        }
    }
    out.into_iter().map(Value::Object).collect()
}

/// One task, as a list tells of it.
struct Task {
    name: String,
    user: Option<String>,
    command: Option<String>,
    arguments: String,
    author: Option<String>,
    enabled: Option<bool>,
    /// A name of a fact, and what it says.
    logon: Option<(&'static str, String)>,
    run_level: Option<String>,
    /// Whether Windows keeps a password for it.
    stored: bool,
}

impl Task {
    /// A row of `schtasks`.
    fn of_row(row: &Value) -> Option<Self> {
        let text = |name: &str| {
            let text = row.get(name)?.as_str()?.trim();
            (!NOTHING.contains(&text)).then(|| text.to_owned())
        };
        // All of the names stand again before the tasks of each folder.
        let name = text("TaskName").filter(|name| name != "TaskName")?;
        let run = text("Task To Run").filter(|run| run != "COM handler");
        let (program, given) = command(run.as_deref().unwrap_or_default());
        Some(Self {
            name,
            user: text("Run As User"),
            command: (!program.is_empty()).then(|| program.to_owned()),
            arguments: given.to_owned(),
            author: text("Author"),
            enabled: text("Scheduled Task State").map(|state| state == "Enabled"),
            logon: text("Logon Mode").map(|mode| ("logon_mode", mode)),
            run_level: None,
            stored: false,
        })
    }

    /// An object of PowerShell.
    fn of_object(one: &Value) -> Option<Self> {
        let text = |way: &[&str]| {
            let text = tree::text(one, way)?;
            (!NOTHING.contains(&text)).then(|| text.to_owned())
        };
        let name = text(&["TaskName"])?;
        // The folder may be a sign alone, which says elsewhere that nothing stands there.
        let folder = one.get("TaskPath").and_then(Value::as_str);
        let name =
            text(&["URI"]).unwrap_or_else(|| format!("{}{name}", folder.unwrap_or_default()));
        let logon = one.get("Principal").and_then(|of| of.get("LogonType"));
        let logon = logon.and_then(|logon| match logon {
            Value::Number(number) => {
                let at = usize::try_from(number.as_u64()?).ok()?;
                LOGON_TYPES.get(at).map(|name| (*name).to_owned())
            }
            other => other.as_str().map(str::to_owned),
        });
        let stored = matches!(
            logon.as_deref(),
            Some("Password" | "InteractiveTokenOrPassword")
        );
        let action = one.get("Actions");
        let action = action.and_then(|all| all.get(0).or(Some(all)));
        let of_action = |name: &str| {
            let text = tree::text(action?, &[name])?;
            (!NOTHING.contains(&text)).then(|| text.to_owned())
        };
        Some(Self {
            name,
            user: text(&["Principal", "UserId"]).or_else(|| text(&["Principal", "GroupId"])),
            command: of_action("Execute"),
            arguments: of_action("Arguments").unwrap_or_default(),
            author: text(&["Author"]),
            enabled: one
                .get("Settings")
                .and_then(|settings| settings.get("Enabled")?.as_bool()),
            logon: logon.map(|logon| ("logon_type", logon)),
            run_level: text(&["Principal", "RunLevel"]),
            stored,
        })
    }

    fn tell(self, file: &[u8], seen: &mut Seen) {
        let field = format!("task {}", model::shorten(&self.name, 100));
        // A list has a row for each trigger of a task.
        if seen.things.iter().any(|thing| thing.field == field) {
            return;
        }
        let words: Vec<&str> = self.arguments.split_whitespace().collect();
        let within = format!("{field}.arguments");
        literals(arguments(&words), &within, file, seen, |found| {
            found.used_in_file_by(&field)
        });
        let mut thing = Thing::new(Kind::Identity, field.as_str(), "windows_task")
            .is(Attribute::NAME, self.name.as_str())
            .is(Attribute::CLASS, Class::Workload)
            .is(Attribute::PROVIDER, "windows")
            .maybe(Attribute::named("command"), self.command)
            .maybe(Attribute::named("enabled"), self.enabled)
            .maybe(Attribute::named("registered_by"), self.author)
            .maybe(Attribute::named("run_level"), self.run_level);
        if let Some((fact, logon)) = self.logon {
            thing = thing.is(Attribute::named(fact), logon);
        }
        match self.user {
            Some(user) => runs_as(thing, &user, self.stored, "the task scheduler", seen),
            None => seen.thing(thing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::Format;
    use crate::formats::windows::WindowsTask;

    const SECRET: &str = "kQ83vTn6Lb2Wm4Kd9";

    /// The tasks, as whom each runs, and how many passwords are told by name.
    fn told(text: &str) -> (Vec<(String, String)>, usize) {
        let mut seen = Seen::default();
        let file = FileAt {
            path: "/exports/tasks.txt",
            bytes: text.as_bytes(),
        };
        assert!(WindowsTask.contained_in(file.bytes), "{text}");
        WindowsTask.read(&file, &mut seen);
        assert!(seen.gaps.is_empty(), "{:?}", seen.gaps);
        let tasks = seen.things.iter().filter_map(|one| {
            let name = one.field.strip_prefix("task ")?;
            let user = one.told.fact(&Attribute::USER);
            let user = user.is().map(ToString::to_string).unwrap_or_default();
            Some((name.to_owned(), user))
        });
        let tasks = tasks.collect();
        let holds = |one: &crate::formats::Found| {
            let secret = one.secret.as_ref();
            secret.is_some_and(|secret| secret.expose() == SECRET.as_bytes())
        };
        assert!(seen.found.iter().any(holds), "{text}");
        let named = seen.found.iter().filter(|one| one.is_reference()).count();
        (tasks, named)
    }

    #[test]
    fn each_way_of_listing_tasks_tells_the_same_of_them() {
        let csv = format!(
            "\r\n\"HostName\",\"TaskName\",\"Logon Mode\",\"Author\",\"Task To Run\",\"Scheduled Task State\",\"Run As User\"\r\n\"WIN\",\"\\Backup\",\"Interactive/Background\",\"ann\",\"C:\\Tools\\backup.exe --password={SECRET}\",\"Enabled\",\"ACME\\svc-backup\"\r\n\"HostName\",\"TaskName\",\"Logon Mode\",\"Author\",\"Task To Run\",\"Scheduled Task State\",\"Run As User\"\r\n\"WIN\",\"\\Backup\",\"Interactive/Background\",\"ann\",\"C:\\Tools\\backup.exe\",\"Enabled\",\"ACME\\svc-backup\"\r\n"
        );
        let list = format!(
            "\r\nFolder: \\\r\nHostName:      WIN\r\nTaskName:      \\Backup\r\nLogon Mode:    Interactive/Background\r\nTask To Run:   C:\\Tools\\backup.exe --password={SECRET}\r\nRun As User:   ACME\\svc-backup\r\n"
        );
        let json = format!(
            r#"[{{"TaskName": "Backup", "TaskPath": "\\", "Actions": [{{"Execute": "C:\\Tools\\backup.exe", "Arguments": "--password={SECRET}"}}], "Principal": {{"UserId": "ACME\\svc-backup", "LogonType": 1}}}}]"#
        );
        for (text, named) in [(csv, 0), (list, 0), (json, 1)] {
            let (tasks, references) = told(&text);
            let task = (r"\Backup".to_owned(), r"ACME\svc-backup".to_owned());
            assert_eq!(tasks, [task], "{text}");
            assert_eq!(references, named, "{text}");
        }
    }
}
