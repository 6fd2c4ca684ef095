//! The detector: built once, shared by all threads.

mod blocks;
mod look;

use std::sync::Arc;

use crate::keywords::Keywords;
use crate::rule::Form;
use crate::{Allowlist, Error, GitleaksConfig, Match, Rule, builtin};

pub(crate) use blocks::Blocks;

/// Finds secrets in bytes. Building it takes some milliseconds; regexes are compiled when
/// their keyword is met for the first time.
#[derive(Clone, Debug)]
pub struct Detector {
    pub(crate) rules: Vec<Arc<Rule>>,
    keywords: Arc<Keywords>,
    /// Rules without a keyword look everywhere.
    everywhere: Vec<usize>,
    /// What the scanner of assignments reports to.
    password: Option<usize>,
    secret: Option<usize>,
    urls: Vec<usize>,
    allow: Vec<Allowlist>,
}

/// What a scan did not report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Matches that were told.
    pub matches: u64,
    /// Matches that a comment on their line or an allow-list says are known.
    pub muted: u64,
}

/// Where the bytes come from, as allow-lists need to know it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place<'a> {
    pub(crate) path: Option<&'a str>,
    pub(crate) commit: Option<&'a str>,
    /// Where the time is bounded.
    pub(crate) clock: Option<Clock<'a>>,
}

impl Place<'_> {
    /// Whether another expression may be run.
    pub(crate) fn goes_on(&self) -> bool {
        self.clock.is_none_or(|clock| (clock.0)())
    }
}

/// Says whether there is time left: the caller's, for this crate has none.
#[derive(Clone, Copy)]
pub(crate) struct Clock<'a>(&'a dyn Fn() -> bool);

impl std::fmt::Debug for Clock<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Detector {
    /// With the built-in rules.
    ///
    /// # Errors
    /// Where a data file is wrong, which the tests of the catalogue exclude.
    pub fn new() -> Result<Self, Error> {
        Ok(Self::of(builtin()?))
    }

    /// With these rules and no others.
    pub fn of(rules: Vec<Rule>) -> Self {
        Self::with(rules, Vec::new())
    }

    /// With the rules of a file in gitleaks' form; with the built-in ones, too, where it says
    /// `useDefault`.
    ///
    /// # Errors
    /// Where a rule is none here; the error names it.
    pub fn from_gitleaks(config: GitleaksConfig) -> Result<Self, Error> {
        let (rules, allow) = config.rules()?;
        Ok(Self::with(rules, allow))
    }

    pub(crate) fn with(rules: Vec<Rule>, allow: Vec<Allowlist>) -> Self {
        let keywords = Arc::new(Keywords::of(rules.iter()));
        let find = |id: &str| rules.iter().position(|rule| rule.id == id);
        let places = |is: fn(&Rule) -> bool| {
            let numbered = rules.iter().enumerate().filter(|(_, rule)| is(rule));
            numbered.map(|(at, _)| at).collect::<Vec<_>>()
        };
        Self {
            keywords,
            everywhere: places(|rule| {
                rule.keywords.is_empty() && matches!(rule.form, Form::Free { .. })
            }),
            password: find("assigned-password"),
            secret: find("assigned-secret"),
            urls: places(|rule| matches!(rule.form, Form::Url(_))),
            allow,
            rules: rules.into_iter().map(Rule::shared).collect(),
        }
    }

    /// The same rules, built once, with more allow-lists.
    pub(crate) fn allowing(&self, lists: Vec<Allowlist>) -> Self {
        let mut allowing = self.clone();
        allowing.allow.extend(lists);
        allowing
    }

    /// The rules, in the order of the catalogue.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|rule| &**rule)
    }

    /// Calls `sink` for each match in `bytes`, in order of place.
    ///
    /// `path` is only held against the paths of rules and allow-lists; nothing is read.
    pub fn scan(&self, bytes: &[u8], path: Option<&str>, sink: &mut dyn FnMut(Match)) -> Summary {
        self.scan_commit(bytes, path, None, sink)
    }

    /// As [`Detector::scan`], for rules that may be hostile: for each 64 KiB of `bytes`, at each
    /// keyword and before each run of an expression, over such a part and its window or of an
    /// allow-list, `goes_on` is asked. `None` where it said no; what was told until then is a part.
    pub fn scan_while(
        &self,
        bytes: &[u8],
        path: Option<&str>,
        goes_on: &dyn Fn() -> bool,
        sink: &mut dyn FnMut(Match),
    ) -> Option<Summary> {
        let place = Place {
            path,
            commit: None,
            clock: Some(Clock(goes_on)),
        };
        let mut blocks = Blocks::new(self, place);
        let mut from = 0;
        while from < bytes.len() && goes_on() {
            let to = bytes.len().min(from + look::PIECE);
            blocks.look(bytes, 0, from..to, sink);
            from = to;
        }
        goes_on().then(|| blocks.finish(sink))
    }

    /// As [`Detector::scan`], for a file of a commit, which an allow-list may know.
    pub fn scan_commit(
        &self,
        bytes: &[u8],
        path: Option<&str>,
        commit: Option<&str>,
        sink: &mut dyn FnMut(Match),
    ) -> Summary {
        let place = Place {
            path,
            commit,
            clock: None,
        };
        let mut blocks = Blocks::new(self, place);
        let mut from = 0;
        while from < bytes.len() {
            let to = bytes.len().min(from + crate::window::BLOCK);
            blocks.look(bytes, 0, from..to, sink);
            from = to;
        }
        blocks.finish(sink)
    }
}
