//! U+0000 in text, which PostgreSQL cannot hold: escaped so that nothing is lost or reordered.
//!
//! `U+0000` becomes `U+0001 U+0001`, `U+0001` becomes `U+0001 U+0002`: byte order stays what it
//! was. In JSON the same is done to the escapes `\u0000` and `\u0001`.

use std::borrow::Cow;

/// `text` as PostgreSQL can hold it.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte < 2) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\0' => out.push_str("\u{1}\u{1}"),
            '\u{1}' => out.push_str("\u{1}\u{2}"),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// What [`escape`] was given.
pub(crate) fn unescape(text: String) -> String {
    if !text.bytes().any(|byte| byte == 1) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\u{1}') {
            (_, true) => out.push(if letters.next() == Some('\u{1}') {
                '\0'
            } else {
                '\u{1}'
            }),
            (other, false) => out.push(other),
        }
    }
    out
}

/// JSON text as `jsonb` can hold it.
pub(crate) fn escape_json(json: &str) -> Cow<'_, str> {
    if !json.contains("\\u000") {
        return Cow::Borrowed(json);
    }
    Cow::Owned(replace_escapes(json, |four, out| match four {
        "0000" => out.push_str("\\u0001\\u0001"),
        "0001" => out.push_str("\\u0001\\u0002"),
        other => {
            out.push_str("\\u");
            out.push_str(other);
        }
    }))
}

/// What [`escape_json`] was given, in other words perhaps but with the same meaning.
pub(crate) fn unescape_json(json: String) -> String {
    if !json.contains("\\u0001") {
        return json;
    }
    let mut pending = false;
    replace_escapes(&json, |four, out| {
        // Escapes come in pairs that begin with U+0001 and stand next to one another.
        match (pending, four) {
            (true, "0001") => out.push_str("\\u0000"),
            (true, _) => out.push_str("\\u0001"),
            (false, "0001") => {
                pending = true;
                return;
            }
            (false, other) => {
                out.push_str("\\u");
                out.push_str(other);
            }
        }
        pending = false;
    })
}

/// Gives every `\uXXXX` in the strings of `json` to `each` and copies the rest.
fn replace_escapes(json: &str, mut each: impl FnMut(&str, &mut String)) -> String {
    let mut out = String::with_capacity(json.len() + 16);
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        if let Some(four) = escape.strip_prefix("\\u").and_then(|tail| tail.get(..4)) {
            each(four, &mut out);
            rest = &escape[6..];
        } else {
            // A backslash and the character it escapes, which is always ASCII in JSON.
            let end = 2.min(escape.len());
            let end = if escape.is_char_boundary(end) { end } else { 1 };
            out.push_str(&escape[..end]);
            rest = &escape[end..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_reads_back_and_keeps_its_order(a in "[\0-\u{3}a]{0,6}", b in "[\0-\u{3}a]{0,6}") {
            let (left, right) = (escape(&a).into_owned(), escape(&b).into_owned());
            prop_assert!(!left.contains('\0'));
            prop_assert_eq!(left.as_bytes().cmp(right.as_bytes()), a.as_bytes().cmp(b.as_bytes()));
            prop_assert_eq!(unescape(left), a);
        }

        #[test]
        fn json_reads_back(text in "[\0-\u{3}\\\\\"au01]{0,12}", name in "[\0-\u{3}\\\\u0]{0,4}") {
            let value = serde_json::json!({ name: [text] });
            let held = escape_json(&value.to_string()).into_owned();
            prop_assert!(!held.replace("\\\\", "").contains("\\u0000"));
            let read: serde_json::Value = serde_json::from_str(&unescape_json(held)).unwrap();
            prop_assert_eq!(read, value);
        }
    }
}
