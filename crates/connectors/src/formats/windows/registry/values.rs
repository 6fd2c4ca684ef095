//! The lines of a registry export: keys in brackets, values below them.

use crate::formats::Seen;
use crate::formats::utf16;

/// More values of one key than this are not kept.
const VALUES_MAX: usize = 2_000;
/// A longer value in hexadecimal is no text that a person wrote.
const HEX_BYTES_MAX: usize = 256 * 1024;

/// One key with its values.
#[derive(Debug, Default)]
pub(super) struct Key<'a> {
    pub(super) path: String,
    pub(super) values: Vec<Value<'a>>,
}

/// One value.
#[derive(Debug)]
pub(super) struct Value<'a> {
    pub(super) name: String,
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    /// What it says, if it is a text.
    pub(super) text: Option<String>,
    /// What it says, if it is a list of texts.
    pub(super) lines: Option<Vec<String>>,
    /// As it is written, behind the `=`.
    written: &'a str,
}

impl Key<'_> {
    pub(super) fn value(&self, name: &str) -> Option<&Value<'_>> {
        self.values
            .iter()
            .find(|one| one.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.text.as_deref()
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        let written = self.value(name)?.written.trim();
        u32::from_str_radix(written.strip_prefix("dword:")?, 16).ok()
    }

    /// The values that are texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.values.iter();
        texts.filter_map(|one| Some((one.name.as_str(), one.text.as_deref()?)))
    }
}

/// Gives each key of `text` with its values, in order.
pub(super) fn each_key(text: &str, seen: &mut Seen, each: &mut dyn FnMut(Key<'_>, &mut Seen)) {
    let mut key = Key::default();
    let mut lines = (1..).zip(text.split('\n'));
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if let Some(path) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            let before = std::mem::replace(
                &mut key,
                Key {
                    path: path.to_owned(),
                    values: Vec::new(),
                },
            );
            each(before, seen);
            continue;
        }
        let Some((name, written)) = named(line) else {
            continue;
        };
        let mut joined = None;
        if written.starts_with("hex") {
            // Only hexadecimal goes on in the next line.
            let mut whole = written.to_owned();
            while whole.ends_with('\\') && whole.len() <= HEX_BYTES_MAX {
                whole.pop();
                let Some((_, next)) = lines.next() else {
                    break;
                };
                whole.push_str(next.trim());
            }
            joined = Some(whole);
        }
        if key.values.len() == VALUES_MAX {
            seen.unsupported(format!(
                "a key with more than {VALUES_MAX} values; the rest of them was not read"
            ));
        }
        if key.values.len() <= VALUES_MAX {
            key.values
                .push(value(name, number, written, joined.as_deref()));
        }
    }
    each(key, seen);
}

/// `"name"=…`, or `@=…` for the value without one.
fn named(line: &str) -> Option<(String, &str)> {
    if let Some(written) = line.strip_prefix("@=") {
        return Some(("@".to_owned(), written));
    }
    let (name, rest) = quoted(line)?;
    Some((name, rest.trim_start().strip_prefix('=')?.trim_start()))
}

/// The text in quotes at the beginning, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut letters = inside.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((out, &inside[at + 1..])),
            '\\' => out.extend(letters.next().map(|(_, letter)| letter)),
            _ => out.push(letter),
        }
    }
    None
}

fn value<'a>(name: String, line: usize, written: &'a str, joined: Option<&str>) -> Value<'a> {
    let mut value = Value {
        name,
        line,
        text: None,
        lines: None,
        written,
    };
    match joined {
        None => value.text = quoted(written).map(|(text, _)| text),
        Some(joined) => {
            // REG_SZ, REG_EXPAND_SZ and REG_MULTI_SZ in UTF-16.
            let is = |kind: &str| joined.strip_prefix(kind).and_then(wide);
            let text = is("hex(1):").or_else(|| is("hex(2):"));
            value.text = text.map(|text| text.trim_end_matches('\0').to_owned());
            value.lines = is("hex(7):").map(|text| {
                let lines = text.split('\0').filter(|line| !line.is_empty());
                lines.map(str::to_owned).collect()
            });
        }
    }
    value
}

/// `70,00,61,00` as text.
fn wide(digits: &str) -> Option<String> {
    let bytes = digits
        .split(',')
        .map(str::trim)
        .filter(|byte| !byte.is_empty());
    let bytes: Result<Vec<u8>, _> = bytes.map(|byte| u8::from_str_radix(byte, 16)).collect();
    utf16::hidden(&bytes.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lists_and_numbers_are_read_with_their_lines() {
        let text = "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_X\\A]\r\n@=\"d\"\r\n\
            \"a \\\"q\\\" \\\\b\"=\"c:\\\\x\"\r\n\"n\"=dword:0000001f\r\n\
            \"e\"=hex(2):25,00,41,00,\\\r\n  25,00,00,00\r\n\"m\"=hex(7):61,00,3d,00,62,00,00,00,63,00,00,00,00,00\r\n\
            \"raw\"=hex:01,02\r\n\r\n[-HKEY_X\\B]\r\n\"z\"=-\r\n";
        let mut keys = Vec::new();
        let mut seen = Seen::default();
        each_key(text, &mut seen, &mut |key, _| {
            let told = |one: &Value<'_>| {
                (
                    one.name.clone(),
                    one.line,
                    one.text.clone(),
                    one.lines.clone(),
                )
            };
            let number = key.number("n");
            keys.push((
                key.path.clone(),
                number,
                key.values.iter().map(told).collect::<Vec<_>>(),
            ));
        });
        let some = |text: &str| Some(text.to_owned());
        let value = |name: &str, line, text, lines| (name.to_owned(), line, text, lines);
        assert_eq!(keys.len(), 3);
        assert_eq!((keys[1].0.as_str(), keys[1].1), ("HKEY_X\\A", Some(31)));
        assert_eq!(
            keys[1].2,
            [
                value("@", 4, some("d"), None),
                value("a \"q\" \\b", 5, some("c:\\x"), None),
                value("n", 6, None, None),
                value("e", 7, some("%A%"), None),
                value("m", 9, None, Some(vec!["a=b".to_owned(), "c".to_owned()])),
                value("raw", 10, None, None),
            ]
        );
        assert!(seen.gaps.is_empty());
    }
}
