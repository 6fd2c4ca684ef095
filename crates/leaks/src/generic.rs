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

pub(crate) use value::is_password;

/// How far is looked to the left for a name, and to the right for a value.
pub(crate) const LEFT: usize = 128;
pub(crate) const RIGHT: usize = 4096;

/// What kind of name stands to the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// A person or machine may have thought it up.
    Password,
    /// Made by chance: a secret, a token, a key.
    Secret,
}

/// A value that is assigned to a name that speaks of secrets, or stands in a URL.
#[derive(Debug)]
pub(crate) enum Found {
    Assigned {
        word: Word,
        range: Range<usize>,
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
    } else if left.ends_with(b"=")
        || matches!(
            left.last(),
            Some(b'!' | b'<' | b'>' | b'~' | b'+' | b'-' | b'*' | b'/')
        )
    {
        return None;
    }
    let skipped =
        usize::from(matches!(right.first(), Some(b'>' | b'=' | b'~')) && bytes[at] == b'=');
    if right.first() == Some(&b'=') && bytes[at] == b'=' {
        return None;
    }
    let token = value::token(&right[skipped..])?;
    let place = at + 1 + skipped;
    let word = name::word(left, token.quoted)?;
    let value = &bytes[place + token.range.start..place + token.range.end];
    let is_one = match word {
        Word::Password => {
            value::is_password(value) && (token.quoted || value::stands_alone(left, &token))
        }
        Word::Secret => {
            value::is_secret(value) && (token.quoted || value::stands_alone(left, &token))
        }
    };
    is_one.then(|| Found::Assigned {
        word,
        range: place + token.range.start..place + token.range.end,
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
