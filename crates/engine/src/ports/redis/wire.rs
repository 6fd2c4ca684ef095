//! One connection to a Redis, and a command over it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use connectors::Refusal;

use super::reply::{self, Said};
use crate::ports::socket::Socket;
use crate::spec::Server;

/// One connection.
pub(super) struct Wire(Socket);

impl Wire {
    pub(super) fn open(
        server: &Server,
        limit: Duration,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, Refusal> {
        Socket::open(server, limit, stop).map(Self)
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
        self.0
            .exchange(&command, until, |from| reply::read(from, bytes_max))
    }
}
