//! Allow-lists: what is known and not worth a match, in gitleaks' terms.

use regex::bytes::Regex;

/// Whether one of the criteria is enough or all have to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// One is enough.
    #[default]
    Or,
    /// All that are given.
    And,
}

/// What the regexes of an allow-list are held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Against {
    #[default]
    Secret,
    Match,
    Line,
}

/// One allow-list.
#[derive(Clone, Debug, Default)]
pub struct Allowlist {
    pub(crate) condition: Condition,
    pub(crate) against: Against,
    pub(crate) regexes: Vec<Regex>,
    pub(crate) paths: Vec<Regex>,
    pub(crate) commits: Vec<String>,
    pub(crate) stopwords: Vec<String>,
    /// Only for these rules; empty: for all.
    pub(crate) rules: Vec<String>,
}

/// A match as an allow-list sees it.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) rule: &'a str,
    pub(crate) path: Option<&'a str>,
    pub(crate) commit: Option<&'a str>,
    pub(crate) secret: &'a [u8],
    pub(crate) matched: &'a [u8],
    pub(crate) line: &'a [u8],
}

impl Allowlist {
    /// Whether it says that `seen` is known; `goes_on` is asked before each expression, and where it
    /// says no the answer means nothing.
    pub(crate) fn knows(&self, seen: &Seen<'_>, goes_on: &dyn Fn() -> bool) -> bool {
        if !self.rules.is_empty() && !self.rules.iter().any(|rule| rule == seen.rule) {
            return false;
        }
        let text = match self.against {
            Against::Secret => seen.secret,
            Against::Match => seen.matched,
            Against::Line => seen.line,
        };
        let path = seen.path.unwrap_or_default().as_bytes();
        let lower = seen.secret.to_ascii_lowercase();
        let holds_word = |word: &String| memchr::memmem::find(&lower, word.as_bytes()).is_some();
        let one_matches =
            |all: &[Regex], text| all.iter().any(|one| goes_on() && one.is_match(text));
        // Criteria that are not given neither hold nor fail.
        let criteria = [
            (!self.regexes.is_empty()).then(|| one_matches(&self.regexes, text)),
            (!self.paths.is_empty()).then(|| one_matches(&self.paths, path)),
            (!self.commits.is_empty()).then(|| {
                seen.commit
                    .is_some_and(|commit| self.commits.iter().any(|one| one == commit))
            }),
            (!self.stopwords.is_empty()).then(|| self.stopwords.iter().any(holds_word)),
        ];
        let mut given = criteria.into_iter().flatten().peekable();
        match self.condition {
            _ if given.peek().is_none() => false,
            Condition::Or => given.any(|holds| holds),
            Condition::And => given.all(|holds| holds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen<'a>(path: &'a str, secret: &'a [u8]) -> Seen<'a> {
        Seen {
            rule: "r",
            path: Some(path),
            commit: None,
            secret,
            matched: secret,
            line: secret,
        }
    }

    fn list(condition: Condition) -> Allowlist {
        Allowlist {
            condition,
            paths: vec![Regex::new("^vendor/").unwrap()],
            stopwords: vec!["demo".to_owned()],
            ..Allowlist::default()
        }
    }

    #[test]
    fn one_criterion_is_enough_unless_all_are_asked_for() {
        assert!(list(Condition::Or).knows(&seen("vendor/x", b"k1"), &|| true));
        assert!(list(Condition::Or).knows(&seen("src/x", b"my-DEMO-key"), &|| true));
        assert!(!list(Condition::And).knows(&seen("vendor/x", b"k1"), &|| true));
        assert!(list(Condition::And).knows(&seen("vendor/x", b"demo"), &|| true));
        assert!(!Allowlist::default().knows(&seen("x", b"y"), &|| true));
    }

    #[test]
    fn a_list_for_one_rule_knows_nothing_of_others() {
        let list = Allowlist {
            rules: vec!["other".to_owned()],
            ..list(Condition::Or)
        };
        assert!(!list.knows(&seen("vendor/x", b"demo"), &|| true));
    }
}
