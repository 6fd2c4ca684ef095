//! A page about one thing: sections of pairs, lines and small tables.

use std::io::{self, Write};

use serde_json::Value;

use super::list::{Carried, Look, look};
use super::out::Out;
use super::table::wrap;
use super::{Cell, Format, Gauge, html, json, markdown, table, toon, yaml};
use crate::error::Error;
use crate::settings::Settings;
use crate::terminal::{HEAD, HINT, UNKNOWN};

/// A page about one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// What it is about.
    pub(crate) title: String,
    /// What matters most, one sentence a line.
    pub(crate) lead: Vec<Cell>,
    /// The parts, in the order of the questions somebody asks.
    pub(crate) sections: Vec<Section>,
    /// What to do next.
    pub(crate) hints: Vec<String>,
    /// Remarks that end up on standard error where the format has no room for them.
    pub(crate) footer: Vec<String>,
    /// How much of the world stands behind it, if it is about the world.
    pub(crate) gauge: Option<Gauge>,
    /// All of it for machines.
    pub(crate) record: Value,
}

/// One part of a page.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    /// Its heading; empty: none.
    pub(crate) title: String,
    /// What it holds.
    pub(crate) body: Body,
}

/// What a section holds.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// Names and values.
    Pairs(Vec<(String, Cell)>),
    /// Sentences.
    Lines(Vec<Cell>),
    /// A small table.
    Rows {
        /// Its headings.
        heads: Vec<String>,
        /// Its rows.
        rows: Vec<Vec<Cell>>,
    },
}

impl Section {
    /// A section of names and values.
    pub(crate) fn pairs(title: &str, pairs: Vec<(String, Cell)>) -> Self {
        Self {
            title: title.to_owned(),
            body: Body::Pairs(pairs),
        }
    }
    /// A section of sentences.
    pub(crate) fn lines(title: &str, lines: Vec<Cell>) -> Self {
        Self {
            title: title.to_owned(),
            body: Body::Lines(lines),
        }
    }
    /// A section with a small table.
    pub(crate) fn rows(title: &str, heads: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        Self {
            title: title.to_owned(),
            body: Body::Rows { heads, rows },
        }
    }

    fn is_empty(&self) -> bool {
        match &self.body {
            Body::Pairs(pairs) => pairs.is_empty(),
            Body::Lines(lines) => lines.is_empty(),
            Body::Rows { rows, .. } => rows.is_empty(),
        }
    }
}

/// Writes a page in every format that was asked for.
///
/// # Errors
/// A format that cannot hold a page; a field that it does not have; a target that takes no more.
pub(crate) fn show(settings: &Settings, page: &Page) -> Result<(), Error> {
    let targets = &settings.wanted.targets;
    if !targets.iter().all(|target| holds_pages(target.format)) {
        return Err(
            Error::usage("this is one thing, not a list: it has no rows")
                .hint("formats for one thing: table, json, ndjson, yaml, md, html, toon, gauge"),
        );
    }
    let page = gauged(page);
    let record = selected(settings, &page)?;
    let mut carried = Carried::default();
    for target in targets {
        let mut out = Out::open(settings, target)?;
        match settings.wanted.filter(target.format) {
            Some(filter) => filter.write(&mut out, &record.to_string())?,
            None => write(
                &mut out,
                &page,
                &record,
                target.format,
                look(settings, target),
            )?,
        }
        out.end()?;
        let carries = match target.format {
            Format::Table => look(settings, target).carries_footer(),
            format => matches!(format, Format::Markdown | Format::Html | Format::Gauge),
        };
        carried.see(target.path.is_none(), carries);
    }
    if !carried.is() && !settings.quiet {
        let mut stderr = settings.terminal.stderr();
        for line in &page.footer {
            writeln!(stderr, "{}", model::clean(line))?;
        }
    }
    Ok(())
}

/// The page with its gauge where people and where machines read it (CL-18).
fn gauged(page: &Page) -> Page {
    let mut page = page.clone();
    if let Some(gauge) = &page.gauge {
        if let Value::Object(fields) = &mut page.record {
            fields.insert("gauge".to_owned(), gauge.record());
        }
        page.footer.push(gauge.to_string());
    }
    page
}

fn write(
    out: &mut dyn Write,
    page: &Page,
    record: &Value,
    format: Format,
    look: Look,
) -> io::Result<()> {
    match format {
        Format::Table => text(out, page, look),
        Format::Json => writeln!(out, "{}", json::text(record)),
        Format::Ndjson => writeln!(out, "{}", json::line(record)),
        Format::Yaml => out.write_all(yaml::text(record).as_bytes()),
        Format::Markdown => as_markdown(out, page),
        Format::Html => as_html(out, page),
        Format::Toon => writeln!(out, "{}", toon::text(record)),
        Format::Gauge => {
            let gauge = page.gauge.as_ref().map(Gauge::record);
            writeln!(out, "{}", json::text(&gauge.unwrap_or_default()))
        }
        // Refused before anything was opened.
        Format::Csv
        | Format::Parquet
        | Format::Sarif
        | Format::Ocsf
        | Format::Cyclonedx
        | Format::Codequality
        | Format::Lines => Ok(()),
    }
}

/// Whether a format can hold one thing.
const fn holds_pages(format: Format) -> bool {
    !matches!(
        format,
        Format::Csv
            | Format::Parquet
            | Format::Sarif
            | Format::Ocsf
            | Format::Cyclonedx
            | Format::Codequality
            | Format::Lines
    )
}

fn selected(settings: &Settings, page: &Page) -> Result<Value, Error> {
    let Value::Object(fields) = &page.record else {
        return Ok(page.record.clone());
    };
    let known: Vec<&str> = fields.keys().map(String::as_str).collect();
    let names = settings.wanted.select(&known)?;
    if names.is_empty() {
        return Ok(page.record.clone());
    }
    let pick = |name: &String| {
        (
            name.clone(),
            fields.get(name).cloned().unwrap_or(Value::Null),
        )
    };
    Ok(Value::Object(names.iter().map(pick).collect()))
}

/// A cell that begins so many columns from the left.
fn toned(cell: &Cell, look: Look, indent: usize) -> String {
    look.toned(cell.tone, &wrap::below(&cell.text, look, indent))
}

fn text(out: &mut dyn Write, page: &Page, look: Look) -> io::Result<()> {
    let styled = |style: anstyle::Style, text: &str| {
        let text = model::clean(text);
        if look.paint {
            format!("{style}{text}{style:#}")
        } else {
            text
        }
    };
    writeln!(out, "{}", styled(HEAD, &page.title))?;
    for line in &page.lead {
        writeln!(out, "{}", toned(line, look, 0))?;
    }
    for section in page.sections.iter().filter(|section| !section.is_empty()) {
        writeln!(out)?;
        let titled = !section.title.is_empty();
        if titled {
            writeln!(out, "{}", styled(HEAD, &section.title))?;
        }
        let pad = if titled { "  " } else { "" };
        match &section.body {
            Body::Pairs(pairs) => {
                let width = pairs
                    .iter()
                    .map(|(name, _)| name.chars().count())
                    .max()
                    .unwrap_or(0);
                for (name, cell) in pairs {
                    let name = format!("{:<width$}", model::clean(name));
                    writeln!(
                        out,
                        "{pad}{}  {}",
                        styled(UNKNOWN, &name),
                        toned(cell, look, pad.len() + width + 2)
                    )?;
                }
            }
            Body::Lines(lines) => {
                for line in lines {
                    writeln!(out, "{pad}{}", toned(line, look, pad.len()))?;
                }
            }
            Body::Rows { heads, rows } => {
                let fit = if look.terminal {
                    table::Fit::Wrapped(4)
                } else {
                    table::Fit::Whole
                };
                for line in table::draw(heads, rows, look, fit, &|_| (true, false)).lines() {
                    writeln!(out, "{pad}{line}")?;
                }
            }
        }
    }
    if !page.hints.is_empty() {
        writeln!(out)?;
    }
    for hint in &page.hints {
        writeln!(out, "{} {}", styled(HINT, "hint:"), model::clean(hint))?;
    }
    if look.carries_footer() {
        if !page.footer.is_empty() {
            writeln!(out)?;
        }
        for line in &page.footer {
            writeln!(out, "{}", wrap::sentence(line, look))?;
        }
    }
    Ok(())
}

fn as_markdown(out: &mut dyn Write, page: &Page) -> io::Result<()> {
    writeln!(out, "# {}\n", markdown::escaped(&page.title))?;
    for line in &page.lead {
        writeln!(out, "{}\n", markdown::escaped(&line.text))?;
    }
    for section in page.sections.iter().filter(|section| !section.is_empty()) {
        if !section.title.is_empty() {
            writeln!(out, "## {}\n", markdown::escaped(&section.title))?;
        }
        match &section.body {
            Body::Pairs(pairs) => {
                markdown::head(out, &["what".to_owned(), "is".to_owned()])?;
                for (name, cell) in pairs {
                    markdown::line(out, [name.as_str(), cell.text.as_str()].into_iter())?;
                }
            }
            Body::Lines(lines) => {
                for line in lines {
                    writeln!(out, "- {}", markdown::escaped(&line.text))?;
                }
            }
            Body::Rows { heads, rows } => {
                markdown::head(out, heads)?;
                for row in rows {
                    markdown::line(out, row.iter().map(|cell| cell.text.as_str()))?;
                }
            }
        }
        writeln!(out)?;
    }
    for line in page.hints.iter().chain(&page.footer) {
        writeln!(out, "{}\n", markdown::escaped(line))?;
    }
    Ok(())
}

fn as_html(out: &mut dyn Write, page: &Page) -> io::Result<()> {
    html::begin(out, &page.title)?;
    for line in &page.lead {
        writeln!(out, "<p>{}</p>", html::escaped(&line.text))?;
    }
    for section in page.sections.iter().filter(|section| !section.is_empty()) {
        if !section.title.is_empty() {
            writeln!(out, "<h2>{}</h2>", html::escaped(&section.title))?;
        }
        match &section.body {
            Body::Pairs(pairs) => {
                writeln!(out, "<dl>")?;
                for (name, cell) in pairs {
                    let (name, text) = (html::escaped(name), html::escaped(&cell.text));
                    writeln!(out, "<dt>{name}</dt><dd>{text}</dd>")?;
                }
                writeln!(out, "</dl>")?;
            }
            Body::Lines(lines) => {
                writeln!(out, "<ul>")?;
                for line in lines {
                    writeln!(out, "<li>{}</li>", html::escaped(&line.text))?;
                }
                writeln!(out, "</ul>")?;
            }
            Body::Rows { heads, rows } => {
                html::begin_table(out, heads)?;
                for row in rows {
                    html::line(out, row)?;
                }
                html::end_table(out)?;
            }
        }
    }
    for line in page.hints.iter().chain(&page.footer) {
        writeln!(out, "<p class=\"note\">{}</p>", html::escaped(line))?;
    }
    html::end(out)
}
