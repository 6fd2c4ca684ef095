//! Logs in to a RabbitMQ, or another server of AMQP 0-9-1, and goes no further: no virtual host is
//! opened, nothing is declared.
//!
//! Must be used from a plain thread: it blocks on its socket. A [`Refusal`] carries the server's
//! reply code (`403`), with words beside: `connect`, `closed`, `timeout`, `no_amqp`.
//!
//! Source: AMQP 0-9-1, sections 2.2.4 and 4.2; RabbitMQ's manual, "Authentication Failure
//! Notifications".

mod frame;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use connectors::Refusal;
use model::Reason;
use zeroize::Zeroizing;

use self::frame::Method;
use super::RedisLimits;
use super::socket::Socket;
use crate::spec::Server;

#[doc(hidden)]
pub use self::frame::read_method;

/// What a client says first: the protocol and its version.
const HEADER: &[u8] = b"AMQP\x00\x00\x09\x01";

/// Logs in to `server` and leaves.
pub(crate) fn try_login(
    server: &Server,
    limits: &RedisLimits,
    stop: &Arc<AtomicBool>,
) -> Result<(), Refusal> {
    let mut socket = Socket::open(server, limits.connect, Arc::clone(stop))?;
    let until = Instant::now() + limits.reply;
    let Method::Start { plain } = socket.exchange(HEADER, until, frame::read)? else {
        return Err(frame::no_amqp());
    };
    if !plain {
        let told = "the server takes no passwords (no mechanism PLAIN)";
        return Err(Refusal::new(Reason::Unsupported, told).code("no_plain"));
    }
    match socket.exchange(&start_ok(server), until, frame::read)? {
        Method::Tune => Ok(()),
        Method::Close { code, text } => {
            let reason = match code {
                403 => Reason::Denied,
                _ => Reason::Failed,
            };
            Err(Refusal::new(reason, model::shorten(&text, 400)).code(code.to_string()))
        }
        Method::Start { .. } | Method::Other => Err(frame::no_amqp()),
    }
}

/// `connection.start-ok`: who we are, and the login by PLAIN (RFC 4616).
fn start_ok(server: &Server) -> Zeroizing<Vec<u8>> {
    // Without this capability a server closes the connection without a word where it denies.
    let mut capabilities = Vec::new();
    short(&mut capabilities, "authentication_failure_close");
    capabilities.extend_from_slice(b"t\x01");
    let mut properties = Vec::new();
    short(&mut properties, "product");
    properties.push(b'S');
    long(&mut properties, b"keyroll-probe");
    short(&mut properties, "capabilities");
    properties.push(b'F');
    long(&mut properties, &capabilities);
    let password = server
        .password
        .as_ref()
        .map_or(&b""[..], |one| one.expose());
    let login = Zeroizing::new([b"\0", server.user.as_bytes(), b"\0", password].concat());
    let mut payload = Zeroizing::new(vec![0, 10, 0, 11]);
    long(&mut payload, &properties);
    short(&mut payload, "PLAIN");
    long(&mut payload, &login);
    short(&mut payload, "en_US");
    let mut frame = Zeroizing::new(vec![1, 0, 0]);
    long(&mut frame, &payload);
    frame.push(0xce);
    frame
}

fn short(out: &mut Vec<u8>, text: &str) {
    out.push(u8::try_from(text.len()).unwrap_or_default());
    out.extend_from_slice(text.as_bytes());
}

fn long(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or_default();
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}
