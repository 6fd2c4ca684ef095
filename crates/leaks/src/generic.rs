//! The scanner of assignments: an operator, the value to its right, the name to its left.
//!
//! A regex for "a name with `key` in it, then a value" would take three quarters of all time.
//! So this looks at every `=` and `:`, takes what stands to the right, and throws most of it
//! away by its length and letters before it looks for a name.

mod name;
mod url;
mod value;

use std::ops::Range;

use crate::found::Fact;

pub(crate) use url::is_word as is_manual_word;
pub(crate) use value::is_password;

/// How far is looked to the left for a name, and to the right for a value.
pub(crate) const LEFT: usize = 256;
pub(crate) const RIGHT: usize = 4096;

/// What kind of name stands to the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// A person or machine may have thought it up.
    Password,
    /// Made by chance: a secret, a token, a key.
    Secret,
    /// The same, under a name that providers give their keys: it may be a UUID.
    Key,
}

/// A value that is assigned to a name that speaks of secrets, or stands in a URL.
#[derive(Debug)]
pub(crate) enum Found {
    Assigned {
        word: Word,
        range: Range<usize>,
        /// The name to which it is assigned.
        name: String,
        is_quoted: bool,
        /// A word such as manuals use, but beside a user's name.
        is_word: bool,
    },
    Url {
        scheme: String,
        range: Range<usize>,
        facts: Vec<Fact>,
        /// The password is a word such as manuals use.
        is_word: bool,
    },
}

/// Looks at the operator `bytes[at]`, which is `=` or `:`.
pub(crate) fn at(bytes: &[u8], at: usize) -> Option<Found> {
    let left = &bytes[at.saturating_sub(LEFT)..at];
    let right = &bytes[at + 1..bytes.len().min(at + 1 + RIGHT)];
    if bytes[at] == b':' {
        match right {
            [b'/', b'/', rest @ ..] => {
                return url::password(left, rest).map(|found| found.moved(at + 3));
            }
            [b':' | b'=', ..] => return None,
            _ => {}
        }
        if left.ends_with(b":") {
            return None;
        }
    } else if matches!(
        left.last(),
        Some(b'=' | b'<' | b'>' | b'~' | b'+' | b'-' | b'*' | b'/')
    ) {
        return None;
    }
    let compares = bytes[at] == b'=' && (right.starts_with(b"=") || left.ends_with(b"!"));
    let signs: &[u8] = if bytes[at] == b'=' { b"=>~" } else { b"" };
    let skipped = right
        .iter()
        .take(2)
        .take_while(|byte| signs.contains(byte))
        .count();
    let token = value::token(&right[skipped..])?;
    let place = at + 1 + skipped;
    let (word, name) = name::word(left, token.quoted)?;
    let range = place + token.range.start..place + token.range.end;
    let value = &bytes[range.clone()];
    // A literal in code, data on a line of its own; of what is compared, only a literal.
    if !token.quoted && (compares || !value::stands_alone(left, &token)) {
        return None;
    }
    if value::is_digest(value)
        && (name::ends_path(left) || word == Word::Password && name::follows_hash(left))
    {
        return None;
    }
    let is_one = match word {
        Word::Password => value::is_password(value),
        Word::Secret => value::is_secret(value),
        Word::Key => value::is_secret(value) || value::is_random_uuid(value),
    };
    let is_word = !is_one
        && word == Word::Password
        && !token.quoted
        && bytes.get(range.end).is_none_or(u8::is_ascii_whitespace)
        && value::is_word(value)
        && name::begins_line(left)
        && name::follows_user(left);
    (is_one || is_word).then_some(Found::Assigned {
        word,
        range,
        name: String::from_utf8_lossy(name).into_owned(),
        is_quoted: token.quoted,
        is_word,
    })
}

impl Found {
    fn moved(self, by: usize) -> Self {
        match self {
            Self::Url {
                scheme,
                range,
                facts,
                is_word,
            } => Self::Url {
                scheme,
                range: range.start + by..range.end + by,
                facts,
                is_word,
            },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests;
