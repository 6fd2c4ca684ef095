//! What a person names as a source, and which connector reads it.

mod directory;
mod endpoint;
mod server;
mod spire;

pub use directory::Directory;
pub use endpoint::Endpoint;
pub use server::Server;
pub use spire::SpireServer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::{Secret, SourceId};

use crate::Error;
use crate::ports::is_host;

/// A source as a person names it.
#[derive(Clone, Debug)]
pub enum Spec {
    /// The places on this machine where credentials usually lie. Opens no socket.
    Here,
    /// Directories and files, searched in full.
    Paths(Vec<PathBuf>),
    /// `postgres://user:password@host:port/database`.
    Postgres(Postgres),
    /// `mysql://user@host`, `redis://host` and their like: a database with its own protocol.
    Database {
        /// Who reads it.
        connector: &'static str,
        /// Where it is, and as whom it is asked.
        server: Server,
    },
    /// `ldap://USER@HOST`, `ldaps://USER@HOST/BASE`: a directory.
    Directory(Directory),
    /// `aws`, `aws:PROFILE`: the usual credential chain.
    Aws {
        /// A profile of `~/.aws/config`.
        profile: Option<String>,
    },
    /// `export:PATH`, `gcp-export:PATH`, `azure-export:PATH`, `kubernetes:PATH`,
    /// `spire-export:PATH`: answers of interfaces saved as files.
    Export {
        /// Who reads them.
        connector: &'static str,
        /// A directory or a file.
        path: PathBuf,
    },
    /// `k8s`, `k8s:CONTEXT`: a cluster, as a kubeconfig leads there, or the one that this pod runs in.
    Kubernetes {
        /// A context of the kubeconfig.
        context: Option<String>,
    },
    /// `entra`, `entra:TENANT`, `azure`, `azure:SUBSCRIPTION`: by the usual credential chain of
    /// Microsoft.
    Microsoft {
        /// Who reads it.
        connector: &'static str,
        /// The tenant or subscription.
        target: Option<String>,
    },
    /// `spire`, `spire:SOCKET`, `spire:HOST:PORT?svid=/DIR`: a SPIRE server.
    Spire(SpireServer),
    /// `leavers:FILE`, `logs:PATH`: files that are a source by their path, because they are of no
    /// account: who has left, audit logs.
    Files {
        /// Who reads them.
        connector: &'static str,
        /// A directory or a file.
        path: PathBuf,
    },
    /// `collection:FILE`, `collection:-`: a pushed collection.
    Collection(Option<PathBuf>),
    /// `tls://host:port`, `tls+smtp://host`, `host:port`: the certificate an endpoint serves.
    Tls(Endpoint),
    /// `gitlab:HOST/PROJECT` and its like: what an interface with a token is named by
    /// ([`connectors::TokenLogin::form`]).
    Token {
        /// Who reads it.
        connector: &'static str,
        /// What stands behind the colon.
        target: String,
    },
    /// A source that was added before: `postgres_roles:db.example:5432`.
    Known(SourceId),
}

/// A PostgreSQL server and how to log in there.
#[derive(Clone, Debug)]
pub struct Postgres {
    /// Host name, address, or the directory of a Unix socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// As whom.
    pub user: String,
    /// Which database to start in.
    pub database: String,
    /// `disable`, `prefer` or `require`.
    pub tls: String,
    /// The password, if the address holds one.
    pub password: Option<Secret>,
}

impl Postgres {
    /// `host:port`: what the source is called by.
    pub fn target(&self) -> String {
        format!("{}:{}", self.host.to_ascii_lowercase(), self.port)
    }

    /// What may be kept in clear.
    pub fn options(&self) -> BTreeMap<String, String> {
        [
            ("host", &self.host),
            ("user", &self.user),
            ("database", &self.database),
            ("tls", &self.tls),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .chain([("port".to_owned(), self.port.to_string())])
        .collect()
    }

    /// What [`Self::options`] wrote, with a password.
    ///
    /// # Errors
    /// An option is missing or no port.
    pub fn from_options(
        options: &BTreeMap<String, String>,
        password: Option<Secret>,
    ) -> Result<Self, Error> {
        let get = |name: &str| {
            let value = options.get(name).cloned();
            value.ok_or_else(|| {
                Error::Unfit(format!(
                    "this source lacks the option `{name}`; remove it and add it again"
                ))
            })
        };
        let port = get("port")?;
        let port = port
            .parse()
            .map_err(|_| Error::Unfit(format!("expected a port, got `{}`", model::clean(&port))))?;
        Ok(Self {
            host: get("host")?,
            port,
            user: get("user")?,
            database: get("database")?,
            tls: get("tls")?,
            password,
        })
    }
}

impl Spec {
    /// Reads what a person typed. `exists` says whether a path is there.
    ///
    /// # Errors
    /// It is none of the forms, or an address that cannot be read; a password in it is never repeated.
    pub fn parse(text: &str, exists: impl Fn(&Path) -> bool) -> Result<Self, Error> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return postgres(text).map(Self::Postgres);
        }
        if let Some(read) = Server::parse(text) {
            return read.map(|(connector, server)| Self::Database { connector, server });
        }
        if let Some(read) = Directory::parse(text) {
            return read.map(Self::Directory);
        }
        if exists(Path::new(text)) {
            return Ok(Self::Paths(vec![PathBuf::from(text)]));
        }
        match text.split_once(':') {
            None if text == "here" => Ok(Self::Here),
            None if text == "aws" => Ok(Self::Aws { profile: None }),
            None if text == "spire" => spire("").map(Self::Spire),
            None if text == "k8s" => Ok(Self::Kubernetes { context: None }),
            None if let Some(connector) = microsoft(text) => Ok(Self::Microsoft {
                connector,
                target: None,
            }),
            Some((word, target)) if let Some(connector) = microsoft(word) => {
                tenant_or_subscription(connector, target)
            }
            Some(("k8s", context)) if !context.is_empty() => Ok(Self::Kubernetes {
                context: Some(context.to_owned()),
            }),
            // The id of a source begins so as well: it has no slash in it and is no file.
            Some(("kubernetes", path)) if path.contains('/') || exists(Path::new(path)) => {
                Ok(Self::Export {
                    connector: "kubernetes_exports",
                    path: PathBuf::from(path),
                })
            }
            Some(("aws", profile)) if !profile.is_empty() => Ok(Self::Aws {
                profile: Some(profile.to_owned()),
            }),
            // The id of a source begins so as well: a trust domain is neither path nor address.
            Some(("spire", server)) if server.contains(['/', '?']) || server.is_empty() => {
                spire(server).map(Self::Spire)
            }
            Some((word, path))
                if let Some(connector) = exports(word).filter(|_| !path.is_empty()) =>
            {
                Ok(Self::Export {
                    connector,
                    path: PathBuf::from(path),
                })
            }
            Some((word @ ("leavers" | "logs"), path)) if !path.is_empty() => Ok(Self::Files {
                connector: if word == "logs" { "logs" } else { "leavers" },
                path: PathBuf::from(path),
            }),
            Some(("collection", "-")) => Ok(Self::Collection(None)),
            Some(("collection", path)) if !path.is_empty() => {
                Ok(Self::Collection(Some(PathBuf::from(path))))
            }
            Some((word, target)) if let Some(token) = token(word, target) => token,
            Some((connector, _)) if connectors::connector(connector).is_some() => text
                .parse()
                .map(Self::Known)
                .map_err(|e: model::IdError| Error::Unfit(e.to_string())),
            _ if let Some(endpoint) = Endpoint::parse(text) => Ok(Self::Tls(endpoint)),
            _ => Err(Error::Unfit(format!(
                "expected a path that exists, `postgres://…`, `mysql://…`, `redis://…`, `ldap://…`, `aws[:PROFILE]`, `entra[:TENANT]`, `azure[:SUBSCRIPTION]`, `k8s[:CONTEXT]`, `spire[:SOCKET]`, `tls://HOST:PORT`, `export:PATH`, `gcp-export:PATH`, `azure-export:PATH`, `kubernetes:PATH`, `spire-export:PATH`, `leavers:FILE`, `logs:PATH`, `collection:FILE`, a system as `keyroll sources systems` names it, or the id of a source \
                 (`keyroll sources list`), got `{}`",
                model::shorten(&model::clean(&model::without_login(text)), 80)
            ))),
        }
    }
}

/// Who reads the exports that `word` begins.
fn exports(word: &str) -> Option<&'static str> {
    let words = [
        ("export", "aws_exports"),
        ("gcp-export", "gcp_exports"),
        ("azure-export", "entra_exports"),
        ("entra-export", "entra_exports"),
        ("spire-export", "spire_exports"),
    ];
    words
        .iter()
        .find(|(one, _)| *one == word)
        .map(|(_, connector)| *connector)
}

/// A SPIRE server by what stands behind `spire:`.
fn spire(text: &str) -> Result<SpireServer, Error> {
    SpireServer::parse(text).ok_or_else(|| {
        Error::Unfit(format!(
            "expected `spire:/PATH/OF/SOCKET` or `spire:HOST:PORT?svid=/DIR`, got `spire:{}`",
            model::shorten(&model::clean(text), 80)
        ))
    })
}

/// Who reads the interface of Microsoft that `word` names.
fn microsoft(word: &str) -> Option<&'static str> {
    ["entra", "azure"].into_iter().find(|one| *one == word)
}

/// A tenant by its id or a domain; a subscription by its id, or those of one tenant.
fn tenant_or_subscription(connector: &'static str, target: &str) -> Result<Spec, Error> {
    let named = match connector {
        "azure" => target.strip_prefix("tenant/").unwrap_or(target),
        _ => target,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    let fits = (1..=253).contains(&named.len()) && named.bytes().all(plain);
    if !fits || (connector == "azure" && named.len() != 36) {
        let shown = model::shorten(&model::clean(target), 80);
        return Err(Error::Unfit(match connector {
            "azure" => {
                format!("expected `azure:SUBSCRIPTION` with the id of one, got `azure:{shown}`")
            }
            _ => format!(
                "expected `entra:TENANT` with its id or a domain of it, got `entra:{shown}`"
            ),
        }));
    }
    Ok(Spec::Microsoft {
        connector,
        target: Some(target.to_ascii_lowercase()),
    })
}

/// The source that `word` begins, where an interface with a token is named so.
fn token(word: &str, target: &str) -> Option<Result<Spec, Error>> {
    let (connector, login) = connectors::token_logins().find(|(_, one)| one.word() == word)?;
    let parts = login.form.matches('/').count();
    let whole = target.trim_end_matches('/');
    let (host, rest) = match (login.host, whole.split_once('/')) {
        (Some(host), _) => (host.to_owned(), whole),
        (None, Some((host, rest))) => (host.to_ascii_lowercase(), rest.trim_start_matches('/')),
        (None, None) => (whole.to_ascii_lowercase(), ""),
    };
    let wanted = if login.host.is_some() {
        parts + 1
    } else {
        parts
    };
    let given = rest.split('/').filter(|part| !part.is_empty()).count();
    // The host is where the token goes.
    if !is_host(&host) || given < wanted || (wanted == 0 && given > 0) {
        return Some(Err(Error::Unfit(format!(
            "expected `{}`, got `{word}:{}`",
            login.form,
            model::shorten(&model::clean(target), 80)
        ))));
    }
    let target = match login.host {
        Some(_) => rest.to_owned(),
        None => [host.as_str(), rest]
            .join("/")
            .trim_end_matches('/')
            .to_owned(),
    };
    Some(Ok(Spec::Token {
        connector: connector.spec().name,
        target,
    }))
}

fn postgres(text: &str) -> Result<Postgres, Error> {
    let unfit = |why: &str| {
        Error::Unfit(format!(
            "expected `postgres://user:password@host:port/database`: {why}"
        ))
    };
    // The parser's own message could repeat a part of the address, and so of the password.
    let config: tokio_postgres::Config = text
        .parse()
        .map_err(|_| unfit("this address cannot be read"))?;
    let host = match config.get_hosts() {
        [] => "127.0.0.1".to_owned(),
        [tokio_postgres::config::Host::Tcp(host)] => host.clone(),
        [tokio_postgres::config::Host::Unix(dir)] => dir.display().to_string(),
        _ => return Err(unfit("it names several hosts; name one")),
    };
    let port = match config.get_ports() {
        [] => 5432,
        [port] => *port,
        _ => return Err(unfit("it names several ports; name one")),
    };
    let tls = match config.get_ssl_mode() {
        tokio_postgres::config::SslMode::Disable => "disable",
        tokio_postgres::config::SslMode::Require => "require",
        _ => "prefer",
    };
    let user = config
        .get_user()
        .ok_or_else(|| unfit("it names no user"))?
        .to_owned();
    Ok(Postgres {
        host,
        port,
        database: config.get_dbname().unwrap_or(&user).to_owned(),
        user,
        tls: tls.to_owned(),
        password: config
            .get_password()
            .map(|bytes| Secret::new(bytes.to_vec())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_database_never_shows_its_password() {
        let spec = Spec::parse("postgres://ann:hunter2@DB.example:5433/shop", |_| false).unwrap();
        assert!(!format!("{spec:?}").contains("hunter2"));
        let Spec::Postgres(postgres) = spec else {
            panic!("{spec:?}")
        };
        assert_eq!(postgres.target(), "db.example:5433");
        let told = Spec::parse("postgres://ann:hunter2@host:notaport/shop", |_| false)
            .unwrap_err()
            .to_string();
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_source_with_a_token_is_named_by_the_host_that_gets_it() {
        let spec = Spec::parse("gitlab:Git.Example:8443/group/shop/", |_| false).unwrap();
        let Spec::Token { target, .. } = spec else {
            panic!("{spec:?}")
        };
        assert_eq!(target, "git.example:8443/group/shop");
        for wrong in [
            "git.example",
            "git.example/",
            "/7",
            "a@b/7",
            "a\u{1b}/7",
            "",
        ] {
            let told = Spec::parse(&format!("gitlab:{wrong}"), |_| false).unwrap_err();
            let told = told.to_string();
            assert!(
                told.contains("gitlab:HOST/PROJECT") && !told.contains('\u{1b}'),
                "{told}"
            );
        }
    }

    #[test]
    fn a_tenant_and_a_subscription_are_named_by_their_ids() {
        let id = "3C1D7A90-52BE-4F6C-A1E8-90D4B6C7E812";
        for (text, wanted) in [
            ("entra".to_owned(), None),
            (format!("entra:{id}"), Some(id.to_ascii_lowercase())),
            ("entra:acme.test".to_owned(), Some("acme.test".to_owned())),
            (format!("azure:{id}"), Some(id.to_ascii_lowercase())),
            (
                format!("azure:tenant/{id}"),
                Some(format!("tenant/{}", id.to_ascii_lowercase())),
            ),
        ] {
            let Spec::Microsoft { target, .. } = Spec::parse(&text, |_| false).unwrap() else {
                panic!("{text}")
            };
            assert_eq!(target, wanted, "{text}");
        }
        for wrong in [
            "azure:shop",
            "azure:",
            "entra:",
            "entra:a/../b",
            "entra:a\u{1b}",
        ] {
            let told = Spec::parse(wrong, |_| false).unwrap_err().to_string();
            assert!(
                told.contains("expected `") && !told.contains('\u{1b}'),
                "{told}"
            );
        }
    }

    #[test]
    fn what_is_no_source_is_told_what_would_be_one() {
        let told = Spec::parse("nosuchplace\u{1b}[2J", |_| false)
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("postgres://")
                && told.contains("export:PATH")
                && !told.contains('\u{1b}'),
            "{told}"
        );
    }
}
