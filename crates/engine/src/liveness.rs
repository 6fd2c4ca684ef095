//! Asks providers whether they still let in what was found: only when a person wants it, once a
//! credential and run, reading alone. Passwords of databases are tried at servers that are
//! sources of ours or that a person named.
//!
//! A [`Round`] is made first and says how many credentials would be sent to whom; nothing is sent
//! before somebody agreed to it. Each answer is on the roll before the next question goes out, so
//! that a run that is stopped keeps what it learnt.
//!
//! **Invariant:** whom to ask follows from our own data and from what a person named, never from
//! what was found.

mod ask;
mod found;
mod login;
mod record;
mod servers;
mod written;

use std::collections::BTreeMap;
use std::time::Duration;

use leaks::live::{Ask, Check, Checks};
use model::{Secret, Validity};

pub(crate) use self::found::Pair;
use self::login::Login;
use self::servers::{Reach, System};
use crate::{Engine, Error, OutsideLimits};

/// How providers are asked.
#[derive(Clone, Debug)]
pub struct Liveness {
    /// Hosts that a person named, each with its provider: `gitlab` is at `git.example.com`. Of
    /// servers at which logins are tried there may be several: `postgres`, `db.example:5432`.
    pub hosts: Vec<(String, String)>,
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
            hosts: Vec::new(),
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
    /// Whose credential it is.
    pub(crate) provider: &'static str,
    pub(crate) host: String,
    pub(crate) named: bool,
    pub(crate) secret: Secret,
    pub(crate) way: Way,
}

/// How a question is put.
pub(crate) enum Way {
    /// The secret is a part of it.
    Sent(&'static Check, Ask),
    /// The secret signs it.
    Signed(&'static Check, Pair),
    /// A login at a server.
    Login(Login, Secret),
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
    /// How many credentials would be sent to each host of a provider.
    pub fn hosts(&self) -> BTreeMap<&str, usize> {
        self.count(|way| !matches!(way, Way::Login(..)))
    }

    /// How many logins would be tried at each server.
    pub fn logins(&self) -> BTreeMap<&str, usize> {
        self.count(|way| matches!(way, Way::Login(..)))
    }

    fn count(&self, counts: impl Fn(&Way) -> bool) -> BTreeMap<&str, usize> {
        let mut hosts = BTreeMap::new();
        for one in self.questions.iter().filter(|one| counts(&one.way)) {
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
        let in_address =
            |one: &&Query| matches!(&one.way, Way::Sent(check, _) if check.is_in_address());
        let found = self.questions.iter().filter(in_address);
        found.map(|one| one.host.as_str()).collect()
    }
}

/// What a person named.
pub(crate) struct Named {
    /// The host of each provider; of two the last.
    hosts: BTreeMap<String, String>,
    servers: Vec<Reach>,
}

impl Named {
    /// # Errors
    /// A host cannot be one, or there is no such provider.
    fn of(hosts: &[(String, String)]) -> Result<Self, Error> {
        let checks = found::checks()?;
        let mut named = Self {
            hosts: BTreeMap::new(),
            servers: Vec::new(),
        };
        for (provider, host) in hosts {
            if let Some(system) = System::of(provider) {
                named.servers.push(servers::named(system, host)?);
                continue;
            }
            if !crate::ports::is_host(host) {
                return Err(Error::Unfit(format!(
                    "expected a host such as `git.example.com` or `git.example.com:8443` for {}, got `{}`",
                    model::clean(provider),
                    model::clean(host)
                )));
            }
            if !checks.checks.iter().any(|one| one.provider == *provider) {
                return Err(unknown_provider(checks, provider));
            }
            named.hosts.insert(provider.clone(), host.clone());
        }
        Ok(named)
    }
}

fn unknown_provider(checks: &Checks, provider: &str) -> Error {
    let mut known: Vec<_> = checks.checks.iter().map(|one| &*one.provider).collect();
    known.extend(System::ALL.map(System::word));
    known.sort_unstable();
    known.dedup();
    Error::Unfit(format!(
        "expected one of the providers that can be asked ({}), got `{}`",
        known.join(", "),
        model::clean(provider)
    ))
}

impl Engine {
    /// What would be asked about the credentials that `sources` hold.
    ///
    /// # Errors
    /// A host cannot be one, or the store gave out.
    pub fn round(&self, sources: &[model::SourceId], how: &Liveness) -> Result<Round, Error> {
        let named = Named::of(&how.hosts)?;
        found::round(self, sources, how, named)
    }
}
