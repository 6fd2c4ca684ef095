//! `keyroll scan --check-live`: what was found is shown to its provider, if somebody wants that.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::{Asked, Engine, Liveness, Machine, Round, Scanned};
use model::{SourceId, Validity};

use crate::arguments::Consent;
use crate::error::Error;
use crate::output::{Cell, Tone};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::words::{count, many};

/// Flags about asking providers.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Live {
    /// Ask providers and servers of yours whether they still let in what was found; sends each credential once
    #[arg(long, env = "KEYROLL_CHECK_LIVE", value_parser = clap::builder::FalseyValueParser::new())]
    check_live: bool,
    /// Where a provider is that has no one place, such as a GitLab or a database of your own: `gitlab=git.example.com`, `postgres=db.example:5432`
    #[arg(long, value_name = "PROVIDER=HOST", env = "KEYROLL_LIVE_HOST", value_delimiter = ',', value_parser = host)]
    live_host: Vec<(String, String)>,
    /// Send all of it here instead, to `URL/HOST/PATH`: a stub or a recording proxy
    #[arg(long, value_name = "URL", env = "KEYROLL_LIVE_ENDPOINT")]
    live_endpoint: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

fn host(text: &str) -> Result<(String, String), String> {
    let (provider, host) = text.split_once('=').ok_or_else(|| {
        "expected a provider and its host, such as `gitlab=git.example.com`".to_owned()
    })?;
    Ok((provider.trim().to_owned(), host.trim().to_ascii_lowercase()))
}

/// Questions of one run whose answer is waited for: more is no first look any more.
const REASONS_SHOWN: usize = 8;

impl Live {
    /// A change keeps nothing, and so has no place for an answer.
    pub(super) fn not_of_a_change(&self) -> Result<(), Error> {
        if !self.check_live {
            return Ok(());
        }
        Err(Error::usage(
            "`--check-live` asks about what a scan keeps, and one of a change keeps nothing",
        )
        .hint("scan the directory without `--staged`, `--since` or `--diff`"))
    }

    /// Says beforehand that nobody could agree, and not after a long scan.
    pub(super) fn can_be_agreed(&self, settings: &Settings) -> Result<(), Error> {
        if !self.check_live || self.consent.yes || settings.terminal.input {
            return Ok(());
        }
        Err(Error::usage(
            "`--check-live` sends credentials to their providers, and nobody can be asked here whether that is wanted",
        )
        .hint("add `--yes`"))
    }

    /// Says how much goes where, asks whether that is wanted, and asks providers.
    pub(super) fn run(
        &self,
        settings: &Settings,
        engine: &Engine,
        machine: &Machine,
        scanned: &[Scanned],
    ) -> Result<Option<Asked>, Error> {
        if !self.check_live {
            return Ok(None);
        }
        let doing = || Error::from_engine("cannot ask providers");
        let how = Liveness {
            hosts: self.live_host.clone(),
            endpoint: self.live_endpoint.clone(),
            aws: machine.options.clone(),
            ..Liveness::default()
        };
        let round = engine.round(&sources(scanned), &how).map_err(doing())?;
        let mut stderr = settings.terminal.stderr();
        for line in said(&round, &how) {
            writeln!(stderr, "{}", model::clean(&line))?;
        }
        drop(stderr);
        if round.is_empty() {
            return Ok(Some(Asked {
                unasked: round.unasked,
                ..Asked::default()
            }));
        }
        let question = format!(
            "Send {} to their providers?",
            many(round.len() as u64, "credential", "credentials")
        );
        if super::super::sources::agreed(settings, self.consent, &question).is_err() {
            writeln!(settings.terminal.stderr(), "not agreed: nothing was sent")?;
            return Ok(None);
        }
        let progress = Progress::start(settings);
        let stop = Arc::new(AtomicBool::new(false));
        let mut tell = |done: usize, all: usize| {
            progress.says(&format!(
                "asking providers: {} of {}",
                count(done as u64),
                count(all as u64)
            ));
        };
        let asked = engine
            .ask_round(round, &how, &stop, &mut tell)
            .map_err(doing())?;
        drop(progress);
        if !settings.wanted.is_for_people() && !settings.quiet {
            let mut stderr = settings.terminal.stderr();
            for line in told(&asked) {
                writeln!(stderr, "{}", model::clean(&line.text))?;
            }
        }
        Ok(Some(asked))
    }
}

/// The sources whose secrets can be read again: files and histories.
fn sources(scanned: &[Scanned]) -> Vec<SourceId> {
    let read = scanned.iter().filter_map(|one| one.report.as_ref().ok());
    read.map(|report| report.source.clone())
        .filter(|source| matches!(source.connector(), "files" | "git_history"))
        .collect()
}

/// What would be sent, said before it is.
fn said(round: &Round, how: &Liveness) -> Vec<String> {
    let list = |asked: BTreeMap<&str, usize>| {
        let each = asked.into_iter();
        let told: Vec<_> = each
            .map(|(host, n)| format!("{host} ({})", count(n as u64)))
            .collect();
        told.join(", ")
    };
    let (hosts, logins) = (round.hosts(), round.logins());
    let sum = |asked: &BTreeMap<&str, usize>| asked.values().sum::<usize>() as u64;
    let mut lines = Vec::new();
    if round.is_empty() {
        lines.push(
            "check-live: no credential found here can be asked for; nothing is sent".to_owned(),
        );
    }
    if !hosts.is_empty() {
        lines.push(format!(
            "check-live: {} would be sent, one reading request each, to {}",
            many(sum(&hosts), "credential", "credentials"),
            list(hosts)
        ));
    }
    if !logins.is_empty() {
        lines.push(format!(
            "check-live: {} would log in once each, and read nothing, at {}; where one is let in, a made-up word is tried as well",
            many(sum(&logins), "password", "passwords"),
            list(logins)
        ));
    }
    for host in round.in_address() {
        lines.push(format!(
            "check-live: {host} takes the credential in the address, where a proxy may log it"
        ));
    }
    if let (false, Some(endpoint)) = (round.is_empty(), &how.endpoint) {
        lines.push(format!(
            "check-live: all of it goes to {} instead",
            model::shorten(&model::clean(endpoint), 80)
        ));
    }
    lines
}

/// The section of the summary; empty where nobody was asked.
pub(super) fn lines(asked: Option<&Asked>) -> Vec<Cell> {
    asked.map(told).unwrap_or_default()
}

fn told(asked: &Asked) -> Vec<Cell> {
    let mut lines = Vec::new();
    for validity in Validity::ALL {
        let n = asked.told.get(&validity).copied().unwrap_or_default() as u64;
        if n == 0 {
            continue;
        }
        let cell = match validity {
            Validity::Live => Cell::toned(format!("{}: still let in", count(n)), Tone::Bad),
            Validity::Dead => Cell::new(format!("{}: denied, so dead", count(n))),
            Validity::Unknown => Cell::toned(format!("{}: unknown", count(n)), Tone::Unknown),
        };
        lines.push(cell);
    }
    let reasons = |told: &BTreeMap<String, usize>, what: &str| {
        let mut told: Vec<_> = told.iter().collect();
        told.sort_by_key(|(why, n)| (std::cmp::Reverse(**n), why.as_str()));
        let line = |(why, n): (&String, &usize)| {
            Cell::toned(format!("{} {what}: {why}", count(*n as u64)), Tone::Unknown)
        };
        told.into_iter()
            .take(REASONS_SHOWN)
            .map(line)
            .collect::<Vec<_>>()
    };
    lines.extend(reasons(&asked.unknown, "unknown"));
    lines.extend(reasons(&asked.unasked, "not asked for"));
    lines
}
