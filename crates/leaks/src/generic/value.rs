//! The value to the right of an assignment.

use std::ops::Range;

use crate::entropy::{Shape, shannon};
use crate::placeholder;

/// No password that is worth a finding is shorter, no token is longer.
const BYTES_MIN: usize = 6;
const BYTES_MAX: usize = 1024;
/// Keys that chance made are at least this long.
const SECRET_BYTES_MIN: usize = 12;
const BLANKS_MAX: usize = 64;

/// One value and whether it stood in quotes.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) range: Range<usize>,
    pub(super) quoted: bool,
    /// The value ends where its line or element does.
    ends_line: bool,
}

/// The value at the beginning of `right`, behind blanks.
pub(super) fn token(right: &[u8]) -> Option<Token> {
    let blanks = right
        .iter()
        .take(BLANKS_MAX)
        .take_while(|b| matches!(b, b' ' | b'\t'))
        .count();
    let rest = &right[blanks..];
    // Prefixes of strings (`b"…"`, `@"…"`, `r'…'`), and a type or call: `new Secret("…`, `Some("…`.
    let (open, quote) = match rest {
        [q @ (b'"' | b'\'' | b'`'), ..] => (1, *q),
        [b'\\', q @ (b'"' | b'\''), ..] => (2, *q),
        [
            b'b' | b'r' | b'u' | b'f' | b'@' | b'L' | b'B',
            q @ (b'"' | b'\''),
            ..,
        ] => (2, *q),
        _ => return unquoted(right, blanks),
    };
    let start = blanks + open;
    let inside = &right[start..right.len().min(start + BYTES_MAX + 1)];
    let end = inside
        .iter()
        .position(|byte| *byte == quote || *byte == b'\n')?;
    if inside[end] != quote {
        return None;
    }
    let escaped = rest[0] == b'\\' && end > 0 && inside[end - 1] == b'\\';
    let end = if escaped { end - 1 } else { end };
    (end >= BYTES_MIN).then(|| Token {
        range: start..start + end,
        quoted: true,
        ends_line: true,
    })
}

fn unquoted(right: &[u8], start: usize) -> Option<Token> {
    let inside = &right[start..right.len().min(start + BYTES_MAX)];
    let end = inside
        .iter()
        .position(|byte| {
            byte.is_ascii_whitespace()
                || matches!(
                    byte,
                    b'"' | b'\'' | b'`' | b'<' | b',' | b';' | b'(' | b')' | b'[' | b'{' | 0
                )
        })
        .unwrap_or(inside.len());
    if end < BYTES_MIN {
        return None;
    }
    let behind = &inside[end..];
    let rest = behind
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
    let ends_line = match rest.map(|at| behind[at]) {
        None | Some(b'\n' | b'#' | b'<') => true,
        Some(b'"' | b'\'' | b';' | b',') => rest == Some(0),
        _ => false,
    };
    Some(Token {
        range: start..start + end,
        quoted: false,
        ends_line,
    })
}

/// Whether an unquoted value is data and no code: `KEY=value` and `key: value` on a line of
/// their own, in an element, or in a command.
pub(super) fn stands_alone(left: &[u8], token: &Token) -> bool {
    let line = left
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let words = line
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
        .count();
    let is_export = [
        b"export ".as_slice(),
        b"set ",
        b"ENV ",
        b"ARG ",
        b"- ",
        b"-e ",
        b"// ",
        b"# ",
    ]
    .iter()
    .any(|start| memchr::memmem::find(line, start).is_some());
    token.ends_line && (words <= 1 || is_export)
}

/// Something that a person or a machine chose as a password, not a word of code.
pub(crate) fn is_password(value: &[u8]) -> bool {
    if !(BYTES_MIN..=128).contains(&value.len()) || !is_text(value) || is_code(value) {
        return false;
    }
    if placeholder::is_one(value) {
        return false;
    }
    let shape = Shape::of(value);
    let letters = shape.lower + shape.upper;
    match shape.kinds() {
        1 => false,
        // Without a digit it is a word or a selector, unless other signs stand in it.
        _ if shape.digits == 0 => {
            letters > 0
                && value[0].is_ascii_alphabetic()
                && symbols(value) >= 1
                && !value.contains(&b'/')
        }
        _ if letters == 0 => false,
        _ => !is_wordlike(value) && shannon(value) >= 2.2,
    }
}

/// Something that chance made.
pub(super) fn is_secret(value: &[u8]) -> bool {
    if value.len() < SECRET_BYTES_MIN || !is_text(value) || is_code(value) || is_path(value) {
        return false;
    }
    let shape = Shape::of(value);
    let is_mixed =
        shape.digits >= 2 && shape.lower + shape.upper >= 2 && shape.changes * 5 >= value.len();
    is_mixed
        && shape.other * 4 <= value.len()
        && shannon(value) >= entropy_min(value)
        && !is_uuid(value)
        && !placeholder::is_one(value)
        && !is_date(value)
}

/// Hexadecimal has at most 4 bits a digit, and short values have fewer than long ones.
fn entropy_min(value: &[u8]) -> f64 {
    if value.iter().all(u8::is_ascii_hexdigit) || value.len() < 20 {
        2.9
    } else {
        3.4
    }
}

fn is_text(value: &[u8]) -> bool {
    value.iter().all(|byte| (0x21..0x7f).contains(byte))
}

fn symbols(value: &[u8]) -> usize {
    let is_symbol = |byte: &&u8| b"!@#$%^&*+?~".contains(byte);
    value.iter().filter(is_symbol).count()
}

/// Calls, indexes, comparisons, markup, tags, addresses.
fn is_code(value: &[u8]) -> bool {
    let has = |part: &[u8]| memchr::memmem::find(value, part).is_some();
    let first = value.first().copied().unwrap_or_default();
    value
        .iter()
        .any(|byte| matches!(byte, b'(' | b'<' | b'>' | b'{' | b'[' | b'"' | b'`' | b'\\'))
        || has(b"://")
        || has(b"::")
        || has(b"->")
        || has(b"&&")
        || has(b"||")
        || (first == b'&' || first == b'*' || first == b'-' || first == b'.' || first == b'/')
        || is_path(value)
}

fn is_path(value: &[u8]) -> bool {
    value.starts_with(b"/")
        || value.starts_with(b"./")
        || value.starts_with(b"../")
        || value.starts_with(b"~/")
        || value.iter().filter(|byte| **byte == b'/').count() >= 3
            && !value.contains(&b'+')
            && !value.contains(&b'=')
}

fn is_date(value: &[u8]) -> bool {
    value
        .iter()
        .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'T' | b'Z' | b'.' | b'+' | b'/'))
}

/// Eight, four, four, four, twelve digits of hexadecimal: names a thing more often than it opens one.
pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Names of code: `user.password1`, `getToken2`, `SECRET_KEY_V2`, `aws-secret-1`.
fn is_wordlike(value: &[u8]) -> bool {
    let is_separator = |byte: &u8| matches!(byte, b'_' | b'-' | b'.' | b'/' | b':');
    let is_name = value
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || is_separator(byte));
    if !is_name {
        return false;
    }
    let mut parts = value.split(is_separator).filter(|part| !part.is_empty());
    let has_separator = value.iter().any(is_separator);
    let is_word = |part: &[u8]| {
        let letters = part
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let digits = part[letters..].iter().all(u8::is_ascii_digit);
        digits && part.len() - letters <= 2 || letters == 0 && digits && part.len() <= 4
    };
    has_separator && parts.all(is_word)
}
