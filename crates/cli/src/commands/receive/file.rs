//! The file that says what is received.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use connectors::events::{KeySet, Sender, TokenRules};
use engine::receive::{EventSource, From, KeysOf, Outgoing, Pull, secrets_in};
use model::Secret;
use serde::Deserialize;

use crate::environment::Environment;
use crate::error::Error;

/// A file of settings, keys or a certificate is shorter.
const BYTES_MAX: u64 = 1 << 20;
const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";
const MICROSOFT_KEYS: &str = "https://login.microsoftonline.com/common/discovery/v2.0/keys";

/// What is received, once everything that it names is read.
pub(super) struct Receiving {
    /// Where webhooks are listened for.
    pub(super) listen: SocketAddr,
    certificate: Option<(PathBuf, PathBuf)>,
    /// From whom.
    pub(super) sources: Vec<EventSource>,
    /// Where births are sent.
    pub(super) alerts: Option<Outgoing>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    listen: Option<SocketAddr>,
    tls: Option<WrittenTls>,
    #[serde(default)]
    source: Vec<WrittenSource>,
    alerts: Option<WrittenAlerts>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTls {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAlerts {
    webhook: String,
    secret_file: Option<PathBuf>,
    secret_variable: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Platform {
    Github,
    Gitlab,
    Okta,
    EventGrid,
    Pubsub,
    PubsubPull,
    Sns,
    Sqs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSource {
    platform: Platform,
    name: String,
    secret_file: Option<PathBuf>,
    secret_variable: Option<String>,
    #[serde(default)]
    topics: Vec<String>,
    certificate: Option<PathBuf>,
    audience: Option<String>,
    account: Option<String>,
    client: Option<String>,
    #[serde(default)]
    issuers: Vec<String>,
    keys: Option<String>,
    subscription: Option<String>,
    queue: Option<String>,
    region: Option<String>,
    profile: Option<String>,
    assume_role: Option<String>,
    access_key_id: Option<String>,
    endpoint: Option<String>,
}

impl Receiving {
    /// Reads `path` and what it names.
    ///
    /// # Errors
    /// It cannot be read, or lacks what a platform wants.
    pub(super) fn read(path: &Path, environment: &Environment) -> Result<Self, Error> {
        let text = read(path)?;
        let text = String::from_utf8(text)
            .map_err(|_| Error::usage(format!("`{}`: expected a text in UTF-8", path.display())))?;
        let written: Written = toml::from_str(&text)
            .map_err(|error| Error::usage(format!("`{}`: {error}", path.display())))?;
        let sources: Result<Vec<_>, _> = written
            .source
            .into_iter()
            .map(|one| one.read(environment))
            .collect();
        let sources = sources?;
        if sources.is_empty() {
            return Err(Error::usage(format!(
                "`{}`: expected at least one [[source]], got none",
                path.display()
            )));
        }
        let alerts = written.alerts.map(|one| {
            let secret = secret(environment, &one.secret_file, &one.secret_variable)?;
            let secret = secret.ok_or_else(|| wants("alerts", "secret_file or secret_variable"))?;
            Outgoing::new(&one.webhook, secret).map_err(Error::from_engine("cannot send alerts"))
        });
        Ok(Self {
            listen: written
                .listen
                .unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8478)),
            certificate: written.tls.map(|tls| (tls.certificate, tls.key)),
            sources,
            alerts: alerts.transpose()?,
        })
    }

    /// What is shown to whoever connects. Without it only this machine may: what is in front of
    /// it does TLS.
    ///
    /// # Errors
    /// The files cannot be used, or it would listen to everybody in plain text.
    pub(super) fn tls(&self) -> Result<Option<server::Tls>, Error> {
        match &self.certificate {
            Some((certificate, key)) => server::Tls::read(certificate, key)
                .map(Some)
                .map_err(Error::because("cannot listen over TLS")),
            None if self.listen.ip().is_loopback() => Ok(None),
            None => Err(Error::usage(format!(
                "expected [tls] with certificate and key, since {} is not this machine alone",
                self.listen.ip()
            ))
            .hint("or listen at 127.0.0.1 behind a proxy that does TLS")),
        }
    }
}

impl WrittenSource {
    fn read(self, environment: &Environment) -> Result<EventSource, Error> {
        let name = self.name.clone();
        let value = secret(environment, &self.secret_file, &self.secret_variable)?;
        let secrets = value.as_ref().map(secrets_in).unwrap_or_default();
        let opened = |secrets: &Vec<Secret>| match secrets.is_empty() {
            false => Ok(secrets.clone()),
            true => Err(wants(
                &name,
                "secret_file or secret_variable, and a secret in it",
            )),
        };
        let from = match self.platform {
            Platform::Github => From::Sent(Sender::Github {
                secrets: opened(&secrets)?,
            }),
            Platform::Gitlab => From::Sent(Sender::Gitlab {
                secrets: opened(&secrets)?,
            }),
            Platform::Okta => From::Sent(Sender::Okta {
                secrets: opened(&secrets)?,
            }),
            Platform::EventGrid if self.audience.is_none() => From::Sent(Sender::EventGrid {
                secrets: opened(&secrets)?,
            }),
            Platform::EventGrid => From::Sent(Sender::EventGridToken {
                rules: self.rules(&name)?,
            }),
            Platform::Pubsub => From::Sent(Sender::PubSub {
                rules: self.rules(&name)?,
                subscription: self.subscription.clone(),
            }),
            Platform::Sns if !self.topics.is_empty() => From::Sent(Sender::Sns {
                topics: self.topics.clone(),
            }),
            Platform::Sns => return Err(wants(&name, "topics, the ARNs of those that may send")),
            Platform::Sqs => From::Asked(Pull::Sqs {
                queue: self
                    .queue
                    .clone()
                    .ok_or_else(|| wants(&name, "queue, its address"))?,
                options: self.options(),
                secret: secrets.first().cloned(),
                wait: 20,
            }),
            Platform::PubsubPull => From::Asked(Pull::PubSub {
                subscription: self
                    .subscription
                    .clone()
                    .ok_or_else(|| wants(&name, "subscription"))?,
                options: self.options(),
                secret: Some(value.ok_or_else(|| wants(&name, "secret_file or secret_variable"))?),
            }),
        };
        Ok(EventSource {
            keys: self.keys_of(&name)?,
            certificate: self.certificate.as_deref().map(read).transpose()?,
            name,
            from,
        })
    }

    /// What a token must say.
    fn rules(&self, name: &str) -> Result<TokenRules, Error> {
        let audience = self
            .audience
            .clone()
            .ok_or_else(|| wants(name, "audience"))?;
        let google = self.platform == Platform::Pubsub;
        let issuers = match self.issuers.is_empty() {
            false => self.issuers.clone(),
            true if google => ["https://accounts.google.com", "accounts.google.com"]
                .map(str::to_owned)
                .to_vec(),
            true => return Err(wants(name, "issuers: `https://sts.windows.net/TENANT/`")),
        };
        if google && self.account.is_none() {
            return Err(wants(
                name,
                "account, the service account whose token is shown",
            ));
        }
        if !google && self.client.is_none() {
            return Err(wants(name, "client, the application whose token is shown"));
        }
        Ok(TokenRules {
            issuers,
            audience,
            account: self.account.clone(),
            client: self.client.clone(),
        })
    }

    fn keys_of(&self, name: &str) -> Result<Option<KeysOf>, Error> {
        let default = match self.platform {
            Platform::Pubsub => GOOGLE_KEYS,
            Platform::EventGrid if self.audience.is_some() => MICROSOFT_KEYS,
            _ => return Ok(None),
        };
        let keys = self.keys.as_deref().unwrap_or(default);
        if keys.contains("://") {
            return Ok(Some(KeysOf::At(keys.to_owned())));
        }
        let set = KeySet::read(&read(Path::new(keys))?);
        let set =
            set.ok_or_else(|| wants(name, "keys: a file with a set of RSA keys (RFC 7517)"))?;
        Ok(Some(KeysOf::Set(set)))
    }

    fn options(&self) -> BTreeMap<String, String> {
        // The address of a queue tells its region.
        let host = self
            .queue
            .as_deref()
            .and_then(|queue| queue.strip_prefix("https://sqs."));
        let of_queue = host
            .and_then(|rest| rest.split('.').next())
            .map(str::to_owned);
        let named = [
            ("region", self.region.clone().or(of_queue)),
            ("profile", self.profile.clone()),
            ("assume_role", self.assume_role.clone()),
            ("access_key_id", self.access_key_id.clone()),
            ("endpoint", self.endpoint.clone()),
        ];
        let given = named.into_iter();
        given
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }
}

fn wants(name: &str, what: &str) -> Error {
    Error::usage(format!("`{}`: expected {what}", model::clean(name)))
}

/// What a file or a variable holds; a secret is never an argument and never in the file of settings.
fn secret(
    environment: &Environment,
    file: &Option<PathBuf>,
    variable: &Option<String>,
) -> Result<Option<Secret>, Error> {
    match (file, variable) {
        (Some(_), Some(_)) => Err(Error::usage(
            "expected secret_file or secret_variable, got both",
        )),
        (Some(file), None) => read(file).map(Secret::new).map(Some),
        (None, Some(variable)) => {
            let value = environment.get(variable).ok_or_else(|| {
                Error::usage(format!(
                    "expected a secret in the variable `{}`, got none",
                    model::clean(variable)
                ))
            })?;
            Ok(Some(Secret::from(value)))
        }
        (None, None) => Ok(None),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    use std::io::Read;
    let cannot = || format!("cannot read `{}`", path.display());
    let file = std::fs::File::open(path).map_err(Error::because(cannot()))?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(Error::because(cannot()))?;
    Ok(bytes)
}
