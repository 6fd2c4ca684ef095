//! Which formats were asked for, and where each goes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Filter, out};
use crate::error::Error;

/// A format that this version writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One array or object.
    Json,
    /// One object a line.
    Ndjson,
    /// RFC 4180, for spreadsheets.
    Csv,
    /// YAML 1.2.
    Yaml,
    /// GitHub's Markdown.
    Markdown,
    /// One self-contained page.
    Html,
    /// SARIF 2.1.0, findings with a place only.
    Sarif,
    /// OCSF events, one a line.
    Ocsf,
    /// CycloneDX 1.7, credentials only.
    Cyclonedx,
    /// Apache Parquet.
    Parquet,
    /// TOON, for language models.
    Toon,
    /// Findings with a place, one a line, for editors.
    Lines,
    /// Findings with a place, as GitLab's Code Quality reads them.
    Codequality,
    /// How much of the world stands behind what is shown, and nothing else.
    Gauge,
}

const FORMATS: [(&str, Format); 15] = [
    ("table", Format::Table),
    ("json", Format::Json),
    ("ndjson", Format::Ndjson),
    ("csv", Format::Csv),
    ("yaml", Format::Yaml),
    ("md", Format::Markdown),
    ("html", Format::Html),
    ("sarif", Format::Sarif),
    ("ocsf", Format::Ocsf),
    ("cyclonedx", Format::Cyclonedx),
    ("parquet", Format::Parquet),
    ("toon", Format::Toon),
    ("lines", Format::Lines),
    ("codequality", Format::Codequality),
    ("gauge", Format::Gauge),
];

/// One format and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// How.
    pub(crate) format: Format,
    /// `None`: standard output.
    pub(crate) path: Option<PathBuf>,
}

/// All that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// At least one; at most one of them on standard output.
    pub(crate) targets: Vec<Target>,
    /// The selected fields; empty: all.
    pub(crate) fields: Vec<String>,
    /// What `--jq` asked for.
    jq: Option<Filter>,
    /// Nobody asked for a format; standard output gets the usual one.
    unasked: bool,
}

impl Wanted {
    /// Reads `FORMAT` and `FORMAT=PATH`.
    ///
    /// # Errors
    /// An unknown format, two for standard output or one file, or a filter over no JSON.
    pub(crate) fn parse(
        formats: &[String],
        fields: &[String],
        jq: Option<&str>,
    ) -> Result<Self, Error> {
        let mut targets = Vec::new();
        for text in formats {
            let (name, path) = match text.split_once('=') {
                Some((_, "")) => {
                    return Err(Error::usage(format!(
                        "expected a path after `{}`",
                        model::clean(text)
                    )));
                }
                Some((name, path)) => (name, Some(PathBuf::from(path))),
                None => (text.as_str(), None),
            };
            targets.push(Target {
                format: format(name)?,
                path,
            });
        }
        let unasked = targets.is_empty();
        if unasked {
            let format = if fields.is_empty() && jq.is_none() {
                Format::Table
            } else {
                Format::Json
            };
            targets.push(Target { format, path: None });
        }
        if targets
            .iter()
            .filter(|target| target.path.is_none())
            .count()
            > 1
        {
            return Err(
                Error::usage("expected one format for standard output, got several")
                    .hint("write the others to files: `-o json=roll.json`"),
            );
        }
        files(&targets)?;
        let jq = jq.map(Filter::parse).transpose()?;
        let json = |one: &Target| matches!(one.format, Format::Json | Format::Ndjson);
        if jq.is_some() && !targets.iter().any(json) {
            return Err(
                Error::usage("--jq filters JSON, and another format was asked for")
                    .hint("`-o json`, `-o ndjson`, or no `-o` at all"),
            );
        }
        let fields = fields.iter().map(|field| field.trim().to_owned()).collect();
        Ok(Self {
            targets,
            fields,
            jq,
            unasked,
        })
    }

    /// The same in lines, where nobody asked for a format and people read.
    pub(crate) fn in_lines(&self) -> Option<Self> {
        self.instead(Format::Lines)
    }

    /// The same in Markdown, where nobody asked for a format and people read.
    pub(crate) fn markdown_unless_asked(&self) -> Self {
        self.instead(Format::Markdown)
            .unwrap_or_else(|| self.clone())
    }

    fn instead(&self, format: Format) -> Option<Self> {
        let mut wanted = self.clone();
        for target in &mut wanted.targets {
            target.format = format;
        }
        (self.unasked && self.is_for_people()).then_some(wanted)
    }

    /// The filter for what is written in `format`.
    pub(crate) fn filter(&self, format: Format) -> Option<Filter> {
        let json = matches!(format, Format::Json | Format::Ndjson);
        self.jq.clone().filter(|_| json)
    }

    /// Whether `format` was asked for.
    pub(crate) fn has(&self, format: Format) -> bool {
        self.targets.iter().any(|target| target.format == format)
    }

    /// Whether standard output gets something people read.
    pub(crate) fn is_for_people(&self) -> bool {
        self.targets
            .iter()
            .any(|target| target.path.is_none() && target.format == Format::Table)
    }

    /// The selected fields, if all of them are among `known`.
    ///
    /// # Errors
    /// The first that is not, with the nearest that is.
    pub(crate) fn select(&self, known: &[&str]) -> Result<&[String], Error> {
        match self
            .fields
            .iter()
            .find(|field| !known.contains(&field.as_str()))
        {
            None => Ok(&self.fields),
            Some(field) => {
                let told = format!("--json: there is no field `{}` here", model::clean(field));
                Err(
                    Error::usage(told).hint(match tell::nearest(field, known.iter().copied()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("fields: {}", known.join(", ")),
                    }),
                )
            }
        }
    }
}

/// Refuses what cannot be written before anything is done: a scan may take an hour.
fn files(targets: &[Target]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for path in targets.iter().filter_map(|one| one.path.as_ref()) {
        out::fits(path)?;
        if !seen.insert(out::identity(path)) {
            let name = model::clean(&path.display().to_string());
            let told = format!("expected a file for each format, got `{name}` twice");
            return Err(Error::usage(told));
        }
    }
    Ok(())
}

fn format(name: &str) -> Result<Format, Error> {
    if let Some((_, format)) = FORMATS.into_iter().find(|(known, _)| *known == name) {
        return Ok(format);
    }
    let names = FORMATS.map(|(known, _)| known);
    let told = format!(
        "expected a format, got `{}`",
        model::shorten(&model::clean(name), 40)
    );
    Err(Error::usage(told).hint(match tell::nearest(name, names) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("formats: {}", names.join(", ")),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(formats: &[&str], fields: &[&str]) -> Result<Wanted, Error> {
        let owned = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        Wanted::parse(&owned(formats), &owned(fields), None)
    }

    #[test]
    fn a_field_selection_alone_means_json() {
        let wanted = parse(&[], &["id", " name"]).unwrap();
        assert_eq!(
            wanted.targets,
            [Target {
                format: Format::Json,
                path: None
            }]
        );
        assert_eq!(wanted.select(&["id", "name"]).unwrap(), ["id", "name"]);
        assert!(wanted.select(&["id"]).is_err());
    }

    #[test]
    fn a_filter_alone_means_json_and_needs_it() {
        let parse = |formats: &[&str]| {
            let formats: Vec<String> = formats.iter().map(|one| (*one).to_owned()).collect();
            Wanted::parse(&formats, &[], Some(".[].id"))
        };
        let wanted = parse(&[]).unwrap();
        assert_eq!(wanted.targets[0].format, Format::Json);
        assert!(wanted.filter(Format::Json).is_some() && wanted.filter(Format::Csv).is_none());
        assert!(parse(&["csv=x", "ndjson"]).is_ok());
        assert!(parse(&["csv"]).is_err());
    }

    #[test]
    fn several_files_and_one_standard_output_go_together() {
        assert_eq!(
            parse(&["table", "json=a=b.json", "csv=x"], &[])
                .unwrap()
                .targets
                .len(),
            3
        );
        assert!(parse(&["table", "json"], &[]).is_err());
        assert!(parse(&["json="], &[]).is_err());
        assert!(parse(&["json=a", "csv=a"], &[]).is_err());
        assert!(parse(&["json=a", "csv=./a"], &[]).is_err());
        assert!(parse(&["json=."], &[]).is_err());
        assert!(parse(&["json=no/such/directory/a"], &[]).is_err());
        assert!(parse(&["jsn"], &[]).is_err());
    }
}
