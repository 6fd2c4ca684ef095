//! SARIF 2.1.0: findings that lie in a file, the gravest 5,000 of them (FM-1 to FM-4).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;

use model::Severity;
use serde_json::{Value, json};

use super::list::Emit;
use super::{Fields, Row};

/// What a well-known reader of SARIF shows of one run.
const RESULTS_MAX: usize = 5000;
/// Of other places so many are named in each result.
const RELATED_MAX: usize = 20;
/// How a command begins that plans a revocation.
const PLANS: &str = "keyroll plan revoke";

/// A log of one run. Holds at most twice what it will write.
#[derive(Default)]
pub(super) struct Log {
    /// Files below it are named from there, as whoever shows them beside the code wants it.
    here: String,
    results: BTreeSet<(
        std::cmp::Reverse<Severity>,
        std::cmp::Reverse<u64>,
        String,
        String,
    )>,
    /// Rules with how grave they are, and whether a result of theirs may be revoked from here.
    rules: BTreeMap<String, (Severity, bool)>,
    placeless: u64,
    cut: u64,
}

impl Log {
    /// A log made in the directory `here`.
    pub(super) fn new(here: &Path) -> Self {
        Self {
            here: format!("{}/", here.display()),
            ..Self::default()
        }
    }

    /// The results, each with a fingerprint of its own: those that share one are counted in the
    /// order of their places (FM-3).
    fn results(&self) -> Vec<Value> {
        let parsed = |text: &String| serde_json::from_str(text).ok();
        let mut results: Vec<Value> = self
            .results
            .iter()
            .filter_map(|(.., result)| parsed(result))
            .collect();
        let mut by_place: Vec<_> = (0..results.len()).collect();
        let line = |one: &Value| {
            let line = &one["locations"][0]["physicalLocation"]["region"]["startLine"];
            (line.as_u64(), one["properties"]["finding"].to_string())
        };
        by_place.sort_by_cached_key(|at| line(&results[*at]));
        let mut met: BTreeMap<String, u64> = BTreeMap::new();
        for at in by_place {
            let prints = &mut results[at]["partialFingerprints"];
            let print = prints["keyroll/v1"].as_str().unwrap_or_default().to_owned();
            let ordinal = met.entry(print.clone()).or_default();
            *ordinal += 1;
            prints["primaryLocationLineHash"] = json!(format!("{print}:{ordinal}"));
        }
        name_others(&mut results);
        results
    }
}

impl Emit for Log {
    fn row(&mut self, _: &mut dyn Write, row: &Row, _: &Fields) -> io::Result<()> {
        // The selection of fields is for people's formats; SARIF has its own shape.
        let fields = &row.fields;
        let Some(path) = fields.get("path").and_then(Value::as_str) else {
            self.placeless += 1;
            return Ok(());
        };
        let severity = crate::words::severity(text(fields, "severity")).unwrap_or(Severity::Info);
        let rule = text(fields, "rule").to_owned();
        let known = self.rules.entry(rule).or_insert((severity, false));
        known.1 |= text(fields, "next").starts_with(PLANS);
        let path = path.strip_prefix(&self.here).unwrap_or(path);
        let result = result(fields, path, severity).to_string();
        let risk = fields.get("risk").and_then(Value::as_u64).unwrap_or(0);
        let id = text(fields, "finding").to_owned();
        self.results.insert((
            std::cmp::Reverse(severity),
            std::cmp::Reverse(risk),
            id,
            result,
        ));
        if self.results.len() > RESULTS_MAX {
            self.results.pop_last();
            self.cut += 1;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, footer: &[String]) -> io::Result<()> {
        let results = self.results();
        let rules: Vec<Value> = self
            .rules
            .iter()
            .map(|(id, (severity, plans))| rule(id, *severity, *plans))
            .collect();
        let mut remarks = Vec::new();
        if self.cut > 0 {
            remarks.push(format!(
                "{} findings of lower severity were left out: at most {RESULTS_MAX} are written",
                self.cut
            ));
        }
        if self.placeless > 0 {
            remarks.push(format!(
                "{} findings have no place in a file and are not in this log",
                self.placeless
            ));
        }
        let remarks: Vec<Value> = remarks
            .iter()
            .chain(footer)
            .map(|remark| json!({"level": "note", "message": {"text": remark}}))
            .collect();
        let log = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "keyroll",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                }},
                "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": remarks}],
                "results": results,
            }],
        });
        writeln!(out, "{}", super::json::text(&log))
    }
}

/// Names in each result where else the same thing is wrong by the same rule: a secret in two files
/// is one secret, and each of its places has a fingerprint of its own, so that a baseline that
/// knows one of them says nothing of the other.
fn name_others(results: &mut [Value]) {
    let mut alike: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (at, one) in results.iter().enumerate() {
        let of = (
            one["ruleId"].to_string(),
            one["properties"]["entity"].to_string(),
        );
        alike.entry(of).or_default().push(at);
    }
    for places in alike.into_values().filter(|places| places.len() > 1) {
        for at in &places {
            let others = places.iter().filter(|other| *other != at).take(RELATED_MAX);
            let related: Vec<Value> = others
                .map(|other| {
                    let place = &results[*other]["locations"][0]["physicalLocation"];
                    json!({"physicalLocation": place, "message": {"text": "the same lies here, too"}})
                })
                .collect();
            results[*at]["relatedLocations"] = Value::Array(related);
        }
    }
}

fn text<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A rule with what a reader of the log shows beside its results.
///
/// That a revocation may be planned is said where it can be for one of the results.
fn rule(id: &str, severity: Severity, plans: bool) -> Value {
    let (level, score) = level(severity);
    let known = assess::RULES.iter().find(|rule| rule.id == id);
    let (title, owasp, next) =
        known.map_or((id, "NHI", ""), |rule| (rule.title, rule.owasp, rule.next));
    let next = match next.starts_with(PLANS) && !plans {
        true => "keyroll get {id}",
        false => next,
    };
    let next = next.replace("{id}", "ID").replace("{holder}", "ID");
    let sentence = format!("{title}.");
    json!({
        "id": id,
        "name": id,
        "shortDescription": {"text": title},
        "fullDescription": {"text": sentence},
        "help": {
            "text": format!("{title}. Next: {next}"),
            "markdown": format!("{title}.\n\n**Next:** `{next}`\n\nOWASP Non-Human Identities Top 10: {owasp}. `docs/findings/{id}.md` says when it fails and when it cannot tell."),
        },
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": ["security", format!("owasp-nhi/{owasp}")],
            "precision": "high",
            "problem.severity": match level { "note" => "recommendation", other => other },
            "security-severity": score,
        },
    })
}

/// The level and the score that SARIF's readers sort by.
const fn level(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Critical => ("error", "9.5"),
        Severity::High => ("error", "8.0"),
        Severity::Medium => ("warning", "5.5"),
        Severity::Low => ("note", "3.0"),
        Severity::Info => ("note", "0.0"),
    }
}

fn result(fields: &Fields, path: &str, severity: Severity) -> Value {
    let (level, score) = level(severity);
    let mut place = json!({"artifactLocation": {"uri": uri(path)}});
    // Whoever shows results beside code drops those without a region.
    let line = fields.get("line").and_then(Value::as_u64).unwrap_or(1);
    place["region"] = json!({"startLine": line.max(1)});
    // An unknown is no pass and no failure: SARIF's word for that is `open` (3.27.9).
    let kind = if text(fields, "verdict") == "unknown" {
        "open"
    } else {
        "fail"
    };
    json!({
        "ruleId": text(fields, "rule"),
        "kind": kind,
        "level": if kind == "fail" { level } else { "none" },
        "message": {"text": format!("{}: {}. Next: {}", text(fields, "name"), text(fields, "why"), text(fields, "next"))},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {
            "keyroll/v1": text(fields, "fingerprint"),
        },
        "properties": {
            "security-severity": score,
            "entity": text(fields, "id"),
            "finding": text(fields, "finding"),
        },
    })
}

/// A path as a URI reference (RFC 3986): unreserved characters and `/` stay.
fn uri(path: &str) -> String {
    let mut out = String::new();
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(n: usize, severity: &str, path: Option<&str>) -> Row {
        let value = json!({"finding": format!("fnd-{n:06}"), "rule": "secret_in_file", "title": "t",
            "owasp": "NHI2", "severity": severity, "risk": 1, "verdict": "fail", "why": "w",
            "name": "x", "next": "y", "id": "crd", "path": path, "line": 3});
        let Value::Object(fields) = value else {
            unreachable!()
        };
        Row {
            fields,
            ..Row::default()
        }
    }

    #[test]
    fn what_lies_in_two_files_is_one_result_for_each_that_names_the_other() {
        let mut rows = vec![
            fields(1, "high", Some("/a/.env")),
            fields(2, "high", Some("/b.py")),
        ];
        let mut apart = fields(3, "high", Some("/c.py"));
        apart.fields.insert("id".to_owned(), json!("another"));
        rows.push(apart);
        let log = log(rows.into_iter());
        let results = log["runs"][0]["results"].as_array().unwrap();
        let uri = |place: &Value| {
            let uri = &place["physicalLocation"]["artifactLocation"]["uri"];
            uri.as_str().map(str::to_owned)
        };
        let told: Vec<_> = results
            .iter()
            .map(|one| (uri(&one["locations"][0]), uri(&one["relatedLocations"][0])))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [
                (some("file:///a/.env"), some("file:///b.py")),
                (some("file:///b.py"), some("file:///a/.env")),
                (some("file:///c.py"), None),
            ]
        );
    }

    fn log(rows: impl Iterator<Item = Row>) -> Value {
        let mut log = Log::default();
        let mut out = Vec::new();
        for row in rows {
            log.row(&mut out, &row, &row.fields).unwrap();
        }
        log.end(&mut out, &[]).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn the_gravest_5000_are_kept_and_the_rest_is_counted() {
        let low = (0..5010).map(|n| fields(n, "low", Some("/a b")));
        let log = log(low.chain([fields(9999, "critical", Some("x"))]));
        let run = &log["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), 5000);
        assert_eq!(run["results"][0]["level"], "error");
        let told =
            run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str();
        assert!(told.unwrap().starts_with("11 findings"), "{told:?}");
    }

    #[test]
    fn results_that_share_a_fingerprint_are_told_apart_and_files_are_named_from_here() {
        let mut rows: Vec<_> = (1..=2)
            .map(|n| fields(n, "high", Some("/srv/shop/.env")))
            .collect();
        for (row, line) in rows.iter_mut().zip([9, 3]) {
            row.fields["line"] = json!(line);
            row.fields.insert("fingerprint".to_owned(), json!("fpr-x"));
        }
        let mut log = Log::new(Path::new("/srv/shop"));
        let mut out = Vec::new();
        for row in &rows {
            log.row(&mut out, row, &row.fields).unwrap();
        }
        log.end(&mut out, &[]).unwrap();
        let log: Value = serde_json::from_slice(&out).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let told = |at: usize| {
            let place = &results[at]["locations"][0]["physicalLocation"];
            assert_eq!(place["artifactLocation"]["uri"], ".env");
            let hash = &results[at]["partialFingerprints"]["primaryLocationLineHash"];
            (place["region"]["startLine"].clone(), hash.clone())
        };
        assert_eq!(told(0), (json!(9), json!("fpr-x:2")));
        assert_eq!(told(1), (json!(3), json!("fpr-x:1")));
    }

    #[test]
    fn a_rule_speaks_of_revoking_where_a_result_can_be_revoked() {
        let help = |next: &str| {
            let mut row = fields(1, "high", Some("/srv/.env"));
            row.fields.insert("rule".to_owned(), json!("open-secret"));
            row.fields.insert("next".to_owned(), json!(next));
            let log = log([row].into_iter());
            let rule = &log["runs"][0]["tool"]["driver"]["rules"][0];
            rule["help"]["text"].as_str().unwrap().to_owned()
        };
        assert!(help("keyroll plan revoke crd-1").ends_with("Next: keyroll plan revoke ID"));
        assert!(help("keyroll get crd-1").ends_with("Next: keyroll get ID"));
    }

    #[test]
    fn a_finding_without_a_place_is_counted_and_left_out() {
        let log = log([fields(1, "high", None), fields(2, "high", Some("/srv/a#b"))].into_iter());
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 1);
        let place = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "file:///srv/a%23b");
        assert_eq!(place["region"]["startLine"], 3);
    }
}
