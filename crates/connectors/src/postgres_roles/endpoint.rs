//! Names of one endpoint, brought to one form so that a connection string finds its server.

use model::{Key, KeyKind};

/// `host:port` in lower case with the default port filled in and names of this machine's own
/// loopback written `127.0.0.1`. `None` if it names no host.
pub fn endpoint(text: &str) -> Option<String> {
    endpoint_with(text, 5432)
}

/// The same, for a server whose usual port is `usual`.
pub fn endpoint_with(text: &str, usual: u16) -> Option<String> {
    let text = text.trim().to_lowercase();
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':').unwrap_or(""))
        }
        // More than one colon and no brackets: an IPv6 address without a port.
        None if text.matches(':').count() > 1 => (text.as_str(), ""),
        None => text.split_once(':').unwrap_or((text.as_str(), "")),
    };
    let port: u16 = if port.is_empty() {
        usual
    } else {
        port.parse().ok()?
    };
    let host = match host.trim_end_matches('.') {
        "" => return None,
        "localhost" | "::1" => "127.0.0.1",
        host => host,
    };
    Some(if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    })
}

/// The key of a login as a connection string names it.
pub fn login_key(endpoint: &str, role: &str) -> Key {
    Key::new(KeyKind::PostgresLogin, format!("{endpoint}/{role}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_endpoint_become_one() {
        for (text, expected) in [
            ("localhost:5433", Some("127.0.0.1:5433")),
            ("LOCALHOST", Some("127.0.0.1:5432")),
            ("[::1]:5433", Some("127.0.0.1:5433")),
            ("::1", Some("127.0.0.1:5432")),
            ("DB.example.com.:5432", Some("db.example.com:5432")),
            ("[fe80::2]:1", Some("[fe80::2]:1")),
            ("db:99999", None),
            (":5432", None),
            ("", None),
        ] {
            assert_eq!(endpoint(text).as_deref(), expected, "{text}");
        }
    }
}
