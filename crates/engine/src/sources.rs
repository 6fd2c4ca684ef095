//! Sources that were added: what they are in clear, what opens them sealed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use connectors::{Connector, Context, Dialect, Port, PortKind};
use model::{Secret, SourceId};
use store::{RevocationFilter, SourceConfig};

use crate::decide::Decision;
use crate::execute::ROWS;
use crate::fingerprints::{KeyedFingerprints, Logins};
use crate::ports::{
    Bearer, FilesPort, GitPort, HttpPort, LdapLimits, LdapPort, MysqlPort, RedisLimits, RedisPort,
    SavedPort, SpireLimits, SpirePort, SqlLimits, SqlPort, TlsPort,
};
use crate::secrets::Secrets;
use crate::spec::{Directory, Endpoint, Postgres, Server, SpireServer};
use crate::{Engine, Error, Machine, Spec};

/// A source that can be asked.
pub struct Opened {
    /// Who knows how.
    pub connector: &'static dyn Connector,
    /// What it is.
    pub config: SourceConfig,
    /// Who answers.
    pub port: Box<dyn Port + Send>,
}

/// The target of a source that tells its name only when it is asked.
pub(crate) const UNNAMED: &str = "unknown";
/// Version of the first value sealed at a path.
const SEALED_VERSION: u32 = 1;

impl Engine {
    /// Every configured source.
    ///
    /// # Errors
    /// The store gave out.
    pub fn sources(&self) -> Result<Vec<SourceConfig>, Error> {
        Ok(self.store.read(|reading| reading.sources(&self.tenant))?)
    }

    /// The configured source `id`.
    ///
    /// # Errors
    /// There is none.
    pub fn source(&self, id: &SourceId) -> Result<SourceConfig, Error> {
        let found = self.sources()?.into_iter().find(|config| config.id == *id);
        found.ok_or_else(|| {
            Error::Unfit(format!(
                "no source `{}` was added; `keyroll sources list` shows those that were",
                id.as_str()
            ))
        })
    }

    /// Adds a source, or replaces what is known of it; `secret` opens it and is sealed first. It
    /// is a decision, in the log with what it makes true; one that changes nothing is none.
    ///
    /// # Errors
    /// The barrier, the log or the store gave out.
    pub fn add_source(
        &self,
        mut config: SourceConfig,
        secret: Option<&Secret>,
    ) -> Result<SourceConfig, Error> {
        let path = format!("source/{}", config.id.as_str());
        let known = self.sources()?.into_iter().find(|one| one.id == config.id);
        if let Some(known) = &known
            && self.is_as_known(&config, secret, known)?
        {
            return Ok(known.clone());
        }
        let version = match self
            .store
            .read(|reading| reading.sealed(&self.tenant, &path))?
        {
            Some((version, _)) => version.saturating_add(1),
            None => SEALED_VERSION,
        };
        let sealed = secret
            .map(|secret| self.keys.seal(&path, u64::from(version), secret))
            .transpose()?;
        config.sealed_path = sealed.is_some().then(|| path.clone());
        let decision = Decision::SourceAdded {
            source: &config.id,
            options: &config.options,
            kind_of_target: &config.kind_of_target,
            sealed: sealed.is_some(),
            replaces: known.is_some(),
        };
        self.decide(config.id.as_str(), self.now(), &decision, |writing| {
            if let Some(bytes) = &sealed {
                writing.put_sealed(&self.tenant, &path, version, bytes)?;
            }
            Ok(writing.put_source(&self.tenant, &config)?)
        })?;
        Ok(config)
    }

    /// Whether `config` and what opens it are what is kept already.
    fn is_as_known(
        &self,
        config: &SourceConfig,
        secret: Option<&Secret>,
        known: &SourceConfig,
    ) -> Result<bool, Error> {
        let as_known = SourceConfig {
            sealed_path: known.sealed_path.clone(),
            added: known.added,
            ..config.clone()
        };
        if as_known != *known || secret.is_some() != known.sealed_path.is_some() {
            return Ok(false);
        }
        // One that opens no more is replaced.
        let Ok(kept) = self.source_secret(known) else {
            return Ok(false);
        };
        // Not by their fingerprints: these leave blanks aside, and a login does not.
        Ok(match (secret, &kept) {
            (Some(secret), Some(kept)) => secret.is_same(kept),
            (secret, kept) => secret.is_none() && kept.is_none(),
        })
    }

    /// Forgets a source and destroys what opened it. What it saw stays on the roll.
    ///
    /// # Errors
    /// There is no such source, a revocation that is under way acts through it, or the log cannot
    /// be written.
    pub fn remove_source(&self, id: &SourceId) -> Result<(), Error> {
        let config = self.source(id)?;
        self.no_revocation_needs(id)?;
        let decision = Decision::SourceRemoved {
            source: id,
            destroyed: config.sealed_path.is_some(),
        };
        self.decide(id.as_str(), self.now(), &decision, |writing| {
            if let Some(path) = &config.sealed_path {
                writing.destroy_sealed(&self.tenant, path)?;
            }
            writing.remove_source(&self.tenant, id)?;
            writing.forget_parts(&self.tenant, id)?;
            Ok(())
        })?;
        Ok(())
    }

    /// Authority to revoke outlives what it revokes: first every row is proven, residual or
    /// unverifiable (revocation.md S-6, S-7).
    fn no_revocation_needs(&self, id: &SourceId) -> Result<(), Error> {
        let mut open = Vec::new();
        self.store.read(|reading| {
            let mut each = |row| open.push(row);
            reading.each_revocation(&self.tenant, RevocationFilter::Open, ROWS, &mut each)
        })?;
        for row in open {
            let plan = self.plan(&row.plan)?;
            if plan.body.subject.source == *id && lifecycle::rank(&row.state).is_some() {
                return Err(Error::Unfit(format!(
                    "the revocation of {} is {} and acts through `{}`; finish it first: \
                     `keyroll apply {}`",
                    model::clean(&plan.body.subject.name),
                    row.state.as_str(),
                    model::clean(id.as_str()),
                    plan.id
                )));
            }
        }
        Ok(())
    }

    /// What opens a configured source.
    pub(crate) fn source_secret(&self, config: &SourceConfig) -> Result<Option<Secret>, Error> {
        let Some(path) = &config.sealed_path else {
            return Ok(None);
        };
        let sealed = self
            .store
            .read(|reading| reading.sealed(&self.tenant, path))?;
        let opened =
            sealed.map(|(version, bytes)| self.keys.open_sealed(path, u64::from(version), &bytes));
        opened.transpose()
    }

    /// A port to a configured source; with a `bearer`, questions can be asked as it.
    ///
    /// # Errors
    /// No connector of that name, or what opens it cannot be read.
    pub fn open_source(
        &self,
        id: &SourceId,
        bearer: Option<Bearer>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Opened, Error> {
        let config = self.source(id)?;
        let secret = self.source_secret(&config)?;
        self.open_config(config, secret, bearer, stop)
    }

    /// A port to the source that `spec` names, whether it was added or not.
    ///
    /// # Errors
    /// It names none that can be opened, or several.
    pub fn open_spec(
        &self,
        spec: &Spec,
        machine: &Machine,
        stop: &Arc<AtomicBool>,
    ) -> Result<Opened, Error> {
        let (config, secret) = self.describe(spec, machine)?;
        self.open_config(config, secret, None, stop)
    }

    /// A port to a source that need not be configured.
    pub(crate) fn open_config(
        &self,
        config: SourceConfig,
        secret: Option<Secret>,
        bearer: Option<Bearer>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Opened, Error> {
        let connector = connectors::connector(&config.connector).ok_or_else(|| {
            Error::Unfit(format!(
                "this version has no connector `{}`",
                model::clean(&config.connector)
            ))
        })?;
        let port = self.port(connector.spec().port, &config, secret, bearer, stop)?;
        Ok(Opened {
            connector,
            config,
            port,
        })
    }

    /// A port of this kind to what `config` names.
    fn port(
        &self,
        kind: PortKind,
        config: &SourceConfig,
        secret: Option<Secret>,
        bearer: Option<Bearer>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Box<dyn Port + Send>, Error> {
        Ok(match kind {
            PortKind::Files => Box::new(
                self.files_port(connectors::file_roots(&config.options))
                    .stopped_by(Arc::clone(stop)),
            ),
            PortKind::Git => {
                let repository = config.options.get("repository");
                let root = repository.map_or("", String::as_str);
                Box::new(GitPort::new(PathBuf::from(root)).stopped_by(Arc::clone(stop)))
            }
            PortKind::Sql(Dialect::Mysql) => Box::new(MysqlPort::new(
                self.runtime()?,
                Server::from_options(&config.options, secret)?,
                SqlLimits::default(),
                Arc::clone(stop),
            )),
            PortKind::Redis => Box::new(RedisPort::new(
                Server::from_options(&config.options, secret)?,
                RedisLimits::default(),
                Arc::clone(stop),
            )),
            PortKind::Spire => Box::new(SpirePort::new(
                self.runtime()?,
                SpireServer::from_options(&config.options)?,
                SpireLimits::default(),
                Arc::clone(stop),
            )),
            PortKind::Ldap => Box::new(LdapPort::new(
                Directory::from_options(&config.options, secret)?,
                LdapLimits::default(),
                Arc::clone(stop),
            )),
            PortKind::Sql(Dialect::Postgres) => {
                let address = Postgres::from_options(&config.options, secret)?;
                Box::new(SqlPort::new(
                    self.runtime()?,
                    address,
                    bearer,
                    SqlLimits::default(),
                    Arc::clone(stop),
                ))
            }
            PortKind::Tls => Box::new(TlsPort::new(
                self.runtime()?,
                Endpoint::from_options(&config.options)?,
                Arc::clone(stop),
            )?),
            PortKind::Http(_) if config.options.contains_key("saved") => {
                let dir = config.options.get("saved").map_or("", String::as_str);
                Box::new(SavedPort::new(dir, Arc::clone(stop)))
            }
            PortKind::Http(login) => Box::new(HttpPort::new(
                self.runtime()?,
                login,
                (&config.target, &config.options),
                secret,
                bearer,
                Arc::clone(stop),
            )?),
        })
    }

    /// `config` under the name that its target gives itself: an account's number instead of the
    /// profile that leads there. Plans find a source by that name. `secret` opens it.
    ///
    /// # Errors
    /// The target does not answer.
    pub fn named(
        &self,
        mut config: SourceConfig,
        secret: Option<&Secret>,
        stop: &Arc<AtomicBool>,
    ) -> Result<SourceConfig, Error> {
        let port = connectors::connector(&config.connector).map(|one| one.spec().port);
        let beside = matches!(
            port,
            Some(connectors::PortKind::Files | connectors::PortKind::Git)
        );
        // Files of this machine are named without asking anybody: by the directory they lie in.
        if config.target == UNNAMED || beside {
            let mut opened = self.open_config(config.clone(), secret.cloned(), None, stop)?;
            config.target = self.identify(&mut opened).map_err(Error::Refused)?;
            config.id = SourceId::new(&config.connector, &config.target);
        }
        Ok(config)
    }

    /// A port to files at and below `roots`.
    pub(crate) fn files_port(&self, roots: Vec<String>) -> FilesPort {
        FilesPort::new(roots.into_iter().map(PathBuf::from).collect())
    }

    /// What an opened source says it is: an account number, a server. Reads nothing else.
    ///
    /// # Errors
    /// Whatever refused to answer.
    pub fn identify(&self, opened: &mut Opened) -> Result<String, connectors::Refusal> {
        self.ask(opened, &BTreeMap::new(), |connector, cx| {
            connector.identify(cx)
        })
    }

    /// Which rights an opened source has, as far as its system can be asked that; none where the
    /// pass was stopped.
    pub fn rights(&self, opened: &mut Opened) -> Vec<connectors::Right> {
        self.ask(opened, &BTreeMap::new(), |connector, cx| {
            connector.rights(cx).unwrap_or_default()
        })
    }

    /// Asks a source something outside of a pass: who it is, a secret again, a probe.
    pub(crate) fn ask<T>(
        &self,
        opened: &mut Opened,
        logins: &Logins,
        each: impl FnOnce(&'static dyn Connector, &mut Context<'_>) -> T,
    ) -> T {
        let fingerprints = KeyedFingerprints::new(&self.keys, logins);
        let target = opened.config.target.clone();
        // Rules that cannot be used were an error of the pass that saw what is asked for.
        let secrets = self.rules.at(opened.connector, &target).unwrap_or_default();
        let options: BTreeMap<String, String> = opened.config.options.clone();
        let mut sink = |_| {};
        let mut cx = Context::new(
            opened.port.as_mut(),
            &fingerprints,
            &target,
            &options,
            self.now(),
            &mut sink,
        )
        .detecting(secrets.as_ref().map(Secrets::detector));
        each(opened.connector, &mut cx)
    }
}
