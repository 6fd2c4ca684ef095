//! Services as Windows lists them: `Get-CimInstance Win32_Service` as JSON or CSV, the table of
//! `wmic service get … /format:csv`, and the text of `sc qc`.
//!
//! Beside what all of Windows tells: `start_mode`, `state`, `host`.

use model::{Attribute, Class, Kind};
use serde_json::{Map, Value};

use super::account::runs_as;
use crate::armour;
use crate::formats::literals::{arguments, literals};
use crate::formats::text::lines;
use crate::formats::{FileAt, Format, FormatSpec, Seen, Thing, tree};

/// So much of a file of any name is looked at.
const HEAD_BYTES: usize = 16 * 1024;
/// More services than this in one list are not looked at.
const SERVICES_MAX: usize = 5_000;

/// What `sc qc` writes before an account.
const CONFIGURED: &str = "SERVICE_START_NAME :";

pub(in crate::formats) struct WindowsService;

impl Format for WindowsService {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "windows_service",
            reads: "services of Windows: as whom they run, with which stored password",
            places: &["services.json", "services.csv"],
        }
    }

    fn recognises(&self, _path: &str, _name: &str) -> bool {
        false
    }

    fn marks(&self) -> &'static [&'static str] {
        &["StartN", "SERVICE_START_NAME"]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
        let has = |word: &[u8]| armour::find(head, word).is_some();
        has(b"\"StartName\"") && has(b"\"PathName\"")
            || has(CONFIGURED.as_bytes())
            || has(b"StartName") && std::str::from_utf8(head).is_ok_and(is_of_wmic)
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let text = file.text(seen);
        let services = if text.contains(CONFIGURED) {
            configured(text)
        } else if text.trim_start().starts_with(['[', '{']) {
            listed(file, seen)
        } else if is_of_wmic(text) {
            unquoted(text)
        } else {
            table(text, seen)
        };
        if services.is_empty() && seen.gaps.is_empty() {
            seen.broken("expected services with their names, got none");
        }
        if services.len() > SERVICES_MAX {
            seen.unsupported(format!(
                "holds more than {SERVICES_MAX} services; the rest was not read"
            ));
        }
        for one in services.iter().take(SERVICES_MAX) {
            read_service(one, file.bytes, seen);
        }
    }
}

fn listed(file: &FileAt<'_>, seen: &mut Seen) -> Vec<Value> {
    match tree::json(file, seen) {
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// `Export-Csv`: older ones write the type of their objects first.
fn table(text: &str, seen: &mut Seen) -> Vec<Value> {
    let text = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("#TYPE") => rest,
        _ => text,
    };
    rows(text, SERVICES_MAX, seen)
}

/// The rows of a table whose first row names its columns; one more than `most` at most.
pub(super) fn rows(text: &str, most: usize, seen: &mut Seen) -> Vec<Value> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let Ok(names) = reader.headers().cloned() else {
        seen.broken("expected a table, got something else");
        return Vec::new();
    };
    let mut out = Vec::new();
    for row in reader.records().take(most + 1) {
        match row {
            Ok(row) => {
                let cells = names.iter().zip(row.iter());
                let cells = cells.map(|(name, cell)| (name.to_owned(), Value::from(cell)));
                out.push(Value::Object(cells.collect()));
            }
            Err(_) => seen.broken("a row of a table that cannot be read"),
        }
    }
    out
}

/// Whether `wmic service get … /format:csv` wrote it: a table without quotes, whose first column
/// is the host.
fn is_of_wmic(text: &str) -> bool {
    let first = text.trim_start().lines().next().unwrap_or_default();
    let mut names = first.split(',').map(str::trim);
    names.next() == Some("Node") && names.any(|name| name == "StartName")
}

/// That table. Commas stand in command lines as they are: what is too much in a row is of its path.
fn unquoted(text: &str) -> Vec<Value> {
    let mut rows = lines(text).map(|(_, line)| line.trim());
    let mut rows = rows.by_ref().filter(|line| !line.is_empty());
    let names: Vec<&str> = rows.next().unwrap_or_default().split(',').collect();
    let path = names.iter().position(|name| *name == "PathName");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let more = cells.len().checked_sub(names.len())?;
        let path = path.or((more == 0).then_some(0))?;
        let mut cells = cells.into_iter();
        let mut out = Map::new();
        for (at, name) in names.iter().enumerate() {
            let parts = if at == path { more + 1 } else { 1 };
            let cell: Vec<&str> = cells.by_ref().take(parts).collect();
            let name = if *name == "Node" { "SystemName" } else { name };
            out.insert(name.to_owned(), cell.join(",").into());
        }
        Some(Value::Object(out))
    };
    rows.take(SERVICES_MAX + 1).filter_map(row).collect()
}

/// `sc qc`: a block of names and values for each service.
fn configured(text: &str) -> Vec<Value> {
    const NAMES: &[(&str, &str)] = &[
        ("DISPLAY_NAME", "DisplayName"),
        ("BINARY_PATH_NAME", "PathName"),
        ("SERVICE_START_NAME", "StartName"),
        ("START_TYPE", "StartMode"),
    ];
    let mut out: Vec<Map<String, Value>> = Vec::new();
    for (_, line) in lines(text) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        if name == "SERVICE_NAME" {
            out.push(Map::from_iter([("Name".to_owned(), value.into())]));
        } else if let Some((_, known)) = NAMES.iter().find(|(word, _)| *word == name)
            && let Some(last) = out.last_mut()
        {
            last.insert((*known).to_owned(), value.into());
        }
    }
    out.into_iter().map(Value::Object).collect()
}

/// Tells of one service, by the names that `Win32_Service` has.
pub(super) fn read_service(one: &Value, file: &[u8], seen: &mut Seen) {
    let text = |names: &[&str]| {
        let mut texts = names.iter().filter_map(|name| one.get(*name)?.as_str());
        texts.find(|text| !text.is_empty())
    };
    let Some(name) = text(&["Name", "ServiceName"]) else {
        return;
    };
    let field = format!("service {}", model::shorten(name, 100));
    if seen.things.iter().any(|thing| thing.field == field) {
        return;
    }
    let path = text(&["PathName", "BinaryPathName"]).unwrap_or_default();
    let (program, given) = command(path);
    let words: Vec<&str> = given.split_whitespace().collect();
    literals(
        arguments(&words),
        &format!("{field}.arguments"),
        file,
        seen,
        |found| found.used_in_file_by(&field),
    );
    let thing = Thing::new(Kind::Identity, field.as_str(), "windows_service")
        .is(Attribute::NAME, name)
        .is(Attribute::CLASS, Class::Workload)
        .is(Attribute::PROVIDER, "windows")
        .is(Attribute::named("command"), program)
        .maybe(Attribute::named("display_name"), text(&["DisplayName"]))
        .maybe(
            Attribute::named("start_mode"),
            text(&["StartMode", "StartType"]),
        )
        .maybe(Attribute::named("state"), text(&["State", "Status"]))
        .maybe(
            Attribute::named("host"),
            text(&["SystemName", "PSComputerName"]),
        );
    match text(&["StartName"]) {
        Some(user) => runs_as(thing, user, true, "secrets of the machine (LSA)", seen),
        None => seen.thing(thing),
    }
}

/// A program and what it is given: `"C:\Program Files\x.exe" --a`, `C:\x.exe -b`.
pub(super) fn command(path: &str) -> (&str, &str) {
    let path = path.trim();
    if let Some(inner) = path.strip_prefix('"') {
        return inner.split_once('"').unwrap_or((inner, ""));
    }
    let end = path.to_ascii_lowercase().find(".exe").map(|at| at + 4);
    match end {
        Some(end) if path.is_char_boundary(end) => path.split_at(end),
        _ => path.split_once(' ').unwrap_or((path, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_wmic_has_commas_in_its_paths() {
        let text = "\r\r\nNode,Name,PathName,StartName,State\r\r\nWIN,backup,\"C:\\Tools\\b.exe\" --key a,b,ACME\\svc-backup,Running\r\r\nWIN,cut\r\r\n";
        let mut seen = Seen::default();
        let file = FileAt {
            path: "/exports/services.csv",
            bytes: text.as_bytes(),
        };
        assert!(WindowsService.contained_in(file.bytes));
        WindowsService.read(&file, &mut seen);
        let service = seen.things.iter().find(|one| one.field == "service backup");
        let told = |name: &'static str| {
            let fact = service.unwrap().told.fact(&Attribute::named(name));
            fact.is().map(ToString::to_string).unwrap_or_default()
        };
        assert_eq!(told("user"), r"ACME\svc-backup");
        assert_eq!(told("command"), r"C:\Tools\b.exe");
        assert_eq!(told("host"), "WIN");
    }

    #[test]
    fn a_program_is_parted_from_what_it_is_given() {
        for (path, program) in [
            (
                r#""C:\Program Files\a b\x.exe" --key y"#,
                r"C:\Program Files\a b\x.exe",
            ),
            (r"C:\Program Files\x.exe -k y", r"C:\Program Files\x.exe"),
            (r"\SystemRoot\drivers\x.sys", r"\SystemRoot\drivers\x.sys"),
            ("", ""),
        ] {
            assert_eq!(command(path).0, program, "{path}");
        }
    }
}
