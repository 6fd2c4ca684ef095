//! The keywords of all rules, found in one pass.
//!
//! In an automaton over a thousand words each step waits for the one before. Here each place is
//! looked at by itself: the hash of the three letters there names a slot, which knows the letters
//! that may follow. Of each word the four letters are looked for that text has least often.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::Rule;
use crate::rule::Form;

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
    /// For each slot, by their lowest five bits, the letters that may follow the three.
    fourth: Box<[u32; SLOTS]>,
    /// For each slot, the words whose rarest letters hash to it.
    here: Vec<Vec<Part>>,
    words: Vec<Word>,
    /// How far into a word its rarest letters lie at most.
    offset_max: usize,
}

#[derive(Debug)]
struct Word {
    text: Vec<u8>,
    /// It has to be written exactly so, because a token begins with it.
    exact: bool,
    rules: Vec<usize>,
}

/// Four letters by which a word is looked for.
#[derive(Clone, Copy, Debug)]
struct Part {
    four: u32,
    /// Which of the letters count: words may be shorter.
    mask: u32,
    /// Where in the word they stand.
    offset: usize,
    word: usize,
}

/// With this many bits a table of slots stays in the processor's first cache.
const SLOT_BITS: u32 = 13;
const SLOTS: usize = 1 << SLOT_BITS;
/// Sets a bit by which the cases of ASCII differ. Other signs may become equal, too: they only
/// cost a look.
const FOLD: u32 = 0x2020_2020;
/// The letters of prose and code, the most frequent first.
const FREQUENT: &[u8] = b" etaoinsrlcdupmhgfb_y-.vw=/:0x1k2";

fn folded(four: [u8; 4]) -> u32 {
    u32::from_le_bytes(four) | FOLD
}

/// The slot of four folded letters, and the bit of the fourth.
fn slot(four: u32) -> (usize, u32) {
    // Knuth's multiplicative hash: the upper bits depend on all of the three.
    let hash = (four & 0x00ff_ffff).wrapping_mul(0x9e37_79b1) >> (32 - SLOT_BITS);
    (hash as usize, 1 << ((four >> 24) & 31))
}

/// How seldom letters stand in text: more is rarer.
fn rarity(letters: &[u8]) -> usize {
    let place = |letter: &u8| {
        let at = FREQUENT
            .iter()
            .position(|one| one.eq_ignore_ascii_case(letter));
        at.unwrap_or(FREQUENT.len())
    };
    letters.iter().map(place).sum()
}

impl Word {
    fn stands_at(&self, text: &[u8]) -> bool {
        text.get(..self.text.len()).is_some_and(|text| {
            if self.exact {
                text == self.text
            } else {
                text.eq_ignore_ascii_case(&self.text)
            }
        })
    }

    /// Where its rarest letters stand, the first of several that are equally rare.
    fn rarest(&self) -> usize {
        let parts = self.text.windows(4).enumerate();
        let rarest = parts.min_by_key(|(_, letters)| std::cmp::Reverse(rarity(letters)));
        rarest.map_or(0, |(at, _)| at)
    }

    /// The slots in which it is looked for, each with the letters that may follow.
    fn slots(&self, four: u32) -> BTreeMap<usize, u32> {
        let any = |four: u32| (slot(four | FOLD).0, u32::MAX);
        match self.text.len() {
            0 | 1 => (0..SLOTS).map(|at| (at, u32::MAX)).collect(),
            2 => (0..=0xff).map(|third| any(four | third << 16)).collect(),
            3 => BTreeMap::from([any(four)]),
            _ => BTreeMap::from([slot(four)]),
        }
    }
}

impl Keywords {
    pub(crate) fn of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut by_word: BTreeMap<(String, bool), BTreeSet<usize>> = BTreeMap::new();
        for (at, rule) in rules.enumerate() {
            let exact = matches!(rule.form, Form::Token(_) | Form::Armour);
            for keyword in &rule.keywords {
                let word = if exact {
                    keyword.clone()
                } else {
                    keyword.to_ascii_lowercase()
                };
                by_word.entry((word, exact)).or_default().insert(at);
            }
        }
        let words = by_word.into_iter().map(|((word, exact), rules)| Word {
            text: word.into_bytes(),
            exact,
            rules: rules.into_iter().collect(),
        });
        let mut keywords = Self {
            fourth: Box::new([0; SLOTS]),
            here: vec![Vec::new(); SLOTS],
            words: Vec::new(),
            offset_max: 0,
        };
        words.for_each(|word| keywords.add(word));
        keywords
    }

    fn add(&mut self, word: Word) {
        let offset = word.rarest();
        let mut letters = [0; 4];
        let mut mask = [0; 4];
        for (at, letter) in word.text[offset..].iter().take(4).enumerate() {
            letters[at] = letter | 0x20;
            mask[at] = 0xff;
        }
        let part = Part {
            four: u32::from_le_bytes(letters),
            mask: u32::from_le_bytes(mask),
            offset,
            word: self.words.len(),
        };
        for (at, letters) in word.slots(part.four) {
            self.fourth[at] |= letters;
            self.here[at].push(part);
        }
        self.offset_max = self.offset_max.max(offset);
        self.words.push(word);
    }

    /// Calls `each` for every keyword that begins within `from..to` of `bytes`.
    pub(crate) fn each<'s>(
        &'s self,
        bytes: &[u8],
        from: usize,
        to: usize,
        mut each: impl FnMut(Hit<'s>),
    ) {
        // The rarest letters of a word may stand behind the place up to which words may begin.
        let end = bytes.len().min(to + self.offset_max);
        let whole = end.min(bytes.len().saturating_sub(3)).max(from);
        for (at, four) in (from..whole).zip(bytes[from..].array_windows()) {
            let four = folded(*four);
            let (slot, letter) = slot(four);
            if self.fourth[slot] & letter != 0 {
                self.look(slot, four, bytes, at, from..to, &mut each);
            }
        }
        // Behind the last letters stands nothing.
        for at in whole..end {
            let mut four = [0; 4];
            for (to, letter) in four.iter_mut().zip(&bytes[at..]) {
                *to = *letter;
            }
            let four = folded(four);
            self.look(slot(four).0, four, bytes, at, from..to, &mut each);
        }
    }

    /// Calls `each` for the keywords whose rarest letters stand at `at`. Most places have none,
    /// so this stays out of the loop that asks.
    #[inline(never)]
    fn look<'s>(
        &'s self,
        slot: usize,
        four: u32,
        bytes: &[u8],
        at: usize,
        core: Range<usize>,
        each: &mut impl FnMut(Hit<'s>),
    ) {
        for part in &self.here[slot] {
            if (four ^ part.four) & part.mask != 0 {
                continue;
            }
            let word = &self.words[part.word];
            let start = at.checked_sub(part.offset).filter(|at| core.contains(at));
            if let Some(start) = start.filter(|start| word.stands_at(&bytes[*start..])) {
                each(Hit {
                    start,
                    end: start + word.text.len(),
                    rules: &word.rules,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::What;

    fn rule(form: Form, keywords: &[&str]) -> Rule {
        let mut rule = Rule::new("rule".to_owned(), What::PasswordHash, form);
        rule.keywords = keywords.iter().map(|&word| word.to_owned()).collect();
        rule
    }

    fn rules() -> [Rule; 2] {
        let free = Form::Free {
            regex: String::new(),
            group: None,
        };
        [
            rule(free, &["a", "b_", "key", "_key", "mykey", "client_key"]),
            rule(
                Form::Token(String::new()),
                &["K", "Ke", "KEY", "Key_", "ey_cli"],
            ),
        ]
    }

    fn hits(text: &[u8], from: usize, to: usize) -> Vec<(usize, usize, usize)> {
        let mut hits = Vec::new();
        Keywords::of(rules().iter()).each(text, from, to, |hit| {
            hits.extend(hit.rules.iter().map(|rule| (hit.start, hit.end, *rule)));
        });
        hits.sort_unstable();
        hits
    }

    /// The same, word by word and place by place.
    fn slowly(text: &[u8], from: usize, to: usize) -> Vec<(usize, usize, usize)> {
        let mut hits = Vec::new();
        for (number, rule) in rules().iter().enumerate() {
            for word in rule.keywords.iter().map(String::as_bytes) {
                for start in from..to {
                    let Some(there) = text.get(start..start + word.len()) else {
                        continue;
                    };
                    let exact = matches!(rule.form, Form::Token(_));
                    if there == word || !exact && there.eq_ignore_ascii_case(word) {
                        hits.push((start, start + word.len(), number));
                    }
                }
            }
        }
        hits.sort_unstable();
        hits
    }

    proptest! {
        #[test]
        fn words_are_found_wherever_they_stand(
            text in "(key|Key_|KEY|_k|client_|my|CLIENT_KEY|b_|[aKe\0\u{fc} ]){0,12}",
            cut in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let text = text.as_bytes();
            let (a, b) = (cut.0.index(text.len() + 1), cut.1.index(text.len() + 1));
            let (from, to) = (a.min(b), a.max(b));
            prop_assert_eq!(hits(text, from, to), slowly(text, from, to));
        }
    }
}
