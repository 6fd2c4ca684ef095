//! `--jq`: a filter in jq's language over what `-o json` or `-o ndjson` would write (CL-14).

use std::fmt;
use std::io::{self, Write};
use std::rc::Rc;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use serde_json::Value;

use super::list::Emit;
use super::{Fields, Row, json};
use crate::error::Error;

type Program = jaq_core::Filter<data::JustLut<Val>>;

/// A filter that was understood.
#[derive(Clone)]
pub(crate) struct Filter(Rc<Program>);

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter")
    }
}

impl Filter {
    /// Understands `expression`.
    ///
    /// # Errors
    /// It is none, with the part that is not understood.
    pub(crate) fn parse(expression: &str) -> Result<Self, Error> {
        let refused = |at: Option<&str>| {
            let near = at.filter(|at| !at.is_empty()).map_or_else(
                || "it ends too early".to_owned(),
                |at| format!("at `{}`", model::shorten(&model::clean(at), 40)),
            );
            Error::usage(format!(
                "--jq: expected a filter of jq, got one that is not understood {near}"
            ))
            .hint("for example `--jq '.[] | select(.severity == \"high\") | .id'`")
        };
        let defs = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs());
        let funs = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs());
        let arena = Arena::default();
        let file = File {
            code: expression,
            path: (),
        };
        let modules = Loader::new(defs).load(&arena, file).map_err(|errors| {
            use jaq_core::load::Error as Load;
            let first = errors.into_iter().next().map(|(_, error)| error);
            let at = match first {
                Some(Load::Lex(errors)) => errors.first().map(|(_, at)| *at),
                Some(Load::Parse(errors)) => errors.first().map(|(_, at)| *at),
                _ => None,
            };
            refused(at)
        })?;
        let filter = Compiler::default()
            .with_funs(funs)
            .compile(modules)
            .map_err(|errors| {
                let first = errors.into_iter().flat_map(|(_, errors)| errors).next();
                refused(first.map(|(at, _)| at))
            })?;
        Ok(Self(Rc::new(filter)))
    }

    /// Writes what the filter makes of `json`, one result a line: texts as they are, all else as
    /// JSON.
    pub(super) fn write(&self, out: &mut dyn Write, json: &str) -> io::Result<()> {
        let input =
            read::parse_single(json.as_bytes()).map_err(|e| io::Error::other(e.to_string()))?;
        let context = Ctx::<data::JustLut<Val>>::new(&self.0.lut, Vars::new([]));
        for result in self.0.id.run((context, input)).map(unwrap_valr) {
            let value = result.map_err(|error| {
                let told = model::shorten(&model::clean(&error.to_string()), 200);
                io::Error::other(format!("--jq: {told}"))
            })?;
            let text = value.to_string();
            match serde_json::from_str(&text) {
                Ok(Value::String(text)) => writeln!(out, "{}", model::clean(&text))?,
                // jq knows numbers that JSON does not, such as `nan`.
                _ => writeln!(out, "{}", json::safe(&text))?,
            }
        }
        Ok(())
    }
}

/// The filter over all rows at once, as over the array that `-o json` writes.
pub(super) struct Whole {
    filter: Filter,
    rows: String,
}

impl Whole {
    /// With no row yet.
    pub(super) const fn new(filter: Filter) -> Self {
        Self {
            filter,
            rows: String::new(),
        }
    }
}

impl Emit for Whole {
    fn row(&mut self, _: &mut dyn Write, _: &Row, fields: &Fields) -> io::Result<()> {
        self.rows.push(if self.rows.is_empty() { '[' } else { ',' });
        self.rows.push_str(&json::encoded(fields));
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, _: &[String]) -> io::Result<()> {
        if self.rows.is_empty() {
            self.rows.push('[');
        }
        self.rows.push(']');
        self.filter.write(out, &self.rows)
    }
}

/// The filter over each row by itself, as over each line that `-o ndjson` writes.
pub(super) struct Each(pub(super) Filter);

impl Emit for Each {
    fn row(&mut self, out: &mut dyn Write, _: &Row, fields: &Fields) -> io::Result<()> {
        self.0.write(out, &json::encoded(fields))
    }

    fn end(&mut self, _: &mut dyn Write, _: &[String]) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(expression: &str, json: &str) -> String {
        let mut out = Vec::new();
        Filter::parse(expression)
            .unwrap()
            .write(&mut out, json)
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_filter_does_what_jq_does() {
        let rows = r#"[{"id":"a","n":2},{"id":"b","n":1}]"#;
        assert_eq!(told(".[].id", rows), "a\nb\n");
        assert_eq!(told("sort_by(.n) | map(.id)", rows), "[\"b\",\"a\"]\n");
        assert_eq!(told("length, ([.[].n] | add)", rows), "2\n3\n");
        assert_eq!(
            told(r#".[] | select(.id | test("^b")) | "\(.id)=\(.n)""#, rows),
            "b=1\n"
        );
        assert_eq!(told(".[0].id", r#"[{"id":"x\u001b[2J"}]"#), "x\\u{1b}[2J\n");
    }

    #[test]
    fn what_is_no_filter_is_told_with_its_place() {
        for (wrong, near) in [
            (".[", "too early"),
            (".id | nosuch", "nosuch"),
            (".a ]", "]"),
        ] {
            let error = Filter::parse(wrong).unwrap_err().to_string();
            assert!(error.contains(near), "{wrong}: {error}");
        }
        let mut out = Vec::new();
        let failed = Filter::parse(".a.b").unwrap().write(&mut out, "[]");
        assert!(failed.unwrap_err().to_string().starts_with("--jq: "));
    }
}
