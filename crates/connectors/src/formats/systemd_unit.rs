//! systemd's units and drop-ins (systemd.exec, systemd.service): `shop.service`,
//! `shop.service.d/override.conf`.
//!
//! A unit is an identity of type `systemd_unit` with the facts `user`, `dynamic_user`, `command`
//! (the program alone), `environment_files` and `credentials` (name and place of what it is
//! handed by `LoadCredential`, encrypted or not). A drop-in tells of the same unit in its own
//! file.

use model::{Attribute, Class, CredentialType, Kind};

use super::text::{Section, expect_ini, ini, is_placeholder, secret};
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing, dotenv};

/// Where the unit stands in its file.
const UNIT: &str = "unit";
/// More values than this of one setting are not told.
const VALUES_MAX: usize = 64;

pub(super) struct SystemdUnit;

impl Format for SystemdUnit {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "systemd_unit",
            reads: "services of systemd: as whom they run, what they are handed, secrets written into them",
            places: &["/etc/systemd/system/*.service", "*.service.d/*.conf"],
        }
    }

    fn recognises(&self, path: &str, name: &str) -> bool {
        name.ends_with(".service") || name.ends_with(".conf") && unit_of(path).is_some()
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let text = file.text(seen);
        if text.trim_start().starts_with('<') {
            // A service that Avahi announces.
            return;
        }
        expect_ini(text, &['='], seen);
        // A backslash at its end carries a line on.
        let text = text.replace("\\\n", " ");
        let sections = ini(&text);
        let mut services = sections
            .iter()
            .filter(|one| one.name == "Service")
            .peekable();
        if services.peek().is_none() {
            return;
        }
        let name = unit_of(file.path).unwrap_or(file.name());
        let mut unit = Thing::new(Kind::Identity, UNIT, "systemd_unit")
            .is(Attribute::NAME, name)
            .is(Attribute::CLASS, Class::Workload)
            .is(Attribute::PROVIDER, "systemd");
        let mut variables = String::new();
        let (mut files, mut handed) = (Vec::new(), Vec::new());
        for service in services {
            unit = facts(unit, service);
            for (name, value, _) in &service.entries {
                match *name {
                    "Environment" => variables.push_str(&assignments(value)),
                    "EnvironmentFile" => files.push(value.trim_start_matches('-').to_owned()),
                    "LoadCredential" => handed.push((*value).to_owned()),
                    "LoadCredentialEncrypted" => handed.push(format!("{value} (encrypted)")),
                    "SetCredentialEncrypted" => seen.set_aside("encrypted credential of a unit"),
                    "SetCredential" => set(value, seen),
                    _ => {}
                }
            }
        }
        for (fact, mut values) in [("environment_files", files), ("credentials", handed)] {
            values.truncate(VALUES_MAX);
            if !values.is_empty() {
                unit = unit.is(Attribute::named(fact), values);
            }
        }
        seen.thing(unit);
        for found in dotenv::found(&variables, seen) {
            let found = found.with(|mut told| {
                // It counts assignments, not lines of the unit.
                told.facts.remove(&Attribute::LINE);
                told
            });
            seen.found(found.used_in_file_by(UNIT));
        }
    }
}

/// The unit whose drop-in lies at `path`.
fn unit_of(path: &str) -> Option<&str> {
    let (above, _) = path.rsplit_once('/')?;
    let dir = above.rsplit('/').next()?;
    dir.strip_suffix(".d")
        .filter(|unit| unit.ends_with(".service"))
}

fn facts(mut unit: Thing, service: &Section<'_>) -> Thing {
    let get = |name: &str| service.get(name).map(|(value, _)| value);
    if let Some(user) = get("User") {
        unit = unit.is(Attribute::USER, user);
    }
    if let Some(dynamic) = get("DynamicUser") {
        let on = ["yes", "true", "on", "1"].contains(&dynamic);
        unit = unit.is(Attribute::named("dynamic_user"), on);
    }
    // Its arguments may carry a secret.
    let program = get("ExecStart").and_then(|line| line.split_whitespace().next());
    match program {
        Some(program) => unit.is(
            Attribute::named("command"),
            program.trim_start_matches(['@', '-', ':', '+', '!', '|']),
        ),
        None => unit,
    }
}

/// `SetCredential=name:value`: a secret in the unit itself.
fn set(value: &str, seen: &mut Seen) {
    if let Some((name, value)) = value
        .split_once(':')
        .filter(|(_, value)| !is_placeholder(value))
    {
        let field = format!("credential {}", model::shorten(name, 80));
        let found = Found::secret(CredentialType::ApiToken, field, secret(value));
        seen.found(found.used_in_file_by(UNIT));
    }
}

/// The assignments of an `Environment=`, each in a line of its own as environment files have
/// them. One pair of quotes goes round a whole assignment.
fn assignments(value: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    for letter in value.trim().chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, ' ' | '\t') => out.push('\n'),
            _ => out.push(letter),
        }
    }
    out.push('\n');
    out
}
