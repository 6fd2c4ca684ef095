//! JSON and NDJSON: exact, and safe on a terminal because every steering character is escaped.

use std::io::{self, Write};

use serde_json::Value;

use super::list::Emit;
use super::{Fields, Row};

/// One array; an empty list is `[]` (CL-15).
#[derive(Default)]
pub(super) struct Array {
    begun: bool,
}

impl Emit for Array {
    fn row(&mut self, out: &mut dyn Write, _: &Row, fields: &Fields) -> io::Result<()> {
        out.write_all(if self.begun { b",\n" } else { b"[\n" })?;
        self.begun = true;
        out.write_all(safe(&encoded(fields)).as_bytes())
    }

    fn end(&mut self, out: &mut dyn Write, _: &[String]) -> io::Result<()> {
        out.write_all(if self.begun { b"\n]\n" } else { b"[]\n" })
    }
}

/// One object a line.
pub(super) struct Lines;

impl Emit for Lines {
    fn row(&mut self, out: &mut dyn Write, _: &Row, fields: &Fields) -> io::Result<()> {
        out.write_all(safe(&encoded(fields)).as_bytes())?;
        out.write_all(b"\n")
    }

    fn end(&mut self, _: &mut dyn Write, _: &[String]) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn encoded(fields: &Fields) -> String {
    // A map with text keys cannot fail to serialise.
    serde_json::to_string(fields).unwrap_or_default()
}

/// A value over several lines.
pub(crate) fn text(value: &Value) -> String {
    safe(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// A value in one line.
pub(super) fn line(value: &Value) -> String {
    safe(&value.to_string())
}

/// JSON with every character beyond ASCII that steers a terminal or deceives a reader, and DEL,
/// as `\uXXXX`. They can only stand inside strings, so the meaning stays the same.
pub(super) fn safe(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for letter in json.chars() {
        let ascii = letter.is_ascii() && letter != '\u{7f}';
        if ascii
            || model::clean(letter.encode_utf8(&mut [0; 4]))
                .chars()
                .eq([letter])
        {
            out.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steering_characters_are_escaped_and_read_back_the_same() {
        for text in [
            "a\u{202e}b",
            "\u{9b}31m",
            "\u{7f}",
            "\u{e0041}",
            "\u{1b}[2J",
            "grün 鍵",
        ] {
            let value = Value::String(text.to_owned());
            let json = line(&value);
            assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
            assert_eq!(model::clean(&json), json, "{json}");
        }
        assert_eq!(line(&Value::String("grün 鍵".into())), "\"grün 鍵\"");
    }
}
