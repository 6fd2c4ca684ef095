//! What a template fills in when it is deployed: `!Ref Name`, `{"Ref": "Name"}` and their like.

use std::borrow::Cow;

use serde_json::Value;

/// Short forms whose scalar names something else. A tag is lost once YAML is read, so the scalar
/// is made to look like what it is.
const TAGS: &[&str] = &["!Ref ", "!GetAtt ", "!ImportValue "];

/// `text` with `!Ref Name` written as `"${Name}"`. Lines stay where they are.
pub(super) fn marked(text: &str) -> Cow<'_, str> {
    if !TAGS.iter().any(|tag| text.contains(tag)) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 64);
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        while let Some((at, tag)) = first(rest) {
            let behind = &rest[at + tag.len()..];
            let (name, length) = scalar(behind);
            out.push_str(&rest[..at]);
            if name.is_empty() {
                // A list or a table follows, or nothing: it is no scalar.
                out.push_str(tag);
            } else {
                out.push_str("\"${");
                out.push_str(name);
                out.push_str("}\"");
            }
            rest = &behind[length..];
        }
        out.push_str(rest);
    }
    out.into()
}

/// The first of the tags in a line that stands where a value may.
fn first(line: &str) -> Option<(usize, &'static str)> {
    let found = TAGS.iter().filter_map(|tag| {
        let mut places = line.match_indices(tag).map(|(at, _)| at);
        let at = places.find(|at| {
            let before = line[..*at].trim_end_matches([' ', '\t']);
            before.is_empty() || before.ends_with([':', '-', '[', ',', '{'])
        })?;
        Some((at, *tag))
    });
    found.min_by_key(|(at, _)| *at)
}

/// The plain or quoted name at the beginning of `rest`, and how many bytes it takes.
fn scalar(rest: &str) -> (&str, usize) {
    let blanks = rest.len() - rest.trim_start_matches(' ').len();
    let inner = &rest[blanks..];
    let quote = inner.chars().next().filter(|c| matches!(c, '"' | '\''));
    let body = quote.map_or(inner, |_| &inner[1..]);
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_' | '-' | '/' | '@');
    let name = &body[..body.find(|c| !plain(c)).unwrap_or(body.len())];
    let end = match quote {
        Some(quote) if body[name.len()..].starts_with(quote) => name.len() + 2,
        Some(_) => return ("", 0),
        None => name.len(),
    };
    (name, if name.is_empty() { 0 } else { blanks + end })
}

/// The logical name that `value` refers to.
pub(super) fn of(value: &Value) -> Option<&str> {
    let name = match value {
        Value::String(text) => text.strip_prefix("${")?.strip_suffix('}')?,
        Value::Object(table) => {
            let inner = table.get("Ref").or_else(|| table.get("Fn::GetAtt"))?;
            match inner {
                Value::Array(list) => list.first()?.as_str()?,
                other => other.as_str()?,
            }
        }
        _ => return None,
    };
    let name = name.split('.').next()?;
    (!name.is_empty() && !name.contains(':')).then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_short_form_becomes_what_it_is_and_text_stays_text() {
        let text = "a: !Ref Db\nb: [!Ref A, !GetAtt 'B.Arn']\nc: !GetAtt [A, B]\nd: say !Ref x\ne: !ImportValue\n  x: y\n";
        assert_eq!(
            marked(text),
            "a: \"${Db}\"\nb: [\"${A}\", \"${B.Arn}\"]\nc: !GetAtt [A, B]\nd: say !Ref x\ne: !ImportValue\n  x: y\n"
        );
    }

    #[test]
    fn each_form_of_a_reference_names_the_same() {
        for value in [
            json!("${User}"),
            json!("${User.Arn}"),
            json!({"Ref": "User"}),
            json!({"Fn::GetAtt": ["User", "Arn"]}),
            json!({"Fn::GetAtt": "User.Arn"}),
        ] {
            assert_eq!(of(&value), Some("User"), "{value}");
        }
        assert_eq!(of(&json!({"Ref": "AWS::Region"})), None);
        assert_eq!(of(&json!("User")), None);
    }
}
