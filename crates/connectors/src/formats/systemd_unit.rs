//! systemd's units and drop-ins (systemd.exec, systemd.service): `shop.service`,
//! `shop.service.d/override.conf`.
//!
//! A unit is an identity of type `systemd_unit` with the facts `user`, `dynamic_user`, `command`
//! (the program alone), `environment_files`, `credentials` (name and place of what it is handed by
//! `LoadCredential`, encrypted or not), `imports` (of `ImportCredential`) and `handed_files` (the
//! places that all of these lead to, as far as the file tells). A drop-in tells of the same unit
//! in its own file.

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
        let mut given = Given::of(name);
        for service in services {
            unit = facts(unit, service);
            for (name, value, _) in &service.entries {
                match *name {
                    "Environment" => variables.push_str(&assignments(value)),
                    "EnvironmentFile" => given.variables(value.trim_start_matches('-')),
                    "LoadCredential" => given.credential(value),
                    "LoadCredentialEncrypted" => {
                        given.credentials.push(format!("{value} (encrypted)"));
                    }
                    "ImportCredential" => given.import(value),
                    "SetCredentialEncrypted" => seen.set_aside("encrypted credential of a unit"),
                    "SetCredential" => set(value, seen),
                    _ => {}
                }
            }
        }
        for (fact, mut values) in [
            ("environment_files", given.files),
            ("credentials", given.credentials),
            ("imports", given.imports),
            ("handed_files", given.places),
        ] {
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

/// Where systemd looks for a credential that is not named by its path.
const STORES: &[&str] = &["/etc/credstore/", "/run/credstore/", "/usr/lib/credstore/"];

/// What a unit is handed by files.
struct Given<'a> {
    unit: &'a str,
    files: Vec<String>,
    credentials: Vec<String>,
    imports: Vec<String>,
    /// Where it lies; `*` stands for any letters.
    places: Vec<String>,
}

impl<'a> Given<'a> {
    const fn of(unit: &'a str) -> Self {
        Self {
            unit,
            files: Vec::new(),
            credentials: Vec::new(),
            imports: Vec::new(),
            places: Vec::new(),
        }
    }

    /// `EnvironmentFile=/etc/shop/%N.env`.
    fn variables(&mut self, path: &str) {
        self.file(path);
        self.files.push(path.to_owned());
    }

    /// `LoadCredential=name:/path`, `name:other`, `name`; a directory hands what lies in it.
    fn credential(&mut self, value: &str) {
        let (name, path) = value.split_once(':').unwrap_or((value, value));
        let path = if path.is_empty() { name } else { path };
        if path.starts_with('/') {
            self.file(path);
            self.file(&format!("{path}/*"));
        } else {
            self.kept(path);
        }
        self.credentials.push(value.to_owned());
    }

    /// `ImportCredential=shop.*`; what stands behind a colon is its name in the unit.
    fn import(&mut self, value: &str) {
        let glob = value.split(':').next().unwrap_or_default();
        self.kept(glob);
        self.imports.push(glob.to_owned());
    }

    fn file(&mut self, path: &str) {
        let place = self.whole(path).filter(|one| one.starts_with('/'));
        self.places.extend(place);
    }

    /// In a store, by its name or what that looks like.
    fn kept(&mut self, name: &str) {
        let name = self.whole(name);
        if let Some(name) = name.filter(|name| !name.is_empty() && !name.contains('/')) {
            let places = STORES.iter().map(|store| format!("{store}{name}"));
            self.places.extend(places);
        }
    }

    /// A value with its specifiers filled in (systemd.unit, "Specifiers"); none where only the
    /// running system knows one.
    fn whole(&self, value: &str) -> Option<String> {
        let plain = self
            .unit
            .rsplit_once('.')
            .map_or(self.unit, |(name, _)| name);
        let (prefix, instance) = match plain.split_once('@') {
            // Of a template there is one for each name.
            Some((prefix, "")) => (prefix, "*"),
            Some((prefix, instance)) => (prefix, instance),
            None => (plain, ""),
        };
        let mut out = String::new();
        let mut letters = value.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                out.push(letter);
                continue;
            }
            match letters.next()? {
                '%' => out.push('%'),
                'n' => out.push_str(self.unit),
                'N' => out.push_str(plain),
                'p' => out.push_str(prefix),
                'i' | 'I' => out.push_str(instance),
                'E' => out.push_str("/etc"),
                _ => return None,
            }
        }
        Some(out)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn places(unit: &str, take: impl Fn(&mut Given<'_>)) -> Vec<String> {
        let mut given = Given::of(unit);
        take(&mut given);
        given.places
    }

    #[test]
    fn what_a_unit_is_handed_has_places() {
        let file = |unit, path| places(unit, |one| one.variables(path));
        assert_eq!(file("shop.service", "/etc/%N.env"), ["/etc/shop.env"]);
        assert_eq!(file("shop@.service", "/etc/%p/%i"), ["/etc/shop/*"]);
        assert_eq!(file("shop@eu.service", "%E/%i"), ["/etc/eu"]);
        assert!(file("shop.service", "/run/%t/x").is_empty());
        let credential = |value| places("shop.service", |one| one.credential(value));
        assert_eq!(
            credential("db:/etc/shop/db"),
            ["/etc/shop/db", "/etc/shop/db/*"]
        );
        for value in ["db", "db:", "x:db"] {
            assert_eq!(credential(value)[0], "/etc/credstore/db", "{value}");
        }
        let imported = places("shop.service", |one| one.import("shop.*:x."));
        assert!(imported.contains(&"/run/credstore/shop.*".to_owned()));
    }
}
