//! One connection: opened, encrypted as the address asks for it, and let in.

use std::io::{self, Read, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use connectors::Refusal;
use model::Reason;
use zeroize::Zeroizing;

use super::LdapLimits;
use super::ber;
use super::message::{self, Said};
use crate::ports::bounded::{self, Bounded, Stream};
use crate::spec::Directory;

/// Bytes of an answer to a bind or to StartTLS.
const SHORT_MAX: usize = 64 << 10;

/// One connection, let in.
pub(super) struct Wire {
    stream: Bounded<Box<dyn Stream>>,
    limits: LdapLimits,
    /// The number of the last message.
    id: u32,
}

impl Wire {
    pub(super) fn open(
        directory: &Directory,
        limits: &LdapLimits,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, Refusal> {
        let until = Instant::now() + limits.connect;
        let socket = bounded::connect(&directory.host, directory.port, until)?;
        let verified = directory.tls == "verify-full";
        let encrypts = directory.tls != "disable";
        let stream: Box<dyn Stream> = match directory.at_once && encrypts {
            true => bounded::encrypted(socket, &directory.host, verified)?,
            false => Box::new(socket),
        };
        let mut wire = Self {
            stream: Bounded {
                stream,
                until,
                stop,
            },
            limits: limits.clone(),
            id: 0,
        };
        if encrypts && !directory.at_once {
            wire = wire.start_tls(directory, verified, until)?;
        }
        wire.bind(directory, until)?;
        Ok(wire)
    }

    /// Nothing is sent in clear but the wish to speak TLS; a server that declines is left.
    fn start_tls(
        mut self,
        directory: &Directory,
        verified: bool,
        until: Instant,
    ) -> Result<Self, Refusal> {
        let id = self.send(|id| message::start_tls(id).into(), until)?;
        if let Some(refusal) = self.done(id)? {
            let told = format!("the directory offers no TLS here ({})", refusal.told);
            return Err(Refusal::new(Reason::Unsupported, told).code(refusal.code));
        }
        // No byte was read beyond the answer: what comes now belongs to TLS.
        let stream = bounded::encrypted(self.stream.stream, &directory.host, verified)?;
        self.stream = Bounded {
            stream,
            until,
            stop: self.stream.stop,
        };
        Ok(Self {
            stream: self.stream,
            ..self
        })
    }

    fn bind(&mut self, directory: &Directory, until: Instant) -> Result<(), Refusal> {
        let Some(user) = &directory.user else {
            return Ok(());
        };
        // A name with an empty password would be let in as nobody (RFC 4513 section 5.1.2).
        let password = directory.password.as_ref().filter(|one| !one.is_empty());
        let password = password.ok_or_else(|| {
            let told = "no password for this directory; give one with `keyroll sources add`";
            Refusal::new(Reason::Denied, told).code("no_password")
        })?;
        let id = self.send(|id| message::bind(id, user, password.expose()), until)?;
        match self.done(id)? {
            None => Ok(()),
            // Whoever was told a password may say it again.
            Some(refusal) if echoes(&refusal.told, password.expose()) => Err(Refusal {
                told: "the directory did not let us in".to_owned(),
                ..refusal
            }),
            Some(refusal) => Err(refusal),
        }
    }

    /// Sends a message and says its number.
    pub(super) fn send(
        &mut self,
        write: impl FnOnce(u32) -> Zeroizing<Vec<u8>>,
        until: Instant,
    ) -> Result<u32, Refusal> {
        self.id = self.id.wrapping_add(1).max(1);
        let bytes = write(self.id);
        self.stream.until = until;
        let sent = self.stream.write_all(&bytes);
        let sent = sent.and_then(|()| self.stream.flush());
        sent.map_err(|error| self.failed(bounded::broken(&error)))?;
        Ok(self.id)
    }

    /// The next message that answers the one of the number `id`.
    pub(super) fn read(&mut self, id: u32, left: &mut usize) -> Result<Said, Refusal> {
        let limit = self.limits.message_max;
        let said = message(&mut self.stream, id, limit, left);
        said.map_err(|refusal| self.failed(refusal))
    }

    fn done(&mut self, id: u32) -> Result<Option<Refusal>, Refusal> {
        let mut left = SHORT_MAX;
        match self.read(id, &mut left)? {
            Said::Done(outcome) => Ok(outcome.refused()),
            _ => Err(no_ldap()),
        }
    }

    fn failed(&self, refusal: Refusal) -> Refusal {
        if self.stream.stop.load(Ordering::Relaxed) {
            bounded::stopped()
        } else {
            refusal
        }
    }
}

fn echoes(told: &str, password: &[u8]) -> bool {
    let mut windows = told.as_bytes().windows(password.len().max(1));
    windows.any(|window| window == password)
}

/// Reads one message, which answers the one of the number `id` and takes at most `limit` bytes
/// of those that are `left`.
pub(super) fn message(
    from: &mut dyn Read,
    id: u32,
    limit: usize,
    left: &mut usize,
) -> Result<Said, Refusal> {
    let mut head = [0; 2];
    exact(from, &mut head)?;
    let more = ber::length_bytes(head[1]).filter(|_| head[0] == ber::SEQUENCE);
    let mut digits = [0; 4];
    let digits = digits.get_mut(..more.ok_or_else(no_ldap)?);
    let digits = digits.ok_or_else(no_ldap)?;
    exact(from, digits)?;
    let length = ber::length(head[1], digits);
    if length > limit {
        return Err(too_long());
    }
    *left = left.checked_sub(length).ok_or_else(too_long)?;
    // Room is taken as bytes come, not as they are announced.
    let mut inside = Vec::new();
    let wanted = u64::try_from(length).unwrap_or(u64::MAX);
    let got = from.take(wanted).read_to_end(&mut inside);
    if got.map_err(|error| bounded::broken(&error))? != length {
        return Err(bounded::closed());
    }
    message::read(&inside, id).ok_or_else(no_ldap)
}

fn exact(from: &mut dyn Read, buffer: &mut [u8]) -> Result<(), Refusal> {
    let read = from.read_exact(buffer);
    read.map_err(|error: io::Error| bounded::broken(&error))
}

pub(super) fn too_long() -> Refusal {
    Refusal::new(Reason::Failed, "the answer is longer than is read").code("too_long")
}

pub(super) fn no_ldap() -> Refusal {
    let told = "expected an answer in LDAP, got something else";
    Refusal::new(Reason::Failed, told).code("no_ldap")
}
