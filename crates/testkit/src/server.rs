//! The servers a test may use: a real PostgreSQL and RabbitMQ, and the AWS emulators MiniStack and
//! moto.

use crate::{aloud, fresh_name, is_set};

/// A private PostgreSQL server with a superuser, made by `scripts/postgres`.
#[derive(Clone)]
pub struct PgServer {
    /// Connection string of the superuser, for the database `postgres`.
    pub url: String,
}

/// A database name that no other test uses. The caller creates it (and may drop it).
#[derive(Clone)]
pub struct PgDatabase {
    /// The server, for `create database` and what only a superuser may do.
    pub server: PgServer,
    /// The name, safe to put into SQL without quotes.
    pub name: String,
    /// Connection string of the superuser for that database, once it exists.
    pub url: String,
}

impl PgServer {
    /// Connection string of the superuser for another database.
    #[must_use]
    pub fn database_url(&self, database: &str) -> String {
        let (head, _) = self.split();
        format!("{head}/{}", percent(database))
    }

    /// Connection string of another role; its parts may hold any character.
    #[must_use]
    pub fn url_for(&self, role: &str, password: &str, database: &str) -> String {
        format!(
            "postgres://{}:{}@{}/{}",
            percent(role),
            percent(password),
            self.address(),
            percent(database)
        )
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        let (head, _) = self.split();
        head.rsplit_once('@').map_or(head, |(_, address)| address)
    }

    /// The port; 5432 where the URL names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address()
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok())
            .unwrap_or(5432)
    }

    /// Everything before the database, and the database.
    fn split(&self) -> (&str, &str) {
        let start = self.url.find("://").map_or(0, |at| at + 3);
        match self.url[start..].find('/') {
            Some(at) => (&self.url[..start + at], &self.url[start + at + 1..]),
            None => (&self.url, ""),
        }
    }
}

/// The real PostgreSQL server at `KEYROLL_TEST_PG`.
#[must_use]
pub fn postgres() -> Option<PgServer> {
    server("KEYROLL_TEST_PG", "PostgreSQL").map(|url| PgServer { url })
}

/// Path of the certificate that a real server shows which [`postgres`], [`mariadb`], [`redis`] or
/// [`rabbitmq`] gave (`PG`, `MARIADB`, `REDIS`, `RABBITMQ`), and which nobody else signed; `None`
/// where it was started without one.
#[must_use]
pub fn certificate(of: &str) -> Option<String> {
    server(
        &format!("KEYROLL_TEST_{of}_CERTIFICATE"),
        "a certificate of the server",
    )
}

/// Where [`redis`] or [`rabbitmq`] (`REDIS`, `RABBITMQ`) listens encrypted: `host:port`.
#[must_use]
pub fn encrypted(of: &str) -> Option<String> {
    server(&format!("KEYROLL_TEST_{of}_TLS"), "an encrypted port")
}

/// A fresh database name on [`postgres`]; creating it is the caller's.
#[must_use]
pub fn postgres_database(topic: &str) -> Option<PgDatabase> {
    let server = postgres()?;
    let name = fresh_name(topic);
    let url = server.database_url(&name);
    Some(PgDatabase { server, name, url })
}

/// Endpoint of the AWS emulator MiniStack, authentication on, at `KEYROLL_TEST_MINISTACK`.
///
/// The key `test`/`test` is its root, for set-up alone: never the credential under test.
#[must_use]
pub fn ministack() -> Option<String> {
    server("KEYROLL_TEST_MINISTACK", "the emulator MiniStack")
}

/// Endpoint of the AWS emulator moto at `KEYROLL_TEST_MOTO`.
///
/// It lets every key in (its default): good for discovery, worthless for a proof, and a
/// test may show that such a proof is refused.
#[must_use]
pub fn moto() -> Option<String> {
    server("KEYROLL_TEST_MOTO", "the emulator moto")
}

/// A real Keystone.
#[derive(Clone, Debug)]
pub struct Keystone {
    /// Its address.
    pub url: String,
    /// Of somebody who may read the whole system.
    pub token: String,
    /// Of somebody who may read one project alone.
    pub stranger: String,
}

/// A real `OpenStack` Keystone at `KEYROLL_TEST_KEYSTONE`, which gives lists two items at a time.
/// It has the users `admin`, `deploy`, `old` (disabled), `watcher` and `stranger`, and of `deploy`
/// the application credentials `ci`, `backup` and `cron`.
#[must_use]
pub fn keystone() -> Option<Keystone> {
    let url = server("KEYROLL_TEST_KEYSTONE", "a Keystone")?;
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    Some(Keystone {
        url,
        token: variable("KEYROLL_TEST_KEYSTONE_TOKEN"),
        stranger: variable("KEYROLL_TEST_KEYSTONE_STRANGER"),
    })
}

/// Address of the HTTP interface of a real RabbitMQ at `KEYROLL_TEST_RABBITMQ`, with the users
/// `admin`, `watcher` and `orders`, whose passwords are `admin-of-tests` and so on.
#[must_use]
pub fn rabbitmq() -> Option<String> {
    by_root("rabbitmq", "KEYROLL_TEST_RABBITMQ", "RabbitMQ")
}

/// Address of a real MariaDB with its administrator's login, at `KEYROLL_TEST_MARIADB`.
#[must_use]
pub fn mariadb() -> Option<String> {
    by_root("mariadb", "KEYROLL_TEST_MARIADB", "MariaDB")
}

/// A real directory.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Its address, with somebody who may read it: `ldap://USER:PASSWORD@HOST:PORT`.
    pub url: String,
    /// Path of the certificate that it shows, which nobody else signed.
    pub certificate: String,
}

impl Directory {
    /// The address of another user, who may be of any name.
    #[must_use]
    pub fn url_for(&self, user: &str, password: &str) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("ldap", &self.url));
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        format!("{scheme}://{}:{}@{host}", percent(user), percent(password))
    }

    /// The address without its password.
    #[must_use]
    pub fn url_alone(&self) -> String {
        let (who, host) = self.url.rsplit_once('@').unwrap_or(("", &self.url));
        let user = who.rsplit_once(':').map_or(who, |(user, _)| user);
        format!("{user}@{host}")
    }

    /// The password in the address.
    #[must_use]
    pub fn password(&self) -> &str {
        let who = self.url.rsplit_once('@').map_or("", |(who, _)| who);
        who.rsplit_once(':').map_or("", |(_, password)| password)
    }
}

/// A real OpenLDAP at `KEYROLL_TEST_SLAPD` with the entries of `scripts/slapd.ldif`.
#[must_use]
pub fn slapd() -> Option<Directory> {
    directory("slapd", "KEYROLL_TEST_SLAPD", "OpenLDAP")
}

/// A real Samba AD at `KEYROLL_TEST_SAMBA` with the accounts of `scripts/samba_domain.py`.
#[must_use]
pub fn samba() -> Option<Directory> {
    directory("samba", "KEYROLL_TEST_SAMBA", "Samba AD")
}

fn directory(name: &str, variable: &str, what: &str) -> Option<Directory> {
    let url = by_root(name, variable, what)?;
    let certificate = std::env::var(format!("{variable}_CA")).unwrap_or_default();
    Some(Directory { url, certificate })
}

/// Address of a real Redis with its administrator's password, at `KEYROLL_TEST_REDIS`.
#[must_use]
pub fn redis() -> Option<String> {
    by_root("redis", "KEYROLL_TEST_REDIS", "Redis")
}

/// A server that only root can install: where `KEYROLL_TEST_WITHOUT` names it, it is never
/// required.
fn by_root(name: &str, variable: &str, what: &str) -> Option<String> {
    let without = std::env::var("KEYROLL_TEST_WITHOUT").unwrap_or_default();
    if without.split_whitespace().any(|one| one == name) {
        let test = std::thread::current();
        let test = test.name().unwrap_or("a test");
        aloud(&format!(
            "skipped {test}: no {what}, only root can install it"
        ));
        return None;
    }
    server(variable, what)
}

/// A real SPIRE server of the trust domain `keyroll.test`, with the agent of one node, which joined
/// with a token and is known as `spiffe://keyroll.test/node`.
#[derive(Clone, Debug)]
pub struct Spire {
    /// The socket for administrators.
    pub socket: String,
    /// `host:port` for everybody else.
    pub address: String,
    /// A directory with the SVID of an administrator, as the agent gave it.
    pub svid: String,
    /// Where `spire-server` and `spire-agent` are.
    pub programs: String,
}

/// A real SPIRE at `KEYROLL_TEST_SPIRE`, which `make test-servers` builds and starts.
#[must_use]
pub fn spire() -> Option<Spire> {
    let socket = apart("KEYROLL_TEST_SPIRE", "SPIRE")?;
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    Some(Spire {
        socket,
        address: variable("KEYROLL_TEST_SPIRE_ADDRESS"),
        svid: variable("KEYROLL_TEST_SPIRE_SVID"),
        programs: variable("KEYROLL_TEST_SPIRE_PROGRAMS"),
    })
}

/// A kubeconfig of a real API server of Kubernetes without nodes or controllers, at
/// `KEYROLL_TEST_KUBERNETES`, which `make test-servers` builds and starts. Its contexts are `admin`
/// and `nobody`, who has no right at all.
#[must_use]
pub fn kubernetes() -> Option<String> {
    apart("KEYROLL_TEST_KUBERNETES", "Kubernetes API server")
}

/// A server that takes minutes to build: required by `make test-servers` alone.
fn apart(variable: &str, what: &str) -> Option<String> {
    let value = std::env::var(variable)
        .ok()
        .filter(|value| !value.is_empty());
    let required = std::env::var("KEYROLL_REQUIRE_GO_SERVERS").ok();
    assert!(
        value.is_some() || !is_set(required.as_deref()),
        "expected a {what} at `{variable}`, got nothing; run `make test-servers`, which starts it"
    );
    if value.is_none() {
        let test = std::thread::current();
        let test = test.name().unwrap_or("a test");
        aloud(&format!(
            "skipped {test}: no {what} (`{variable}` is not set; `make test-servers` starts it)"
        ));
    }
    value
}

/// A Python with the readers and validators of `scripts/requirements.txt`, at
/// `KEYROLL_TEST_PYTHON`.
#[must_use]
pub fn python() -> Option<String> {
    server("KEYROLL_TEST_PYTHON", "Python with readers of formats")
}

/// What the console is walked with: a Node at `KEYROLL_TEST_NODE`, a browser at
/// `KEYROLL_TEST_BROWSER`. Never required: only root can install the browser, and the packages come
/// from elsewhere.
#[must_use]
pub fn browser() -> Option<(String, String)> {
    let node = by_root("console", "KEYROLL_TEST_NODE", "built console or browser")?;
    Some((node, server("KEYROLL_TEST_BROWSER", "a browser")?))
}

fn server(variable: &str, what: &str) -> Option<String> {
    let value = std::env::var(variable).ok();
    let required = std::env::var("KEYROLL_REQUIRE_SERVERS").ok();
    match given(
        value.as_deref(),
        is_set(required.as_deref()),
        variable,
        what,
    ) {
        Ok(found) => Some(found),
        Err(Absent::Skip(line)) => {
            aloud(&line);
            None
        }
        Err(Absent::Fail(line)) => panic!("{line}"),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Absent {
    Skip(String),
    Fail(String),
}

fn given(
    value: Option<&str>,
    required: bool,
    variable: &str,
    what: &str,
) -> Result<String, Absent> {
    match value {
        Some(value) if !value.is_empty() => Ok(value.to_owned()),
        _ if required => Err(Absent::Fail(format!(
            "expected {what} at `{variable}`, got nothing; run `make test`, which starts it"
        ))),
        _ => Err(Absent::Skip(format!(
            "skipped {}: no {what} (`{variable}` is not set; `make test` starts it)",
            std::thread::current().name().unwrap_or("a test")
        ))),
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986, section 2.3.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Absent, PgServer, given};

    #[test]
    fn an_absent_server_is_a_skip_and_a_failure_where_servers_are_required() {
        assert!(matches!(
            given(None, false, "KEYROLL_TEST_PG", "PostgreSQL"),
            Err(Absent::Skip(_))
        ));
        assert!(matches!(
            given(Some(""), true, "KEYROLL_TEST_PG", "PostgreSQL"),
            Err(Absent::Fail(_))
        ));
        assert_eq!(given(Some("x"), true, "V", "W"), Ok("x".to_owned()));
    }

    #[test]
    fn another_role_and_database_keep_the_address() {
        let server = PgServer {
            url: "postgres://postgres:pw@127.0.0.1:5999/postgres".to_owned(),
        };
        assert_eq!(
            server.database_url("kr_1"),
            "postgres://postgres:pw@127.0.0.1:5999/kr_1"
        );
        assert_eq!(
            server.url_for("shop app", "p@ss/w:rd", "db"),
            "postgres://shop%20app:p%40ss%2Fw%3Ard@127.0.0.1:5999/db"
        );
        assert_eq!(server.port(), 5999);
    }
}
