//! By which keys a login at a directory is known, wherever it is written down.

use model::{Key, KeyKind};

use super::LDAP;
use super::words::folded_name;

/// The key of whoever logs in at `host` as `user`: a distinguished name, `user@domain`, or
/// `DOMAIN\user`. The usual ports are one: what answers behind them is one server.
pub(crate) fn login_key(host: &str, port: u16, user: &str) -> Option<Key> {
    let port = match port {
        389 | 636 | 3268 | 3269 => String::new(),
        port => format!(":{port}"),
    };
    let host = match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]"),
        false => host.to_lowercase(),
    };
    let value = format!("{LDAP}://{host}{port}/{}", folded_name(user));
    (!user.is_empty() && value.len() <= 512).then(|| Key::new(KeyKind::DatabaseLogin, value))
}

/// The key of whoever is called `name` in a realm of Kerberos: a name of a service
/// (`HTTP/web.acme.test`), or of an account.
pub(crate) fn kerberos_key(realm: &str, name: &str) -> Option<Key> {
    let value = format!(
        "kerberos://{}/{}",
        realm.to_lowercase(),
        name.to_lowercase()
    );
    let fits = !realm.is_empty() && !name.is_empty() && value.len() <= 512;
    fits.then(|| Key::new(KeyKind::DatabaseLogin, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_login_has_one_key_however_it_is_written() {
        let key = |host, port, user| login_key(host, port, user).unwrap().value;
        assert_eq!(
            key("DC1.acme.test", 636, "CN=Web, DC=Acme , dc=test"),
            key("dc1.acme.test", 389, "cn=web,dc=acme,dc=test"),
        );
        assert_ne!(key("a", 389, "x"), key("a", 1389, "x"));
        assert_eq!(
            kerberos_key("ACME.TEST", "HTTP/Web").unwrap().value,
            "kerberos://acme.test/http/web"
        );
        assert_eq!(login_key("a", 389, &"x".repeat(600)), None);
        assert_eq!(login_key("a", 389, ""), None);
    }
}
