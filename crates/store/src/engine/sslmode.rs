//! What a PostgreSQL URL asks of TLS.
//!
//! TLS here always verifies chain and host name: `require`, `verify-ca` and `verify-full` are
//! one. A URL that says nothing means `require`, but on this machine: loopback addresses and
//! sockets are `disable`. `prefer` and `allow` take what the server offers, and verify it.

/// What a URL asks of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SslMode {
    Disable,
    Prefer,
    Require,
}

/// What the URL says, the path of its `sslrootcert`, and the URL without either.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) mode: SslMode,
    pub(crate) root: Option<String>,
    pub(crate) url: String,
}

/// Reads `url`; `None` if it is no URL of a database, or names a mode that does not exist.
pub(crate) fn of(url: &str) -> Option<Asked> {
    let (head, query) = url.split_once('?').unwrap_or((url, ""));
    let mut mode = None;
    let mut root = None;
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=')? {
            ("sslmode", "disable") => mode = Some(SslMode::Disable),
            ("sslmode", "prefer" | "allow") => mode = Some(SslMode::Prefer),
            ("sslmode", "require" | "verify-ca" | "verify-full") => mode = Some(SslMode::Require),
            ("sslmode", _) => return None,
            ("sslrootcert", path) => root = Some(percent_decoded(path)?),
            _ => kept.push(pair),
        }
    }
    let mut url = head.to_owned();
    if !kept.is_empty() {
        url.push('?');
        url.push_str(&kept.join("&"));
    }
    let config: tokio_postgres::Config = url.parse().ok()?;
    let mode = mode.unwrap_or_else(|| {
        if config.get_hosts().iter().all(is_here) {
            SslMode::Disable
        } else {
            SslMode::Require
        }
    });
    Some(Asked { mode, root, url })
}

fn is_here(host: &tokio_postgres::config::Host) -> bool {
    match host {
        tokio_postgres::config::Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        tokio_postgres::config::Host::Unix(_) => true,
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_elsewhere_needs_tls_unless_the_url_says_otherwise() {
        for (url, mode) in [
            ("postgres://u@db.example/d", SslMode::Require),
            ("postgres://u@127.0.0.1/d", SslMode::Disable),
            ("postgres://u@[::1]:5432/d", SslMode::Disable),
            ("postgres://u@localhost,db.example/d", SslMode::Require),
            (
                "postgres://u@db.example/d?sslmode=disable",
                SslMode::Disable,
            ),
            (
                "postgres://u@127.0.0.1/d?sslmode=verify-full",
                SslMode::Require,
            ),
            ("postgres://u@db.example/d?sslmode=prefer", SslMode::Prefer),
        ] {
            assert_eq!(of(url).unwrap().mode, mode, "{url}");
        }
    }

    #[test]
    fn parameters_of_others_stay_in_the_url() {
        let asked = of("postgres://u@h/d?sslmode=require&application_name=x&sslrootcert=%2Fca.pem")
            .unwrap();
        assert_eq!(asked.url, "postgres://u@h/d?application_name=x");
        assert_eq!(asked.root.as_deref(), Some("/ca.pem"));
    }
}
