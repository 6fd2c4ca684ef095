//! The value to the right of an assignment.

use std::ops::Range;

use super::name::is_file;
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
        _ => match wrapped(rest) {
            Some(opened) => opened,
            None => return unquoted(right, blanks),
        },
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

/// A literal in a call that only wraps it, `SecretString::from("…")`: where it opens, and its quote.
fn wrapped(rest: &[u8]) -> Option<(usize, u8)> {
    const CALLS: &[&[u8]] = &[
        b"some",
        b"from",
        b"secretstr",
        b"secret",
        b"secretstring",
        b"string",
        b"of",
        b"new",
        b"ok",
    ];
    const NAME_BYTES_MAX: usize = 48;
    let rest = &rest[..rest.len().min(NAME_BYTES_MAX)];
    let open = rest
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || b"_.: ".contains(byte)))?;
    let quote = *rest.get(open + 1)?;
    if rest[open] != b'(' || !matches!(quote, b'"' | b'\'') {
        return None;
    }
    let call = rest[..open]
        .rsplit(|byte| !byte.is_ascii_alphanumeric())
        .next()?;
    CALLS
        .contains(&call.to_ascii_lowercase().as_slice())
        .then_some((open + 2, quote))
}

/// A block of YAML begins on the next line: `key: |`.
fn block(right: &[u8], start: usize) -> usize {
    let [b'|' | b'>', rest @ ..] = &right[start..] else {
        return start;
    };
    let blanks = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'-' | b'+');
    let skipped = rest.iter().take(BLANKS_MAX).take_while(blanks).count();
    match rest[..skipped].contains(&b'\n') {
        true => start + 1 + skipped,
        false => start,
    }
}

fn unquoted(right: &[u8], start: usize) -> Option<Token> {
    let start = block(right, start);
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
    // `NAME ?= value` and `NAME := value`: the sign is part of the operator.
    let line = line
        .strip_suffix(b"?")
        .or(line.strip_suffix(b":"))
        .unwrap_or(line);
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
                && !is_filled_or_address(value)
        }
        _ if letters == 0 => false,
        _ => !is_wordlike(value) && shannon(value) >= 2.2,
    }
}

/// No password, of words without a digit. `pre$name` is filled in: by shells, PHP, Perl, Groovy
/// and Kotlin in double quotes, by Compose, Make and Jenkins whatever the quotes; which of them
/// reads the file is not known here, so a password such as this is missed. `name@host.example`
/// is an address, and `name@` is what anonymous FTP takes for a password (RFC 1635 asks for an
/// address; clients leave out the host).
fn is_filled_or_address(value: &[u8]) -> bool {
    let is_filled = value
        .windows(2)
        .any(|pair| pair[0] == b'$' && pair[1].is_ascii_alphabetic());
    let mut parts = value.split(|byte| *byte == b'@');
    let is_name = |part: &[u8]| {
        part.iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(byte))
    };
    let is_address = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(host), None) => {
            is_name(name) && is_name(host) && (host.is_empty() || host.contains(&b'.'))
        }
        _ => false,
    };
    is_filled || is_address
}

/// A word that stands where a password does: weak, and a password all the same if a user's name
/// stands before it.
pub(super) fn is_word(value: &[u8]) -> bool {
    const LABELS: &[&[u8]] = &[
        b"password",
        b"passwort",
        b"username",
        b"string",
        b"required",
    ];
    let lower = value.to_ascii_lowercase();
    (BYTES_MIN..=32).contains(&value.len())
        && value.iter().any(u8::is_ascii_alphanumeric)
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-@!#".contains(byte))
        && !value.contains(&b'.')
        && !LABELS.contains(&lower.as_slice())
        && !placeholder::is_variable(value)
        && !placeholder::is_repeated(value)
}

/// Something that chance made.
pub(super) fn is_secret(value: &[u8]) -> bool {
    if value.len() < SECRET_BYTES_MIN || !is_text(value) || is_code(value) || is_path(value) {
        return false;
    }
    let shape = Shape::of(value);
    let is_mixed =
        shape.digits >= 2 && shape.lower + shape.upper >= 2 && shape.changes * 5 >= value.len();
    (is_mixed || is_unpronounceable(value, shape))
        && !is_odd_hex(value)
        && shape.other * 4 <= value.len()
        && shannon(value) >= entropy_min(value)
        && !is_uuid(value)
        && !placeholder::is_one(value)
        && !is_date(value)
        && !is_file(value)
}

/// Long, with few digits, and with fewer vowels than words of any language have: base32.
fn is_unpronounceable(value: &[u8], shape: Shape) -> bool {
    let letters = shape.lower + shape.upper;
    let vowels = value
        .iter()
        .filter(|byte| b"aeiouyAEIOUY".contains(byte))
        .count();
    value.len() >= 32
        && shape.other == 0
        && shape.digits >= 2
        && vowels * 100 <= letters * 28
        && shannon(value) >= 4.0
}

/// Hexadecimal of a key's size, but of an odd number of bytes or of half a byte: keys are drawn in
/// 16, 20, 24, 32 bytes, so this one is cut or glued to something. Those of providers that count
/// otherwise have rules; what is longer is a structure, such as a private key in DER.
fn is_odd_hex(value: &[u8]) -> bool {
    (33..=64).contains(&value.len())
        && !value.len().is_multiple_of(4)
        && value.iter().all(u8::is_ascii_hexdigit)
}

/// Hexadecimal of the size that SHA-1, SHA-256, SHA-384 and SHA-512 have.
pub(super) fn is_digest(value: &[u8]) -> bool {
    matches!(value.len(), 40 | 64 | 96 | 128) && value.iter().all(u8::is_ascii_hexdigit)
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
        .any(|byte| matches!(byte, b'(' | b'<' | b'>' | b'{' | b'[' | b'"' | b'\\'))
        || value.ends_with(b"`")
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

/// A UUID of version 4, RFC 9562: made by chance.
pub(super) fn is_random_uuid(value: &[u8]) -> bool {
    is_uuid(value)
        && value[14] == b'4'
        && matches!(value[19], b'8' | b'9' | b'a' | b'b' | b'A' | b'B')
        && shannon(value) >= 3.0
        && !placeholder::is_one(value)
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
