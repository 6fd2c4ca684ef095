//! Sends one question about one found credential to its provider: over TLS, once, never
//! redirected, within bounds, marked as a probe.
//!
//! Whom to ask stands in our own data or was named by a person, never in what was found. A host
//! of our data that leads to a private address is not asked: whoever answers for its name there
//! is not the provider.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use connectors::Refusal;
use leaks::live::Ask;
use model::Reason;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderValue;
use tokio::runtime::Handle;

use super::client::{self, PROBE};
use super::site::{endpoint_of, is_loopback};
use crate::Error;

/// Bounds on one question to a provider.
#[derive(Clone, Debug)]
pub struct OutsideLimits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the whole answer is there.
    pub answer: Duration,
    /// Bytes of one answer: who somebody is fits into less.
    pub bytes_max: usize,
}

impl Default for OutsideLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(15),
            bytes_max: 1 << 20,
        }
    }
}

/// Asks providers about credentials.
pub(crate) struct Outside {
    runtime: Handle,
    client: reqwest::Client,
    endpoint: Option<Url>,
    bytes_max: usize,
    stop: Arc<AtomicBool>,
}

impl Outside {
    /// With `endpoint` every question goes there, to `/HOST/PATH`. `hosts` are those of our own
    /// data, which must be public; a host that a person named may be anywhere.
    ///
    /// # Errors
    /// The endpoint is neither https nor on this machine; no client can be made.
    pub(crate) fn new(
        runtime: Handle,
        endpoint: Option<&str>,
        hosts: BTreeSet<String>,
        limits: &OutsideLimits,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, Error> {
        let endpoint = endpoint.map(endpoint_of).transpose()?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(client::tls()?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(limits.connect)
            .timeout(limits.answer)
            .referer(false)
            .user_agent(PROBE)
            .dns_resolver(Arc::new(Guard { hosts }));
        if endpoint.as_ref().is_some_and(is_loopback) {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|_| Error::Unfit("no HTTP client can be made here".to_owned()))?;
        Ok(Self {
            runtime,
            client,
            endpoint,
            bytes_max: limits.bytes_max,
            stop,
        })
    }

    /// Sends `ask` once: status and body.
    ///
    /// # Errors
    /// No answer, or one beyond the bounds; nothing of the question is repeated.
    pub(crate) fn send(&self, ask: &Ask) -> Result<(u16, Vec<u8>), Refusal> {
        super::wait(&self.runtime, &self.stop, self.exchange(ask))?
    }

    async fn exchange(&self, ask: &Ask) -> Result<(u16, Vec<u8>), Refusal> {
        let odd = || Refusal::new(Reason::Unsupported, "this cannot be written as a question");
        let method = match ask.method.as_str() {
            "GET" => reqwest::Method::GET,
            "POST" => reqwest::Method::POST,
            _ => return Err(odd()),
        };
        let mut sent = self
            .client
            .request(method, self.address(ask).ok_or_else(odd)?);
        for (name, value) in &ask.headers {
            let mut value = HeaderValue::from_bytes(value.expose()).map_err(|_| odd())?;
            value.set_sensitive(true);
            sent = sent.header(name, value);
        }
        let sent = sent.body(ask.body.clone()).send().await;
        let mut response = sent.map_err(|error| client::refusal(&error))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let next = |error: reqwest::Error| client::refusal(&error);
        while let Some(chunk) = response.chunk().await.map_err(next)? {
            if body.len() + chunk.len() > self.bytes_max {
                let told = format!("the answer is larger than {} bytes", self.bytes_max);
                return Err(Refusal::new(Reason::Unsupported, told).code("too_large"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }

    /// The address; none where the host is no host and nothing else.
    fn address(&self, ask: &Ask) -> Option<Url> {
        let path = std::str::from_utf8(ask.path.expose()).ok()?;
        if !is_host(&ask.host) || !path.starts_with('/') {
            return None;
        }
        match &self.endpoint {
            None => Url::parse(&format!("https://{}{path}", ask.host)).ok(),
            Some(endpoint) => {
                let base = endpoint.as_str().trim_end_matches('/');
                Url::parse(&format!("{base}/{}{path}", ask.host)).ok()
            }
        }
    }
}

/// `name` or `name:port`, nothing that could end it or put another before it.
pub(crate) fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "443"));
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    (1..=253).contains(&name.len())
        && name.bytes().all(fits)
        && !name.starts_with(['.', '-'])
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Looks up names; those of our own data must lead to public addresses.
struct Guard {
    hosts: BTreeSet<String>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let guarded = self.hosts.contains(&host);
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let mut found: Vec<_> = found.collect();
            if guarded {
                found.retain(|address| is_public(address.ip()));
                if found.is_empty() {
                    return Err("its name leads to a private address here".into());
                }
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether the address is one of the Internet's own (RFC 6890): not this machine, not a private
/// network, not what a provider's metadata service listens on.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let special = (a == 192 && b == 0 && c == 0) || (a == 198 && (b == 18 || b == 19));
            !(a == 0
                || a >= 240
                || shared
                || special
                || v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_documentation())
        }
        IpAddr::V6(v6) => {
            // Global unicast is one block; documentation (2001:db8::/32) lies within it.
            let [first, second, ..] = v6.segments();
            first & 0xe000 == 0x2000 && !(first == 0x2001 && second == 0x0db8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for (text, public) in [
            ("8.8.8.8", true),
            ("140.82.121.6", true),
            ("2606:50c0:8000::153", true),
            ("10.0.0.1", false),
            ("172.16.3.4", false),
            ("192.168.1.1", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
            ("fd00::1", false),
            ("fe80::1", false),
        ] {
            assert_eq!(is_public(text.parse().unwrap()), public, "{text}");
        }
    }

    #[test]
    fn a_host_is_a_host_and_nothing_else() {
        for (text, fits) in [
            ("api.github.com", true),
            ("git.example.com:8443", true),
            ("localhost:1", true),
            ("a@evil.example", false),
            ("evil.example/x", false),
            ("evil.example?", false),
            ("x:y", false),
            ("", false),
            ("-x", false),
        ] {
            assert_eq!(is_host(text), fits, "{text}");
        }
    }

    #[test]
    fn a_host_of_ours_that_leads_to_a_private_address_is_not_asked() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let hosts = BTreeSet::from(["localhost".to_owned()]);
        let limits = OutsideLimits::default();
        let outside = Outside::new(
            runtime.handle().clone(),
            None,
            hosts,
            &limits,
            Arc::default(),
        )
        .unwrap();
        let ask = Ask {
            method: "GET".to_owned(),
            host: format!("localhost:{port}"),
            path: model::Secret::from("/user"),
            headers: Vec::new(),
            body: String::new(),
        };
        let refusal = outside.send(&ask).unwrap_err();
        assert!(refusal.told.contains("private address"), "{refusal}");
        let nobody = listener.accept().unwrap_err().kind();
        assert_eq!(
            nobody,
            std::io::ErrorKind::WouldBlock,
            "no socket was opened to it"
        );
    }
}
