//! `keyroll scan`: take the roll. Reads only; what is found stays with the store.

mod change;
mod live;
mod open;
mod report;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::{Engine, Machine, Progress as Step, Scanned, Spec};
use store::{Location, PassOutcome};

use crate::arguments::{Gate, Limit};
use crate::baseline::Baseline;
use crate::error::Error;
use crate::exit::Outcome;
use crate::machine::{Accounts, Asking};
use crate::progress::Progress;
use crate::roll::{Ephemeral, Roll, location};
use crate::rules;
use crate::settings::Settings;
use crate::words::count;
use report::Remembered;

/// Take the roll: read sources, find identities and credentials (read-only)
///
/// A source is a directory or file (searched in full; of a git repository its history as well);
/// a database, `postgres://user:password@host/database`, `mysql://user:password@host` or
/// `redis://user:password@host`; an account or a cluster, `aws` or `aws:PROFILE`,
/// `gcp:projects/ID`, `entra:TENANT`, `azure:SUBSCRIPTION`, `k8s` or `k8s:CONTEXT`, `spire` or `spire:SOCKET`, `gitlab:HOST/PROJECT` and its like (`keyroll sources
/// systems` lists all; a token was sealed before, or is in the variable that is named there);
/// what was saved of them, `export:PATH` (AWS), `gcp-export:PATH` (Google Cloud),
/// `azure-export:PATH` (Azure and Entra), `kubernetes:PATH` (as kubectl prints it), `spire-export:PATH` (as spire-server prints it), `logs:PATH` (audit logs of clouds, clusters, systems
/// and PostgreSQL); `tls://host:port` (the certificate served there; `tls+postgres`, `tls+smtp`,
/// `tls+imap`, `tls+ldap` ask for TLS first); `leavers:FILE` (who has left: CSV or SCIM);
/// `collection:FILE` or `collection:-` (pushed by any program); or the id of a source that was
/// added before.
///
/// Without a source it looks at the places on this machine where credentials usually lie, opens
/// no connection, and says what it did not look at.
///
/// With `--check-live` it then asks the providers of what it found in files and histories whether
/// they still let it in: reading alone, one question a credential, after saying how many go where.
///
/// With `--staged`, `--since` or `--diff` it reads one change of the repository around the
/// working directory, or around the one that is named, says only what is new, and keeps nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Scan {
    /// What to read
    sources: Vec<String>,
    /// Keep nothing: the roll goes when the command ends
    #[arg(long, env = "KEYROLL_EPHEMERAL", value_parser = clap::builder::FalseyValueParser::new())]
    ephemeral: bool,
    /// Do not remember servers and accounts; plans then cannot reach them
    #[arg(long, env = "KEYROLL_NO_REMEMBER", value_parser = clap::builder::FalseyValueParser::new())]
    no_remember: bool,
    /// Look at files with so many threads (default: one for each processor); what is found does not depend on it
    #[arg(long, value_name = "N", env = "KEYROLL_THREADS")]
    threads: Option<std::num::NonZeroUsize>,
    #[command(flatten)]
    asked: change::Asked,
    /// Leave out findings that this file knows: of `keyroll findings baseline write`, or gitleaks' report
    #[arg(long, value_name = "FILE", env = "KEYROLL_BASELINE")]
    baseline: Option<PathBuf>,
    #[command(flatten)]
    rules: rules::ByRules,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    accounts: Accounts,
    #[command(flatten)]
    live: live::Live,
    #[command(flatten)]
    gate: Gate,
    #[command(flatten)]
    limit: Limit,
}

impl Scan {
    /// Reads every source, then shows what was found.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let baseline = self.baseline.as_deref().map(Baseline::read).transpose()?;
        if let Some(change) = self.asked.change(settings)? {
            self.live.not_of_a_change()?;
            let shown = (&self.gate, &self.limit);
            return change::run(
                settings,
                &self.sources,
                &change,
                (&self.rules, baseline),
                shown,
            );
        }
        let named = if self.sources.is_empty() {
            settings.scan_sources()
        } else {
            self.sources.clone()
        };
        let specs = specs(&named)?;
        let rules = self.rules.rules(settings)?;
        self.live.can_be_agreed(settings)?;
        let ephemeral = self
            .ephemeral
            .then(|| Ephemeral::make(settings))
            .transpose()?;
        let at = match &ephemeral {
            Some(ephemeral) => ephemeral.location(),
            None => location(settings)?,
        };
        first_line(settings, &at, ephemeral.is_some())?;
        let roll = Roll::open_or_make(settings, &at)?;
        let mut settings = settings.clone();
        if ephemeral.is_some() {
            // The seal key of a roll that goes is made beside it and goes with it; a fingerprint
            // key that was named is kept, so that what CI sees can be matched elsewhere.
            settings.seal_key_file = None;
        }
        let settings = &settings;
        let engine = self.threaded(roll.engine(settings)?.with_rules(rules));
        let machine = self.accounts.machine(&settings.environment, &self.asking);
        programs(settings, &engine, &specs, &machine)?;
        let scanned = read(settings, &engine, &specs, &machine)?;
        let mut remembered = Vec::new();
        if !self.no_remember && ephemeral.is_none() {
            remembered = remember(&engine, &specs, &machine, &scanned)?;
        }
        let liveness = self.live.run(settings, &engine, &machine, &scanned)?;
        let mut judged = tell::judge(&engine, &|finding| finding.mute.is_none())
            .map_err(Error::from_engine("cannot judge the roll"))?;
        let baseline = self.rules.baseline(settings, baseline, &trees(&scanned))?;
        let known = baseline.leave_out_of(&mut judged);
        let gate = settings.gate(&self.gate);
        let limit = settings.limit(&self.limit);
        let shown = report::show(
            settings,
            &roll,
            &report::Report {
                named_nothing: named.is_empty(),
                scanned: &scanned,
                remembered: &remembered,
                liveness: liveness.as_ref(),
                judged: &judged,
                known,
                limit,
            },
        );
        Error::unless_reader_left(shown)?;
        Ok(Outcome {
            findings: super::findings::reaches(&judged, gate.fail_on),
            incomplete: !gate.allow_partial
                && incomplete(&scanned, named.is_empty(), gate.min_coverage),
            ..Outcome::CLEAN
        })
    }
}

impl Scan {
    /// With as many threads as were asked for.
    fn threaded(&self, engine: Engine) -> Engine {
        match self.threads {
            Some(threads) => engine.with_threads(threads.get()),
            None => engine,
        }
    }
}

fn first_line(settings: &Settings, at: &Location, ephemeral: bool) -> Result<(), Error> {
    if settings.quiet {
        return Ok(());
    }
    let kept = match (at, ephemeral) {
        (_, true) => "nothing is kept".to_owned(),
        (Location::Sqlite(_), false) => format!("what is found stays on this machine, in {at}"),
        (Location::Postgres(_), false) => format!("what is found is kept in {at}"),
    };
    let mut stderr = settings.terminal.stderr();
    writeln!(stderr, "read-only: no source is changed; {kept}")?;
    Ok(())
}

/// Says which programs are about to run: whatever a kubeconfig names could do anything.
fn programs(
    settings: &Settings,
    engine: &Engine,
    specs: &[Spec],
    machine: &Machine,
) -> Result<(), Error> {
    let named = specs
        .iter()
        .filter_map(|spec| engine.program_of(spec, machine));
    for program in named.filter(|_| !settings.quiet) {
        let mut stderr = settings.terminal.stderr();
        writeln!(
            stderr,
            "running `{program}` to log in, as the kubeconfig says"
        )?;
    }
    Ok(())
}

/// What was named, pushed collections apart; nothing named is this machine.
fn specs(named: &[String]) -> Result<Vec<Spec>, Error> {
    if named.is_empty() {
        return Ok(vec![Spec::Here]);
    }
    let parse = |text: &String| {
        Spec::parse(text, Path::exists).map_err(|error| Error::usage(error.to_string()))
    };
    named.iter().map(parse).collect()
}

fn read(
    settings: &Settings,
    engine: &Engine,
    specs: &[Spec],
    machine: &Machine,
) -> Result<Vec<Scanned>, Error> {
    let progress = Progress::start(settings);
    let mut tell = |step: Step<'_>| match step {
        Step::Seen(source, 0) => progress.says(&format!("{}: reading", source.as_str())),
        Step::Seen(source, seen) => {
            progress.says(&format!("{}: {} seen", source.as_str(), count(seen)))
        }
        Step::Reconciling(_, _, 0) => {}
        Step::Reconciling(source, done, seen) => {
            progress.says(&format!(
                "{}: bringing {} into the roll, {} %",
                source.as_str(),
                count(seen),
                100 * done.min(seen) / seen.max(1)
            ));
        }
    };
    let (pushed, asked): (Vec<Spec>, Vec<Spec>) = specs
        .iter()
        .cloned()
        .partition(|spec| matches!(spec, Spec::Collection(_)));
    let stop = Arc::new(AtomicBool::new(false));
    let mut scanned = engine
        .scan(&asked, machine, &stop, &mut tell)
        .map_err(Error::from_engine("cannot take the roll"))?;
    for spec in pushed {
        if let Spec::Collection(path) = spec {
            progress.says(&format!("{}: reading", pushed_as(path.as_deref())));
            scanned.push(push(engine, path.as_deref())?);
        }
    }
    Ok(scanned)
}

/// What a collection is called by whoever named it.
fn pushed_as(path: Option<&Path>) -> String {
    path.map_or_else(
        || "standard input".to_owned(),
        |path| path.display().to_string(),
    )
}

/// Takes in a collection that another program made; it is read as it streams by.
fn push(engine: &Engine, path: Option<&Path>) -> Result<Scanned, Error> {
    let Some(path) = path else {
        if std::io::stdin().is_terminal() {
            return Err(Error::usage(
                "`collection:-` reads standard input, and nothing is piped into it",
            ));
        }
        let report = engine.push(std::io::stdin().lock());
        return Ok(Scanned {
            named: pushed_as(None),
            report,
        });
    };
    let named = pushed_as(Some(path));
    let file = std::fs::File::open(path).map_err(Error::because(format!(
        "cannot read the collection `{named}`"
    )))?;
    Ok(Scanned {
        report: engine.push(file),
        named,
    })
}

/// Keeps how servers and accounts are reached, so that plans can act on what they have.
fn remember(
    engine: &Engine,
    specs: &[Spec],
    machine: &Machine,
    scanned: &[Scanned],
) -> Result<Vec<Remembered>, Error> {
    let mut remembered = Vec::new();
    for spec in specs.iter().filter(|spec| {
        matches!(
            spec,
            Spec::Postgres(_)
                | Spec::Database { .. }
                | Spec::Directory(_)
                | Spec::Aws { .. }
                | Spec::Kubernetes { .. }
                | Spec::Microsoft { .. }
                | Spec::Tls(_)
        )
    }) {
        let doing = || Error::from_engine("cannot remember a source");
        let (mut config, mut secret) = engine.describe(spec, machine).map_err(doing())?;
        // A secret of the environment stays there.
        if matches!(spec, Spec::Microsoft { .. }) {
            secret = None;
        }
        // What tells its name only when it is asked is found by what it was called here.
        let called = match spec {
            Spec::Aws { profile } => Some(profile.as_deref().unwrap_or("aws")),
            Spec::Kubernetes { context } => Some(context.as_deref().unwrap_or("k8s")),
            Spec::Microsoft { connector, target } => Some(target.as_deref().unwrap_or(connector)),
            _ => None,
        };
        let read = scanned.iter().find_map(|one| {
            let report = one.report.as_ref().ok()?;
            let same = report.source.connector() == config.connector;
            let is = report.source == config.id || same && called == Some(one.named.as_str());
            is.then_some(report)
        });
        let Some(report) = read.filter(|report| report.outcome != PassOutcome::Failed) else {
            continue;
        };
        config.id = report.source.clone();
        config.target = report.source.target().to_owned();
        let config = engine
            .add_source(config, secret.as_ref())
            .map_err(doing())?;
        remembered.push(Remembered {
            sealed: config.sealed_path.is_some(),
            source: config.id,
        });
    }
    Ok(remembered)
}

/// The directories that were read, as they were named.
fn trees(scanned: &[Scanned]) -> Vec<String> {
    let read = scanned.iter().filter_map(|one| one.report.as_ref().ok());
    let of_files = read.filter(|one| matches!(one.source.connector(), "files" | "git_history"));
    let roots = of_files.filter_map(|one| Some(one.source.target().split_once(':')?.1.to_owned()));
    let roots: std::collections::BTreeSet<_> = roots.filter(|root| root.starts_with('/')).collect();
    roots.into_iter().collect()
}

/// Whether a named source failed wholly, or too little of what was asked for could be read.
fn incomplete(scanned: &[Scanned], named_nothing: bool, min_coverage: Option<u8>) -> bool {
    let failed = |one: &Scanned| match &one.report {
        Ok(report) => report.outcome == PassOutcome::Failed,
        Err(_) => true,
    };
    if !named_nothing && scanned.iter().any(failed) {
        return true;
    }
    min_coverage.is_some_and(|least| report::percent_read(scanned) < u64::from(least))
}
