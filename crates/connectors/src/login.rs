//! Logins written as URLs: `postgres://app:secret@db:5432/shop` and its like.

use model::{Attribute, CredentialType, Key, KeyKind, Secret};

use crate::database::{self, MYSQL, REDIS};
use crate::formats::Found;
use crate::ldap_accounts::{self, LDAP};

/// A longer text is no URL.
const URL_BYTES_MAX: usize = 8 * 1024;

/// Scheme (its part before `+`), provider, default port.
const SYSTEMS: &[(&str, &str, Option<u16>)] = &[
    ("postgres", "postgres", Some(5432)),
    ("postgresql", "postgres", Some(5432)),
    ("pgsql", "postgres", Some(5432)),
    ("postgis", "postgres", Some(5432)),
    ("mysql", "mysql", Some(3306)),
    ("mysql2", "mysql", Some(3306)),
    ("mariadb", "mysql", Some(3306)),
    ("mssql", "mssql", Some(1433)),
    ("sqlserver", "mssql", Some(1433)),
    ("redis", "redis", Some(6379)),
    ("rediss", "redis", Some(6379)),
    ("amqp", "amqp", Some(5672)),
    ("amqps", "amqp", Some(5671)),
    ("mongodb", "mongodb", Some(27017)),
    ("clickhouse", "clickhouse", Some(8123)),
    ("nats", "nats", Some(4222)),
    ("ldap", "ldap", Some(389)),
    ("ldaps", "ldap", Some(636)),
    ("smtp", "smtp", Some(25)),
    ("smtps", "smtp", Some(465)),
    ("ftp", "ftp", Some(21)),
    ("https", "", Some(443)),
    ("http", "", Some(80)),
];

/// A login at a server, as a person writes it where a source is named.
#[derive(Debug)]
pub struct ServerLogin {
    /// `mysql`, `redis`, …
    pub provider: String,
    /// As whom.
    pub user: Option<String>,
    /// With what, where the address says so.
    pub password: Option<Secret>,
    /// Where to, in canonical form, without brackets.
    pub host: String,
    /// Where to.
    pub port: u16,
    /// To which database.
    pub database: Option<String>,
}

impl ServerLogin {
    /// Reads `provider://user:password@host:port/database`. `None` where no host and port follow
    /// from it.
    pub fn parse(url: &str) -> Option<Self> {
        let login = Login::parse(url)?;
        Some(Self {
            host: login.host?,
            port: login.port?,
            provider: login.provider,
            user: login.user,
            password: login.password,
            database: login.database,
        })
    }
}

/// A login.
#[derive(Debug, Default)]
pub(crate) struct Login {
    /// `postgres`, `mysql`, …; empty for plain HTTP.
    pub(crate) provider: String,
    /// As whom.
    pub(crate) user: Option<String>,
    /// With what.
    pub(crate) password: Option<Secret>,
    /// Where to, in canonical form: `127.0.0.1`.
    pub(crate) host: Option<String>,
    /// Where to.
    pub(crate) port: Option<u16>,
    /// To which database.
    pub(crate) database: Option<String>,
}

impl Login {
    /// Reads a URL with a login in it. `None` where there is no user and no password.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let url = url.trim();
        let url = url.strip_prefix("jdbc:").unwrap_or(url);
        if url.len() > URL_BYTES_MAX {
            return None;
        }
        let (scheme, rest) = url.split_once("://")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if scheme.is_empty() || !scheme.chars().all(plain) {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let base = scheme.split('+').next().unwrap_or_default();
        let system = SYSTEMS.iter().find(|(name, _, _)| *name == base);
        let end = rest
            .find(['/', '?', '#', ' ', '"', '\''])
            .unwrap_or(rest.len());
        let (authority, behind) = rest.split_at(end);
        let mut login = Self {
            provider: system.map_or(base, |(_, provider, _)| provider).to_owned(),
            database: behind
                .strip_prefix('/')
                .and_then(|path| path.split(['?', '#', ' ']).next())
                .filter(|path| !path.is_empty())
                .map(decoded),
            ..Self::default()
        };
        let places = match authority.rsplit_once('@') {
            Some((who, places)) => {
                let (user, password) = who.split_once(':').unzip();
                login.user = Some(decoded(user.unwrap_or(who))).filter(|user| !user.is_empty());
                login.password = password.filter(|one| !one.is_empty()).map(decoded_secret);
                places
            }
            None => authority,
        };
        // An `@` behind the host of a database: a password with a slash that was not escaped.
        // Parts of it stand where host and database should be.
        let torn = system.is_some_and(|(_, provider, _)| !provider.is_empty())
            && login
                .database
                .as_deref()
                .is_some_and(|path| path.contains('@'));
        if torn {
            login.database = None;
        } else {
            login.place(places, system.and_then(|(_, _, port)| *port));
        }
        login.parameters(behind);
        (login.user.is_some() || login.password.is_some()).then_some(login)
    }

    /// A list of hosts names the first of them.
    fn place(&mut self, places: &str, port: Option<u16>) {
        let first = places.split(',').next().unwrap_or_default();
        let (host, given) = match first
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((host, behind)) => (host, behind.strip_prefix(':')),
            None => match first.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (first, None),
            },
        };
        self.host = host_name(&decoded(host));
        self.port = given.map_or(port, |given| given.parse().ok());
    }

    /// `?user=…&password=…`, as JDBC and libpq take them.
    fn parameters(&mut self, behind: &str) {
        let Some((_, query)) = behind.split_once('?') else {
            return;
        };
        for (name, value) in query
            .split(['&', ';'])
            .take(64)
            .filter_map(|pair| pair.split_once('='))
        {
            match name {
                "user" => self.user = Some(decoded(value)),
                "password" if !value.is_empty() => self.password = Some(decoded_secret(value)),
                "host" => self.host = host_name(&decoded(value)),
                "port" => self.port = value.parse().ok(),
                _ => {}
            }
        }
    }

    /// `host:port` in canonical form, where both are told.
    pub(crate) fn endpoint(&self) -> Option<String> {
        let host = self.host.as_deref()?;
        let port = self.port?;
        Some(if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        })
    }

    /// The credential in it, in `field`; `None` where there is no password.
    pub(crate) fn into_found(self, field: &str) -> Option<Found> {
        let endpoint = self.endpoint();
        let credential = match self.provider.as_str() {
            "postgres" => CredentialType::PostgresPassword,
            MYSQL => CredentialType::MysqlPassword,
            REDIS => CredentialType::RedisPassword,
            _ => CredentialType::Password,
        };
        let holder = self.holder();
        let mut found = Found::secret(credential, field, self.password?)
            .is(Attribute::PROVIDER, self.provider.as_str())
            .maybe(Attribute::USER, self.user.as_deref())
            .maybe(
                Attribute::ENDPOINT,
                endpoint.as_deref().or(self.host.as_deref()),
            )
            .maybe(Attribute::ACCOUNT, self.database.as_deref());
        if let Some(key) = holder {
            found = found.held_by(key);
        }
        Some(found)
    }

    /// The key of whoever logs in so, at a server that a connector of ours reads. The host is in
    /// lower case already; names of users differ in case alone.
    pub(crate) fn holder(&self) -> Option<Key> {
        let endpoint = self.endpoint()?;
        let user = self.user.as_deref();
        let key = match self.provider.as_str() {
            "postgres" => Key::new(KeyKind::PostgresLogin, format!("{endpoint}/{}", user?)),
            MYSQL => database::login_key(MYSQL, &endpoint, user?),
            // Before there were users there was a password, which is now the user's `default`.
            REDIS => database::login_key(REDIS, &endpoint, user.unwrap_or("default")),
            LDAP => ldap_accounts::login_key(self.host.as_deref()?, self.port?, user?)?,
            _ => return None,
        };
        (key.value.len() <= 512).then_some(key)
    }
}

/// A host in canonical form: lower case, every name of this machine's loopback one address.
/// `None` for a directory of sockets and for no host.
pub(crate) fn host_name(host: &str) -> Option<String> {
    let host = host.trim().trim_end_matches('.').to_lowercase();
    match host.as_str() {
        "localhost" | "::1" | "0:0:0:0:0:0:0:1" | "ip6-localhost" => Some("127.0.0.1".to_owned()),
        "" => None,
        _ if host.starts_with(['/', '@']) => None,
        _ => Some(host),
    }
}

/// Percent-decoded text; what is no UTF-8 then becomes a replacement character.
pub(crate) fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&percent_decoded(text)).into_owned()
}

fn decoded_secret(text: &str) -> Secret {
    Secret::new(percent_decoded(text))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let pair = match rest {
            [b'%', high, low, ..] => digit(*high).zip(digit(*low)),
            _ => None,
        };
        (rest, _) = match pair {
            Some((high, low)) => (&rest[3..], out.push(high << 4 | low)),
            None => (behind, out.push(*first)),
        };
    }
    out
}

fn digit(letter: u8) -> Option<u8> {
    char::from(letter)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str) -> (String, String, String, String) {
        let login = Login::parse(url).unwrap();
        let password = login
            .password
            .as_ref()
            .map(|one| one.expose().to_vec())
            .unwrap_or_default();
        (
            login.provider.clone(),
            login.user.clone().unwrap_or_default(),
            String::from_utf8(password).unwrap(),
            login.endpoint().unwrap_or_default(),
        )
    }

    #[test]
    fn every_way_to_name_this_machine_is_one_endpoint() {
        for host in [
            "localhost",
            "LOCALHOST.",
            "127.0.0.1",
            "[::1]",
            "localhost:5432",
            "[::1]:5432",
        ] {
            let (provider, user, password, endpoint) =
                told(&format!("postgres://app:pw@{host}/shop"));
            assert_eq!(
                (provider.as_str(), user.as_str(), password.as_str()),
                ("postgres", "app", "pw")
            );
            assert_eq!(endpoint, "127.0.0.1:5432", "{host}");
        }
    }

    #[test]
    fn escapes_drivers_and_parameters_are_understood() {
        assert_eq!(
            told("postgresql+asyncpg://a%40b:p%2Fw%25@DB.example:6432/x?sslmode=require"),
            (
                "postgres".into(),
                "a@b".into(),
                "p/w%".into(),
                "db.example:6432".into()
            )
        );
        assert_eq!(
            told("jdbc:postgresql://db/x?user=app&password=s3cret"),
            (
                "postgres".into(),
                "app".into(),
                "s3cret".into(),
                "db:5432".into()
            )
        );
        assert_eq!(told("redis://:tok@cache:6379/0").2, "tok");
        assert_eq!(told("postgres://u:a@b@one,two/x").2, "a@b");
    }

    #[test]
    fn a_url_without_login_is_none() {
        for url in [
            "https://example.com/a@b",
            "postgres://db/x",
            "no url",
            "://u:p@h",
            "a b://u:p@h",
        ] {
            assert!(Login::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn a_socket_directory_is_no_endpoint() {
        assert_eq!(
            told("postgres://app:pw@%2Fvar%2Frun%2Fpostgresql/shop").3,
            ""
        );
    }
}
