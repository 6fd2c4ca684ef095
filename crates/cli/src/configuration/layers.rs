//! Finding configuration files, reading them, and answering which one has the last word.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::{Configuration, keys};
use crate::environment::Environment;
use crate::error::Error;

/// A configuration file is short; a longer one is none.
const BYTES_MAX: u64 = 256 * 1024;
/// How many directories upwards a project's file is looked for.
const PARENTS_MAX: usize = 64;

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag or its variable.
    Typed,
    /// `KEYROLL_CONFIG_TOML`.
    Content,
    /// A project's `.keyroll.toml`.
    Project(PathBuf),
    /// The user's or the machine's file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &Path| model::clean(&path.display().to_string());
        match self {
            Self::Typed => f.write_str("flag or KEYROLL_ variable"),
            Self::Content => f.write_str("KEYROLL_CONFIG_TOML"),
            Self::Project(file) | Self::File(file) => f.write_str(&path(file)),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Every configuration there is, the one with the last word first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers(Vec<(Origin, Configuration)>);

impl Layers {
    /// Reads what there is.
    ///
    /// # Errors
    /// A file that cannot be read or understood, with the key and the place.
    pub(crate) fn load(environment: &Environment) -> Result<Self, Error> {
        let mut layers = Vec::new();
        if let Some(text) = environment.get("KEYROLL_CONFIG_TOML") {
            layers.push((Origin::Content, read(text, &Origin::Content)?));
        }
        for parent in environment.here.ancestors().take(PARENTS_MAX) {
            let file = parent.join(".keyroll.toml");
            if let Some(text) = contents(&file)? {
                let origin = Origin::Project(file);
                let configuration = read(&text, &origin)?;
                harmless(&configuration, &origin)?;
                layers.push((origin, configuration));
                break;
            }
        }
        let user = environment.config_dir().map(|dir| dir.join("config.toml"));
        for file in user
            .into_iter()
            .chain([PathBuf::from("/etc/keyroll/config.toml")])
        {
            if let Some(text) = contents(&file)? {
                let origin = Origin::File(file);
                layers.push((origin.clone(), read(&text, &origin)?));
            }
        }
        Ok(Self(layers))
    }

    /// The first answer to `ask`, and whose it is.
    pub(crate) fn first<T>(
        &self,
        ask: impl Fn(&Configuration) -> Option<T>,
    ) -> Option<(T, Origin)> {
        self.0
            .iter()
            .find_map(|(origin, one)| ask(one).map(|value| (value, origin.clone())))
    }

    /// The first answer to `ask`.
    pub(crate) fn get<T>(&self, ask: impl Fn(&Configuration) -> Option<T>) -> Option<T> {
        self.first(ask).map(|(value, _)| value)
    }

    /// The first value of a key, whatever it is, and whose it is.
    pub(crate) fn key(&self, key: &str) -> Option<(serde_json::Value, Origin)> {
        self.first(|one| {
            let all = serde_json::to_value(one).ok()?;
            key.split('.')
                .try_fold(&all, |part, name| part.get(name))
                .cloned()
        })
    }

    /// Where configuration was found, the one with the last word first.
    pub(crate) fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.0.iter().map(|(origin, _)| origin)
    }

    #[cfg(test)]
    pub(crate) fn of(layers: Vec<(Origin, Configuration)>) -> Self {
        Self(layers)
    }
}

/// The text of a file, `None` if there is none.
fn contents(file: &Path) -> Result<Option<String>, Error> {
    let doing = || format!("cannot read the configuration `{}`", file.display());
    let about = match std::fs::metadata(file) {
        Ok(about) => about,
        // A parent that is no directory, or may not be searched, has no file for us.
        Err(error) if nothing_there(error.kind()) => return Ok(None),
        Err(error) => return Err(Error::because(doing())(error)),
    };
    // A pipe in a checkout would keep every command waiting.
    if !about.is_file() {
        return Err(Error::usage(format!("{}: expected a file", doing())));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|opened| opened.take(BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(Error::because(doing()))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Error::usage(format!(
            "{}: expected at most {BYTES_MAX} bytes",
            doing()
        )));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Error::usage(format!("{}: expected text in UTF-8", doing()))),
    }
}

const fn nothing_there(why: ErrorKind) -> bool {
    matches!(
        why,
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied
    )
}

/// Reads one configuration.
fn read(text: &str, origin: &Origin) -> Result<Configuration, Error> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        Error::usage(format!(
            "expected TOML in {origin}, got: {}",
            error.message()
        ))
        .hint(place(text, error.span()))
    })?;
    let schema = super::schema();
    if let Some(unknown) = keys::unknown(&table, &schema) {
        let told = format!("unknown key `{}` in {origin}", model::clean(&unknown.key));
        return Err(Error::usage(told).hint(match unknown.meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "`keyroll config schema` lists the keys".to_owned(),
        }));
    }
    if let Some(wrong) = keys::wrong(&table, &schema) {
        let told = format!(
            "`{}` in {origin}: expected {}, got {}",
            wrong.key, wrong.expected, wrong.got
        );
        return Err(Error::usage(told).hint("`keyroll config schema` says what each key takes"));
    }
    serde_path_to_error::deserialize(table).map_err(|error| {
        let inner = error.inner().message().to_owned();
        Error::usage(format!("`{}` in {origin}: {inner}", error.path()))
            .hint("`keyroll config schema` says what each key takes")
    })
}

fn place(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let upto = span
        .and_then(|span| text.get(..span.start))
        .unwrap_or_default();
    format!("look at line {}", upto.matches('\n').count() + 1)
}

/// Refuses what a checkout must not decide.
fn harmless(configuration: &Configuration, origin: &Origin) -> Result<(), Error> {
    let Configuration {
        store,
        tenant,
        fingerprint_key_file,
        seal_key_file,
        output,
        rules,
        scan,
        ..
    } = configuration;
    let writes = output.iter().flatten().any(|format| format.contains('='));
    let refused = [
        ("store", store.is_some()),
        ("tenant", tenant.is_some()),
        ("fingerprint_key_file", fingerprint_key_file.is_some()),
        ("seal_key_file", seal_key_file.is_some()),
        ("rules", rules.is_some()),
        ("scan.sources", scan.sources.is_some()),
        ("output", writes),
    ];
    match refused.into_iter().find(|(_, is)| *is) {
        None => Ok(()),
        Some((key, _)) => Err(Error::usage(format!(
            "`{key}` may not stand in {origin}: a checkout must not decide where the roll lies, \
             what is read, by which rules, or what is written"
        ))
        .hint("put it into your own config.toml, or give it as a flag")),
    }
}

#[cfg(test)]
mod tests {
    use testkit::kill::Chance;

    use super::*;

    fn project() -> Origin {
        Origin::Project(PathBuf::from(".keyroll.toml"))
    }

    #[test]
    fn a_project_cannot_move_the_roll() {
        for line in [
            "store = 'postgres://elsewhere/x'",
            "tenant = 'x'",
            "fingerprint_key_file = '/x'",
            "seal_key_file = '/x'",
            "output = ['json=/home/user/.bashrc']",
            "rules = 'all-allowed.toml'",
            "[scan]\nsources = ['/etc']",
        ] {
            let configuration = read(line, &project()).unwrap();
            assert!(harmless(&configuration, &project()).is_err(), "{line}");
        }
        let configuration = read("fail_on = 'high'\noutput = ['json']", &project()).unwrap();
        assert!(harmless(&configuration, &project()).is_ok());
    }

    /// Every key that there is, and pieces that change what a text means.
    const WRITTEN: &str = "store = 'a'\ntenant = 'b'\nfingerprint_key_file = 'c'\n\
        seal_key_file = 'd'\noutput = ['json', 'csv=x']\ncolor = 'never'\nprogress = true\n\
        limit = 5\nfail_on = 'high'\nmin_coverage = 90\nallow_partial = false\n\
        rules = 'e'\n[scan]\nsources = ['f']\n";
    const PIECES: &[&str] = &[
        "'",
        "\"",
        "\"\"\"",
        "[",
        "]",
        "[[",
        "{",
        "}",
        "=",
        ".",
        "#",
        "\n",
        "\\",
        "\\u0000",
        "\0",
        "\u{1b}[2J",
        "-",
        "1e999",
        "18446744073709551616",
        "nan",
        "1979-05-27",
        "scan.",
        "true",
    ];

    /// The same mutations in every run: lines are left out, repeated and broken.
    fn mutated(chance: &mut Chance) -> String {
        let mut below = |n: usize| {
            let drawn = chance.point(u32::try_from(n.max(1)).unwrap());
            usize::try_from(drawn - 1).unwrap()
        };
        let lines: Vec<&str> = WRITTEN.lines().collect();
        let mut text: Vec<char> = Vec::new();
        for _ in 0..=below(lines.len()) {
            text.extend(lines[below(lines.len())].chars());
            text.push('\n');
        }
        for _ in 0..below(4) {
            let at = below(text.len());
            match below(3) {
                0 if at < text.len() => drop(text.remove(at)),
                1 => text.truncate(at.max(1)),
                _ => drop(text.splice(at..at, PIECES[below(PIECES.len())].chars())),
            }
        }
        text.into_iter().collect()
    }

    /// A checkout may hold anything: none of it is a panic, and none moves the roll.
    #[test]
    fn whatever_a_project_writes_is_refused_or_moves_nothing() {
        let mut chance = Chance::new(0x746f_6d6c);
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..testkit::rounds(5_000, 200_000) {
            let text = mutated(&mut chance);
            let read = read(&text, &project());
            let read = read.and_then(|one| harmless(&one, &project()).map(|()| one));
            let Ok(one) = read else {
                refused += 1;
                continue;
            };
            taken += 1;
            let moves = [
                one.store.is_some(),
                one.tenant.is_some(),
                one.rules.is_some(),
            ];
            let keys = [one.fingerprint_key_file, one.seal_key_file];
            assert!(!moves.contains(&true) && keys == [None, None], "{text}");
            assert!(one.scan.sources.is_none(), "{text}");
            let mut outputs = one.output.into_iter().flatten();
            assert!(!outputs.any(|format| format.contains('=')), "{text}");
        }
        assert!(
            taken > 50 && refused > 50,
            "{taken} taken, {refused} refused"
        );
    }

    #[test]
    fn the_nearest_layer_has_the_last_word() {
        let layer = |text: &str| read(text, &Origin::Content).unwrap();
        let layers = Layers::of(vec![
            (project(), layer("limit = 5")),
            (
                Origin::File("/etc/keyroll/config.toml".into()),
                layer("limit = 7\nmin_coverage = 90"),
            ),
        ]);
        assert_eq!(layers.first(|one| one.limit), Some((5, project())));
        assert_eq!(layers.get(|one| one.min_coverage), Some(90));
        assert_eq!(layers.get(|one| one.allow_partial), None);
    }

    #[test]
    fn a_wrong_value_is_told_with_its_key() {
        let error = read("limit = 'many'", &Origin::Content)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("`limit` in KEYROLL_CONFIG_TOML"),
            "{error}"
        );
        let error = read("fail_on = 'hihg'", &Origin::Content)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("fail_on") && error.contains("critical"),
            "{error}"
        );
    }
}
