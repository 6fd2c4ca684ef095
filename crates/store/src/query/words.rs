//! The words of a statement, read strictly: what the two engines read differently is refused.

/// One word of a statement. Literals and numbers are left out: they can hold nothing that acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A keyword or a name, in lower case.
    Plain(String),
    /// A name in double quotes, in lower case.
    Quoted(String),
    /// A literal.
    Literal,
    /// Any other character that is no space.
    Sign(char),
}

/// The words of `sql`, or why they cannot be told.
pub(super) fn words(sql: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = sql;
    while let Some(letter) = rest.chars().next() {
        rest = match letter {
            _ if letter.is_ascii_whitespace() => &rest[1..],
            '-' if rest.starts_with("--") => rest.split_once('\n').map_or("", |(_, tail)| tail),
            '/' if rest.starts_with("/*") => return Err("`/*` is not read; use `--`".to_owned()),
            '\'' => {
                words.push(Word::Literal);
                quoted(rest, '\'')?.1
            }
            '"' => {
                let (name, tail) = quoted(rest, '"')?;
                words.push(Word::Quoted(name.to_lowercase()));
                tail
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let (name, tail) = name(rest);
                if tail.starts_with(['\'', '"', '&'])
                    && (tail.as_bytes()[0] != b'&' || name.eq_ignore_ascii_case("u"))
                {
                    return Err(format!("`{name}` before a quote is not read"));
                }
                words.push(Word::Plain(name.to_ascii_lowercase()));
                tail
            }
            '0'..='9' => {
                words.push(Word::Literal);
                rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.')
            }
            ';' => return Err("it must be one statement".to_owned()),
            '$' | '`' | '[' | ']' | '\\' | '{' | '}' => {
                return Err(format!("`{letter}` is not read"));
            }
            _ if !letter.is_ascii() || letter.is_ascii_control() => {
                return Err("outside quotes only ASCII is read".to_owned());
            }
            _ => {
                words.push(Word::Sign(letter));
                &rest[1..]
            }
        };
    }
    Ok(words)
}

/// What stands between two `quote`s at the start of `text`, doubled ones read as one, and the rest.
fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut held = String::new();
    let mut rest = &text[1..];
    while let Some((before, tail)) = rest.split_once(quote) {
        held.push_str(before);
        match tail.strip_prefix(quote) {
            Some(more) => {
                held.push(quote);
                rest = more;
            }
            None if held.contains('\0') => return Err("U+0000 is not read".to_owned()),
            None => return Ok((held, tail)),
        }
    }
    Err(format!("a {quote} is not closed"))
}

fn name(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".*") {
            let _ = words(&text);
        }

        #[test]
        fn a_literal_hides_whatever_it_holds(text in ".*") {
            prop_assume!(!text.contains('\0'));
            let sql = format!("select '{}'", text.replace('\'', "''"));
            prop_assert_eq!(words(&sql).unwrap(), vec![Word::Plain("select".to_owned()), Word::Literal]);
        }
    }
}
