//! A connection to a server whose protocol is read here: encrypted where the address asks for
//! it, and given up at a moment, or once it is stopped, however slowly its bytes come.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use connectors::Refusal;
use model::Reason;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::sql;
use crate::spec::Server;

/// How often a waiting question looks whether it was stopped.
const LOOK: Duration = Duration::from_millis(100);

/// One connection.
pub(super) struct Socket {
    stream: BufReader<Bounded<Box<dyn Stream>>>,
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Socket {
    pub(super) fn open(
        server: &Server,
        limit: Duration,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, Refusal> {
        let until = Instant::now() + limit;
        let socket = connect(server, until)?;
        socket
            .set_read_timeout(Some(LOOK))
            .and_then(|()| socket.set_write_timeout(Some(LOOK)))
            .map_err(|error| broken(&error))?;
        let stream: Box<dyn Stream> = match server.tls.as_str() {
            "disable" => Box::new(socket),
            mode => {
                let config = sql::client_config(mode == "verify-full")?;
                let name = ServerName::try_from(server.host.clone()).map_err(|_| {
                    Refusal::new(Reason::Unsupported, "expected a host name or an address")
                })?;
                let tls = ClientConnection::new(Arc::new(config), name)
                    .map_err(|error| Refusal::new(Reason::Failed, format!("TLS: {error}")))?;
                Box::new(StreamOwned::new(tls, socket))
            }
        };
        let bounded = Bounded {
            stream,
            until,
            stop,
        };
        Ok(Self {
            stream: BufReader::new(bounded),
        })
    }

    /// Sends `bytes` and reads what `read` makes of the answer, all of it by `until`.
    pub(super) fn exchange<T>(
        &mut self,
        bytes: &[u8],
        until: Instant,
        read: impl FnOnce(&mut dyn BufRead) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let bounded = self.stream.get_mut();
        bounded.until = until;
        let sent = bounded.write_all(bytes).and_then(|()| bounded.flush());
        let answer = sent
            .map_err(|error| broken(&error))
            .and_then(|()| read(&mut self.stream));
        match answer {
            Err(_) if self.stream.get_ref().stop.load(Ordering::Relaxed) => Err(stopped()),
            answer => answer,
        }
    }
}

/// What an error of a connection says, in the words of ports.
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

fn connect(server: &Server, until: Instant) -> Result<TcpStream, Refusal> {
    let refused = |error: &io::Error| {
        Refusal::new(Reason::Failed, format!("no connection: {error}")).code("connect")
    };
    let addresses = (server.host.as_str(), server.port)
        .to_socket_addrs()
        .map_err(|error| refused(&error))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(refused(&last))
}

/// The refusal of whoever was stopped.
pub(super) fn stopped() -> Refusal {
    Refusal {
        stop: true,
        ..Refusal::new(Reason::Failed, "the pass was stopped")
    }
}

/// A stream that gives up at a moment, or once it is stopped, however slowly its bytes come.
struct Bounded<S> {
    stream: S,
    until: Instant,
    stop: Arc<AtomicBool>,
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
