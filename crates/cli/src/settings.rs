//! What the flags mean, once variables and configuration files are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use model::{Tenant, Timestamp};
use serde_json::{Value, json};

use crate::arguments::{Gate, Limit, Typed};
use crate::configuration::{self, Configuration, Layers, Origin};
use crate::environment::Environment;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::output::{OCSF_VERSIONS, Wanted};
use crate::terminal::Terminal;

/// How many rows a terminal gets unless more are asked for.
const TERMINAL_ROWS: u64 = 1000;

/// Everything a command needs besides its own arguments.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where the roll is kept, as given; `None`: in the data directory.
    pub(crate) store: Option<String>,
    /// Whose roll.
    pub(crate) tenant: Tenant,
    /// Where the fingerprint key lies, if not beside the store.
    pub(crate) fingerprint_key_file: Option<PathBuf>,
    /// Where the seal key lies, if not beside the store.
    pub(crate) seal_key_file: Option<PathBuf>,
    /// What to write where.
    pub(crate) wanted: Wanted,
    /// The release of OCSF's schema that events are shaped by.
    pub(crate) ocsf_version: &'static str,
    /// Where output goes and how it may look.
    pub(crate) terminal: Terminal,
    /// Whether progress is drawn.
    pub(crate) progress: bool,
    /// Whether remarks on standard error are left out.
    pub(crate) quiet: bool,
    /// The time when the command began.
    pub(crate) now: Timestamp,
    /// The surroundings.
    pub(crate) environment: Environment,
    /// What is put right if somebody interrupts.
    pub(crate) interrupt: Interrupt,
    /// Which shared flags were given, or their variables.
    given: BTreeSet<String>,
    /// Gates and limits of the configuration, for commands that have them.
    layers: Layers,
}

impl Settings {
    /// Resolves what was typed.
    ///
    /// # Errors
    /// A value that cannot be understood.
    pub(crate) fn resolve(
        typed: &Typed,
        layers: &Layers,
        environment: Environment,
    ) -> Result<Self, Error> {
        let shared = &typed.shared;
        let color = shared
            .color
            .or_else(|| layers.get(|one| one.color))
            .unwrap_or_default();
        let terminal = Terminal::new(&environment, color);
        let tenant = shared
            .tenant
            .clone()
            .or_else(|| layers.get(|one| one.tenant.clone()));
        let tenant = match tenant {
            Some(name) => name
                .parse()
                .map_err(|error| Error::usage(format!("--tenant: {error}")))?,
            None => Tenant::local(),
        };
        let formats = if shared.output.is_empty() {
            layers.get(|one| one.output.clone()).unwrap_or_default()
        } else {
            shared.output.clone()
        };
        let progress = !shared.no_progress && layers.get(|one| one.progress).unwrap_or(true);
        let file = |typed: &Option<PathBuf>, ask: fn(&Configuration) -> Option<PathBuf>| {
            let path = typed.clone().or_else(|| layers.get(ask))?;
            let at_home = path.to_str().map(|text| at_home(&environment, text));
            Some(at_home.map_or(path, PathBuf::from))
        };
        let store = shared
            .store
            .clone()
            .or_else(|| layers.get(|one| one.store.clone()));
        Ok(Self {
            store: store.map(|store| at_home(&environment, &store)),
            tenant,
            fingerprint_key_file: file(&shared.fingerprint_key_file, |one| {
                one.fingerprint_key_file.clone()
            }),
            seal_key_file: file(&shared.seal_key_file, |one| one.seal_key_file.clone()),
            wanted: Wanted::parse(&formats, &shared.json, shared.jq.as_deref())?,
            ocsf_version: ocsf_version(shared.ocsf_version.as_deref())?,
            progress: progress && terminal.err && !shared.quiet,
            terminal,
            quiet: shared.quiet,
            now: environment.now(),
            environment,
            interrupt: Interrupt::default(),
            given: typed.given.clone(),
            layers: layers.clone(),
        })
    }

    /// How many rows are shown; `None`: all.
    pub(crate) fn limit(&self, typed: &Limit) -> Option<u64> {
        let given = typed.limit.or_else(|| self.layers.get(|one| one.limit));
        match given {
            Some(0) => None,
            Some(rows) => Some(rows),
            None => (self.terminal.out && self.wanted.is_for_people()).then_some(TERMINAL_ROWS),
        }
    }

    /// The gate with the configuration's part filled in.
    pub(crate) fn gate(&self, typed: &Gate) -> Gate {
        Gate {
            fail_on: typed.fail_on.or_else(|| self.layers.get(|one| one.fail_on)),
            min_coverage: typed
                .min_coverage
                .or_else(|| self.layers.get(|one| one.min_coverage)),
            allow_partial: typed.allow_partial
                || self.layers.get(|one| one.allow_partial).unwrap_or(false),
        }
    }

    /// What `scan` reads when nothing is named.
    pub(crate) fn scan_sources(&self) -> Vec<String> {
        let named = self.layers.get(|one| one.scan.sources.clone());
        let named = named.unwrap_or_default().into_iter();
        named
            .map(|source| at_home(&self.environment, &source))
            .collect()
    }

    /// The file of rules for secrets that the configuration names.
    pub(crate) fn rules(&self) -> Option<PathBuf> {
        let path = self.layers.get(|one| one.rules.clone())?;
        let at_home = path.to_str().map(|text| at_home(&self.environment, text));
        Some(at_home.map_or(path, PathBuf::from))
    }

    /// Each setting with its value and where it comes from, for `config show`.
    pub(crate) fn told(&self) -> Vec<(String, Value, Origin)> {
        let path =
            |path: &Option<PathBuf>| json!(path.as_ref().map(|path| path.display().to_string()));
        let typed: BTreeMap<&str, Value> = [
            ("store", json!(self.store.as_deref().map(without_password))),
            ("tenant", json!(self.tenant.as_str())),
            ("fingerprint_key_file", path(&self.fingerprint_key_file)),
            ("seal_key_file", path(&self.seal_key_file)),
        ]
        .into();
        let keys = configuration::keys();
        keys.into_iter()
            .map(|key| {
                let variable = format!("KEYROLL_{}", key.to_uppercase().replace('.', "_"));
                if self.given.contains(&key) {
                    let value = typed
                        .get(key.as_str())
                        .cloned()
                        .unwrap_or_else(|| json!("(typed)"));
                    (key, value, Origin::Typed)
                } else if let Some(value) = self.environment.get(&variable) {
                    (key, json!(without_password(value)), Origin::Typed)
                } else if let Some((value, origin)) = self.layers.key(&key) {
                    let value = value
                        .as_str()
                        .map_or(value.clone(), |text| json!(without_password(text)));
                    (key, value, origin)
                } else {
                    let value = if key == "tenant" {
                        json!(self.tenant.as_str())
                    } else {
                        Value::Null
                    };
                    (key, value, Origin::Default)
                }
            })
            .collect()
    }
}

/// A path that begins with `~/` from the home directory on: in a file, and behind a `=`, no shell
/// has done it.
fn at_home(environment: &Environment, text: &str) -> String {
    match text.strip_prefix("~/").zip(environment.home()) {
        Some((rest, home)) => home.join(rest).display().to_string(),
        None => text.to_owned(),
    }
}

/// A release of OCSF's schema that events can be shaped by (FM-6).
fn ocsf_version(given: Option<&str>) -> Result<&'static str, Error> {
    let [default, _] = OCSF_VERSIONS;
    let Some(given) = given else {
        return Ok(default);
    };
    let known = OCSF_VERSIONS.into_iter().find(|one| *one == given);
    known.ok_or_else(|| {
        Error::usage(format!(
            "--ocsf-version: expected {}, got `{}`",
            OCSF_VERSIONS.join(" or "),
            model::shorten(&model::clean(given), 40)
        ))
    })
}

/// A store's address without password and parameters; any other text as it is.
pub(crate) fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    match rest.rsplit_once('@') {
        Some((login, address)) => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{address}")
        }
        None => format!("{scheme}://{rest}"),
    }
}
