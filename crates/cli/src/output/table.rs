//! Tables for people: fitted and coloured on a terminal, the same rows whole and plain in a pipe.

mod stacked;
pub(super) mod wrap;

use std::io::{self, Write};

use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, presets};

use super::list::{Emit, Look, cells, heads};
use super::{Cell, Fields, Row, Sheet, Tone};

/// A table; held whole, because its columns need their widths.
pub(super) struct Table<'s> {
    sheet: &'s Sheet<'s>,
    selected: &'s [String],
    look: Look,
    rows: Vec<Vec<Cell>>,
}

impl<'s> Table<'s> {
    pub(super) fn new(sheet: &'s Sheet<'s>, selected: &'s [String], look: Look) -> Self {
        Self {
            sheet,
            selected,
            look,
            rows: Vec::new(),
        }
    }
}

impl Emit for Table<'_> {
    fn row(&mut self, _: &mut dyn Write, row: &Row, fields: &Fields) -> io::Result<()> {
        self.rows.push(cells(row, fields, self.selected));
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, footer: &[String]) -> io::Result<()> {
        if !self.rows.is_empty() {
            let heads = heads(self.sheet, self.selected);
            let shape = |at: usize| {
                let column = self
                    .sheet
                    .columns
                    .get(at)
                    .filter(|_| self.selected.is_empty());
                column.map_or((true, false), |column| (column.yields, column.number))
            };
            let wraps =
                self.selected.is_empty() && self.sheet.columns.iter().any(|column| column.whole);
            let fit = match (self.look.terminal, wraps) {
                (false, _) => Fit::Whole,
                (true, true) => Fit::Wrapped(0),
                (true, false) => Fit::Cut,
            };
            out.write_all(draw(&heads, &self.rows, self.look, fit, &shape).as_bytes())?;
        }
        if self.carries_footer() {
            if !self.rows.is_empty() {
                writeln!(out)?;
            }
            for line in footer {
                writeln!(out, "{}", wrap::sentence(line, self.look))?;
            }
        }
        Ok(())
    }

    fn carries_footer(&self) -> bool {
        self.look.carries_footer()
    }
}

/// How a table fits where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Every cell whole, in one line.
    Whole,
    /// One line a row: cells that yield lose their end.
    Cut,
    /// Nothing is lost: cells go on in the next line. The table is so far from the left margin.
    Wrapped(u16),
}

/// Draws a table without lines, or what it says row by row where the terminal is too narrow for
/// it. `shape` says of a column whether it yields and holds numbers.
pub(super) fn draw(
    heads: &[String],
    rows: &[Vec<Cell>],
    look: Look,
    fit: Fit,
    shape: &dyn Fn(usize) -> (bool, bool),
) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING);
    let margin = match fit {
        Fit::Whole => None,
        Fit::Cut => Some(0),
        Fit::Wrapped(margin) => Some(margin),
    };
    // Asked before styling is decided: a table without it looks for no terminal.
    let width = margin
        .zip(table.width())
        .map(|(margin, width)| width.saturating_sub(margin));
    if let Some(width) = width
        && stacked::is_better(heads, rows, fit, width, shape)
    {
        return stacked::draw(heads, rows, look, width);
    }
    fitted(&mut table, look, width);
    let fits = fit != Fit::Whole;
    table.set_header(heads.iter().map(|head| {
        styled(&Cell::new(head.to_uppercase()), look, false).add_attribute(Attribute::Bold)
    }));
    for cells in rows {
        let cells: Vec<_> = cells.iter().map(|cell| styled(cell, look, fits)).collect();
        let mut row = comfy_table::Row::from(cells);
        if fit == Fit::Cut {
            row.max_height(1);
        }
        table.add_row(row);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        let (yields, number) = shape(at);
        column.set_padding((0, 2));
        if number {
            column.set_cell_alignment(CellAlignment::Right);
        }
        if fits && !yields {
            column.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
        }
    }
    let mut out = String::new();
    for line in table.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn fitted(table: &mut comfy_table::Table, look: Look, width: Option<u16>) {
    match width {
        Some(width) => {
            table.set_width(width);
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_truncation_indicator("…");
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    if look.paint {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
}

/// Ids cut to what still names one thing to every command: four letters of kind, eight of the hash.
fn with_short_ids(text: &str) -> String {
    let shorter = |word: &str| -> Option<String> {
        let (kind, hash) = word.split_once('-')?;
        let letters = hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'v'));
        let known = model::Kind::ALL.iter().any(|one| one.prefix() == kind);
        (known && hash.len() == 24 && letters).then(|| format!("{kind}-{}", &hash[..8]))
    };
    let words: Vec<String> = text
        .split(' ')
        .map(|word| shorter(word).unwrap_or_else(|| word.to_owned()))
        .collect();
    words.join(" ")
}

fn styled(cell: &Cell, look: Look, short: bool) -> comfy_table::Cell {
    let text = model::clean(&cell.text);
    let drawn = comfy_table::Cell::new(if short { with_short_ids(&text) } else { text });
    if !look.paint {
        return drawn;
    }
    match cell.tone {
        Tone::Plain => drawn,
        Tone::Good => drawn.fg(Color::DarkGreen),
        Tone::Bad => drawn.fg(Color::DarkRed).add_attribute(Attribute::Bold),
        Tone::Warn => drawn.fg(Color::DarkYellow),
        Tone::Unknown => drawn.fg(Color::DarkGrey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_cut_to_what_still_names_it_and_nothing_else_is() {
        assert_eq!(
            with_short_ids("keyroll owner set idn-2f50kaiuf84032ffjfg6fq7r NAME"),
            "keyroll owner set idn-2f50kaiu NAME"
        );
        for text in [
            "idn-2f50",
            "x-2f50kaiuf84032ffjfg6fq7r",
            "idn-2F50KAIUf84032ffjfg6fq7r",
            "a  b",
        ] {
            assert_eq!(with_short_ids(text), text);
        }
    }
}
