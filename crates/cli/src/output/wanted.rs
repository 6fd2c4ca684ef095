//! Which formats were asked for, and where each goes.

use std::path::PathBuf;

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
}

const FORMATS: [(&str, Format); 8] = [
    ("table", Format::Table),
    ("json", Format::Json),
    ("ndjson", Format::Ndjson),
    ("csv", Format::Csv),
    ("yaml", Format::Yaml),
    ("md", Format::Markdown),
    ("html", Format::Html),
    ("sarif", Format::Sarif),
];

/// Named in the documents, not written yet.
const LATER: [&str; 4] = ["ocsf", "cyclonedx", "parquet", "toon"];

/// One format and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// How.
    pub(crate) format: Format,
    /// `None`: standard output.
    pub(crate) path: Option<PathBuf>,
}

/// All that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// At least one; at most one of them on standard output.
    pub(crate) targets: Vec<Target>,
    /// The selected fields; empty: all.
    pub(crate) fields: Vec<String>,
}

impl Wanted {
    /// Reads `FORMAT` and `FORMAT=PATH`.
    ///
    /// # Errors
    /// An unknown format, or two for standard output.
    pub(crate) fn parse(formats: &[String], fields: &[String]) -> Result<Self, Error> {
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
        if targets.is_empty() {
            let format = if fields.is_empty() {
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
        let fields = fields.iter().map(|field| field.trim().to_owned()).collect();
        Ok(Self { targets, fields })
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
                Err(Error::usage(told).hint(
                    match crate::words::nearest(field, known.iter().copied()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("fields: {}", known.join(", ")),
                    },
                ))
            }
        }
    }
}

fn format(name: &str) -> Result<Format, Error> {
    if let Some((_, format)) = FORMATS.into_iter().find(|(known, _)| *known == name) {
        return Ok(format);
    }
    let names = FORMATS.map(|(known, _)| known);
    if LATER.contains(&name) {
        return Err(Error::usage(format!("`{name}` is not in this version"))
            .hint(format!("this version writes {}", names.join(", "))));
    }
    let told = format!(
        "expected a format, got `{}`",
        model::shorten(&model::clean(name), 40)
    );
    Err(
        Error::usage(told).hint(match crate::words::nearest(name, names) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("formats: {}", names.join(", ")),
        }),
    )
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
        Wanted::parse(&owned(formats), &owned(fields))
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
        assert!(
            parse(&["parquet"], &[])
                .unwrap_err()
                .to_string()
                .contains("not in this version")
        );
        assert!(parse(&["jsn"], &[]).is_err());
    }
}
