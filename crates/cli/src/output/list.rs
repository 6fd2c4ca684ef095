//! A list on its way out: each row goes to every format that was asked for.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use super::wanted::Target;
use super::{Fields, Format, Gauge, Row, Sheet};
use super::{
    csv, cyclonedx, html, jq, json, lines, markdown, ocsf, parquet, sarif, table, toon, yaml,
};
use crate::error::Error;
use crate::settings::Settings;

/// The title of the list of findings, for formats that hold nothing else.
pub(crate) const FINDINGS: &str = "Findings";
/// The title of the list of what is on the roll.
pub(crate) const ROLL: &str = "The roll";

/// Writes rows in one format.
pub(super) trait Emit {
    /// Takes one row; `fields` holds the selected ones in their order.
    fn row(&mut self, out: &mut dyn Write, cells: &Row, fields: &Fields) -> io::Result<()>;
    /// Ends the list. `footer` is for formats that can carry remarks.
    fn end(&mut self, out: &mut dyn Write, footer: &[String]) -> io::Result<()>;
    /// What the format has to say of what it left out.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }
    /// Whether the footer was or will be part of what is written.
    fn carries_footer(&self) -> bool {
        false
    }
}

/// Where and how a format looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// The target is a terminal.
    pub(super) terminal: bool,
    /// Styles are written.
    pub(super) paint: bool,
}

struct Sink<'s> {
    out: Box<dyn Write + 's>,
    emit: Box<dyn Emit + 's>,
}

/// A list that is being written.
pub(crate) struct List<'s> {
    settings: &'s Settings,
    sheet: &'s Sheet<'s>,
    sinks: Vec<Sink<'s>>,
    rows: u64,
}

impl<'s> List<'s> {
    /// Opens every target.
    ///
    /// # Errors
    /// A field that the list does not have; a file that cannot be made.
    pub(crate) fn begin(settings: &'s Settings, sheet: &'s Sheet<'s>) -> Result<Self, Error> {
        let names: Vec<&str> = sheet.fields.iter().map(|field| field.name).collect();
        settings.wanted.select(&names)?;
        let mut sinks = Vec::new();
        for target in &settings.wanted.targets {
            let out = open(settings, target)?;
            let look = look(settings, target);
            sinks.push(Sink {
                out,
                emit: emit(settings, sheet, target.format, look)?,
            });
        }
        Ok(Self {
            settings,
            sheet,
            sinks,
            rows: 0,
        })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// A target that takes no more.
    pub(crate) fn row(&mut self, row: &Row) -> Result<(), Error> {
        self.rows += 1;
        let selected = select(&row.fields, &self.settings.wanted.fields);
        let fields = selected.as_ref().unwrap_or(&row.fields);
        for sink in &mut self.sinks {
            sink.emit.row(&mut sink.out, row, fields)?;
        }
        Ok(())
    }

    /// How many rows were written.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the list with how much of the world stands behind it, and remarks.
    ///
    /// # Errors
    /// A target that takes no more.
    pub(crate) fn end(mut self, gauge: &Gauge, remarks: &[String]) -> Result<(), Error> {
        let mut footer = Vec::new();
        if self.rows == 0 && !self.sheet.empty.is_empty() {
            footer.push(self.sheet.empty.to_owned());
        }
        footer.extend_from_slice(remarks);
        if gauge.says() {
            footer.push(gauge.to_string());
        }
        for sink in &self.sinks {
            footer.extend(sink.emit.remarks());
        }
        let mut carried = false;
        for sink in &mut self.sinks {
            carried |= sink.emit.carries_footer();
            sink.emit.end(&mut sink.out, &footer)?;
            sink.out.flush()?;
        }
        if !carried && !self.settings.quiet {
            let mut stderr = self.settings.terminal.stderr();
            for line in footer {
                writeln!(stderr, "{}", model::clean(&line))?;
            }
        }
        Ok(())
    }
}

/// Only the selected fields, in their order; `None`: all.
fn select(fields: &Fields, selected: &[String]) -> Option<Fields> {
    if selected.is_empty() {
        return None;
    }
    let pick = |name: &String| {
        (
            name.clone(),
            fields.get(name).cloned().unwrap_or(serde_json::Value::Null),
        )
    };
    Some(selected.iter().map(pick).collect())
}

pub(super) fn look(settings: &Settings, target: &Target) -> Look {
    let here = target.path.is_none();
    Look {
        terminal: here && settings.terminal.out,
        paint: here && settings.terminal.paint_out,
    }
}

/// Standard output, or a fresh file that replaces the old one only by name.
pub(super) fn open<'s>(
    settings: &'s Settings,
    target: &Target,
) -> Result<Box<dyn Write + 's>, Error> {
    match &target.path {
        None if target.format == Format::Parquet && settings.terminal.out => Err(Error::usage(
            "Parquet is no text, and standard output is a terminal",
        )
        .hint("`-o parquet=FILE` writes a file")),
        // What is no text goes past whoever looks for styles in it.
        None if target.format == Format::Parquet => {
            Ok(Box::new(BufWriter::new(io::stdout().lock())))
        }
        None => Ok(Box::new(BufWriter::new(settings.terminal.stdout()))),
        Some(path) => {
            let doing = format!("cannot write `{}`", path.display());
            let file = File::create(path).map_err(Error::because(doing))?;
            Ok(Box::new(BufWriter::new(file)))
        }
    }
}

fn emit<'s>(
    settings: &'s Settings,
    sheet: &'s Sheet<'s>,
    format: Format,
    look: Look,
) -> Result<Box<dyn Emit + 's>, Error> {
    let selected = &settings.wanted.fields;
    let now = settings.now;
    if let Some(filter) = settings.wanted.filter(format) {
        return Ok(match format {
            Format::Ndjson => Box::new(jq::Each(filter)),
            _ => Box::new(jq::Whole::new(filter)),
        });
    }
    Ok(match format {
        Format::Table => Box::new(table::Table::new(sheet, selected, look)),
        Format::Json => Box::new(json::Array::default()),
        Format::Ndjson => Box::new(json::Lines),
        Format::Csv => Box::new(csv::Sheet::new(sheet, selected, look)),
        Format::Yaml => Box::new(yaml::Sequence::default()),
        Format::Markdown => Box::new(markdown::Table::new(sheet, selected)),
        Format::Html if sheet.title == FINDINGS && selected.is_empty() => {
            Box::new(html::Report::new(now))
        }
        Format::Html => Box::new(html::Table::new(sheet, selected)),
        Format::Toon => Box::new(toon::Array::default()),
        Format::Parquet => Box::new(parquet::Table::new(&columns(sheet, selected))?),
        Format::Lines if sheet.title == FINDINGS => Box::new(lines::Lines::default()),
        Format::Lines => {
            return Err(
                Error::usage("lines are findings that lie in files, and nothing else")
                    .hint("`keyroll findings -o lines`"),
            );
        }
        Format::Sarif if sheet.title == FINDINGS => {
            Box::new(sarif::Log::new(&settings.environment.here))
        }
        Format::Cyclonedx if sheet.title == ROLL => Box::new(cyclonedx::Bill::new(now)),
        Format::Ocsf if [FINDINGS, ROLL].contains(&sheet.title) => Box::new(ocsf::Events {
            of: if sheet.title == ROLL {
                ocsf::Of::Roll
            } else {
                ocsf::Of::Findings
            },
            version: settings.ocsf_version,
            now,
        }),
        Format::Sarif => {
            return Err(
                Error::usage("SARIF holds findings that lie in files, and nothing else")
                    .hint("`keyroll findings -o sarif`"),
            );
        }
        Format::Cyclonedx => {
            return Err(Error::usage(
                "CycloneDX holds the credentials of the roll, and nothing else",
            )
            .hint("`keyroll ls kind=credential -o cyclonedx`"));
        }
        Format::Ocsf => {
            return Err(
                Error::usage("OCSF holds findings and identities, and nothing else")
                    .hint("`keyroll findings -o ocsf` or `keyroll ls -o ocsf`"),
            );
        }
    })
}

/// The selected fields of a list with what they hold; all, if none is selected.
fn columns<'a>(sheet: &Sheet<'a>, selected: &[String]) -> Vec<super::Field<'a>> {
    let of = |name: &String| sheet.fields.iter().find(|field| field.name == name);
    if selected.is_empty() {
        sheet.fields.to_vec()
    } else {
        selected.iter().filter_map(of).copied().collect()
    }
}

/// The headings of what is shown to people: the columns, or the selected fields.
pub(super) fn heads(sheet: &Sheet<'_>, selected: &[String]) -> Vec<String> {
    if selected.is_empty() {
        sheet
            .columns
            .iter()
            .map(|column| column.head.to_owned())
            .collect()
    } else {
        selected.to_vec()
    }
}

/// The cells of what is shown to people: the columns, or the selected fields.
pub(super) fn cells(row: &Row, fields: &Fields, selected: &[String]) -> Vec<super::Cell> {
    if selected.is_empty() {
        row.cells.clone()
    } else {
        fields
            .values()
            .map(|value| super::Cell::new(plain(value)))
            .collect()
    }
}

/// A value as one line of text: empty for null, JSON for what has parts.
pub(crate) fn plain(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.iter().all(Value::is_string) => list
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}
