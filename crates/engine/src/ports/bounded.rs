//! A connection that gives up at a moment, or once it is stopped, however slowly its bytes come.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use connectors::Refusal;
use model::Reason;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::sql;

/// How often a waiting question looks whether it was stopped.
const LOOK: Duration = Duration::from_millis(100);

/// Whatever bytes go over.
pub(super) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A stream with bounds on time.
pub(super) struct Bounded<S> {
    pub(super) stream: S,
    /// When it gives up.
    pub(super) until: Instant,
    pub(super) stop: Arc<AtomicBool>,
}

/// Connects to `host:port` until then.
pub(super) fn connect(host: &str, port: u16, until: Instant) -> Result<TcpStream, Refusal> {
    let refused = |error: &io::Error| {
        Refusal::new(Reason::Failed, format!("no connection: {error}")).code("connect")
    };
    let addresses = (host, port)
        .to_socket_addrs()
        .map_err(|error| refused(&error))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => {
                let timed = socket.set_read_timeout(Some(LOOK));
                timed
                    .and_then(|()| socket.set_write_timeout(Some(LOOK)))
                    .map_err(|error| broken(&error))?;
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(refused(&last))
}

/// TLS over `stream`; where it is `verified`, with a host of that name that this machine trusts.
pub(super) fn encrypted<S: Stream + 'static>(
    stream: S,
    host: &str,
    verified: bool,
) -> Result<Box<dyn Stream>, Refusal> {
    let config = sql::client_config(verified)?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Refusal::new(Reason::Unsupported, "expected a host name or an address"))?;
    let tls = ClientConnection::new(Arc::new(config), name)
        .map_err(|error| Refusal::new(Reason::Failed, format!("TLS: {error}")))?;
    Ok(Box::new(StreamOwned::new(tls, stream)))
}

/// What went wrong with a stream.
pub(super) fn broken(error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => closed(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            Refusal::new(Reason::Failed, "no answer in time").code("timeout")
        }
        _ => Refusal::new(Reason::Failed, format!("the connection broke: {error}")).code("closed"),
    }
}

pub(super) fn closed() -> Refusal {
    Refusal::new(Reason::Failed, "the server closed the connection").code("closed")
}

/// The refusal of whoever was stopped.
pub(super) fn stopped() -> Refusal {
    Refusal {
        stop: true,
        ..Refusal::new(Reason::Failed, "the pass was stopped")
    }
}

impl<S> Bounded<S> {
    fn patiently(&mut self, mut act: impl FnMut(&mut S) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            if Instant::now() >= self.until || self.stop.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match act(&mut self.stream) {
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::TimedOut
                            | io::ErrorKind::Interrupted
                    ) => {}
                done => return done,
            }
        }
    }
}

impl<S: Read> Read for Bounded<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(|stream| stream.read(buffer))
    }
}

impl<S: Write> Write for Bounded<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.patiently(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.patiently(|stream| stream.flush().map(|()| 0))
            .map(|_| ())
    }
}
