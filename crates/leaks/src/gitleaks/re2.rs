//! From RE2's syntax, in which gitleaks' rules are written, to that of Rust's `regex`.
//!
//! The two differ where Rust gives a meaning to what RE2 takes as it stands: a brace that begins
//! no repetition, `[`, `&&`, `--` and `~~` within a class, `\<`; and `\Q…\E`, which Rust has not.

use std::iter::Peekable;
use std::str::Chars;

/// `pattern` as Rust reads it. What is wrong in RE2 stays wrong.
pub(super) fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    let mut before = None;
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut chars, &mut out),
            '[' if in_class => bracket(&mut chars, &mut out),
            '[' => {
                in_class = true;
                out.push('[');
                // A bracket that closes at once is one of the class.
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    out.push_str(r"\]");
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => out.extend(['\\', c]),
            '-' if in_class && before == Some('-') => out.push_str(r"\-"),
            '{' if !in_class && !is_repetition(&chars) => out.push_str(r"\{"),
            other => out.push(other),
        }
        before = Some(c);
    }
    out
}

fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    match chars.next() {
        Some('Q') => {
            let mut quoted = String::new();
            while let Some(c) = chars.next() {
                if c == '\\' && chars.next_if_eq(&'E').is_some() {
                    break;
                }
                quoted.push(c);
            }
            out.push_str(&regex::escape(&quoted));
        }
        Some(c @ ('<' | '>')) => out.push(c),
        // Rust's `\z` and RE2's are one; `\Z` neither has.
        Some(c) => out.extend(['\\', c]),
        None => out.push('\\'),
    }
}

/// Within a class: `[:alpha:]` is one in both; any other bracket is itself in RE2.
fn bracket(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    let name: String = chars.clone().take_while(|c| *c != ']').collect();
    if name.len() > 2 && name.starts_with(':') && name.ends_with(':') {
        out.push('[');
        out.push_str(&name);
        out.push(']');
        for _ in 0..=name.chars().count() {
            chars.next();
        }
    } else {
        out.push_str(r"\[");
    }
}

fn is_repetition(chars: &Peekable<Chars<'_>>) -> bool {
    let inside: String = chars.clone().take_while(|c| *c != '}').take(12).collect();
    let closes = chars.clone().nth(inside.chars().count()) == Some('}');
    closes
        && inside.starts_with(|c: char| c.is_ascii_digit())
        && inside.chars().all(|c| c.is_ascii_digit() || c == ',')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::compile;

    #[test]
    fn what_re2_takes_as_it_stands_is_taken_so() {
        for (pattern, text) in [
            (r"a{b", "a{b"),
            (r"[[]x", "[x"),
            (r"[^[]x", "yx"),
            (r"[a&&b]", "&"),
            (r"[+--]z", "-z"),
            (r"\Qa.b\E+", "a.bb"),
            (r"\<k\>", "<k>"),
            (r"[[:alpha:]]{3}", "abc"),
            (r"[]a]", "]"),
            (r"(?i)key\s*[=:]\s*([a-z0-9]{4,})", "KEY = abcd1"),
        ] {
            let regex =
                compile(&translate(pattern)).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert!(regex.is_match(text.as_bytes()), "{pattern}");
        }
    }
}
