//! The password within a URL: `scheme://user:password@host/…` (RFC 3986, section 3.2.1).

use super::Found;
use crate::found::Fact;
use crate::placeholder;

const SCHEME_BYTES_MAX: usize = 24;
const USER_BYTES_MAX: usize = 128;
const PASSWORD_BYTES_MAX: usize = 512;

/// `left` ends with the scheme, `rest` begins behind `://`.
pub(super) fn password(left: &[u8], rest: &[u8]) -> Option<Found> {
    let user_end = part(rest, USER_BYTES_MAX, b':')?;
    let behind = &rest[user_end + 1..];
    let end = part(behind, PASSWORD_BYTES_MAX, b'@')?;
    let secret = &behind[..end];
    if secret.len() < 3
        || placeholder::is_variable(secret)
        || !secret.iter().any(u8::is_ascii_alphanumeric)
    {
        return None;
    }
    if secret.len() >= 6 && (placeholder::is_repeated(secret) || is_made_for_the_place(secret)) {
        return None;
    }
    let scheme = scheme(left)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut facts = vec![
        Fact::new("scheme", scheme.clone()),
        Fact::new("user", text(&rest[..user_end])),
    ];
    facts.extend(place(&behind[end + 1..]));
    let is_word = is_word(secret) || is_own_word(secret, &facts);
    if is_word && is_of_manuals(&behind[end + 1..]) {
        return None;
    }
    let range = user_end + 1..user_end + 1 + end;
    Some(Found::Url {
        scheme,
        range,
        facts,
        is_word,
    })
}

/// Where `mark` ends a part of userinfo.
fn part(bytes: &[u8], max: usize, mark: u8) -> Option<usize> {
    let bytes = &bytes[..bytes.len().min(max + 1)];
    let end = bytes
        .iter()
        .position(|byte| *byte == mark || stops(*byte))?;
    (bytes[end] == mark).then_some(end)
}

fn stops(byte: u8) -> bool {
    matches!(
        byte,
        b'/' | b'@'
            | b'"'
            | b'\''
            | b'`'
            | b'<'
            | b'>'
            | b'{'
            | b'}'
            | b'('
            | b')'
            | b'|'
            | b'\\'
            | b'['
            | b']'
    ) || !(0x21..0x7f).contains(&byte)
}

fn scheme(left: &[u8]) -> Option<String> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let length = left
        .iter()
        .rev()
        .take(SCHEME_BYTES_MAX)
        .take_while(|byte| is_letter(byte))
        .count();
    let scheme = &left[left.len() - length..];
    let text = String::from_utf8_lossy(scheme).to_ascii_lowercase();
    (length >= 2).then_some(text)
}

/// Host and database of what follows the `@`.
fn place(rest: &[u8]) -> Vec<Fact> {
    let rest = &rest[..rest.len().min(512)];
    let end = rest.iter().position(|byte| {
        *byte == b'/' || *byte == b'?' || stops(*byte) && !matches!(byte, b'[' | b']')
    });
    let host = &rest[..end.unwrap_or(rest.len())];
    let mut facts = vec![Fact::new(
        "host",
        String::from_utf8_lossy(host).trim_end_matches([',', ';', '.']),
    )];
    if let Some(path) = end.and_then(|end| rest[end..].strip_prefix(b"/")) {
        let length = path
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
            .count();
        if length > 0 {
            facts.push(Fact::new(
                "database",
                String::from_utf8_lossy(&path[..length]),
            ));
        }
    }
    facts
}

/// The password repeats the user or the database, on a host that only one machine or one composition
/// of containers knows: `airflow:airflow@localhost`.
fn is_own_word(secret: &[u8], facts: &[Fact]) -> bool {
    let told = |name: &str| facts.iter().find(|fact| fact.name == name);
    let is_same = |name: &str| told(name).is_some_and(|fact| fact.value.as_bytes() == secret);
    let host = told("host").map_or("", |fact| fact.value.as_str());
    let host = host.split(':').next().unwrap_or_default();
    let is_here = host == "127.0.0.1" || !host.contains('.');
    is_here && (is_same("user") || is_same("database"))
}

/// The words of manuals: `user:password@host`.
pub(crate) fn is_word(secret: &[u8]) -> bool {
    const WORDS: &[&str] = &[
        "password",
        "pass",
        "passwd",
        "pwd",
        "pw",
        "secret",
        "token",
        "user",
        "username",
        "root",
        "foo",
        "bar",
        "baz",
        "test",
        "guest",
        "admin",
        "key",
        "abc",
        "xxx",
        "yyy",
        "123",
        "1234",
        "12345",
        "123456",
        "default",
        "none",
        "null",
        "mypass",
        "mypassword",
        "userpass",
        "example",
        "pswd",
        "p4ss",
        "pass123",
    ];
    let text = String::from_utf8_lossy(secret).to_ascii_lowercase();
    WORDS.contains(&text.as_str())
}

/// Addresses that no network has: RFC 5737 and RFC 3849 keep them for manuals.
fn is_of_manuals(host: &[u8]) -> bool {
    [
        b"192.0.2.".as_slice(),
        b"198.51.100.",
        b"203.0.113.",
        b"[2001:db8:",
    ]
    .iter()
    .any(|start| host.starts_with(start))
}

fn is_made_for_the_place(secret: &[u8]) -> bool {
    let lower = secret.to_ascii_lowercase();
    if lower.ends_with(b"_1234") {
        return true;
    }
    [
        b"changeme".as_slice(),
        b"your",
        b"placeholder",
        b"redacted",
        b"xxxx",
        b"****",
        b"...",
    ]
    .iter()
    .any(|word| memchr::memmem::find(&lower, word).is_some())
}
