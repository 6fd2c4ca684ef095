//! Markdown tables, as GitHub reads them; foreign text cannot become markup.

use std::io::{self, Write};

use super::list::{Emit, cells, heads};
use super::{Fields, Row, Sheet};

/// A table; written as rows come.
pub(super) struct Table<'s> {
    sheet: &'s Sheet<'s>,
    selected: &'s [String],
    begun: bool,
}

impl<'s> Table<'s> {
    pub(super) fn new(sheet: &'s Sheet<'s>, selected: &'s [String]) -> Self {
        Self {
            sheet,
            selected,
            begun: false,
        }
    }
}

impl Emit for Table<'_> {
    fn row(&mut self, out: &mut dyn Write, row: &Row, fields: &Fields) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            let heads = heads(self.sheet, self.selected);
            writeln!(out, "# {}\n", self.sheet.title)?;
            head(out, &heads)?;
        }
        line(
            out,
            cells(row, fields, self.selected)
                .iter()
                .map(|cell| cell.text.as_str()),
        )
    }

    fn end(&mut self, out: &mut dyn Write, footer: &[String]) -> io::Result<()> {
        if !self.begun {
            writeln!(out, "# {}", self.sheet.title)?;
        }
        for line in footer {
            writeln!(out, "\n{}", escaped(line))?;
        }
        Ok(())
    }

    fn carries_footer(&self) -> bool {
        true
    }
}

/// The head of a table and the line below it.
pub(super) fn head(out: &mut dyn Write, heads: &[String]) -> io::Result<()> {
    line(out, heads.iter().map(String::as_str))?;
    line(out, heads.iter().map(|_| "---"))
}

/// One line of a table.
pub(super) fn line<'c>(
    out: &mut dyn Write,
    cells: impl Iterator<Item = &'c str>,
) -> io::Result<()> {
    out.write_all(b"|")?;
    for cell in cells {
        let cell = if cell == "---" {
            cell.to_owned()
        } else {
            escaped(cell)
        };
        write!(out, " {cell} |")?;
    }
    out.write_all(b"\n")
}

/// Cleaned text in which nothing is markup; what stood in backticks stays code.
pub(super) fn escaped(text: &str) -> String {
    let text = model::clean(text);
    // An even number of ticks, none doubled: our own sentences. Anything else is escaped whole.
    let ticks = text.matches('`').count();
    let marked = text
        .split('`')
        .skip(1)
        .step_by(2)
        .any(|code| code.contains(['<', '>', '&']));
    if ticks % 2 == 1 || text.contains("``") || marked {
        return inert(&text);
    }
    let mut out = String::with_capacity(text.len());
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            // In a table even code must not hold a bar.
            out.push_str(&format!("`{}`", part.replace('|', "¦")));
        } else {
            out.push_str(&inert(part));
        }
    }
    out
}

fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            // Before a blank it ends a word of ours and begins no link.
            ':' if letters.peek() == Some(&' ') => out.push(':'),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(letter);
            }
            // A scheme that renderers turn into a link by themselves.
            ':' => out.push_str("&#58;"),
            '@' => out.push_str("&#64;"),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_no_markup() {
        assert_eq!(
            escaped("[x](javascript:y)|"),
            "\\[x\\](javascript&#58;y)\\|"
        );
        assert_eq!(escaped("where: there"), "where: there");
        assert_eq!(escaped("<img src=x>"), "&lt;img src=x&gt;");
        assert_eq!(
            escaped("type `keyroll gaps` next"),
            "type `keyroll gaps` next"
        );
        assert_eq!(escaped("``x"), "\\`\\`x");
        assert_eq!(escaped("`<b>`"), "\\`&lt;b&gt;\\`");
        assert_eq!(escaped("a\nb"), "a\\\\u{a}b");
    }
}
