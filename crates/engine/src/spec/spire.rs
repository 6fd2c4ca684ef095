//! A SPIRE server as a person names it: `spire:/run/spire/api.sock`, `spire:HOST:PORT?svid=/DIR`.

use std::collections::BTreeMap;

use crate::Error;
use crate::ports::is_host;

/// Where SPIRE puts the socket for its administrators unless it is told otherwise.
const SOCKET: &str = "/tmp/spire-server/private/api.sock";

/// A server and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpireServer {
    /// Over the socket for its administrators, on this machine.
    Socket(String),
    /// Over TLS, as an identity whose entry says `admin`.
    Network {
        /// Host name in lower case, or an address without brackets.
        host: String,
        /// Port.
        port: u16,
        /// The directory that holds our SVID: `svid.0.pem`, `svid.0.key`, `bundle.0.pem`.
        svid: String,
    },
}

impl SpireServer {
    /// Reads what stands behind `spire:`; empty is the usual socket. Paths are whole: a source that is
    /// remembered is read from anywhere. `None` where it is neither a
    /// path nor an address with an SVID: it may be the id of a source then.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Socket(SOCKET.to_owned()));
        }
        if text.starts_with('/') {
            return (!text.contains(['\n', '\0'])).then(|| Self::Socket(text.to_owned()));
        }
        let (address, svid) = text.split_once("?svid=")?;
        let address = address.to_ascii_lowercase();
        let (host, port) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let fits = is_host(&address) && svid.starts_with('/') && !svid.contains(['\n', '\0']);
        fits.then_some(Self::Network {
            host: host.to_owned(),
            port: port.parse().ok()?,
            svid: svid.to_owned(),
        })
    }

    /// How a person would name it again.
    pub fn named(&self) -> String {
        match self {
            Self::Socket(path) => format!("spire:{path}"),
            Self::Network { host, port, .. } => format!("spire:{host}:{port}"),
        }
    }

    /// What may be kept in clear.
    pub fn options(&self) -> BTreeMap<String, String> {
        let all = match self {
            Self::Socket(path) => vec![("socket", path.clone())],
            Self::Network { host, port, svid } => vec![
                ("host", host.clone()),
                ("port", port.to_string()),
                ("svid", svid.clone()),
            ],
        };
        let named = all.into_iter();
        named
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// What [`Self::options`] wrote.
    ///
    /// # Errors
    /// An option is missing or no port.
    pub fn from_options(options: &BTreeMap<String, String>) -> Result<Self, Error> {
        let get = |name: &str| options.get(name).cloned();
        if let Some(path) = get("socket") {
            return Ok(Self::Socket(path));
        }
        let network = || {
            Some(Self::Network {
                host: get("host")?,
                port: get("port")?.parse().ok()?,
                svid: get("svid")?,
            })
        };
        network().ok_or_else(|| {
            Error::Unfit(
                "this source lacks the option `socket`, or `host`, `port` and `svid`; remove it \
                 and add it again"
                    .to_owned(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_its_socket_or_by_an_address_with_an_svid() {
        let socket = |path: &str| Some(SpireServer::Socket(path.to_owned()));
        assert_eq!(SpireServer::parse(""), socket(SOCKET));
        assert_eq!(SpireServer::parse("/run/s.sock"), socket("/run/s.sock"));
        let network = SpireServer::parse("Spire.example:8081?svid=/run/svid").unwrap();
        let named = SpireServer::Network {
            host: "spire.example".to_owned(),
            port: 8081,
            svid: "/run/svid".to_owned(),
        };
        assert_eq!(network, named);
        for server in [SpireServer::Socket(SOCKET.to_owned()), named] {
            let again = SpireServer::from_options(&server.options()).unwrap();
            assert_eq!(again, server);
        }
        for none in [
            "example.org",
            "host:8081",
            "host?svid=/a",
            "h/x:1?svid=/a",
            "a:1?svid=here",
        ] {
            assert_eq!(SpireServer::parse(none), None, "{none}");
        }
        assert!(SpireServer::from_options(&BTreeMap::new()).is_err());
    }
}
