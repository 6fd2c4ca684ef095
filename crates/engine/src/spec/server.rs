//! A database server as a person names it: `mysql://user@host:port`, `redis://host`.

use std::collections::BTreeMap;

use connectors::ServerLogin;
use model::Secret;

use crate::Error;

/// A server and how to log in there.
#[derive(Clone, Debug)]
pub struct Server {
    /// Host name in lower case, or an address without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// As whom.
    pub user: String,
    /// `disable`, `prefer`, `require` or `verify-full`, as libpq has these words.
    pub tls: String,
    /// The password, if the address holds one.
    pub password: Option<Secret>,
}

/// Schemes of addresses, who reads such servers, and how they encrypt where nothing is said.
const SCHEMES: &[(&str, &str, &str)] = &[
    ("mysql", "mysql_accounts", "prefer"),
    ("mariadb", "mysql_accounts", "prefer"),
    ("redis", "redis_users", "disable"),
    ("rediss", "redis_users", "verify-full"),
    ("valkey", "redis_users", "disable"),
    ("valkeys", "redis_users", "verify-full"),
];

impl Server {
    /// Reads an address and says who reads such a server. `None` where the scheme is another's.
    ///
    /// # Errors
    /// The address cannot be read; a password in it is never repeated.
    pub fn parse(text: &str) -> Option<Result<(&'static str, Self), Error>> {
        let (scheme, rest) = text.split_once("://")?;
        let (_, connector, tls) = SCHEMES.iter().find(|(one, _, _)| *one == scheme)?;
        let read = || {
            let (rest, asked) = match rest.split_once("?tls=") {
                Some((rest, asked)) => (rest, asked),
                None => (rest, *tls),
            };
            // Redis had a password before it had users; that is now the user `default`.
            let nameless = *connector == "redis_users" && !rest.contains('@');
            let who = if nameless { "default@" } else { "" };
            let family = if *connector == "redis_users" {
                "redis"
            } else {
                "mysql"
            };
            let login = ServerLogin::parse(&format!("{family}://{who}{rest}"))?;
            let words = ["disable", "prefer", "require", "verify-full"];
            let user = login.user.filter(|user| !user.is_empty());
            let user = user.or_else(|| (family == "redis").then(|| "default".to_owned()))?;
            Some(Self {
                host: login.host,
                port: login.port,
                user,
                tls: words.contains(&asked).then(|| asked.to_owned())?,
                password: login.password,
            })
        };
        Some(read().map(|server| (*connector, server)).ok_or_else(|| {
            Error::Unfit(format!(
                "expected `{scheme}://USER[:PASSWORD]@HOST[:PORT][?tls=disable|prefer|require|verify-full]`: this address cannot be read"
            ))
        }))
    }

    /// `host:port`: what the source is called by.
    pub fn target(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// What may be kept in clear.
    pub fn options(&self) -> BTreeMap<String, String> {
        [
            ("host", self.host.clone()),
            ("port", self.port.to_string()),
            ("user", self.user.clone()),
            ("tls", self.tls.clone()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
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
            options.get(name).cloned().ok_or_else(|| {
                Error::Unfit(format!(
                    "this source lacks the option `{name}`; remove it and add it again"
                ))
            })
        };
        let port = get("port")?;
        Ok(Self {
            host: get("host")?,
            port: port.parse().map_err(|_| {
                Error::Unfit(format!("expected a port, got `{}`", model::clean(&port)))
            })?,
            user: get("user")?,
            tls: get("tls")?,
            password,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (String, String, String, String) {
        let (connector, server) = Server::parse(text).unwrap().unwrap();
        assert_eq!(
            Server::from_options(&server.options(), None)
                .unwrap()
                .target(),
            server.target()
        );
        let target = server.target();
        (connector.to_owned(), target, server.user, server.tls)
    }

    #[test]
    fn a_server_is_named_by_its_address() {
        let each = |connector: &str, target: &str, user: &str, tls: &str| {
            (connector.into(), target.into(), user.into(), tls.into())
        };
        assert_eq!(
            told("mysql://app@DB.example/shop"),
            each("mysql_accounts", "db.example:3306", "app", "prefer")
        );
        assert_eq!(
            told("mariadb://root@localhost:3307?tls=disable"),
            each("mysql_accounts", "127.0.0.1:3307", "root", "disable")
        );
        assert_eq!(
            told("redis://cache"),
            each("redis_users", "cache:6379", "default", "disable")
        );
        assert_eq!(
            told("rediss://:x@cache:7000"),
            each("redis_users", "cache:7000", "default", "verify-full")
        );
    }

    #[test]
    fn an_address_that_cannot_be_read_never_shows_its_password() {
        for text in [
            "mysql://app:hunter2@:x",
            "mysql://app:hunter2@db?tls=maybe",
            "mysql://:hunter2@db",
            "redis://:hunter2@db:notaport",
        ] {
            let told = Server::parse(text).unwrap().unwrap_err().to_string();
            assert!(!told.contains("hunter2"), "{told}");
        }
        let (_, server) = Server::parse("mysql://a:hunter2@db").unwrap().unwrap();
        assert!(!format!("{server:?}").contains("hunter2"));
        assert!(Server::parse("postgres://a@b").is_none());
    }
}
