//! A list on its way out: each row goes to every format that was asked for.

use std::io::{self, Write};

use super::out::Out;
use super::wanted::Target;
use super::{Fields, Format, Gauge, Row, Sheet, Tone};
use super::{
    codequality, csv, cyclonedx, gauge, html, jq, json, lines, markdown, ocsf, parquet, sarif,
    table, toon, yaml,
};
use crate::error::Error;
use crate::settings::Settings;
use crate::terminal::{BAD, GOOD, UNKNOWN, WARN};

/// The title of the list of findings, for formats that hold nothing else.
pub(crate) const FINDINGS: &str = "Findings";
/// The title of the list of what is on the roll.
pub(crate) const ROLL: &str = "The roll";

/// Writes rows in one format.
pub(super) trait Emit {
    /// Takes how much of the world stands behind the list: before the first row where that is
    /// known by then, and before the end.
    fn gauge(&mut self, _: &Gauge) {}
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
    /// The target is a file that stays.
    pub(super) file: bool,
    /// Styles are written.
    pub(super) paint: bool,
}

impl Look {
    /// Whether text for people ends with its remarks. In a pipe it is rows and nothing else.
    pub(super) const fn carries_footer(self) -> bool {
        self.terminal || self.file
    }

    /// A text in a tone, where styles are written.
    pub(super) fn toned(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => GOOD,
            Tone::Bad => BAD,
            Tone::Warn => WARN,
            Tone::Unknown => UNKNOWN,
        };
        if self.paint {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

struct Sink<'s> {
    /// It is standard output.
    here: bool,
    out: Out<'s>,
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
            let look = look(settings, target);
            // What a format cannot hold is refused before a file is touched.
            let emit = emit(settings, sheet, target.format, look)?;
            let out = Out::open(settings, target)?;
            let here = target.path.is_none();
            sinks.push(Sink { here, out, emit });
        }
        Ok(Self {
            settings,
            sheet,
            sinks,
            rows: 0,
        })
    }

    /// Says beforehand how much of the world stands behind the rows, for formats whose rows go
    /// their ways alone.
    pub(crate) fn over(&mut self, gauge: &Gauge) {
        for sink in &mut self.sinks {
            sink.emit.gauge(gauge);
        }
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
    pub(crate) fn end(self, gauge: &Gauge, remarks: &[String]) -> Result<(), Error> {
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
        let mut carried = Carried::default();
        for mut sink in self.sinks {
            carried.see(sink.here, sink.emit.carries_footer());
            sink.emit.gauge(gauge);
            sink.emit.end(&mut sink.out, &footer)?;
            sink.out.end()?;
        }
        if !carried.is() && !self.settings.quiet {
            let mut stderr = self.settings.terminal.stderr();
            for line in footer {
                writeln!(stderr, "{}", model::clean(&line))?;
            }
        }
        Ok(())
    }
}

/// Whether whoever called reads the remarks already: on standard output, or, where nothing goes
/// there, in a file.
#[derive(Default)]
pub(super) struct Carried {
    here: Option<bool>,
    elsewhere: bool,
}

impl Carried {
    /// An output carries them, or does not.
    pub(super) fn see(&mut self, here: bool, carries: bool) {
        if here {
            self.here = Some(carries);
        } else {
            self.elsewhere |= carries;
        }
    }

    /// Whether they need not be said elsewhere.
    pub(super) fn is(&self) -> bool {
        self.here.unwrap_or(self.elsewhere)
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
        file: !here,
        paint: here && settings.terminal.paint_out,
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
        Format::Gauge => Box::<gauge::Alone>::default(),
        Format::Parquet => Box::new(parquet::Table::new(&columns(sheet, selected))?),
        Format::Lines if sheet.title == FINDINGS => Box::new(lines::Lines::default()),
        Format::Codequality if sheet.title == FINDINGS => {
            Box::new(codequality::Report::new(&settings.environment.here))
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
            gauge: Gauge::none(),
        }),
        Format::Lines | Format::Codequality | Format::Sarif | Format::Cyclonedx | Format::Ocsf => {
            return Err(not_here(format));
        }
    })
}

/// That a format holds something else than what is asked for in it.
fn not_here(format: Format) -> Error {
    let (told, hint) = match format {
        Format::Lines => (
            "lines are findings that lie in files, and nothing else",
            "`keyroll findings -o lines`",
        ),
        Format::Codequality => (
            "Code Quality holds findings that lie in files, and nothing else",
            "`keyroll findings -o codequality`",
        ),
        Format::Sarif => (
            "SARIF holds findings that lie in files, and nothing else",
            "`keyroll findings -o sarif`",
        ),
        Format::Cyclonedx => (
            "CycloneDX holds the credentials of the roll, and nothing else",
            "`keyroll ls kind=credential -o cyclonedx`",
        ),
        _ => (
            "OCSF holds findings and identities, and nothing else",
            "`keyroll findings -o ocsf` or `keyroll ls -o ocsf`",
        ),
    };
    Error::usage(told).hint(hint)
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
