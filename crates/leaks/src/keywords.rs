//! One automaton over the keywords of all rules.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

use crate::rule::Form;
use crate::{Error, Rule};

/// Where a keyword was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit<'a> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The rules it belongs to, by their place in the catalogue.
    pub(crate) rules: &'a [usize],
}

/// Keywords, and the rules each belongs to.
#[derive(Debug)]
pub(crate) struct Keywords {
    automaton: AhoCorasick,
    words: Vec<Word>,
    /// Bytes of the longest.
    longest: usize,
}

#[derive(Debug)]
struct Word {
    /// The keyword as it has to be written where a token begins with it.
    exact: Option<Vec<u8>>,
    rules: Vec<usize>,
}

impl Keywords {
    pub(crate) fn of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Result<Self, Error> {
        let mut by_word: BTreeMap<(String, bool), Vec<usize>> = BTreeMap::new();
        for (at, rule) in rules.enumerate() {
            let exact = matches!(rule.form, Form::Token(_) | Form::Armour);
            for keyword in &rule.keywords {
                let word = if exact {
                    keyword.clone()
                } else {
                    keyword.to_ascii_lowercase()
                };
                let rules = by_word.entry((word, exact)).or_default();
                if rules.last() != Some(&at) {
                    rules.push(at);
                }
            }
        }
        // The DFA is three times as fast as the NFA and ten times as large, which is a few MB.
        let automaton = AhoCorasickBuilder::new()
            .kind(Some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(by_word.keys().map(|(word, _)| word))
            .map_err(|error| Error::Keywords {
                reason: error.to_string(),
            })?;
        let longest = by_word
            .keys()
            .map(|(word, _)| word.len())
            .max()
            .unwrap_or(0);
        let words = by_word
            .into_iter()
            .map(|((word, exact), rules)| Word {
                exact: exact.then(|| word.into_bytes()),
                rules,
            })
            .collect();
        Ok(Self {
            automaton,
            words,
            longest,
        })
    }

    /// Calls `each` for every keyword that begins within `from..to` of `bytes`.
    pub(crate) fn each<'s>(
        &'s self,
        bytes: &[u8],
        from: usize,
        to: usize,
        mut each: impl FnMut(Hit<'s>),
    ) {
        let end = bytes.len().min(to + self.longest.saturating_sub(1));
        for hit in self.automaton.find_overlapping_iter(&bytes[from..end]) {
            let (start, end) = (from + hit.start(), from + hit.end());
            let Some(word) = self.words.get(hit.pattern().as_usize()) else {
                continue;
            };
            let is_written_so = word
                .exact
                .as_ref()
                .is_none_or(|exact| bytes[start..end] == **exact);
            if start < to && is_written_so {
                each(Hit {
                    start,
                    end,
                    rules: &word.rules,
                });
            }
        }
    }
}
