//! What a command shows: lists and pages, in every format, to standard output or files.
//!
//! A command pushes rows into a [`List`] one at a time, or shows one [`Page`]; it does not know
//! which formats were asked for. Lists are streamed: only a table for people is held whole,
//! because its columns need their widths.
//!
//! **Invariant:** foreign text is cleaned in what people read (`model::clean`) and escaped in
//! what machines read; no control character leaves raw. Held by
//! `no_format_lets_a_control_character_out`.

mod codequality;
mod csv;
mod cyclonedx;
mod field;
mod gauge;
mod html;
mod jq;
mod json;
mod lines;
mod list;
mod markdown;
mod ocsf;
mod out;
mod page;
mod parquet;
mod sarif;
mod table;
mod toon;
mod wanted;
mod yaml;

use std::fmt;

use serde_json::{Map, Value};

pub(crate) use field::Field;
pub(crate) use jq::Filter;
pub(crate) use json::text as json_text;
pub(crate) use list::{FINDINGS, List, ROLL, plain};
pub(crate) use ocsf::VERSIONS as OCSF_VERSIONS;
pub(crate) use page::{Page, Section, show};
pub(crate) use wanted::{Format, Wanted};

/// The fields of a row as machines read them.
pub(crate) type Fields = Map<String, Value>;

/// What a text says beyond its words. Meaning survives without colour: the word says it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// Proven; nothing else is green.
    Good,
    /// Somebody must do something today.
    Bad,
    /// Soon, or residual.
    Warn,
    /// Nobody can tell.
    Unknown,
}

/// One cell of a table: foreign text that is cleaned on its way out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    /// What it says.
    pub(crate) text: String,
    /// In which tone.
    pub(crate) tone: Tone,
}

impl Cell {
    /// A cell that says `text`.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            tone: Tone::Plain,
        }
    }
    /// A cell in a tone.
    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone,
        }
    }
    /// The cell for what nobody can tell.
    pub(crate) fn unknown() -> Self {
        Self::toned("?", Tone::Unknown)
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column<'a> {
    /// Its heading.
    pub(crate) head: &'a str,
    /// Whether it gives way when a terminal is narrow.
    pub(crate) yields: bool,
    /// Whether it holds numbers.
    pub(crate) number: bool,
    /// Whether every cell of its table goes on in the next line rather than lose its end.
    pub(crate) whole: bool,
}

impl<'a> Column<'a> {
    const PLAIN: Self = Self {
        head: "",
        yields: false,
        number: false,
        whole: false,
    };

    /// A column that keeps its width.
    pub(crate) const fn fixed(head: &'a str) -> Self {
        Self {
            head,
            ..Self::PLAIN
        }
    }
    /// A column that gives way when a terminal is narrow.
    pub(crate) const fn text(head: &'a str) -> Self {
        Self {
            head,
            yields: true,
            ..Self::PLAIN
        }
    }
    /// A column of which no letter may be lost: in a narrow terminal its table wraps.
    pub(crate) const fn whole(head: &'a str) -> Self {
        Self {
            head,
            yields: true,
            whole: true,
            ..Self::PLAIN
        }
    }
    /// A column of numbers.
    pub(crate) const fn number(head: &'a str) -> Self {
        Self {
            head,
            number: true,
            ..Self::PLAIN
        }
    }
}

/// What the rows of a list are made of.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    /// What the list is of, as a title: `Findings`.
    pub(crate) title: &'a str,
    /// The columns people see.
    pub(crate) columns: &'a [Column<'a>],
    /// The fields machines may select with `--json`.
    pub(crate) fields: &'a [Field<'a>],
    /// What an empty list says to people: the next step in one sentence.
    pub(crate) empty: &'a str,
}

/// One row of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    /// For people, one for each column.
    pub(crate) cells: Vec<Cell>,
    /// For machines.
    pub(crate) fields: Fields,
    /// What only a format with a standard of its own has a place for.
    pub(crate) detail: Fields,
}

/// How much of the world stands behind what is shown (CL-18).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gauge {
    /// Sources that were read at least once.
    pub(crate) sources: u64,
    /// Sources that this command was to read and did not, with nothing of it on the roll.
    pub(crate) failed: u64,
    /// Parts that could not be read in the latest passes.
    pub(crate) gaps: u64,
    /// Recognised and no identity, where that was counted.
    pub(crate) set_aside: Option<u64>,
    /// Rows there are, if not all were shown.
    pub(crate) more_than_shown: Option<u64>,
    /// The list is not about the world: settings, mutes.
    pub(crate) beside_the_world: bool,
}

impl Gauge {
    /// For lists that say nothing about the world.
    pub(crate) fn none() -> Self {
        Self {
            beside_the_world: true,
            ..Self::default()
        }
    }

    /// For machines: `null` for what says nothing about the world.
    pub(crate) fn record(&self) -> Value {
        if self.beside_the_world {
            return Value::Null;
        }
        let mut record = serde_json::json!({"sources": self.sources, "gaps": self.gaps, "set_aside": self.set_aside});
        if self.failed > 0 {
            record["failed"] = self.failed.into();
        }
        record
    }

    /// Whether there is something to say.
    pub(crate) const fn says(&self) -> bool {
        !self.beside_the_world
    }
}

impl fmt::Display for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::words::{count, many};
        write!(
            f,
            "coverage: {} read",
            many(self.sources, "source", "sources")
        )?;
        if self.failed > 0 {
            write!(f, ", {} failed", many(self.failed, "source", "sources"))?;
        }
        match self.gaps {
            0 => f.write_str(", no gaps")?,
            gaps => write!(f, ", {} (`keyroll gaps`)", many(gaps, "gap", "gaps"))?,
        }
        if let Some(aside) = self.set_aside {
            write!(f, ", {} set aside", count(aside))?;
        }
        if let Some(all) = self.more_than_shown {
            write!(f, "; {} in all (`--limit 0` shows all)", count(all))?;
        }
        Ok(())
    }
}
