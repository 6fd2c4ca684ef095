//! What a person asked to be read: one pass after the other, servers before files, so that what
//! files hold can be compared with what servers accept.

mod organization;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use model::{Gap, Reason, Scope, Secret, SourceId, Timestamp};
use store::SourceConfig;

use crate::ports::{NOT_TAKEN, program_of};
use crate::sources::{Opened, UNNAMED};
use crate::{Engine, Error, Pass, PassReport, Progress, Spec};

/// What is the same for all sources of a scan; read from the environment once, by the caller.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Its name.
    pub host: String,
    /// The home directory of whoever scans.
    pub home: Option<PathBuf>,
    /// Files that variables point to: those of `KUBECONFIG` and its like.
    pub places: Vec<PathBuf>,
    /// `real`, `emulator` or `stub`: what a proof against these sources is worth.
    pub kind_of_target: String,
    /// Those of `KUBECONFIG`, or the usual one.
    pub kubeconfig: Vec<PathBuf>,
    /// `host:port` of the cluster that this machine is a pod of.
    pub cluster: Option<String>,
    /// How somebody logs in to Microsoft, as the usual variables say: `tenant`, `client`,
    /// `authority`, `certificate`, `token_file`, `managed_endpoint`.
    pub azure: BTreeMap<String, String>,
    /// What goes with it: the client's secret, or what an app's platform wants to be shown.
    pub azure_secret: Option<Secret>,
    /// Whether a program that a kubeconfig names may be run for what lets in.
    pub allow_exec: bool,
    /// Whether a cluster may be asked of which nobody checks that it is the one.
    pub allow_insecure: bool,
    /// Whether the histories of named repositories are left alone.
    pub skip_history: bool,
    /// Further options for a source: `endpoint`, `region`.
    pub options: BTreeMap<String, String>,
    /// The role by which every account of an AWS account's organisation is read as well.
    pub organization_role: Option<String>,
    /// Accounts of an organisation that were read since are left out.
    pub unless_read_since: Option<Timestamp>,
    /// Where interfaces that want a token are asked instead of at the host they are named by.
    pub endpoint: Option<String>,
    /// Where answers of such interfaces were saved: they are read instead of asking anybody.
    pub saved: Option<PathBuf>,
    /// Tokens in the environment, by the name of their variable; used for a source that a person
    /// named and that has none sealed.
    pub tokens: BTreeMap<String, Secret>,
}

/// What came of one source.
#[derive(Debug)]
pub struct Scanned {
    /// What the person named.
    pub named: String,
    /// What came of it: a report, or why there is none.
    pub report: Result<PassReport, Error>,
}

/// A source that is about to be read.
struct Wanted {
    named: String,
    config: SourceConfig,
    secret: Option<Secret>,
}

impl Engine {
    /// Reads `specs`, servers first. A source that fails does not stop the others.
    ///
    /// # Errors
    /// Only what makes all of it pointless: the store is gone.
    pub fn scan(
        &self,
        specs: &[Spec],
        machine: &Machine,
        stop: &Arc<AtomicBool>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Vec<Scanned>, Error> {
        let mut wanted = Vec::new();
        for spec in specs {
            wanted.extend(self.wanted(spec, machine)?);
        }
        tell_each_other(&mut wanted);
        wanted.sort_by_key(|one| match one.config.connector.as_str() {
            "files" => 1,
            "git_history" => 2,
            _ => 0,
        });
        let mut scanned = Vec::new();
        let mut servers = false;
        for one in wanted {
            let named = one.named.clone();
            let members = self.members(&one, machine, stop);
            for one in std::iter::once(one).chain(members.accounts) {
                let named = one.named.clone();
                let report = self.read_source(one, stop, progress);
                servers |= report
                    .as_ref()
                    .is_ok_and(|report| report.source.connector() == "postgres_roles");
                scanned.push(Scanned { named, report });
            }
            if let Some(refusal) = members.refused {
                scanned.push(Scanned {
                    named: format!("organisation of {named}"),
                    report: Err(Error::Refused(refusal)),
                });
            }
        }
        if servers {
            self.match_logins()?;
        }
        Ok(scanned)
    }

    /// The source that `spec` names, as it would be configured, with what opens it.
    ///
    /// # Errors
    /// `spec` names none that can be configured.
    pub fn describe(
        &self,
        spec: &Spec,
        machine: &Machine,
    ) -> Result<(SourceConfig, Option<Secret>), Error> {
        let mut wanted = self.wanted(spec, machine)?;
        match (wanted.pop(), wanted.is_empty()) {
            (Some(one), true) => Ok((one.config, one.secret)),
            _ => Err(Error::Unfit("name one source at a time".into())),
        }
    }

    /// The program that reading `spec` runs, where its kubeconfig says so and a person allowed it.
    pub fn program_of(&self, spec: &Spec, machine: &Machine) -> Option<String> {
        match spec {
            Spec::Kubernetes { context } => program_of(&cluster(machine, context.as_deref())),
            _ => None,
        }
    }

    fn wanted(&self, spec: &Spec, machine: &Machine) -> Result<Vec<Wanted>, Error> {
        let config =
            |connector: &str, target: &str, options: BTreeMap<String, String>| SourceConfig {
                id: SourceId::new(connector, target),
                connector: connector.to_owned(),
                target: target.to_owned(),
                options,
                sealed_path: None,
                added: self.now(),
                kind_of_target: machine.kind_of_target.clone(),
            };
        let one = |named: &str, config| {
            vec![Wanted {
                named: named.to_owned(),
                config,
                secret: None,
            }]
        };
        let login = |connector, target: String, options, password: &Option<Secret>| {
            vec![Wanted {
                config: config(connector, &target, options),
                named: target,
                secret: password.clone(),
            }]
        };
        if let (Some(named), Some(_)) = (asked_itself(spec), &machine.saved) {
            return Err(not_saved(named));
        }
        Ok(match spec {
            Spec::Here => one(
                "this machine",
                config("files", &machine.host, here(machine)),
            ),
            Spec::Paths(paths) => self.of_directories(paths, machine, config)?,
            Spec::Export { connector, path } => {
                self.of_path(path, |path| config(connector, UNNAMED, dirs(path)))?
            }
            Spec::Kubernetes { context } => one(
                context.as_deref().unwrap_or("k8s"),
                config("kubernetes", UNNAMED, cluster(machine, context.as_deref())),
            ),
            Spec::Files { connector, path } => {
                self.of_path(path, |path| config(connector, path, dirs(path)))?
            }
            Spec::Postgres(at) => login("postgres_roles", at.target(), at.options(), &at.password),
            Spec::Database {
                connector,
                server: at,
            } => login(connector, at.target(), at.options(), &at.password),
            Spec::Directory(at) => login("ldap_accounts", at.target(), at.options(), &at.password),
            Spec::Spire(server) => one(&server.named(), config("spire", UNNAMED, server.options())),
            Spec::Tls(endpoint) => one(
                &endpoint.target(),
                config("tls_endpoint", &endpoint.target(), endpoint.options()),
            ),
            Spec::Aws { profile } => one(
                profile.as_deref().unwrap_or("aws"),
                config("aws_iam", UNNAMED, aws(machine, profile.as_deref())),
            ),
            Spec::Microsoft { connector, target } => {
                let named = config(connector, UNNAMED, BTreeMap::new());
                vec![self.of_microsoft(named, target.as_deref(), machine)?]
            }
            Spec::Token { connector, target } => {
                let options = reached(connector, machine)?;
                vec![self.by_token(config(connector, target, options), machine)?]
            }
            Spec::Collection(_) => return Err(pushed()),
            Spec::Known(id) => vec![self.added(self.source(id)?, machine)?],
        })
    }

    /// A source with what was sealed for it, or with its token of the environment.
    fn added(&self, mut config: SourceConfig, machine: &Machine) -> Result<Wanted, Error> {
        let login = connectors::token_logins().find(|(one, _)| one.spec().name == config.connector);
        let mut token = login.and_then(|(_, login)| machine.tokens.get(login.variable));
        let sealed = self.source_secret(&config)?;
        let of_microsoft = matches!(config.connector.as_str(), "entra" | "azure");
        // What was sealed goes with the client that it was sealed for; else the environment says.
        if of_microsoft && sealed.is_none() {
            let target = config.target.clone();
            let target = Some(target.as_str()).filter(|one| *one != UNNAMED);
            config
                .options
                .extend(microsoft(machine, &config.connector, target));
            token = machine.azure_secret.as_ref();
        }
        Ok(Wanted {
            named: config.id.as_str().to_owned(),
            secret: sealed.or_else(|| token.cloned()),
            config,
        })
    }

    /// A source that wants a token: as it was added, with what was sealed for it then, which goes
    /// nowhere else; or as it is named now.
    fn by_token(&self, named: SourceConfig, machine: &Machine) -> Result<Wanted, Error> {
        let added = self.sources()?.into_iter().find(|one| one.id == named.id);
        let elsewhere = machine.endpoint.is_some() || machine.saved.is_some();
        let same = |added: &SourceConfig| !elsewhere || added.options == named.options;
        self.added(added.filter(same).unwrap_or(named), machine)
    }

    /// A tenant or subscriptions: as a person names them, or as the login does.
    fn of_microsoft(
        &self,
        named: SourceConfig,
        target: Option<&str>,
        machine: &Machine,
    ) -> Result<Wanted, Error> {
        let options = microsoft(machine, &named.connector, target);
        let tenant = options.get("tenant").filter(|_| named.connector == "entra");
        let called = target.or(tenant.map(String::as_str)).unwrap_or(UNNAMED);
        let config = SourceConfig {
            id: SourceId::new(&named.connector, called),
            target: called.to_owned(),
            options: options.clone(),
            ..named
        };
        let word = target.unwrap_or(&config.connector).to_owned();
        let wanted = self.by_token(config, machine)?;
        Ok(Wanted {
            named: word,
            ..wanted
        })
    }

    /// Directories and files to search, and the histories of those that are repositories.
    fn of_directories(
        &self,
        paths: &[PathBuf],
        machine: &Machine,
        config: impl Fn(&str, &str, BTreeMap<String, String>) -> SourceConfig,
    ) -> Result<Vec<Wanted>, Error> {
        let option = |name: &str, path: &str| BTreeMap::from([(name.to_owned(), path.to_owned())]);
        let mut wanted = self.of_paths(paths, |path| {
            let mut options = option("dirs", path);
            if machine.skip_history {
                options.insert("no_history".to_owned(), "1".to_owned());
            }
            config("files", &machine.host, options)
        })?;
        let repositories: Vec<_> = paths
            .iter()
            .filter(|path| !machine.skip_history && is_repository(path))
            .cloned()
            .collect();
        let histories = self.of_paths(&repositories, |path| {
            config("git_history", &machine.host, option("repository", path))
        })?;
        wanted.extend(histories.into_iter().map(|one| Wanted {
            named: format!("history of {}", one.named),
            ..one
        }));
        Ok(wanted)
    }

    fn of_path(
        &self,
        path: &PathBuf,
        config: impl Fn(&str) -> SourceConfig,
    ) -> Result<Vec<Wanted>, Error> {
        self.of_paths(std::slice::from_ref(path), config)
    }

    /// One source for each directory or file: what one search proves absent says nothing of another.
    fn of_paths(
        &self,
        paths: &[PathBuf],
        config: impl Fn(&str) -> SourceConfig,
    ) -> Result<Vec<Wanted>, Error> {
        let mut wanted = Vec::new();
        for path in paths {
            let whole = absolute(path)?;
            wanted.push(Wanted {
                named: path.display().to_string(),
                config: config(&whole),
                secret: None,
            });
        }
        Ok(wanted)
    }

    fn read_source(
        &self,
        one: Wanted,
        stop: &Arc<AtomicBool>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<PassReport, Error> {
        let mut opened = self.open_config(one.config, one.secret, None, stop)?;
        let identified = self.ask(&mut opened, &BTreeMap::new(), |connector, cx| {
            connector.identify(cx)
        });
        let Opened {
            connector,
            config,
            mut port,
        } = opened;
        match identified {
            Ok(target) => {
                let source = SourceId::new(&config.connector, &target);
                let pass = Pass {
                    connector,
                    source,
                    scope: Scope::whole(),
                    port: port.as_mut(),
                    options: &config.options,
                };
                self.collect(pass, progress)
            }
            // Nothing could be read, and that is what the roll has to say of this source.
            Err(refusal) => {
                let mut gap = Gap::new(&Scope::whole(), refusal.reason, refusal.to_string());
                if refusal.code == NOT_TAKEN {
                    gap = gap.needs("sts:AssumeRole");
                } else if refusal.reason == Reason::Denied {
                    gap = gap.needs(connector.spec().needs_to_discover.join("; "));
                }
                let mut open = self.begin(&config.id, &Scope::whole(), self.now())?;
                open.intake.gap(gap);
                self.end(open, &mut |_| {})
            }
        }
    }
}

/// The options that say as whom Microsoft is asked: in the tenant that a person names, if one is.
fn microsoft(machine: &Machine, connector: &str, target: Option<&str>) -> BTreeMap<String, String> {
    let mut options = endpoint(machine);
    options.extend(machine.azure.clone());
    let named = match connector {
        "entra" => target,
        _ => target.and_then(|one| one.strip_prefix("tenant/")),
    };
    if let Some(tenant) = named {
        options.insert("tenant".to_owned(), tenant.to_owned());
    }
    options
}

/// Tells each source of files which others were named with it: a report of another scanner may be
/// named beside the directory of which it tells. What is read does not depend on it but for that.
fn tell_each_other(wanted: &mut [Wanted]) {
    let dirs_of = |one: &Wanted| {
        let is_files = one.config.connector == "files";
        one.config.options.get("dirs").filter(|_| is_files).cloned()
    };
    let named: Vec<_> = wanted.iter().filter_map(dirs_of).collect();
    for one in wanted.iter_mut() {
        let Some(own) = dirs_of(one) else { continue };
        let others = named.iter().filter(|dirs| **dirs != own).cloned();
        let others = others.collect::<Vec<_>>().join("\n");
        if !others.is_empty() {
            one.config.options.insert("beside".to_owned(), others);
        }
    }
}

/// The option that says where else an interface is.
fn endpoint(machine: &Machine) -> BTreeMap<String, String> {
    let endpoint = machine.endpoint.iter();
    endpoint
        .map(|at| ("endpoint".to_owned(), at.clone()))
        .collect()
}

/// The options that say where an interface is, or where what it answered was saved.
///
/// # Errors
/// Nothing that is saved of it could be read, or the directory has no name that can be.
fn reached(connector: &str, machine: &Machine) -> Result<BTreeMap<String, String>, Error> {
    let mut options = endpoint(machine);
    if let Some(dir) = &machine.saved {
        if !connectors::is_described(connector) {
            return Err(not_saved(connector));
        }
        if !dir.is_dir() {
            let dir = model::clean(&dir.display().to_string());
            let told = format!("--saved: expected a directory of answers, got `{dir}`");
            return Err(Error::Unfit(told));
        }
        options.insert("saved".to_owned(), absolute(dir)?);
    }
    Ok(options)
}

/// What `spec` names, where that is a server, an account or a cluster that only itself can be
/// asked; files are read and ask nobody.
fn asked_itself(spec: &Spec) -> Option<&str> {
    match spec {
        Spec::Postgres(_) => Some("postgres"),
        Spec::Database { connector, .. } | Spec::Microsoft { connector, .. } => Some(connector),
        Spec::Directory(_) => Some("ldap"),
        Spec::Aws { .. } => Some("aws"),
        Spec::Kubernetes { .. } => Some("k8s"),
        Spec::Spire(_) => Some("spire"),
        Spec::Tls(_) => Some("tls"),
        Spec::Known(id) => Some(id.as_str()),
        Spec::Token { .. }
        | Spec::Here
        | Spec::Paths(_)
        | Spec::Export { .. }
        | Spec::Files { .. }
        | Spec::Collection(_) => None,
    }
}

fn pushed() -> Error {
    Error::Unfit("a collection is pushed, not read".into())
}

/// The refusal of a source that is asked itself, though a person wants nobody asked.
fn not_saved(named: &str) -> Error {
    let named = model::clean(named);
    Error::Unfit(format!(
        "answers of `{named}` cannot be read from files; leave out --saved"
    ))
}

/// The options that say how an account of AWS is reached.
fn aws(machine: &Machine, profile: Option<&str>) -> BTreeMap<String, String> {
    let mut options = machine.options.clone();
    options.extend(profile.map(|profile| ("profile".to_owned(), profile.to_owned())));
    options
}

/// The options that say how a cluster is reached.
fn cluster(machine: &Machine, context: Option<&str>) -> BTreeMap<String, String> {
    let files: Vec<_> = machine
        .kubeconfig
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let allowed = |flag: bool| flag.then(|| "allowed".to_owned());
    [
        ("context", context.map(str::to_owned)),
        (
            "kubeconfig",
            Some(files.join("\n")).filter(|files| !files.is_empty()),
        ),
        ("cluster", machine.cluster.clone()),
        ("exec", allowed(machine.allow_exec)),
        ("insecure", allowed(machine.allow_insecure)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// The option that names one directory or file.
fn dirs(path: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("dirs".to_owned(), path.to_owned())])
}

/// The options for the places where credentials usually lie.
fn here(machine: &Machine) -> BTreeMap<String, String> {
    let places: Vec<_> = machine
        .places
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let mut options = BTreeMap::from([
        ("known".to_owned(), "1".to_owned()),
        ("places".to_owned(), places.join("\n")),
    ]);
    if let Some(home) = &machine.home {
        options.insert("home".to_owned(), home.display().to_string());
    }
    options
}

/// Whether `path` is a work tree of git or a bare repository. One whose `.git` is a file has its
/// history elsewhere.
fn is_repository(path: &Path) -> bool {
    let bare = ["HEAD", "objects", "refs"];
    path.join(".git/objects").is_dir() || bare.iter().all(|name| path.join(name).exists())
}

/// `path` from the root, without links in it; it must be there and be text.
pub(crate) fn absolute(path: &Path) -> Result<String, Error> {
    let whole = path.canonicalize().map_err(|source| Error::Files {
        doing: "looking at",
        path: path.to_owned(),
        source,
    })?;
    let text = whole.to_str().filter(|text| !text.contains('\n'));
    text.map(str::to_owned)
        .ok_or_else(|| Error::Unfit(format!("the name of `{}` is no plain text", path.display())))
}
