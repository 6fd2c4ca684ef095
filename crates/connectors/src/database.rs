//! What the connectors of databases share: how a source and a login are named, and how a password found in a
//! file is known to be the one that a server accepts.
//!
//! MariaDB, MySQL and Redis keep an unsalted hash, so a password is hashed where it is found, and
//! nobody has to log in. Equal passwords of two logins must not become one credential: what is
//! fingerprinted is the hash *and* the login.

use model::{Key, KeyKind, Reason, Secret};

use crate::postgres_roles::endpoint_with;
use crate::{Context, Refusal};

/// The provider of MariaDB and MySQL, in facts and logins.
pub(crate) const MYSQL: &str = "mysql";

/// The provider of Redis and Valkey.
pub(crate) const REDIS: &str = "redis";

/// What a source is called by: its target in one form, with the `usual` port where it names none.
///
/// # Errors
/// The target names no host.
pub(crate) fn named(cx: &Context<'_>, usual: u16) -> Result<String, Refusal> {
    endpoint_with(cx.target(), usual).ok_or_else(|| {
        Refusal::new(
            Reason::Unsupported,
            "expected a target such as `host:port` or `host`",
        )
    })
}

/// The target and its aliases, in one form each.
pub(crate) fn endpoints(cx: &Context<'_>, usual: u16) -> Vec<String> {
    let aliases = cx.option("aliases").unwrap_or_default();
    let mut all: Vec<String> = std::iter::once(cx.target())
        .chain(aliases.split(','))
        .filter_map(|one| endpoint_with(one, usual))
        .collect();
    all.dedup();
    all
}

/// How a server hashes a password that it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashed {
    /// `mysql_native_password`: SHA-1 twice.
    MysqlNative,
    /// SHA-256, as Redis keeps the passwords of its users.
    Redis,
}

/// The key of whoever logs in as `user` at `endpoint` (`host:port`).
pub(crate) fn login_key(provider: &str, endpoint: &str, user: &str) -> Key {
    Key::new(
        KeyKind::DatabaseLogin,
        format!("{provider}://{endpoint}/{user}"),
    )
}

/// The key of the credential which opens `login` (the value of a [`KeyKind::DatabaseLogin`]) and
/// of which the server keeps `hash`, in hex.
pub(crate) fn hash_key(cx: &Context<'_>, login: &str, hash: &str) -> Key {
    let bound = Secret::new(format!("{login} {}", hash.to_ascii_lowercase()).into_bytes());
    Key::new(
        KeyKind::DatabaseVerifier,
        cx.fingerprint(&bound).to_string(),
    )
}

/// The same key, from the password itself; `None` for a database whose hashes are not computed.
pub(crate) fn password_key(cx: &Context<'_>, login: &str, password: &Secret) -> Option<Key> {
    let how = match login.split_once("://")?.0 {
        MYSQL => Hashed::MysqlNative,
        REDIS => Hashed::Redis,
        _ => return None,
    };
    Some(hash_key(cx, login, &cx.hashed(how, password)?))
}
