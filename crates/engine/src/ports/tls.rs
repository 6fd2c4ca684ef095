//! Answers with what one TLS endpoint shows: a handshake, and nothing after it.
//!
//! Must be used from a plain thread: it waits for an async socket on the engine's runtime.
//!
//! It connects to the endpoint that the source names and to no other, whatever a question says:
//! no data steers it. Time and bytes are bounded for all of it together. A [`Refusal`] carries
//! as its code `connect`, `timeout`, `too_large`, `no_tls` (something else is spoken there) or
//! `tls` (it speaks TLS, not with us).

mod starttls;
mod verify;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connectors::{Answer, Greeting, Handshake, Port, Question, Refusal};
use model::Reason;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, ClientConfig, ClientConnection, RootCertStore};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use self::starttls::Wire as _;
#[doc(hidden)]
pub use self::starttls::leads_to_tls;
use self::verify::{Asked, Looking};
use super::http::wait;
use crate::Error;
use crate::spec::Endpoint;

/// Bounds on one handshake.
#[derive(Clone, Debug)]
pub struct TlsLimits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the handshake is over, from its beginning.
    pub handshake: Duration,
    /// Bytes received in all.
    pub bytes_max: usize,
}

impl Default for TlsLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            handshake: Duration::from_secs(15),
            bytes_max: 256 << 10,
        }
    }
}

/// Answers with what one TLS endpoint shows.
pub struct TlsPort {
    runtime: Handle,
    endpoint: Endpoint,
    roots: Arc<RootCertStore>,
    limits: TlsLimits,
    stop: Arc<AtomicBool>,
}

impl TlsPort {
    /// A port to `endpoint`; nothing is opened yet. `runtime` must have worker threads; once
    /// `stop` is true every question is refused and says so. Chains are held against this
    /// machine's trust anchors, if it has any.
    ///
    /// # Errors
    /// None yet; ports of other kinds have some.
    pub fn new(runtime: Handle, endpoint: Endpoint, stop: Arc<AtomicBool>) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Ok(Self {
            runtime,
            endpoint,
            roots: Arc::new(roots),
            limits: TlsLimits::default(),
            stop,
        })
    }

    /// With other trust anchors and bounds.
    #[must_use]
    pub fn held_to(mut self, roots: RootCertStore, limits: TlsLimits) -> Self {
        self.roots = Arc::new(roots);
        self.limits = limits;
        self
    }

    fn answer(&self, greeting: &Greeting) -> Result<Handshake, Refusal> {
        let meant = (
            greeting.host.as_str(),
            greeting.port,
            greeting.starttls.as_str(),
        );
        let own = (
            self.endpoint.host.as_str(),
            self.endpoint.port,
            self.endpoint.starttls.as_str(),
        );
        if meant != own {
            let told = "this port answers for the endpoint of its source only";
            return Err(Refusal::new(Reason::Unsupported, told));
        }
        let name = ServerName::try_from(greeting.server_name.clone())
            .map_err(|_| Refusal::new(Reason::Unsupported, "expected a host name or an address"))?;
        let seen = wait(&self.runtime, &self.stop, self.shake_hands(&name))??;
        if seen.chain.is_empty() {
            let told = "the handshake ended without a certificate";
            return Err(seen
                .ended
                .unwrap_or_else(|| Refusal::new(Reason::Failed, told)));
        }
        let objections = (!self.roots.is_empty())
            .then(|| verify::objections(&seen.chain, &name, &self.roots, UnixTime::now()));
        Ok(Handshake {
            chain: seen.chain.iter().map(|one| STANDARD.encode(one)).collect(),
            version: seen.version,
            cipher: seen.cipher,
            asks_for_certificate: seen.asks_for_certificate,
            objections,
        })
    }

    async fn shake_hands(&self, name: &ServerName<'static>) -> Result<Seen, Refusal> {
        let (connect, whole) = (self.limits.connect, self.limits.handshake);
        let stream = tokio::time::timeout(connect, self.connect())
            .await
            .map_err(|_| refused("timeout", "nobody answered in time"))??;
        let mut wire = Wire {
            stream,
            left: self.limits.bytes_max,
        };
        let mut seen = Seen::default();
        let shaken = tokio::time::timeout(whole, self.talk(&mut wire, name, &mut seen)).await;
        let ended = match shaken {
            Ok(Ok(())) => None,
            Ok(Err(refusal)) => Some(refusal),
            Err(_) => Some(refused("timeout", "the handshake did not end in time")),
        };
        // A chain that was shown before it broke off has been seen all the same.
        match (seen.chain.is_empty(), ended) {
            (true, Some(refusal)) => Err(refusal),
            (_, ended) => Ok(Seen { ended, ..seen }),
        }
    }

    async fn connect(&self) -> Result<TcpStream, Refusal> {
        let at = (self.endpoint.host.as_str(), self.endpoint.port);
        let found = tokio::net::lookup_host(at).await;
        let addresses: Vec<SocketAddr> = found
            .map_err(|_| refused("connect", "the name of the host is not known"))?
            .take(8)
            .collect();
        TcpStream::connect(addresses.as_slice())
            .await
            .map_err(|error| refused("connect", format!("cannot connect: {}", error.kind())))
    }

    async fn talk(
        &self,
        wire: &mut Wire,
        name: &ServerName<'static>,
        seen: &mut Seen,
    ) -> Result<(), Refusal> {
        starttls::ask(&self.endpoint.starttls, wire).await?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let looking = Arc::new(Looking::new(Arc::clone(&provider)));
        let asked = Arc::new(Asked::default());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| refused("tls", "cannot set up TLS"))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&looking) as _)
            .with_client_cert_resolver(Arc::clone(&asked) as _);
        let mut client = ClientConnection::new(Arc::new(config), name.clone())
            .map_err(|_| refused("tls", "cannot set up TLS"))?;
        let shaken = drive(&mut client, wire).await;
        seen.chain = looking.chain();
        seen.asks_for_certificate = asked.was();
        seen.version = client.protocol_version().and_then(|one| match one {
            rustls::ProtocolVersion::TLSv1_2 => Some("TLS 1.2".to_owned()),
            rustls::ProtocolVersion::TLSv1_3 => Some("TLS 1.3".to_owned()),
            _ => None,
        });
        let suite = client.negotiated_cipher_suite();
        seen.cipher = suite.and_then(|one| one.suite().as_str()).map(iana);
        client.send_close_notify();
        // Said out of politeness: nobody waits for it to arrive.
        let _ = send(&mut client, wire).await;
        shaken
    }
}

/// What came of a handshake so far.
#[derive(Default)]
struct Seen {
    chain: Vec<Vec<u8>>,
    version: Option<String>,
    cipher: Option<String>,
    asks_for_certificate: bool,
    ended: Option<Refusal>,
}

/// rustls writes `TLS13_AES_…` where IANA's registry has `TLS_AES_…`.
fn iana(suite: &str) -> String {
    suite
        .strip_prefix("TLS13_")
        .map_or_else(|| suite.to_owned(), |rest| format!("TLS_{rest}"))
}

/// A connection, and how many bytes may still come over it.
struct Wire {
    stream: TcpStream,
    left: usize,
}

impl starttls::Wire for Wire {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Refusal> {
        if self.left == 0 {
            return Err(refused("too_large", "more came than a handshake needs"));
        }
        let room = buffer.len().min(self.left);
        let room = buffer.get_mut(..room).unwrap_or_default();
        loop {
            self.stream.readable().await.map_err(broken)?;
            match self.stream.try_read(room) {
                Ok(0) => return Err(refused("no_tls", "the endpoint hung up")),
                Ok(count) => {
                    self.left -= count;
                    return Ok(count);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(broken(error)),
            }
        }
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            self.stream.writable().await.map_err(broken)?;
            match self.stream.try_write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(broken(error)),
            }
        }
        Ok(())
    }
}

async fn drive(client: &mut ClientConnection, wire: &mut Wire) -> Result<(), Refusal> {
    let mut buffer = [0; 8192];
    while client.is_handshaking() {
        send(client, wire).await?;
        if !client.is_handshaking() {
            break;
        }
        let count = wire.read(&mut buffer).await?;
        let mut come = buffer.get(..count).unwrap_or_default();
        while !come.is_empty() {
            client.read_tls(&mut come).map_err(broken)?;
            if let Err(error) = client.process_new_packets() {
                // It may have an alert to send, so that the other side knows why.
                let _ = send(client, wire).await;
                return Err(of_tls(&error));
            }
        }
    }
    send(client, wire).await
}

async fn send(client: &mut ClientConnection, wire: &mut Wire) -> Result<(), Refusal> {
    let mut out = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut out).map_err(broken)?;
    }
    wire.write(&out).await
}

fn refused(code: &str, told: impl Into<String>) -> Refusal {
    Refusal::new(Reason::Failed, told).code(code)
}

fn broken(error: std::io::Error) -> Refusal {
    refused("connect", format!("the connection broke: {}", error.kind()))
}

/// In our words: rustls' own may repeat what came.
fn of_tls(error: &rustls::Error) -> Refusal {
    use rustls::Error as Of;
    match error {
        Of::AlertReceived(AlertDescription::ProtocolVersion) | Of::PeerIncompatible(_) => {
            Refusal::new(
                Reason::Unsupported,
                "the endpoint speaks neither TLS 1.2 nor TLS 1.3 in a way that is safe today",
            )
            .code("tls")
        }
        Of::AlertReceived(alert) => refused("tls", format!("the endpoint refused: {alert:?}")),
        Of::InvalidMessage(_) | Of::InappropriateMessage { .. } => refused(
            "no_tls",
            "something other than TLS is spoken there, or TLS was broken off",
        ),
        _ => refused("tls", "the handshake failed"),
    }
}

impl Port for TlsPort {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let Question::Tls(greeting) = question else {
            return Err(Refusal::new(
                Reason::Unsupported,
                "this port answers questions of TLS only",
            ));
        };
        self.answer(greeting).map(Answer::Tls)
    }
}

#[cfg(test)]
mod tests;
