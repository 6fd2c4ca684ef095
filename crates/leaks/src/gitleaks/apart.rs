//! A rule file that lies in what is read: data of whoever wrote it, and perhaps hostile.
//!
//! **Invariant:** it takes nothing away unseen. Our rules all run, whatever it disables or names
//! anew, and what it allows is counted as muted. Held by
//! `a_file_apart_disables_and_displaces_nothing_unseen`.

use regex::bytes::{Regex, RegexBuilder};

use super::{GitleaksConfig, WrittenList, WrittenRule, re2};
use crate::{Allowlist, Detector, Error};

/// Rules of such a file, and of its expressions; gitleaks' own, which many copy, has 220 rules.
const EXPRESSIONS_MAX: usize = 2_000;
/// Keywords of its rules: all that share four letters are gone through where these stand.
const KEYWORDS_MAX: usize = 4_000;
/// What one expression takes when it is compiled is found by trying these, in KiB. What takes more
/// than the last is refused: nobody can stop a run, and one of a hundred thousand bytes costs as
/// many steps for each of its states.
const WEIGHTS: [usize; 3] = [32, 128, 256];
/// All expressions of such a file together, in KiB.
const WEIGHT_MAX: usize = 64 * 1024;

/// Two detectors for one tree: neither can displace what the other finds.
#[derive(Debug)]
pub struct Apart {
    /// Our rules, with the allow-lists of the file.
    pub ours: Detector,
    /// The rules of the file alone, with its allow-lists; none where it states none.
    pub theirs: Option<Detector>,
}

impl GitleaksConfig {
    /// The file beside `ours` instead of in charge of them.
    ///
    /// # Errors
    /// A rule or an allow-list is wrong, or there is more of them than anybody needs.
    pub fn apart(mut self, ours: &Detector) -> Result<Apart, Error> {
        self.bounded()?;
        let disabled = std::mem::take(&mut self.extend.disabled_rules);
        self.extend.use_default = false;
        let mut refined: Vec<Allowlist> = Vec::new();
        let mut stated = Vec::new();
        for rule in std::mem::take(&mut self.rules) {
            if rule.refines() {
                let id = rule.id.clone();
                refined.extend(rule.lists()?.into_iter().map(|list| list.only_for(&id)));
            } else {
                stated.push(rule);
            }
        }
        self.rules = stated;
        if !disabled.is_empty() {
            refined.push(everything_of(disabled)?);
        }
        let (rules, lists) = self.rules()?;
        refined.extend(lists.iter().cloned());
        Ok(Apart {
            ours: ours.allowing(refined),
            theirs: match rules.is_empty() {
                true => None,
                false => Some(Detector::with(rules, lists)),
            },
        })
    }

    /// Holds the file to its limits before anything of it is kept.
    fn bounded(&self) -> Result<(), Error> {
        let most = |what, most, got| match got > most {
            true => Err(Error::Large { what, most, got }),
            false => Ok(()),
        };
        most("rules", EXPRESSIONS_MAX, self.rules.len())?;
        let count = self.expressions().count();
        most("regular expressions", EXPRESSIONS_MAX, count)?;
        let keywords = self.rules.iter().flat_map(|rule| &rule.keywords);
        most("keywords", KEYWORDS_MAX, keywords.map(Vec::len).sum())?;
        let mut weight = 0;
        for text in self.expressions() {
            weight += weight_of(&re2::translate(text));
            most("KiB of regular expressions", WEIGHT_MAX, weight)?;
        }
        Ok(())
    }

    fn expressions(&self) -> impl Iterator<Item = &String> {
        let lists = self.allowlists.iter().chain(&self.allowlist);
        let own = self.rules.iter().flat_map(WrittenRule::expressions);
        lists.flat_map(WrittenList::expressions).chain(own)
    }
}

impl WrittenRule {
    fn expressions(&self) -> impl Iterator<Item = &String> {
        let lists = self.allowlists.iter().chain(&self.allowlist);
        let own = self.regex.iter().chain(&self.path);
        own.chain(lists.flat_map(WrittenList::expressions))
    }
}

impl WrittenList {
    fn expressions(&self) -> impl Iterator<Item = &String> {
        self.regexes.iter().chain(&self.paths)
    }
}

/// What an expression takes when it is compiled, in KiB; more than a file may have where it takes
/// more than any should. What is none at all takes nothing: the rule will say so.
fn weight_of(pattern: &str) -> usize {
    let fits = |limit: usize, unicode: bool| {
        let mut builder = RegexBuilder::new(pattern);
        match builder.unicode(unicode).size_limit(limit << 10).build() {
            Ok(_) => Some(limit),
            Err(regex::Error::CompiledTooBig(_)) => None,
            Err(_) => Some(0),
        }
    };
    // As `compile` does it: with other letters only where it cannot be had without.
    let of = |unicode| WEIGHTS.into_iter().find_map(|limit| fits(limit, unicode));
    match of(false) {
        Some(0) => of(true),
        other => other,
    }
    .unwrap_or(WEIGHT_MAX + 1)
}

impl Allowlist {
    /// The same list, for one rule.
    fn only_for(self, rule: &str) -> Self {
        Self {
            rules: vec![rule.to_owned()],
            ..self
        }
    }
}

/// A list that knows whatever these rules find: disabled, and counted all the same.
fn everything_of(rules: Vec<String>) -> Result<Allowlist, Error> {
    let anywhere = Regex::new("").map_err(|error| Error::Regex {
        rule: "disabledRules".to_owned(),
        field: "paths",
        reason: error.to_string(),
    })?;
    Ok(Allowlist {
        paths: vec![anywhere],
        rules,
        ..Allowlist::default()
    })
}
