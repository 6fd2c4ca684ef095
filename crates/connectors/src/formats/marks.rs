//! Which formats may be in a file of any name, told in one look at its beginning.
//!
//! Asking each format for its words one after the other would cost as much as all rules for
//! secrets together.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::FORMATS;

/// No format looks further for a word that marks it.
const HEAD_BYTES: usize = 16 * 1024;

/// The marks of all formats.
struct Marks {
    /// `None` where they could not be built: then every format is asked.
    words: Option<AhoCorasick>,
    /// For each word the formats it marks, by their place in [`FORMATS`].
    formats: Vec<Vec<usize>>,
}

static MARKS: LazyLock<Marks> = LazyLock::new(Marks::new);

impl Marks {
    fn new() -> Self {
        let mut by_word: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, format) in FORMATS.iter().enumerate() {
            for word in format.marks() {
                by_word.entry(word).or_default().push(at);
            }
        }
        let words = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(by_word.keys());
        Self {
            words: words.ok(),
            formats: by_word.into_values().collect(),
        }
    }
}

/// The places in [`FORMATS`] of those whose marks stand near the beginning of `bytes`. Formats
/// without a mark are not among them.
pub(super) fn formats_in(bytes: &[u8]) -> Vec<usize> {
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    let Some(words) = &MARKS.words else {
        return (0..FORMATS.len()).collect();
    };
    let mut found = Vec::new();
    for hit in words.find_iter(head) {
        found.extend(&MARKS.formats[hit.pattern().as_usize()]);
        // A file may say one word in each of its lines.
        if found.len() >= FORMATS.len() {
            found.sort_unstable();
            found.dedup();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two words that overlap in a text only the first would be seen.
    #[test]
    fn no_two_marks_can_overlap() {
        let words: Vec<&str> = FORMATS
            .iter()
            .flat_map(|one| one.marks())
            .copied()
            .collect();
        for word in &words {
            for other in words.iter().filter(|other| *other != word) {
                assert!(!word.contains(other), "`{word}` holds `{other}`");
                for (at, _) in other.char_indices().skip(1) {
                    assert!(
                        !word.ends_with(&other[..at]),
                        "`{word}` runs into `{other}`"
                    );
                }
            }
        }
    }

    #[test]
    fn a_mark_tells_its_formats_and_plain_text_tells_none() {
        let name = |at: usize| FORMATS[at].spec().name;
        let found: Vec<_> = formats_in(b"{\"terraform_version\": \"1\"}")
            .into_iter()
            .map(name)
            .collect();
        assert_eq!(found, ["terraform_plan", "terraform_state"]);
        assert!(formats_in(b"fn main() {}").is_empty());
    }
}
