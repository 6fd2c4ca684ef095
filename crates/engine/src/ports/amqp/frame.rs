//! Reads one frame with a method of a connection (AMQP 0-9-1, section 4.2), bounded.

use std::io::{BufRead, Read as _};

use connectors::Refusal;
use model::Reason;

use crate::ports::bounded::broken;

/// No server says more before a login.
const FRAME_BYTES_MAX: u32 = 128 << 10;
/// What ends a frame.
const END: u8 = 0xce;

/// What a server says of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// It begins; whether it takes a password.
    Start { plain: bool },
    /// The login was taken.
    Tune,
    /// It ends the connection, and why.
    Close { code: u16, text: String },
    /// Anything else.
    Other,
}

/// Reads one method from bytes that may be anything, and tells of it; for fuzzing.
///
/// # Errors
/// It is no frame of a connection, is cut short, or is larger.
pub fn read_method(bytes: &[u8]) -> Result<String, Refusal> {
    let mut bytes = bytes;
    read(&mut bytes).map(|method| format!("{method:?}"))
}

/// Reads one frame.
pub(super) fn read(from: &mut dyn BufRead) -> Result<Method, Refusal> {
    let mut head = [0; 7];
    from.read_exact(&mut head).map_err(|error| broken(&error))?;
    let [kind, channel @ .., a, b, c, d] = head;
    let length = u32::from_be_bytes([a, b, c, d]);
    // A server of another version answers with its own header, `AMQP…`.
    if kind != 1 || channel != [0, 0] || length > FRAME_BYTES_MAX {
        return Err(no_amqp());
    }
    let mut payload = Vec::new();
    let got = from
        .take(u64::from(length) + 1)
        .read_to_end(&mut payload)
        .map_err(|error| broken(&error))?;
    if u64::try_from(got).ok() != Some(u64::from(length) + 1) || payload.pop() != Some(END) {
        return Err(no_amqp());
    }
    method(&payload).ok_or_else(no_amqp)
}

fn method(payload: &[u8]) -> Option<Method> {
    let (head, mut rest) = payload.split_first_chunk::<4>()?;
    Some(match head {
        [0, 10, 0, 10] => {
            let _version = bytes(&mut rest, 2)?;
            let _properties = long(&mut rest)?;
            let mechanisms = long(&mut rest)?;
            let plain = mechanisms
                .split(|byte| *byte == b' ')
                .any(|one| one == b"PLAIN");
            Method::Start { plain }
        }
        [0, 10, 0, 30] => Method::Tune,
        [0, 10, 0, 50] => {
            let code = u16::from_be_bytes(*bytes(&mut rest, 2)?.first_chunk()?);
            let length = usize::from(*bytes(&mut rest, 1)?.first()?);
            let text = bytes(&mut rest, length)?;
            let text = model::clean(&String::from_utf8_lossy(text));
            Method::Close { code, text }
        }
        _ => Method::Other,
    })
}

fn bytes<'a>(from: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (some, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(some)
}

/// A text or a table, with its length before it.
fn long<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_be_bytes(*bytes(from, 4)?.first_chunk()?);
    bytes(from, usize::try_from(length).ok()?)
}

pub(super) fn no_amqp() -> Refusal {
    let told = "expected a server of AMQP 0-9-1, got something else";
    Refusal::new(Reason::Failed, told).code("no_amqp")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[1, 0, 0], &length[..], payload, &[END]].concat()
    }

    fn told(bytes: &[u8]) -> Result<Method, String> {
        let mut bytes = bytes;
        read(&mut bytes).map_err(|refusal| refusal.code)
    }

    #[test]
    fn what_a_server_says_of_a_login_is_read() {
        let start = [
            &b"\0\x0a\0\x0a\0\x09"[..],
            b"\0\0\0\x03abc",
            b"\0\0\0\x0eAMQPLAIN PLAIN",
            b"\0\0\0\x05en_US",
        ];
        let start = told(&frame(&start.concat()));
        assert_eq!(start, Ok(Method::Start { plain: true }));
        assert_eq!(told(&frame(b"\0\x0a\0\x1e\0\0")), Ok(Method::Tune));
        let close = told(&frame(b"\0\x0a\0\x32\x01\x93\x02no\0\0\0\0"));
        let text = "no".to_owned();
        assert_eq!(close, Ok(Method::Close { code: 403, text }));
        assert_eq!(told(&frame(b"\0\x3c\0\x0a")), Ok(Method::Other));
    }

    #[test]
    fn what_a_hostile_server_says_is_refused_within_bounds() {
        for (bytes, code) in [
            (&b""[..], "closed"),
            (b"AMQP\0\0\x09\x01", "no_amqp"),
            (b"HTTP/1.1 400 Bad Request\r\n", "no_amqp"),
            (b"\x01\0\0\xff\xff\xff\xff", "no_amqp"),
            (b"\x01\0\0\0\0\0\x09ab", "no_amqp"),
            (b"\x01\0\0\0\0\0\x01a\0", "no_amqp"),
            (&frame(b"\0\x0a\0\x0a\0\x09\xff\xff\xff\xff"), "no_amqp"),
            (&frame(b"\0\x0a\0\x32\x01"), "no_amqp"),
        ] {
            assert_eq!(told(bytes).unwrap_err(), code, "{bytes:?}");
        }
    }
}
