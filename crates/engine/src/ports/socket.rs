//! A connection to a server whose protocol is read here: encrypted where the address asks for it.

use std::io::{BufRead, BufReader, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use connectors::Refusal;

use super::bounded::{self, Bounded, Stream};
use crate::spec::Server;

/// One connection.
pub(super) struct Socket {
    stream: BufReader<Bounded<Box<dyn Stream>>>,
}

impl Socket {
    pub(super) fn open(
        server: &Server,
        limit: Duration,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, Refusal> {
        let until = Instant::now() + limit;
        let socket = bounded::connect(&server.host, server.port, until)?;
        let stream: Box<dyn Stream> = match server.tls.as_str() {
            "disable" => Box::new(socket),
            mode => bounded::encrypted(socket, &server.host, mode == "verify-full")?,
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
        let stream = self.stream.get_mut();
        stream.until = until;
        let sent = stream.write_all(bytes).and_then(|()| stream.flush());
        let answer = sent
            .map_err(|error| bounded::broken(&error))
            .and_then(|()| read(&mut self.stream));
        match answer {
            Err(_) if self.stream.get_ref().stop.load(Ordering::Relaxed) => Err(bounded::stopped()),
            answer => answer,
        }
    }
}
