//! An endpoint that speaks TLS, as a person names it: `tls://host:port`, `tls+smtp://host`.

use std::collections::BTreeMap;

use crate::Error;

/// Protocols in which TLS is asked for first, with their usual ports.
const STARTTLS: &[(&str, u16)] = &[
    ("postgres", 5432),
    ("smtp", 587),
    ("imap", 143),
    ("ldap", 389),
];

/// An endpoint that speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name in lower case, or an address without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `postgres`, `smtp`, `imap`, `ldap`, or empty where TLS is spoken at once.
    pub starttls: String,
}

impl Endpoint {
    /// Reads `tls://host:port`, `tls+smtp://host` or `host:port`. `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (starttls, rest) = match text.split_once("://") {
            None => ("", text),
            Some(("tls", rest)) => ("", rest),
            Some((scheme, rest)) => (scheme.strip_prefix("tls+")?, rest),
        };
        let usual = match starttls {
            "" if text.contains("://") => Some(443),
            "" => None,
            name => Some(STARTTLS.iter().find(|(one, _)| *one == name)?.1),
        };
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, behind) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, behind.strip_prefix(':'))
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
            None => usual?,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        let fits = !host.is_empty() && host.len() <= 253 && host.chars().all(plain);
        fits.then(|| Self {
            host: host.trim_end_matches('.').to_ascii_lowercase(),
            port,
            starttls: starttls.to_owned(),
        })
    }

    /// `host:port`: what the source is called by.
    pub fn target(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// What a source keeps of it.
    pub fn options(&self) -> BTreeMap<String, String> {
        let mut options = BTreeMap::from([
            ("host".to_owned(), self.host.clone()),
            ("port".to_owned(), self.port.to_string()),
        ]);
        if !self.starttls.is_empty() {
            options.insert("starttls".to_owned(), self.starttls.clone());
        }
        options
    }

    /// What [`Self::options`] wrote.
    ///
    /// # Errors
    /// An option is missing or no port.
    pub fn from_options(options: &BTreeMap<String, String>) -> Result<Self, Error> {
        let host = options.get("host");
        let port = options.get("port").and_then(|port| port.parse().ok());
        match (host, port) {
            (Some(host), Some(port)) => Ok(Self {
                host: host.clone(),
                port,
                starttls: options.get("starttls").cloned().unwrap_or_default(),
            }),
            _ => Err(Error::Unfit(
                "this source lacks the option `host` or `port`; remove it and add it again".into(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_a_port_or_an_address_of_its_own_kind() {
        for (text, target, starttls) in [
            ("tls://API.example", "api.example:443", ""),
            ("tls://api.example:8443/", "api.example:8443", ""),
            ("api.example:8443", "api.example:8443", ""),
            ("tls+postgres://db", "db:5432", "postgres"),
            ("tls://[::1]:443", "[::1]:443", ""),
            ("127.0.0.1:9", "127.0.0.1:9", ""),
        ] {
            let one = Endpoint::parse(text).unwrap();
            assert_eq!(
                (one.target().as_str(), one.starttls.as_str()),
                (target, starttls)
            );
            assert_eq!(Endpoint::from_options(&one.options()).unwrap(), one);
        }
        for text in [
            "api.example",
            "https://x",
            "tls+gopher://x",
            "tls://",
            "tls://u@h",
            "h:0",
            "h:99999",
            "tls://[x]:1",
            "a b:1",
            "h:1:2",
            "tls://h/../x:1",
        ] {
            assert_eq!(Endpoint::parse(text), None, "{text}");
        }
    }
}
