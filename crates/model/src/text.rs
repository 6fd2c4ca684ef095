//! Foreign text on its way to a person: no control character, no trick of direction, no flood.

/// `text` with everything that could steer a terminal, hide or reorder letters made visible.
///
/// Control characters (C0, C1, DEL), line separators and bidirectional or invisible format
/// characters become `\u{…}` escapes. A tab and a newline count as control characters too.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if steers(letter) {
            out.extend(letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
    out
}

/// `text` without what may be a password in it, where it is no address that could be read: all
/// that stands between its first `:` and its last `@`.
pub fn without_login(text: &str) -> String {
    let parts = text.rsplit_once('@');
    let parts = parts.and_then(|(before, after)| Some((before.split_once(':')?.0, after)));
    match parts {
        Some((first, after)) => format!("{first}:…@{after}"),
        None => text.to_owned(),
    }
}

/// Whether a letter can steer a terminal or deceive a reader (Unicode 16 categories Cc, Cf in part).
fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// At most `letters_max` characters of `text`: an over-long one loses its middle.
pub fn shorten(text: &str, letters_max: usize) -> String {
    let count = text.chars().count();
    if count <= letters_max {
        return text.to_owned();
    }
    let keep = letters_max.saturating_sub(1);
    let head = keep.div_ceil(2);
    let mut out: String = text.chars().take(head).collect();
    out.push('…');
    out.extend(text.chars().skip(count - (keep - head)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_escape_sequence_never_reaches_a_terminal_raw() {
        assert_eq!(clean("a\u{1b}]0;x\u{7}b"), "a\\u{1b}]0;x\\u{7}b");
        assert_eq!(clean("user\u{202e}txt.exe"), "user\\u{202e}txt.exe");
    }

    #[test]
    fn of_a_mistyped_address_no_login_is_left() {
        for (text, left) in [
            ("postgres:/ann:hun@ter2@host/x", "postgres:…@host/x"),
            ("ann:hunter2@host", "ann:…@host"),
            ("reader@dc.example", "reader@dc.example"),
            ("logs:PATH", "logs:PATH"),
        ] {
            assert_eq!(without_login(text), left);
        }
    }

    #[test]
    fn a_long_text_loses_its_middle_only() {
        assert_eq!(shorten("abcdefghij", 5), "ab…ij");
        assert_eq!(shorten("abc", 5), "abc");
    }

    proptest! {
        #[test]
        fn cleaned_text_holds_no_control_character(text in ".*") {
            prop_assert!(!clean(&text).chars().any(steers));
        }

        #[test]
        fn a_shortened_text_keeps_to_its_limit(text in ".*", limit in 1usize..40) {
            prop_assert!(shorten(&text, limit).chars().count() <= limit);
        }
    }
}
