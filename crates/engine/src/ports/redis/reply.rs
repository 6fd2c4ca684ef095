//! Reads one reply (Redis's protocol specification, RESP2), bounded.

use std::io::{BufRead, Read as _};

use connectors::{Refusal, Reply};
use model::Reason;

use crate::ports::bounded::{broken, closed};

/// Lists in lists, at most.
const DEPTH_MAX: usize = 8;

/// A line that announces what follows, or an error: no server writes longer ones.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// What a server says to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// What was asked for.
    Reply(Reply),
    /// An error, without the sign before it.
    Error(String),
}

/// Reads one reply of at most `bytes_max` bytes from bytes that may be anything; for fuzzing.
///
/// # Errors
/// It is no reply, is cut short, or is larger.
pub fn read_reply(bytes: &[u8], bytes_max: u64) -> Result<Said, Refusal> {
    let mut bytes = bytes;
    read(&mut bytes, bytes_max)
}

/// Reads one reply of at most `bytes_max` bytes.
pub(crate) fn read(from: &mut dyn BufRead, bytes_max: u64) -> Result<Said, Refusal> {
    let mut left = bytes_max;
    let first = line(from, &mut left)?;
    match first.split_first() {
        Some((b'-', rest)) => Ok(Said::Error(text(rest.to_vec()))),
        _ => value(&first, from, &mut left, 0).map(Said::Reply),
    }
}

fn value(
    first: &[u8],
    from: &mut dyn BufRead,
    left: &mut u64,
    depth: usize,
) -> Result<Reply, Refusal> {
    let (sign, rest) = first.split_first().ok_or_else(no_redis)?;
    match sign {
        b'+' => Ok(Reply::Text(text(rest.to_vec()))),
        b':' => number(rest).map(Reply::Number),
        b'$' => match u64::try_from(number(rest)?) {
            Err(_) => Ok(Reply::Nil),
            Ok(length) => bulk(length, from, left).map(|bytes| Reply::Text(text(bytes))),
        },
        b'*' => match u64::try_from(number(rest)?) {
            Err(_) => Ok(Reply::Nil),
            Ok(_) if depth >= DEPTH_MAX => Err(no_redis()),
            Ok(count) => {
                // Room is taken as values come, not as they are announced.
                let mut all = Vec::new();
                for _ in 0..count {
                    let first = line(from, left)?;
                    all.push(value(&first, from, left, depth + 1)?);
                }
                Ok(Reply::List(all))
            }
        },
        _ => Err(no_redis()),
    }
}

fn bulk(length: u64, from: &mut dyn BufRead, left: &mut u64) -> Result<Vec<u8>, Refusal> {
    take(left, length.saturating_add(2))?;
    let mut bytes = Vec::new();
    let got = from
        .take(length)
        .read_to_end(&mut bytes)
        .map_err(|e| broken(&e))?;
    if u64::try_from(got).ok() != Some(length) {
        return Err(closed());
    }
    let mut end = [0; 2];
    from.read_exact(&mut end).map_err(|e| broken(&e))?;
    if end == *b"\r\n" {
        Ok(bytes)
    } else {
        Err(no_redis())
    }
}

/// One line without its end.
fn line(from: &mut dyn BufRead, left: &mut u64) -> Result<Vec<u8>, Refusal> {
    let limit = LINE_BYTES_MAX.min(*left);
    let mut line = Vec::new();
    let got = from
        .take(limit)
        .read_until(b'\n', &mut line)
        .map_err(|e| broken(&e))?;
    take(left, u64::try_from(got).unwrap_or(u64::MAX))?;
    match line.strip_suffix(b"\r\n") {
        Some(inner) => Ok(inner.to_vec()),
        None if line.is_empty() => Err(if *left == 0 { too_long() } else { closed() }),
        None if *left == 0 => Err(too_long()),
        None => Err(no_redis()),
    }
}

fn take(left: &mut u64, bytes: u64) -> Result<(), Refusal> {
    *left = left.checked_sub(bytes).ok_or_else(too_long)?;
    Ok(())
}

fn number(digits: &[u8]) -> Result<i64, Refusal> {
    let text = str::from_utf8(digits).map_err(|_| no_redis())?;
    text.parse().map_err(|_| no_redis())
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn too_long() -> Refusal {
    Refusal::new(Reason::Failed, "the reply is longer than is read").code("too_long")
}

fn no_redis() -> Refusal {
    let told = "expected a reply in Redis's protocol, got something else";
    Refusal::new(Reason::Failed, told).code("no_redis")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> Result<Said, String> {
        read_reply(bytes, 1 << 20).map_err(|refusal| refusal.code)
    }

    #[test]
    fn every_kind_of_reply_is_read() {
        assert_eq!(told(b"+OK\r\n"), Ok(Said::Reply(Reply::Text("OK".into()))));
        assert_eq!(told(b"-NOPERM no\r\n"), Ok(Said::Error("NOPERM no".into())));
        assert_eq!(told(b"$-1\r\n"), Ok(Said::Reply(Reply::Nil)));
        let list = Reply::List(vec![
            Reply::Text("a\r\nb".into()),
            Reply::Number(-7),
            Reply::List(Vec::new()),
        ]);
        assert_eq!(
            told(b"*3\r\n$4\r\na\r\nb\r\n:-7\r\n*0\r\n"),
            Ok(Said::Reply(list))
        );
    }

    #[test]
    fn what_a_hostile_server_says_is_refused_within_bounds() {
        for (bytes, code) in [
            (&b""[..], "closed"),
            (b"HTTP/1.1 400 Bad Request\r\n", "no_redis"),
            (b"$5\r\nab\r\n", "closed"),
            (b"$99999999999999\r\n", "too_long"),
            (b"*999999999\r\n", "closed"),
            (b"$2\r\nabXX", "no_redis"),
            (b":12x\r\n", "no_redis"),
            (b"+no end", "no_redis"),
        ] {
            assert_eq!(told(bytes).unwrap_err(), code, "{bytes:?}");
        }
        let deep = b"*1\r\n".repeat(100_000);
        assert_eq!(told(&deep).unwrap_err(), "no_redis");
        let long = [b"+".as_slice(), &[b'a'; 2 << 20]].concat();
        assert_eq!(told(&long).unwrap_err(), "no_redis");
    }
}
