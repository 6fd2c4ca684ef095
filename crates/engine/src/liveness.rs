//! Asks providers whether they still let in what was found: only when a person wants it, once a
//! credential and run, reading alone.
//!
//! A [`Round`] is made first and says how many credentials would be sent to whom; nothing is sent
//! before somebody agreed to it. Each answer is on the roll before the next question goes out, so
//! that a run that is stopped keeps what it learnt.
//!
//! **Invariant:** whom to ask follows from our own data and from what a person named, never from
//! what was found.

mod ask;
mod found;
mod record;

use std::collections::BTreeMap;
use std::time::Duration;

use leaks::live::{Ask, Check};
use model::{Secret, Validity};

pub(crate) use self::found::Pair;
use crate::{Engine, Error, OutsideLimits};

/// How providers are asked.
#[derive(Clone, Debug)]
pub struct Liveness {
    /// Hosts that a person named, by provider: `gitlab` is at `git.example.com`.
    pub hosts: BTreeMap<String, String>,
    /// Whom to ask instead of everybody, for tests and recording proxies: the question to
    /// `HOST/PATH` goes to `endpoint/HOST/PATH`.
    pub endpoint: Option<String>,
    /// Where AWS is asked instead (`endpoint`) and in which `region`.
    pub aws: BTreeMap<String, String>,
    /// The least time between two questions to one host.
    pub pause: Duration,
    /// Bounds on one question.
    pub limits: OutsideLimits,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            hosts: BTreeMap::new(),
            endpoint: None,
            aws: BTreeMap::new(),
            pause: Duration::from_millis(250),
            limits: OutsideLimits::default(),
        }
    }
}

/// What would be asked. It holds secrets, and goes with the run.
pub struct Round {
    pub(crate) questions: Vec<Query>,
    /// Why credentials are not asked for, and how many for each reason.
    pub unasked: BTreeMap<String, usize>,
}

/// One credential that is to be asked for.
pub(crate) struct Query {
    pub(crate) check: &'static Check,
    pub(crate) host: String,
    pub(crate) named: bool,
    pub(crate) secret: Secret,
    pub(crate) way: Way,
}

/// How a question is put.
pub(crate) enum Way {
    /// The secret is a part of it.
    Sent(Ask),
    /// The secret signs it.
    Signed(Pair),
}

/// What a run of questions came to.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// How many were found to be so.
    pub told: BTreeMap<Validity, usize>,
    /// Why some stayed unknown, and how many for each reason.
    pub unknown: BTreeMap<String, usize>,
    /// Why some were not asked for.
    pub unasked: BTreeMap<String, usize>,
}

impl Round {
    /// How many credentials would be sent to each host.
    pub fn hosts(&self) -> BTreeMap<&str, usize> {
        let mut hosts = BTreeMap::new();
        for one in &self.questions {
            *hosts.entry(one.host.as_str()).or_default() += 1;
        }
        hosts
    }

    /// How many credentials would be asked for.
    pub const fn len(&self) -> usize {
        self.questions.len()
    }

    /// Whether there is nothing to ask.
    pub const fn is_empty(&self) -> bool {
        self.questions.is_empty()
    }

    /// Hosts that are asked with the secret in the address, where whoever takes TLS apart on the
    /// way would log it.
    pub fn in_address(&self) -> std::collections::BTreeSet<&str> {
        let found = self
            .questions
            .iter()
            .filter(|one| one.check.is_in_address());
        found.map(|one| one.host.as_str()).collect()
    }
}

/// Checks that each host somebody named is one, for a provider that there is.
///
/// # Errors
/// What was expected.
pub(crate) fn check_hosts(hosts: &BTreeMap<String, String>) -> Result<(), Error> {
    let checks = found::checks()?;
    for (provider, host) in hosts {
        if !crate::ports::is_host(host) {
            return Err(Error::Unfit(format!(
                "expected a host such as `git.example.com` or `git.example.com:8443` for {}, got `{}`",
                model::clean(provider),
                model::clean(host)
            )));
        }
        if !checks.checks.iter().any(|one| one.provider == *provider) {
            let mut known: Vec<_> = checks.checks.iter().map(|one| &one.provider).collect();
            known.sort_unstable();
            known.dedup();
            let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
            return Err(Error::Unfit(format!(
                "expected one of the providers that can be asked ({}), got `{}`",
                known.join(", "),
                model::clean(provider)
            )));
        }
    }
    Ok(())
}

impl Engine {
    /// What would be asked about the credentials that `sources` hold.
    ///
    /// # Errors
    /// A host cannot be one, or the store gave out.
    pub fn round(&self, sources: &[model::SourceId], how: &Liveness) -> Result<Round, Error> {
        check_hosts(&how.hosts)?;
        found::round(self, sources, how)
    }
}
