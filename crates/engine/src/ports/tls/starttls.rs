//! Asks for TLS in the words of another protocol, where it is not spoken at once.

use connectors::Refusal;
use futures_util::FutureExt as _;
use model::Reason;

use super::refused;

/// A line longer than this is no answer of these protocols.
const LINE_MAX: usize = 4096;
/// More lines than this before the one that matters are a flood.
const LINES_MAX: usize = 100;

/// PostgreSQL's SSLRequest: length 8, code 80877103.
const SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 4, 210, 22, 47];
/// LDAP's StartTLS (RFC 4511 section 4.14): an extended request with id 1 and OID 1.3.6.1.4.1.1466.20037.
const LDAP_REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// What is spoken over before TLS.
pub(super) trait Wire {
    /// Reads what is there, at least one byte.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Refusal>;

    /// Says all of it.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal>;
}

/// What another side says, all of it known beforehand.
struct Said<'a> {
    left: &'a [u8],
}

impl Wire for Said<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Refusal> {
        let room = buffer.len().min(self.left.len());
        let (come, left) = self.left.split_at(room);
        if come.is_empty() {
            return Err(refused("no_tls", "the endpoint hung up"));
        }
        self.left = left;
        buffer
            .iter_mut()
            .zip(come)
            .for_each(|(to, from)| *to = *from);
        Ok(room)
    }

    async fn write(&mut self, _: &[u8]) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Whether `said`, all that an endpoint of `protocol` says, leads to TLS, and how many bytes were
/// taken for that.
pub fn leads_to_tls(protocol: &str, said: &[u8]) -> Result<usize, Refusal> {
    let mut wire = Said { left: said };
    // Nothing is waited for: all of it is there.
    let asked = ask(protocol, &mut wire).now_or_never();
    asked.unwrap_or_else(|| Err(refused("no_tls", "the endpoint says nothing")))?;
    Ok(said.len() - wire.left.len())
}

/// Says what `protocol` says before TLS; an empty one says nothing.
pub(super) async fn ask(protocol: &str, wire: &mut impl Wire) -> Result<(), Refusal> {
    match protocol {
        "" => Ok(()),
        "postgres" => {
            wire.write(SSL_REQUEST).await?;
            match byte(wire).await? {
                b'S' => Ok(()),
                _ => Err(declined()),
            }
        }
        "smtp" => {
            reply(wire, "220").await?;
            wire.write(b"EHLO localhost\r\n").await?;
            reply(wire, "250").await?;
            wire.write(b"STARTTLS\r\n").await?;
            reply(wire, "220").await
        }
        "imap" => {
            line(wire).await?;
            wire.write(b"a STARTTLS\r\n").await?;
            tagged(wire).await
        }
        "ldap" => {
            wire.write(LDAP_REQUEST).await?;
            extended(wire).await
        }
        _ => Err(Refusal::new(
            Reason::Unsupported,
            "expected postgres, smtp, imap or ldap",
        )),
    }
}

/// An SMTP reply (RFC 5321 section 4.2): `250-` lines until one of `250 `.
async fn reply(wire: &mut impl Wire, code: &str) -> Result<(), Refusal> {
    for _ in 0..LINES_MAX {
        let line = line(wire).await?;
        match line.strip_prefix(code.as_bytes()) {
            Some([b'-', ..]) => {}
            Some(_) => return Ok(()),
            None => return Err(declined()),
        }
    }
    Err(refused("too_large", "an answer without an end"))
}

/// An IMAP answer (RFC 9051 section 7.1): untagged lines, then `a OK`.
async fn tagged(wire: &mut impl Wire) -> Result<(), Refusal> {
    for _ in 0..LINES_MAX {
        let line = line(wire).await?;
        if let Some(rest) = line.strip_prefix(b"a ") {
            let ok = rest
                .get(..2)
                .is_some_and(|word| word.eq_ignore_ascii_case(b"OK"));
            return if ok { Ok(()) } else { Err(declined()) };
        }
    }
    Err(refused("too_large", "an answer without an end"))
}

/// An LDAP extended response (RFC 4511 section 4.12) whose result code is success.
async fn extended(wire: &mut impl Wire) -> Result<(), Refusal> {
    let (tag, length) = (byte(wire).await?, byte(wire).await?);
    if tag != 0x30 || length >= 0x80 {
        return Err(declined());
    }
    let mut message = Vec::new();
    for _ in 0..length {
        message.push(byte(wire).await?);
    }
    // Message id, then [APPLICATION 24] with the result as its first member.
    let success = message
        .strip_prefix(b"\x02\x01\x01\x78")
        .and_then(|rest| rest.get(1..4));
    if success == Some(b"\x0a\x01\x00") {
        Ok(())
    } else {
        Err(declined())
    }
}

/// A line without its end.
async fn line(wire: &mut impl Wire) -> Result<Vec<u8>, Refusal> {
    let mut line = Vec::new();
    while line.len() < LINE_MAX {
        match byte(wire).await? {
            b'\n' => return Ok(line),
            b'\r' => {}
            other => line.push(other),
        }
    }
    Err(refused("no_tls", "a line without an end"))
}

/// One byte: what comes after the answer belongs to TLS, and nothing of it may be taken here.
async fn byte(wire: &mut impl Wire) -> Result<u8, Refusal> {
    let mut one = [0];
    wire.read(&mut one).await?;
    Ok(one[0])
}

fn declined() -> Refusal {
    Refusal::new(
        Reason::Unsupported,
        "the endpoint offers no TLS in this protocol",
    )
    .code("no_tls")
}
