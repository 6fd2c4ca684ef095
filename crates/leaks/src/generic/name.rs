//! The name to the left of an assignment.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::Word;

/// What may close a name before its operator has at most so many bytes.
const CLOSE_BYTES_MAX: usize = 12;

/// One of these is in every name that speaks of a secret. `None` where they could not be built:
/// then every name is looked at.
static PARTS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .ascii_case_insensitive(true)
        .prefilter(false)
        .build([
            "pass",
            "pw",
            "pswd",
            "contrasena",
            "secret",
            "token",
            "key",
            "credential",
            "bearer",
        ])
        .ok()
});

const PASSWORD: &[&[u8]] = &[
    b"password",
    b"passwd",
    b"passphrase",
    b"passwort",
    b"contrasena",
    b"pwd",
];
const SECRET: &[&[u8]] = &[
    b"secret",
    b"token",
    b"apikey",
    b"api_key",
    b"api-key",
    b"access_key",
    b"accesskey",
    b"access-key",
    b"secret_key",
    b"private_key",
    b"privatekey",
    b"auth_key",
    b"authkey",
    b"encryption_key",
    b"encryptionkey",
    b"signing_key",
    b"signingkey",
    b"master_key",
    b"masterkey",
    b"account_key",
    b"accountkey",
    b"service_key",
    b"servicekey",
    b"shared_key",
    b"sharedkey",
    b"credential",
    b"client_key",
    b"consumer_key",
    b"app_key",
    b"appkey",
    b"license_key",
    b"bearer",
];
/// A name with one of these at its end tells of a secret, not one itself.
const ABOUT: &[&[u8]] = &[
    b"id",
    b"ids",
    b"name",
    b"names",
    b"url",
    b"uri",
    b"path",
    b"file",
    b"filename",
    b"dir",
    b"length",
    b"len",
    b"size",
    b"type",
    b"types",
    b"kind",
    b"field",
    b"label",
    b"title",
    b"text",
    b"header",
    b"prefix",
    b"suffix",
    b"hint",
    b"policy",
    b"regex",
    b"regexp",
    b"pattern",
    b"expiry",
    b"expires",
    b"ttl",
    b"count",
    b"error",
    b"message",
    b"msg",
    b"format",
    b"version",
    b"ref",
    b"arn",
    b"env",
    b"var",
    b"variable",
    b"placeholder",
    b"endpoint",
    b"class",
    b"style",
    b"column",
    b"index",
    b"scope",
    b"scopes",
    b"hash",
    b"sha",
    b"sha1",
    b"sha256",
    b"md5",
    b"digest",
    b"checksum",
    b"fingerprint",
    b"description",
    b"desc",
    b"help",
    b"example",
    b"public",
    b"pub",
    b"tokenizer",
    b"required",
    b"enabled",
    b"min",
    b"max",
    b"date",
    b"time",
    b"at",
    b"selector",
    b"location",
    b"store",
    b"manager",
];

/// How files of code and of manuals end. Lists of files give each its checksum, or what it is made
/// of; files of data are left out, because a secret may be kept under their names.
const FILES: &[&[u8]] = &[
    b"c", b"cc", b"cpp", b"cs", b"css", b"go", b"h", b"html", b"java", b"js", b"jsx", b"kt", b"md",
    b"mjs", b"php", b"pl", b"pm", b"pod", b"py", b"rb", b"rs", b"rst", b"scala", b"swift", b"ts",
    b"tsx",
];

/// Names of providers' own keys: what they hold is never the id of a thing.
const KEY: &[&[u8]] = &[
    b"api_key",
    b"apikey",
    b"api-key",
    b"api_token",
    b"apitoken",
    b"api-token",
    b"client_secret",
    b"clientsecret",
    b"client-secret",
    b"secret_key",
    b"secretkey",
    b"access_token",
    b"accesstoken",
    b"auth_token",
    b"authtoken",
];
/// Fields that hold the value of what another field names.
const FIELD: &[&[u8]] = &[
    b"value",
    b"default",
    b"defaultvalue",
    b"parametervalue",
    b"content",
];
/// Fields that name it.
const NAMES: &[&[u8]] = &[
    b"name",
    b"key",
    b"variable",
    b"parameterkey",
    b"id",
    b"property",
];

/// What the last name in `left` speaks of, and that name; `None` if not of a secret.
pub(super) fn word(left: &[u8], quoted: bool) -> Option<(Word, &[u8])> {
    let name = last_name(left)?;
    let text = &left[name.clone()];
    let speaks = |text| Some((kind(text)?, text));
    if FIELD.iter().any(|field| text.eq_ignore_ascii_case(field)) {
        return speaks(named(left)?);
    }
    speaks(text).or_else(|| {
        // `password: &str = "…"`, `token: string = "…"`: the name stands before its type.
        let before = before_type(&left[..name.start]).filter(|_| quoted)?;
        speaks(&before[last_name(before)?])
    })
}

/// The name that a field before `value:` or `default =` gives: `name: X`, `variable "X" {`.
fn named(left: &[u8]) -> Option<&[u8]> {
    let words: Vec<&[u8]> = left
        .split(|byte| !is_letter(*byte))
        .filter(|word| word.iter().any(u8::is_ascii_alphanumeric))
        .collect();
    let is = |word: &[u8], names: &[&[u8]]| names.contains(&word.to_ascii_lowercase().as_slice());
    let before = words.len().checked_sub(3)?;
    if is(words[before], NAMES) {
        return Some(words[before + 1]);
    }
    let variable = words.iter().rposition(|word| is(word, &[b"variable"]))?;
    words.get(variable + 1).copied()
}

/// Whether nothing but blanks stands before the name on its line, as in files of settings.
pub(super) fn begins_line(left: &[u8]) -> bool {
    let line = line(left).trim_ascii();
    !line.is_empty() && line.iter().all(|byte| is_letter(*byte))
}

/// Whether a user's name was assigned shortly before.
pub(super) fn follows_user(left: &[u8]) -> bool {
    let text = String::from_utf8_lossy(left).to_ascii_lowercase();
    text.rmatch_indices("user").any(|(at, _)| {
        let behind = text[at..].trim_start_matches(|c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '_' | '"' | '\'' | ']' | ' ' | '\\')
        });
        behind.starts_with([':', '='])
    })
}

/// Whether the name is the last part of a path, `"keys/private_key": "…"`: lists of files give
/// each its checksum.
pub(super) fn ends_path(left: &[u8]) -> bool {
    let name = last_name(left);
    name.is_some_and(|name| left[..name.start].ends_with(b"/"))
}

/// Whether the line names a function that makes digests of passwords: `sha256(password) == "…"`.
pub(super) fn follows_hash(left: &[u8]) -> bool {
    const HASHES: &[&[u8]] = &[
        b"sha1", b"sha2", b"sha3", b"sha5", b"sha-", b"hash", b"digest",
    ];
    let lower = line(left).to_ascii_lowercase();
    HASHES
        .iter()
        .any(|hash| memchr::memmem::find(&lower, hash).is_some())
}

fn line(left: &[u8]) -> &[u8] {
    let start = memchr::memrchr(b'\n', left).map_or(0, |at| at + 1);
    &left[start..]
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Where the last name of `text` stands; quotes, brackets and blanks may follow it.
fn last_name(text: &[u8]) -> Option<Range<usize>> {
    let close = text.iter().rev().take(CLOSE_BYTES_MAX).take_while(|byte| {
        matches!(
            byte,
            b' ' | b'\t' | b'"' | b'\'' | b'`' | b']' | b'\\' | b'?' | b'!' | b':' | b')'
        )
    });
    let end = text.len() - close.count();
    let letters = text[..end]
        .iter()
        .rev()
        .take_while(|byte| is_letter(**byte));
    let start = end - letters.count();
    (start < end).then_some(start..end)
}

/// What stands before the `:` of a type that follows.
fn before_type(before: &[u8]) -> Option<&[u8]> {
    let colon = before
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | b'&' | b'*' | b'\'' | b'[' | b']'))?;
    (before[colon] == b':').then(|| &before[..colon])
}

/// What a name speaks of.
fn kind(name: &[u8]) -> Option<Word> {
    // Nearly every name ends here.
    if PARTS.as_ref().is_some_and(|parts| !parts.is_match(name)) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let lower = lower.as_slice();
    let last = lower
        .rsplit(|b| matches!(b, b'_' | b'-' | b'.'))
        .next()
        .unwrap_or_default();
    if ABOUT.contains(&last) || ends_about(lower) || is_file(lower) {
        return None;
    }
    let has = |words: &[&[u8]]| {
        words
            .iter()
            .any(|word| memchr::memmem::find(lower, word).is_some())
    };
    if has(PASSWORD) || matches!(last, b"pass" | b"pw" | b"pswd") || lower.ends_with(b"_pass") {
        return Some(Word::Password);
    }
    if has(KEY) {
        return Some(Word::Key);
    }
    has(SECRET).then_some(Word::Secret)
}

/// Whether `text` is called as a file of code or of a manual is.
pub(super) fn is_file(text: &[u8]) -> bool {
    let mut parts = text.rsplitn(2, |byte| *byte == b'.');
    let end = parts.next().unwrap_or_default();
    parts.next().is_some_and(|stem| !stem.is_empty()) && FILES.contains(&end)
}

/// The same in one word: `passwordHash`, `tokenUrl`, `secretName`.
fn ends_about(lower: &[u8]) -> bool {
    const LONG: &[&[u8]] = &[
        b"name",
        b"url",
        b"uri",
        b"path",
        b"file",
        b"length",
        b"type",
        b"field",
        b"label",
        b"header",
        b"prefix",
        b"policy",
        b"regex",
        b"pattern",
        b"hash",
        b"hint",
        b"placeholder",
        b"message",
        b"error",
        b"endpoint",
        b"version",
        b"count",
        b"digest",
        b"checksum",
        b"tokenid",
        b"keyid",
        b"secretid",
        b"tokens",
    ];
    LONG.iter().any(|end| lower.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_for_a_secret_has_one_of_the_parts_that_are_looked_for_first() {
        for word in [PASSWORD, SECRET, KEY].concat() {
            assert!(kind(word).is_some(), "{}", String::from_utf8_lossy(word));
        }
    }
}
