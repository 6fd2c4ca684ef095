//! The variables of an environment file, as the usual loaders read them.

use model::Secret;

use crate::formats::Seen;
use crate::formats::text::LINES_MAX;

/// More variables than this in one file are not looked at.
const VARIABLES_MAX: usize = 5_000;
/// A longer name is none.
const NAME_BYTES_MAX: usize = 200;

/// One variable.
#[derive(Debug)]
pub(in crate::formats) struct Variable<'a> {
    /// Its name.
    pub(in crate::formats) name: &'a str,
    /// Its value, unquoted; taken by the credential it becomes part of.
    pub(in crate::formats) value: Secret,
    /// On which line it begins, from 1.
    pub(in crate::formats) line: usize,
    /// Whether a credential was made of it.
    pub(in crate::formats) used: bool,
}

impl Variable<'_> {
    /// The value as text; empty where it is no UTF-8, which cannot be.
    pub(in crate::formats) fn text(&self) -> &str {
        std::str::from_utf8(self.value.expose()).unwrap_or_default()
    }
}

/// Every variable of `text`.
pub(super) fn read<'a>(text: &'a str, seen: &mut Seen) -> Vec<Variable<'a>> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() && line <= LINES_MAX {
        let first = rest.split_inclusive('\n').next().unwrap_or(rest);
        let mut used = first.len();
        if let Some((name, value)) = assignment(first) {
            let start = first.len() - value.len();
            let (value, length) = value_at(&rest[start..], value);
            used = used.max(start + length);
            if out.len() == VARIABLES_MAX {
                seen.unsupported(format!(
                    "holds more than {VARIABLES_MAX} variables; the rest was not read"
                ));
                break;
            }
            out.push(Variable {
                name,
                value,
                line,
                used: false,
            });
        }
        let (taken, behind) = rest.split_at(used);
        line += taken.bytes().filter(|byte| *byte == b'\n').count().max(1);
        rest = behind;
    }
    out
}

/// The name and all that follows the `=` on this line.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let named = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(plain);
    named.then_some((name, value.trim_start_matches([' ', '\t'])))
}

/// The value at the start of `rest`, of which `line` is the first line, and its length as
/// written. A quoted one may go over lines; one whose quote never ends is taken as it stands.
fn value_at(rest: &str, line: &str) -> (Secret, usize) {
    let mut letters = rest.char_indices();
    let quote = match letters.next() {
        Some((_, quote @ ('"' | '\'' | '`'))) => quote,
        _ => return (Secret::from(bare(line)), line.len()),
    };
    let mut value = Vec::new();
    let mut utf8 = [0; 4];
    while let Some((at, letter)) = letters.next() {
        let letter = match letter {
            _ if letter == quote => return (Secret::new(value), at + 1),
            '\\' if quote == '"' => match letters.next() {
                Some((_, 'n')) => '\n',
                Some((_, 'r')) => '\r',
                Some((_, 't')) => '\t',
                Some((_, other)) => other,
                None => break,
            },
            _ => letter,
        };
        value.extend_from_slice(letter.encode_utf8(&mut utf8).as_bytes());
    }
    // Zeroes what was gathered of the value.
    drop(Secret::new(value));
    (Secret::from(bare(line)), line.len())
}

/// An unquoted value: up to a comment, without spaces round it.
fn bare(line: &str) -> &str {
    let line = line.trim();
    let end = if line.starts_with('#') {
        Some(0)
    } else {
        line.find(" #")
    };
    line.get(..end.unwrap_or(line.len()))
        .unwrap_or(line)
        .trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, String, usize)> {
        read(text, &mut Seen::default())
            .iter()
            .map(|one| (one.name.to_owned(), one.text().to_owned(), one.line))
            .collect()
    }

    #[test]
    fn values_are_read_as_loaders_read_them() {
        let text = "# a\nA=1 # one\nexport B = \"x\\ny\" # no\nC='a#b\"'\n\nD=\"two\nlines\"\nE=#\nno assignment\nF=a=b#c\r\n";
        let expect = [
            ("A", "1", 2),
            ("B", "x\ny", 3),
            ("C", "a#b\"", 4),
            ("D", "two\nlines", 6),
            ("E", "", 8),
            ("F", "a=b#c", 10),
        ];
        let expect: Vec<_> = expect
            .map(|(n, v, l)| (n.to_owned(), v.to_owned(), l))
            .to_vec();
        assert_eq!(told(text), expect);
    }

    #[test]
    fn a_quote_that_never_ends_spoils_its_own_line_only() {
        assert_eq!(told("A=\"x\nB=2\n")[1], ("B".to_owned(), "2".to_owned(), 2));
    }
}
