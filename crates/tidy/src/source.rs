//! As much of Rust's grammar as the tests of the tree need: code without comments and
//! literals, functions and their lengths, the names that are declared.

/// A function and how long its body is.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, without path.
    pub name: String,
    /// The line of its `fn`, from 1.
    pub line: usize,
    /// Lines of code between its braces, as clippy counts them: no blank ones, no comments.
    pub lines: usize,
}

/// `text` with comments and the insides of literals blanked; lines stay where they are.
#[must_use]
pub fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = at + literal(&bytes[at..], out.last().copied());
        if end == at {
            out.push(bytes[at]);
            at += 1;
        } else {
            out.extend(
                bytes[at..end]
                    .iter()
                    .map(|&b| if b == b'\n' { b } else { b' ' }),
            );
            at = end;
        }
    }
    // Only whole characters were kept or blanked byte by byte, so this changes nothing.
    String::from_utf8_lossy(&out).into_owned()
}

/// How long the comment or literal at the start of `rest` is; 0 if there is none.
fn literal(rest: &[u8], before: Option<u8>) -> usize {
    let in_a_word = before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => quoted(rest, b'"'),
        [b'r', b'"' | b'#', ..] if !in_a_word => raw(&rest[1..]).map_or(0, |n| n + 1),
        [b'b' | b'c', b'r', b'"' | b'#', ..] if !in_a_word => raw(&rest[2..]).map_or(0, |n| n + 2),
        [b'\'', b'\\', ..] => quoted(rest, b'\''),
        [b'\'', ..] => character(rest),
        _ => 0,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b if b == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A raw string from its first `#` or `"`; `None` if it is a raw identifier.
fn raw(rest: &[u8]) -> Option<usize> {
    let hashes = rest.iter().take_while(|&&b| b == b'#').count();
    if rest.get(hashes) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(hashes + 1, b'#');
    let body = &rest[hashes + 1..];
    let length = body
        .windows(end.len())
        .position(|window| window == end.as_slice());
    Some(length.map_or(rest.len(), |length| hashes + 1 + length + end.len()))
}

/// A character literal without escape; 0 if the quote begins a lifetime.
fn character(rest: &[u8]) -> usize {
    let width = match rest.get(1) {
        Some(0xC0..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xFF) => 4,
        _ => 1,
    };
    if rest.get(1 + width) == Some(&b'\'') {
        width + 2
    } else {
        0
    }
}

/// Every function with a body in `text`.
#[must_use]
pub fn functions(text: &str) -> Vec<Function> {
    let code = blank(text);
    declared(&code, &["fn"])
        .into_iter()
        .filter_map(|(at, name)| {
            let open = at + body(&code[at..])?;
            let close = open + closing(&code[open..]);
            let lines = code[open + 1..close]
                .lines()
                .skip(1)
                .filter(|l| !l.trim().is_empty());
            Some(Function {
                name: name.to_owned(),
                line: code[..at].lines().count(),
                lines: lines.count(),
            })
        })
        .collect()
}

/// The names that `text` declares by one of `keywords` (`struct`, `mod`, …), with their lines.
#[must_use]
pub fn identifiers(text: &str, keywords: &[&str]) -> Vec<(usize, String)> {
    let code = blank(text);
    declared(&code, keywords)
        .into_iter()
        .map(|(at, name)| (code[..at].lines().count(), name.to_owned()))
        .collect()
}

/// Where each name declared by one of `keywords` begins, and the name.
fn declared<'a>(code: &'a str, keywords: &[&str]) -> Vec<(usize, &'a str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut after_keyword = false;
    let mut at = 0;
    for word in code.split_inclusive(|c| !is_word(c)) {
        let name = word.trim_end_matches(|c| !is_word(c));
        if after_keyword && !name.is_empty() {
            found.push((at, name));
        }
        if !name.is_empty() || !word.trim().is_empty() {
            after_keyword = keywords.contains(&name) && word[name.len()..].trim().is_empty();
        }
        at += word.len();
    }
    found
}

/// Where the body of the function begins whose name begins `code`; `None` if it has none.
fn body(code: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(at),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Where the brace closes that begins `code`.
fn closing(code: &str) -> usize {
    let mut depth = 0_i32;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::{Function, blank, functions, identifiers};

    const CODE: &str = r##"
//! fn in_a_comment() {}
fn short<'a>(x: &'a str) -> [u8; 2] { /* { /* nested */ */ }

/// Doc.
pub(crate) async fn long(c: char) -> bool {
    let _ = "a \" brace }";
    // a comment

    let _ = r#"another " brace }"#;
    c == '}' || c == '\'' || c == 'é'
}
trait T { fn without_body(&self); }
struct r#Name;
"##;

    #[test]
    fn functions_are_found_with_their_lines_of_code() {
        let expected = [("short", 3, 0), ("long", 6, 3)].map(|(name, line, lines)| Function {
            name: name.to_owned(),
            line,
            lines,
        });
        assert_eq!(functions(CODE), expected);
    }

    #[test]
    fn blanking_keeps_every_line_and_the_length() {
        let blanked = blank(CODE);
        assert_eq!(blanked.len(), CODE.len());
        assert_eq!(blanked.lines().count(), CODE.lines().count());
        assert!(!blanked.contains("brace"));
        assert!(!blanked.contains("comment"));
    }

    #[test]
    fn declared_names_are_found_and_used_ones_are_not() {
        let code = "mod a; struct Bee<T>(T);\nenum Sea { X }\nlet x: Dee = 1; // struct Eff";
        let found = identifiers(code, &["mod", "struct", "enum"]);
        assert_eq!(
            found,
            [
                (1, "a".to_owned()),
                (1, "Bee".to_owned()),
                (2, "Sea".to_owned())
            ]
        );
    }
}
