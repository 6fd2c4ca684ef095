//! A table turned on its side: each row as lines of heading and value, for terminals in which its
//! columns would be slivers.

use super::{Cell, Fit, Look, with_short_ids, wrap};
use crate::terminal::UNKNOWN;

/// A word is broken once a column is so wide and still too narrow for it: a path, mostly.
const WORD_MAX: usize = 16;
/// What is left of a cell that is cut says something from this width on.
const CUT_MIN: usize = 6;
/// Between two columns.
const GAP: usize = 2;

/// Whether the columns of a table have no room to be read in.
pub(super) fn is_better(
    heads: &[String],
    rows: &[Vec<Cell>],
    fit: Fit,
    width: u16,
    shape: &dyn Fn(usize) -> (bool, bool),
) -> bool {
    let needs = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(short);
        let texts = cells.chain([heads[at].clone()]);
        let (yields, _) = shape(at);
        let least = |text: String| match fit {
            _ if !yields => letters(&text),
            Fit::Cut => letters(&text).min(CUT_MIN),
            _ => text
                .split(' ')
                .map(letters)
                .max()
                .unwrap_or(0)
                .min(WORD_MAX),
        };
        texts.map(least).max().unwrap_or(0) + GAP
    };
    let all: usize = (0..heads.len()).map(needs).sum();
    all.saturating_sub(GAP) > usize::from(width)
}

/// The rows, one below the other, in so many columns; a cell that says nothing is left out.
pub(super) fn draw(heads: &[String], rows: &[Vec<Cell>], look: Look, width: u16) -> String {
    let wide = heads.iter().map(|head| letters(head)).max().unwrap_or(0);
    let mut out = String::new();
    for (number, row) in rows.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        for (head, cell) in heads
            .iter()
            .zip(row)
            .filter(|(_, cell)| !cell.text.is_empty())
        {
            let head = format!("{head:<wide$}");
            let text = wrap::hanging(&short(cell), wide + GAP, width);
            let text = look.toned(cell.tone, &text);
            if look.paint {
                out.push_str(&format!("{UNKNOWN}{head}{UNKNOWN:#}  {text}\n"));
            } else {
                out.push_str(&format!("{head}  {text}\n"));
            }
        }
    }
    out
}

fn short(cell: &Cell) -> String {
    with_short_ids(&model::clean(&cell.text))
}

fn letters(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Look = Look {
        terminal: true,
        file: false,
        paint: false,
    };

    fn table() -> (Vec<String>, Vec<Vec<Cell>>) {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let heads: Vec<String> = texts(&["id", "where it lies", "owner"]);
        let row = |cells: &[&str]| cells.iter().map(|text| Cell::new(*text)).collect();
        let rows = vec![
            row(&[
                "crd-2f50kaiuf84032ffjfg6fq7r",
                "/home/ann/.aws/credentials",
                "ann",
            ]),
            row(&["crd-8d0vfm0uin9fk46hng2ml45k", "/etc/x", ""]),
        ];
        (heads, rows)
    }

    #[test]
    fn a_table_is_turned_only_where_its_columns_have_no_room() {
        let (heads, rows) = table();
        let shape = |at: usize| (at == 1, false);
        // 12 for the short id, 16 for the path, 5 for the owner, and what is between them.
        let turned = |fit, width| is_better(&heads, &rows, fit, width, &shape);
        assert!(turned(Fit::Wrapped(0), 36) && !turned(Fit::Wrapped(0), 37));
        assert!(turned(Fit::Cut, 26) && !turned(Fit::Cut, 27));
    }

    #[test]
    fn a_turned_table_says_all_that_there_is() {
        let (heads, rows) = table();
        assert_eq!(
            draw(&heads, &rows, PLAIN, 40),
            "id             crd-2f50kaiu\n\
             where it lies  /home/ann/.aws/credentials\n\
             owner          ann\n\
             \n\
             id             crd-8d0vfm0u\n\
             where it lies  /etc/x\n"
        );
    }
}
