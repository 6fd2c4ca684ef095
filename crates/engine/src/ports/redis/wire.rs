//! One connection: opened, encrypted where the address asks for it, and a command over it.

use std::io::{BufReader, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use connectors::Refusal;

use super::reply::{self, Said};
use crate::ports::bounded::{self, Bounded, Stream};
use crate::spec::Server;

/// One connection.
pub(super) struct Wire {
    stream: BufReader<Bounded<Box<dyn Stream>>>,
}

impl Wire {
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

    /// Sends a command and reads its reply.
    pub(super) fn ask<'a>(
        &mut self,
        words: impl ExactSizeIterator<Item = &'a [u8]>,
        until: Instant,
        bytes_max: u64,
    ) -> Result<Said, Refusal> {
        let mut command = zeroize::Zeroizing::new(format!("*{}\r\n", words.len()).into_bytes());
        for word in words {
            command.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            command.extend_from_slice(word);
            command.extend_from_slice(b"\r\n");
        }
        let stream = self.stream.get_mut();
        stream.until = until;
        let sent = stream.write_all(&command).and_then(|()| stream.flush());
        let said = sent
            .map_err(|error| bounded::broken(&error))
            .and_then(|()| reply::read(&mut self.stream, bytes_max));
        match said {
            Err(_) if self.stream.get_ref().stop.load(Ordering::Relaxed) => Err(bounded::stopped()),
            said => said,
        }
    }
}
