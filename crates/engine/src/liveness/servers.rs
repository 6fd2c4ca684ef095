//! Servers at which found logins may be tried: those that are sources of ours, and those that a
//! person named. No other is ever asked, whatever a file says.

use model::{Attribute, Kind, SourceId};
use store::{Filter, SourceConfig};

use super::written::Written;
use crate::spec::Server;
use crate::{Engine, Error};

/// Accounts of one name that are looked at: of more, none is said to be the only one.
const ACCOUNTS_MAX: usize = 2;

/// A kind of server at which a login can be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum System {
    Postgres,
    Mysql,
    Redis,
    Rabbitmq,
}

impl System {
    pub(super) const ALL: [Self; 4] = [Self::Postgres, Self::Mysql, Self::Redis, Self::Rabbitmq];

    /// How it is named where a person names a server of it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Redis => "redis",
            Self::Rabbitmq => "rabbitmq",
        }
    }

    /// The one that a provider, a scheme of an address or a person calls so.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "postgres" | "postgresql" => Self::Postgres,
            "mysql" | "mariadb" => Self::Mysql,
            "redis" | "valkey" => Self::Redis,
            "rabbitmq" | "amqp" => Self::Rabbitmq,
            _ => return None,
        })
    }

    /// The one whose servers this connector reads.
    fn read_by(connector: &str) -> Option<Self> {
        Some(match connector {
            "postgres_roles" => Self::Postgres,
            "mysql_accounts" => Self::Mysql,
            "redis_users" => Self::Redis,
            "rabbitmq" => Self::Rabbitmq,
            _ => return None,
        })
    }

    const fn usual_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql => 3306,
            Self::Redis => 6379,
            Self::Rabbitmq => 5672,
        }
    }

    /// How it encrypts where nothing is said.
    const fn usual_tls(self) -> &'static str {
        match self {
            Self::Postgres | Self::Mysql => "prefer",
            Self::Redis | Self::Rabbitmq => "disable",
        }
    }
}

/// A server that may be asked.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    pub(super) system: System,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: String,
    /// `host:port` in every form under which a file may name it.
    names: Vec<String>,
    /// The source that it is.
    source: Option<SourceId>,
}

impl Reach {
    fn new(system: System, host: &str, port: u16, tls: &str) -> Self {
        let mut reach = Self {
            system,
            host: host.to_owned(),
            port,
            tls: tls.to_owned(),
            names: Vec::new(),
            source: None,
        };
        reach.also(host);
        reach
    }

    /// Another name of it, with a port or without.
    fn also(&mut self, name: &str) {
        self.names.extend(connectors::endpoint(name, self.port));
    }

    /// `host:port`, for people and in the id of what it says.
    pub(super) fn endpoint(&self) -> String {
        let host = &self.host;
        match host.contains(':') {
            true => format!("[{host}]:{}", self.port),
            false => format!("{host}:{}", self.port),
        }
    }

    /// Whether it is one of these sources.
    pub(super) fn is_one_of(&self, sources: &[SourceId]) -> bool {
        self.source
            .as_ref()
            .is_some_and(|one| sources.contains(one))
    }

    /// The server with a login.
    pub(super) fn with(&self, user: &str, password: model::Secret) -> Server {
        Server {
            host: self.host.clone(),
            port: self.port,
            user: user.to_owned(),
            tls: self.tls.clone(),
            password: Some(password),
        }
    }
}

/// What a person named after `--live-host`: `postgres` and `db.example:5432?tls=require`.
///
/// # Errors
/// What was expected.
pub(super) fn named(system: System, text: &str) -> Result<Reach, Error> {
    let unfit = || {
        Error::Unfit(format!(
            "expected `{0}=HOST[:PORT][?tls=disable|prefer|require|verify-full]`, got `{0}={1}`",
            system.word(),
            model::shorten(&model::clean(text), 80)
        ))
    };
    let (place, tls) = match text.split_once("?tls=") {
        Some((place, tls)) => (place, tls),
        None => (text, system.usual_tls()),
    };
    // A Redis or a RabbitMQ is spoken to encrypted or not; there is no asking.
    let words: &[&str] = match system {
        System::Postgres | System::Mysql => &["disable", "prefer", "require", "verify-full"],
        System::Redis | System::Rabbitmq => &["disable", "require", "verify-full"],
    };
    let known = words.contains(&tls);
    let whole = connectors::endpoint(place, system.usual_port()).filter(|_| known);
    let whole = whole.ok_or_else(unfit)?;
    let (host, port) = whole.rsplit_once(':').ok_or_else(unfit)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    let port = port.parse().ok().filter(|port| *port > 0);
    match port.filter(|_| host.len() <= 253 && host.bytes().all(plain)) {
        Some(port) => Ok(Reach::new(system, host, port, tls)),
        None => Err(unfit()),
    }
}

/// The servers that a source of ours is. A RabbitMQ is read over its interface of management; its
/// host is named by that, and its usual ports.
fn of_source(config: &SourceConfig) -> Vec<Reach> {
    let Some(system) = System::read_by(&config.connector) else {
        return Vec::new();
    };
    let option = |name: &str| config.options.get(name).map(String::as_str);
    let mut found = match system {
        System::Rabbitmq => {
            let host = config.target.split([':', '/']).next().unwrap_or_default();
            let ports = [(5672, "disable"), (5671, "verify-full")];
            let each = ports.map(|(port, tls)| Reach::new(system, host, port, tls));
            each.to_vec()
        }
        _ => {
            let whole = connectors::endpoint(&config.target, system.usual_port());
            let Some((host, port)) = whole.as_deref().and_then(|whole| whole.rsplit_once(':'))
            else {
                return Vec::new();
            };
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let port = port.parse().unwrap_or_else(|_| system.usual_port());
            let tls = option("tls").unwrap_or_else(|| system.usual_tls());
            vec![Reach::new(
                system,
                option("host").unwrap_or(host),
                port,
                tls,
            )]
        }
    };
    for reach in &mut found {
        reach.source = Some(config.id.clone());
        let aliases = option("aliases").unwrap_or_default();
        aliases.split(',').for_each(|alias| reach.also(alias));
        reach.also(&config.target);
    }
    // A directory of sockets is no server that a file could name.
    found.retain(|reach| !reach.host.is_empty() && !reach.host.starts_with('/'));
    found
}

/// All that may be asked.
pub(super) struct Servers(Vec<Reach>);

impl Servers {
    /// `named` by a person, and every source of `engine`.
    pub(super) fn of(engine: &Engine, named: Vec<Reach>) -> Result<Self, Error> {
        let mut all = named;
        all.extend(engine.sources()?.iter().flat_map(of_source));
        Ok(Self(all))
    }

    /// The one that a login is written down for.
    pub(super) fn find(&self, login: &Written) -> Option<&Reach> {
        self.at(login.system, &login.endpoint)
    }

    /// The one that a file means by `host:port`.
    fn at(&self, system: System, endpoint: &str) -> Option<&Reach> {
        let endpoint = connectors::endpoint(endpoint, system.usual_port())?;
        let is = |one: &&Reach| one.system == system && one.names.contains(&endpoint);
        self.0.iter().find(is)
    }
}

/// Whether `user` has one account at the server, by the roll, that may come from anywhere and of
/// whose password the server shows a hash.
///
/// MariaDB and MySQL deny with the words for a bad password what is bound to another host as well,
/// and what has to come encrypted: only whoever lists the account knows that neither was it.
pub(super) fn is_known_whole(engine: &Engine, reach: &Reach, user: &str) -> Result<bool, Error> {
    let Some(source) = &reach.source else {
        return Ok(false);
    };
    let filter = Filter {
        kind: Some(Kind::Identity),
        source: Some(source.clone()),
        missing: Some(false),
        ..Filter::default()
    };
    let mut accounts = Vec::new();
    engine.each(&filter, &mut |looked| {
        let entity = &looked.entity;
        if entity.text(&Attribute::USER) == Some(user) {
            let host = entity.text(&Attribute::named("from_host"));
            let shown = entity.fact(&Attribute::named("passwords_comparable"));
            let shown = shown.is().and_then(|one| one.flag()) == Some(true);
            accounts.push(shown && matches!(host, Some("" | "%")));
        }
        Ok(accounts.len() < ACCOUNTS_MAX)
    })?;
    Ok(accounts == [true])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(connector: &str, target: &str, options: &[(&str, &str)]) -> SourceConfig {
        SourceConfig {
            id: SourceId::new(connector, target),
            connector: connector.to_owned(),
            target: target.to_owned(),
            options: options
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            sealed_path: None,
            added: "2026-03-01T00:00:00Z".parse().unwrap(),
            kind_of_target: "real".to_owned(),
        }
    }

    #[test]
    fn a_server_is_known_by_its_source_and_by_every_name_of_it() {
        let options = [
            ("host", "db.example"),
            ("aliases", "shop-db, 10.0.0.7:6432"),
        ];
        let postgres = source("postgres_roles", "db.example:5432", &options);
        let all = Servers(of_source(&postgres));
        for (endpoint, known) in [
            ("db.example:5432", true),
            ("DB.example", true),
            ("shop-db:5432", true),
            ("10.0.0.7:6432", true),
            ("db.example:5433", false),
            ("other.example:5432", false),
        ] {
            let found = all.at(System::Postgres, endpoint);
            assert_eq!(found.is_some(), known, "{endpoint}");
            // Whatever name led there, the login goes to the source itself.
            assert!(found.is_none_or(|one| one.endpoint() == "db.example:5432"));
        }
        assert!(all.at(System::Redis, "db.example:5432").is_none());
        let rabbit = Servers(of_source(&source("rabbitmq", "mq.example:15671", &[])));
        let tls = |port: u16| {
            let found = rabbit.at(System::Rabbitmq, &format!("mq.example:{port}"));
            found.map(|one| one.tls.as_str())
        };
        assert_eq!(tls(5672), Some("disable"));
        assert_eq!(tls(5671), Some("verify-full"));
        assert_eq!(tls(5673), None);
        assert!(of_source(&source("files", "host", &[])).is_empty());
        let socket = [("host", "/var/run/postgresql")];
        assert!(of_source(&source("postgres_roles", "/var/run:5432", &socket)).is_empty());
    }

    #[test]
    fn a_person_names_a_server_by_host_and_port() {
        let of = |text: &str| {
            let reach = named(System::Postgres, text).ok()?;
            Some((reach.endpoint(), reach.tls))
        };
        let is = |endpoint: &str, tls: &str| Some((endpoint.to_owned(), tls.to_owned()));
        assert_eq!(of("db.example"), is("db.example:5432", "prefer"));
        assert_eq!(
            of("DB.example:6432?tls=verify-full"),
            is("db.example:6432", "verify-full")
        );
        assert_eq!(of("[fe80::2]:1"), is("[fe80::2]:1", "prefer"));
        for wrong in [
            "",
            ":5432",
            "db:0",
            "db?tls=maybe",
            "a@db",
            "db/x",
            "db:x",
            "a\u{1b}",
        ] {
            let told = named(System::Postgres, wrong).unwrap_err().to_string();
            assert!(
                told.contains("postgres=HOST") && !told.contains('\u{1b}'),
                "{told}"
            );
        }
        assert!(named(System::Redis, "cache?tls=prefer").is_err());
    }
}
