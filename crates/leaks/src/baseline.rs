//! Baselines: what was there before, and is not to be told again.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{Error, Match};

/// A fingerprint of a match that survives another scanner and another rotation (decision 4):
/// the rule, the place, and which of the rule's matches at that place it is, from 0.
///
/// The secret is no part of it.
pub fn fingerprint(rule: &str, place: &str, ordinal: u32) -> String {
    format!("{place}:{rule}:#{ordinal}")
}

/// Counts matches of each rule at each place, in the order in which they are told.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<(String, String), u32>);

impl Places {
    /// The fingerprint of the next match of `found.rule` at `place`, a path without a commit.
    pub fn next(&mut self, found: &Match, place: &str) -> String {
        let key = (found.rule.id.clone(), place.to_owned());
        let ordinal = self.0.entry(key).or_default();
        let text = fingerprint(&found.rule.id, place, *ordinal);
        *ordinal += 1;
        text
    }
}

/// Matches that are known: our fingerprints, lines of `.gitleaksignore`, or gitleaks' report.
#[derive(Debug, Default)]
pub struct Baseline {
    ours: BTreeSet<String>,
    /// gitleaks names a line: path, line, and the commit where it was told.
    lines: BTreeSet<(String, u64, Option<String>)>,
}

/// The fields of gitleaks' JSON report that say where. The secret in it is not read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reported {
    file: String,
    start_line: u64,
    #[serde(default)]
    commit: String,
}

impl Baseline {
    /// Reads `text`: gitleaks' JSON report, or one fingerprint a line; `#` begins a comment.
    ///
    /// # Errors
    /// Where it begins as JSON and is no such report. A line that is no fingerprint names
    /// nothing and is passed over, as gitleaks does.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.trim_start().starts_with(['[', '{']) {
            return Self::report(text);
        }
        Ok(Self::ignored(text))
    }

    /// Reads the lines of a `.gitleaksignore`, one fingerprint each; `#` begins a comment.
    pub fn ignored(text: &str) -> Self {
        let mut known = Self::default();
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            known.line(line);
        }
        known
    }

    fn report(text: &str) -> Result<Self, Error> {
        // The parser's own message could repeat a part of the report, which holds secrets.
        let reported: Vec<Reported> =
            serde_json::from_str(text).map_err(|error| Error::Baseline {
                reason: format!("line {}, column {}", error.line(), error.column()),
            })?;
        let mut known = Self::default();
        for one in reported {
            let commit = (!one.commit.is_empty()).then_some(one.commit);
            known.lines.insert((one.file, one.start_line, commit));
        }
        Ok(known)
    }

    /// `path:rule:#ordinal`, `path:rule:line` or `commit:path:rule:line`.
    fn line(&mut self, line: &str) {
        let Some((rest, last)) = line.rsplit_once(':') else {
            return;
        };
        if last.starts_with('#') {
            self.ours.insert(line.to_owned());
            return;
        }
        let (Ok(number), Some((place, _rule))) = (last.parse(), rest.rsplit_once(':')) else {
            return;
        };
        let is_commit =
            |text: &str| text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let known = match place.split_once(':') {
            Some((commit, path)) if is_commit(commit) => {
                (path.to_owned(), number, Some(commit.to_owned()))
            }
            _ => (place.to_owned(), number, None),
        };
        self.lines.insert(known);
    }

    /// Whether the match with `fingerprint`, on `line` of `path`, was there before.
    ///
    /// gitleaks calls its rules otherwise, so of its entries the place counts, not the rule.
    pub fn knows(&self, fingerprint: &str, path: &str, line: u64, commit: Option<&str>) -> bool {
        let at = |commit: Option<&str>| {
            self.lines
                .contains(&(path.to_owned(), line, commit.map(str::to_owned)))
        };
        self.ours.contains(fingerprint) || at(None) || commit.is_some_and(|commit| at(Some(commit)))
    }

    /// Whether gitleaks knows something on `line` of `path`, in whatever commit.
    pub fn knows_place(&self, path: &str, line: u64) -> bool {
        let first = (path.to_owned(), line, None);
        let mut from = self.lines.range(first..);
        from.next()
            .is_some_and(|(known, at, _)| known == path && *at == line)
    }

    /// How many matches it knows.
    pub fn len(&self) -> usize {
        self.ours.len() + self.lines.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_of_ours_knows_the_same_match_after_lines_were_added_above_it() {
        let known = Baseline::parse(&format!("# known\n{}\n", fingerprint("r", "a/b", 1))).unwrap();
        assert!(known.knows(&fingerprint("r", "a/b", 1), "a/b", 99, None));
        assert!(!known.knows(&fingerprint("r", "a/b", 0), "a/b", 99, None));
    }

    #[test]
    fn gitleaks_lists_and_reports_are_read_by_place() {
        let commit = "1".repeat(40);
        let list =
            Baseline::parse(&format!("a.txt:generic-api-key:7\n{commit}:b.txt:x:3\n")).unwrap();
        assert!(list.knows("", "a.txt", 7, Some("any")));
        assert!(list.knows("", "b.txt", 3, Some(&commit)) && !list.knows("", "b.txt", 3, None));
        let report = r#"[{"RuleID":"x","File":"c","StartLine":5,"Commit":"","Secret":"s"}]"#;
        assert!(Baseline::parse(report).unwrap().knows("", "c", 5, None));
        assert!(list.knows_place("b.txt", 3) && !list.knows_place("b.txt", 4));
        assert!(!list.knows_place("a", 7));
        assert!(Baseline::parse("[{\"File\":1}]").is_err());
    }
}
