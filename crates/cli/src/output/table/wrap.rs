//! Sentences that go on in the next line, between words, below where they began.

use super::super::list::Look;

/// A foreign sentence; on a terminal it goes on between words.
pub(in super::super) fn sentence(text: &str, look: Look) -> String {
    below(text, look, 0)
}

/// The same for one that begins so many columns from the left.
pub(in super::super) fn below(text: &str, look: Look, indent: usize) -> String {
    let text = model::clean(text);
    let width = comfy_table::Table::new().width();
    match width.filter(|_| look.terminal) {
        Some(width) => hanging(&text, indent, width),
        None => text,
    }
}

/// `text`, which begins `indent` columns from the left, in lines of at most `width` columns. A word
/// that is longer than a line, a path mostly, stays whole: whoever copies it gets all of it.
pub(super) fn hanging(text: &str, indent: usize, width: u16) -> String {
    let width = usize::from(width);
    let mut out = String::with_capacity(text.len());
    let mut at = indent;
    for (number, word) in text.split(' ').enumerate() {
        let letters = columns(word);
        if number > 0 && at > indent && at + 1 + letters > width {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            at = indent;
        } else if number > 0 {
            out.push(' ');
            at += 1;
        }
        out.push_str(word);
        at += letters;
    }
    out
}

/// As many as it has letters: what is written twice as wide only makes a line end later.
fn columns(word: &str) -> usize {
    word.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_goes_on_below_where_it_began_and_no_word_is_broken() {
        let told = hanging("one two three four", 2, 11);
        assert_eq!(told, "one two\n  three\n  four");
        assert_eq!(hanging("one", 2, 3), "one");
        assert_eq!(hanging("/a/long/path x", 2, 6), "/a/long/path\n  x");
        assert_eq!(hanging("", 2, 6), "");
        assert_eq!(hanging("a  b", 0, 80), "a  b");
    }

    #[test]
    fn words_are_kept_in_their_order() {
        let text = "the quick brown fox jumps over the lazy dog";
        for width in 1..50 {
            let told = hanging(text, 3, width);
            let words: Vec<_> = told.split_whitespace().collect();
            assert_eq!(words.join(" "), text);
            let long = told
                .lines()
                .skip(1)
                .filter(|line| line.trim().contains(' '));
            assert!(
                long.clone().all(|line| line.len() <= usize::from(width)),
                "{told}"
            );
        }
    }
}
