//! HTML: one self-contained page that fetches nothing and runs nothing, light and dark, for screen
//! and paper.

mod report;

use std::io::{self, Write};

pub(super) use report::Report;

use super::list::{Emit, cells, heads};
use super::{Cell, Fields, Row, Sheet, Tone};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1e293b;--soft:#64748b;--line:#e2e8f0;--page:#fff;--good:#15803d;--bad:#b91c1c;--warn:#a16207}\
@media(prefers-color-scheme:dark){:root{--ink:#e2e8f0;--soft:#94a3b8;--line:#334155;--page:#0f172a;--good:#4ade80;--bad:#f87171;--warn:#fbbf24}}\
body{margin:32px auto;max-width:1200px;padding:0 16px;background:var(--page);color:var(--ink);font:15px/1.45 system-ui,sans-serif}\
h1{font-size:24px}h2{font-size:19px;margin-top:32px}\
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13px}\
th{position:sticky;top:0;background:var(--page);text-align:left;font-weight:600}th,td{padding:4px 16px 4px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}\
th,td.mono{overflow-wrap:normal}td.mono,td.number{white-space:nowrap}td.mono,dd{font-family:ui-monospace,monospace}.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}.warn{color:var(--warn)}\
.unknown{color:var(--soft);background:repeating-linear-gradient(45deg,transparent 0 4px,var(--line) 4px 5px)}\
p.note{color:var(--soft);font-size:13px}dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 24px;margin:0}dt{color:var(--soft);font-size:13px}dd{margin:0;overflow-wrap:anywhere;font-size:13px}\
@media print{body{margin:0;max-width:none}th{position:static}tr{break-inside:avoid}}";

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

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            begin(out, self.sheet.title)?;
            begin_table(out, &heads(self.sheet, self.selected))?;
        }
        Ok(())
    }
}

impl Emit for Table<'_> {
    fn row(&mut self, out: &mut dyn Write, row: &Row, fields: &Fields) -> io::Result<()> {
        self.begin(out)?;
        line(out, &cells(row, fields, self.selected))
    }

    fn end(&mut self, out: &mut dyn Write, footer: &[String]) -> io::Result<()> {
        self.begin(out)?;
        end_table(out)?;
        for line in footer {
            writeln!(out, "<p class=\"note\">{}</p>", escaped(line))?;
        }
        end(out)
    }

    fn carries_footer(&self) -> bool {
        true
    }
}

/// Everything up to the first heading. The policy forbids all that is not in the file.
pub(super) fn begin(out: &mut dyn Write, title: &str) -> io::Result<()> {
    let title = escaped(title);
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title} · Keyroll</title>\
         <style>{STYLE}</style></head>\n<body>\n<h1>{title}</h1>"
    )
}

/// The end of the page.
pub(super) fn end(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</body></html>")
}

/// A table up to its first row.
pub(super) fn begin_table(out: &mut dyn Write, heads: &[String]) -> io::Result<()> {
    out.write_all(b"<div class=\"scroll\"><table><thead><tr>")?;
    for head in heads {
        write!(out, "<th scope=\"col\">{}</th>", escaped(head))?;
    }
    writeln!(out, "</tr></thead><tbody>")
}

/// One row.
pub(super) fn line(out: &mut dyn Write, cells: &[Cell]) -> io::Result<()> {
    out.write_all(b"<tr>")?;
    for cell in cells {
        let class = match cell.tone {
            Tone::Plain => "",
            Tone::Good => " class=\"good\"",
            Tone::Bad => " class=\"bad\"",
            Tone::Warn => " class=\"warn\"",
            Tone::Unknown => " class=\"unknown\"",
        };
        write!(out, "<td{class}>{}</td>", escaped(&cell.text))?;
    }
    writeln!(out, "</tr>")
}

/// The end of a table.
pub(super) fn end_table(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</tbody></table></div>")
}

/// Cleaned text that is no markup.
pub(super) fn escaped(text: &str) -> String {
    let text = model::clean(text);
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_no_markup_and_nothing_is_fetched() {
        let mut out = Vec::new();
        begin(&mut out, "<script>x</script>").unwrap();
        line(
            &mut out,
            &[Cell::toned("\"><img src=https://x>", Tone::Bad)],
        )
        .unwrap();
        end(&mut out).unwrap();
        let page = String::from_utf8(out).unwrap();
        assert!(
            !page.contains("<script") && !page.contains("<img"),
            "{page}"
        );
        for fetch in ["src=\"", "href=", "url(", "@import"] {
            assert!(!page.contains(fetch), "{fetch}");
        }
    }
}
