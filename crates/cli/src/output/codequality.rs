//! Code Quality reports, as GitLab reads them (`artifacts:reports:codequality`): a list of issues
//! of the form of Code Climate.
//!
//! Source: GitLab's manual, "Code Quality report format"; Code Climate's specification of engines,
//! "Issues". What has no place in a file is counted and left out.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::list::Emit;
use super::{Fields, Row, json};

/// One array of issues.
pub(super) struct Report {
    /// Files below it are named from there: the host knows them by their paths in the repository.
    here: String,
    /// How often each fingerprint was met: the host takes two of one fingerprint for one issue.
    met: BTreeMap<String, u64>,
    begun: bool,
    placeless: u64,
}

impl Report {
    /// A report made in the directory `here`.
    pub(super) fn new(here: &Path) -> Self {
        Self {
            here: format!("{}/", here.display()),
            met: BTreeMap::new(),
            begun: false,
            placeless: 0,
        }
    }

    fn issue(&mut self, fields: &Fields) -> Option<Value> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let path = text("path");
        if path.is_empty() {
            return None;
        }
        let path = path.strip_prefix(&self.here).unwrap_or(path);
        let line = fields.get("line").and_then(Value::as_u64).unwrap_or(1);
        let print = text("fingerprint");
        let nth = self.met.entry(print.to_owned()).or_default();
        *nth += 1;
        let fingerprint = match *nth {
            1 => print.to_owned(),
            nth => format!("{print}:{nth}"),
        };
        let description = format!("{}: {}; next: {}", text("name"), text("why"), text("next"));
        Some(json!({
            "type": "issue",
            "check_name": text("rule"),
            "description": model::clean(&description),
            "categories": ["Security"],
            "fingerprint": fingerprint,
            "severity": severity(text("verdict"), text("severity")),
            "location": {"path": path, "lines": {"begin": line.max(1)}},
        }))
    }
}

/// Our severities in the host's words; what could not be judged is no more than worth knowing.
fn severity(verdict: &str, severity: &str) -> &'static str {
    match (verdict, severity) {
        ("unknown", _) => "info",
        (_, "critical") => "blocker",
        (_, "high") => "critical",
        (_, "medium") => "major",
        (_, "low") => "minor",
        _ => "info",
    }
}

impl Emit for Report {
    fn row(&mut self, out: &mut dyn Write, row: &Row, _: &Fields) -> io::Result<()> {
        // The selection of fields is for people's formats; an issue has a shape of its own.
        let Some(issue) = self.issue(&row.fields) else {
            self.placeless += 1;
            return Ok(());
        };
        out.write_all(if self.begun { b",\n" } else { b"[\n" })?;
        self.begun = true;
        out.write_all(json::line(&issue).as_bytes())
    }

    fn end(&mut self, out: &mut dyn Write, _: &[String]) -> io::Result<()> {
        out.write_all(if self.begun { b"\n]\n" } else { b"[]\n" })
    }

    fn remarks(&self) -> Vec<String> {
        if self.placeless == 0 {
            return Vec::new();
        }
        vec![format!(
            "{} without a place in a file: `-o table` lists them too",
            crate::words::many(self.placeless, "finding", "findings")
        )]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(report: &mut Report, value: Value) -> Option<Value> {
        match value {
            Value::Object(fields) => report.issue(&fields),
            _ => None,
        }
    }

    #[test]
    fn an_issue_is_named_from_the_repository_and_none_hides_another() {
        let mut report = Report::new(Path::new("/srv/shop"));
        let finding = json!({"path": "/srv/shop/api/.env", "line": 3, "severity": "high",
            "verdict": "fail", "name": "X in .env", "why": "it is staged", "next": "n",
            "rule": "new-secret", "fingerprint": "fpr-a"});
        let one = issue(&mut report, finding.clone()).unwrap();
        assert_eq!(
            one["location"],
            json!({"path": "api/.env", "lines": {"begin": 3}})
        );
        assert_eq!(
            (&one["severity"], &one["fingerprint"]),
            (&json!("critical"), &json!("fpr-a"))
        );
        let again = issue(&mut report, finding).unwrap();
        assert_ne!(again["fingerprint"], one["fingerprint"]);
        assert_eq!(issue(&mut report, json!({"severity": "high"})), None);
        let unknown = json!({"path": "x", "verdict": "unknown", "severity": "critical"});
        let unknown = issue(&mut report, unknown).unwrap();
        assert_eq!(unknown["severity"], "info");
        assert_eq!(unknown["location"]["lines"]["begin"], 1);
    }
}
