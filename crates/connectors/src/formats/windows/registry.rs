//! Exports of the registry: `.reg`, as `reg export` and the registry's editor write them
//! (Microsoft Learn, "Using a registration entries file").
//!
//! A service is told as in any other list of services; what starts with the machine or with a
//! person (`Run`, `RunOnce`) is an identity of type `windows_run_entry` with its `command`. The
//! password of an automatic logon lies in clear under `Winlogon`.

mod values;

use model::{Attribute, Class, CredentialType, Kind, Secret};
use serde_json::{Map, Value as Json};

use super::service::{command, read_service};
use crate::formats::literals::{arguments, literals};
use crate::formats::text::is_placeholder;
use crate::formats::{FileAt, Format, FormatSpec, Found, Seen, Thing};
use values::{Key, Value};

/// How such a file begins: Windows 2000 and later, and before.
const HEADS: &[&str] = &["Windows Registry Editor Version", "REGEDIT4"];
/// More entries than this that start something are not looked at.
const ENTRIES_MAX: usize = 5_000;

pub(in crate::formats) struct RegistryExport;

impl Format for RegistryExport {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "registry_export",
            reads: "exports of the registry of Windows: services, what starts by itself, passwords of automatic logons, secrets in values",
            places: &["*.reg"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name.to_ascii_lowercase().ends_with(".reg")
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let text = file.text(seen);
        let head = text.trim_start();
        if !HEADS.iter().any(|one| head.starts_with(one)) {
            return seen.broken("expected an export of the registry, got something else");
        }
        let mut entries = 0;
        values::each_key(text, seen, &mut |key, seen| {
            entries += usize::from(starts_something(&key));
            if entries <= ENTRIES_MAX {
                read_key(&key, file.bytes, seen);
            }
        });
        if entries > ENTRIES_MAX {
            seen.unsupported(format!(
                "holds more than {ENTRIES_MAX} services and entries that start something; the rest was not read"
            ));
        }
    }
}

/// The name of the service that `key` is of, if it is one's own key.
fn service<'k>(key: &'k Key<'_>) -> Option<&'k str> {
    let (above, name) = key.path.rsplit_once('\\')?;
    let is_one = has_end(above, "\\Services") && above.to_ascii_lowercase().contains("controlset");
    is_one.then_some(name)
}

fn runs(key: &Key<'_>) -> bool {
    let low = key.path.to_ascii_lowercase();
    low.contains("\\currentversion\\")
        && ["\\run", "\\runonce", "\\runonceex", "\\runservices"]
            .iter()
            .any(|end| low.ends_with(end))
}

fn starts_something(key: &Key<'_>) -> bool {
    service(key).is_some() || runs(key)
}

fn has_end(text: &str, end: &str) -> bool {
    let at = text.len().checked_sub(end.len());
    at.and_then(|at| text.get(at..))
        .is_some_and(|last| last.eq_ignore_ascii_case(end))
}

fn read_key(key: &Key<'_>, file: &[u8], seen: &mut Seen) {
    if let Some(name) = service(key) {
        return read_one(name, key, file, seen);
    }
    if runs(key) {
        return key
            .texts()
            .for_each(|(name, value)| run_entry(name, value, file, seen));
    }
    if has_end(&key.path, "\\Winlogon") {
        return logon(key, seen);
    }
    // Whatever else bears a name that speaks of a secret: variables, settings of programs.
    let within = key.path.rsplit('\\').next().unwrap_or_default();
    literals(key.texts(), within, file, seen, |found| found);
    // Of a service's own settings the variables are what it is started with.
    for value in &key.values {
        if let Value {
            lines: Some(lines),
            name,
            ..
        } = value
        {
            let pairs = lines.iter().filter_map(|line| line.split_once('='));
            literals(pairs, &format!("{within}.{name}"), file, seen, |found| {
                found
            });
        }
    }
}

fn read_one(name: &str, key: &Key<'_>, file: &[u8], seen: &mut Seen) {
    const STARTS: &[(u32, &str)] = &[(2, "Auto"), (3, "Manual"), (4, "Disabled")];
    let mut one = Map::from_iter([("Name".to_owned(), Json::from(name))]);
    for (from, to) in [
        ("ImagePath", "PathName"),
        ("ObjectName", "StartName"),
        ("DisplayName", "DisplayName"),
    ] {
        if let Some(text) = key.text(from) {
            one.insert(to.to_owned(), text.into());
        }
    }
    // Drivers and what only keeps settings there run as nobody.
    if !one.contains_key("PathName") {
        return;
    }
    let start = key.number("Start");
    if let Some((_, mode)) = STARTS.iter().find(|(number, _)| start == Some(*number)) {
        one.insert("StartMode".to_owned(), (*mode).into());
    }
    read_service(&Json::Object(one), file, seen);
    let field = format!("service {}", model::shorten(name, 100));
    let lines = key
        .values
        .iter()
        .filter(|value| value.name.eq_ignore_ascii_case("Environment"));
    let lines: Vec<_> = lines
        .filter_map(|value| value.lines.as_ref())
        .flatten()
        .collect();
    let pairs = lines.iter().filter_map(|line| line.split_once('='));
    literals(
        pairs,
        &format!("{field}.environment"),
        file,
        seen,
        |found| found.used_in_file_by(&field),
    );
}

/// What starts with the machine or with whoever logs on.
fn run_entry(name: &str, value: &str, file: &[u8], seen: &mut Seen) {
    let field = format!("run {}", model::shorten(name, 100));
    if seen.things.iter().any(|thing| thing.field == field) {
        return;
    }
    let (program, given) = command(value);
    let words: Vec<&str> = given.split_whitespace().collect();
    let within = format!("{field}.arguments");
    literals(arguments(&words), &within, file, seen, |found| {
        found.used_in_file_by(&field)
    });
    seen.thing(
        Thing::new(Kind::Identity, field.as_str(), "windows_run_entry")
            .is(Attribute::NAME, name)
            .is(Attribute::CLASS, Class::Workload)
            .is(Attribute::PROVIDER, "windows")
            .is(Attribute::named("command"), program),
    );
}

/// The password with which the machine logs somebody on by itself.
fn logon(key: &Key<'_>, seen: &mut Seen) {
    for (field, user) in [
        ("DefaultPassword", "DefaultUserName"),
        ("AltDefaultPassword", "AltDefaultUserName"),
    ] {
        let written = key
            .value(field)
            .and_then(|one| Some((one.text.as_deref()?, one.line)));
        let Some((text, line)) = written else {
            continue;
        };
        if text.is_empty() || is_placeholder(text) {
            continue;
        }
        let is_on = key.text("AutoAdminLogon").map(|on| on == "1");
        let domain = key.text("DefaultDomainName").filter(|one| !one.is_empty());
        seen.found(
            Found::secret(
                CredentialType::Password,
                format!("Winlogon.{field}"),
                Secret::from(text),
            )
            .is(Attribute::PROVIDER, "windows")
            .maybe(Attribute::USER, key.text(user))
            .maybe(Attribute::ACCOUNT, domain)
            .maybe(Attribute::named("automatic_logon"), is_on)
            .line(line),
        );
    }
}
