//! What can be told of a policy document without evaluating it: whether it allows everything,
//! whether it could allow one action, and whom it lets in.

use std::collections::BTreeSet;

use serde_json::Value;

/// Longer than any document IAM takes (10,240 characters), escaped.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// A policy document, be it an object, its text, or its text in URL encoding as IAM sends it.
pub(crate) fn document(value: &Value) -> Option<Value> {
    match value {
        Value::Object(_) => Some(value.clone()),
        Value::String(text) if text.len() <= DOCUMENT_BYTES_MAX => {
            let object = |text: &str| serde_json::from_str(text).ok().filter(Value::is_object);
            object(text).or_else(|| object(&percent_decoded(text)?))
        }
        _ => None,
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

/// Whether a statement of `document` allows every action on every resource, unconditionally.
pub(crate) fn allows_everything(document: &Value) -> bool {
    statements(document).any(|one| {
        effect(one, "Allow")
            && !conditional(one)
            && texts(one.get("Action")).any(|action| action == "*" || action == "*:*")
            && texts(one.get("Resource")).any(|resource| resource == "*")
    })
}

/// Whether some statement could allow `action` on something under some condition.
pub(crate) fn may_allow(document: &Value, action: &str) -> bool {
    statements(document).any(|one| effect(one, "Allow") && names(one, action))
}

/// Whether a statement allows `action` on everything, unconditionally.
pub(crate) fn plainly_allows(document: &Value, action: &str) -> bool {
    statements(document).any(|one| {
        effect(one, "Allow")
            && !conditional(one)
            && texts(one.get("Action")).any(|pattern| matches(pattern, action))
            && texts(one.get("Resource")).any(|resource| resource == "*")
    })
}

/// Whether some statement could deny `action`.
pub(crate) fn may_deny(document: &Value, action: &str) -> bool {
    statements(document).any(|one| effect(one, "Deny") && names(one, action))
}

/// Whom a trust policy lets in, in AWS's words: ARNs, services, `*`.
pub(crate) fn trusted(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for one in statements(document).filter(|one| effect(one, "Allow")) {
        match one.get("Principal") {
            Some(Value::Object(kinds)) => {
                found.extend(
                    kinds
                        .values()
                        .flat_map(|held| texts(Some(held)))
                        .map(str::to_owned),
                );
            }
            other => found.extend(texts(other).map(str::to_owned)),
        }
        if one.get("NotPrincipal").is_some() {
            found.insert("(everyone but those named)".to_owned());
        }
    }
    found
}

/// Whether a trust policy lets a service in.
pub(crate) fn trusts_a(document: &Value, kind: &str) -> bool {
    statements(document).any(|one| {
        effect(one, "Allow")
            && one
                .get("Principal")
                .is_some_and(|held| held.get(kind).is_some())
    })
}

fn statements(document: &Value) -> impl Iterator<Item = &Value> {
    let held = document.get("Statement");
    let many = held
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    many.iter().chain(held.filter(|held| held.is_object()))
}

fn effect(statement: &Value, wanted: &str) -> bool {
    statement.get("Effect").and_then(Value::as_str) == Some(wanted)
}

fn conditional(statement: &Value) -> bool {
    statement
        .get("Condition")
        .is_some_and(|held| held.as_object().is_none_or(|map| !map.is_empty()))
}

fn names(statement: &Value, action: &str) -> bool {
    texts(statement.get("Action")).any(|pattern| matches(pattern, action))
        || (statement.get("NotAction").is_some()
            && !texts(statement.get("NotAction")).any(|pattern| matches(pattern, action)))
}

/// A text, or the texts of a list.
fn texts(held: Option<&Value>) -> impl Iterator<Item = &str> {
    let many = held
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    many.iter()
        .filter_map(Value::as_str)
        .chain(held.and_then(Value::as_str))
}

/// AWS's patterns for actions: `*` and `?`, letters in either case. Linear in both lengths.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.as_bytes(), action.as_bytes());
    let (mut p, mut a, mut star, mut from) = (0, 0, None, 0);
    while a < action.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some(p);
                from = a;
                p += 1;
            }
            Some(letter) if *letter == b'?' || letter.eq_ignore_ascii_case(&action[a]) => {
                p += 1;
                a += 1;
            }
            _ => {
                let Some(at) = star else { return false };
                p = at + 1;
                from += 1;
                a = from;
            }
        }
    }
    pattern[p..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_is_all_actions_on_all_resources_without_a_condition() {
        let allow = |more: Value| {
            let mut one = json!({"Effect": "Allow", "Action": ["*"], "Resource": "*"});
            for (name, held) in more.as_object().unwrap() {
                one[name] = held.clone();
            }
            allows_everything(&json!({"Statement": one}))
        };
        assert!(allow(json!({})));
        assert!(allow(json!({"Condition": {}})));
        assert!(!allow(
            json!({"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}})
        ));
        assert!(!allow(json!({"Effect": "Deny"})));
        assert!(!allow(json!({"Action": "s3:*"})));
        assert!(!allow(json!({"Resource": "arn:aws:s3:::b/*"})));
    }

    #[test]
    fn a_document_in_url_encoding_is_read() {
        let text = "%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%7D%5D%7D";
        let read = document(&Value::String(text.to_owned())).unwrap();
        assert_eq!(
            trusted(&read),
            BTreeSet::from(["ec2.amazonaws.com".to_owned()])
        );
        assert!(trusts_a(&read, "Service") && !trusts_a(&read, "AWS"));
        assert_eq!(document(&Value::String("%7".to_owned())), None);
    }

    #[test]
    fn patterns_match_as_iam_matches_them() {
        for (pattern, action, whether) in [
            ("sts:*", "sts:AssumeRole", true),
            ("STS:assume*", "sts:AssumeRole", true),
            ("sts:Assume?ole", "sts:AssumeRole", true),
            ("s*:*Role", "sts:AssumeRole", true),
            ("sts:Get*", "sts:AssumeRole", false),
            ("", "sts:AssumeRole", false),
        ] {
            assert_eq!(matches(pattern, action), whether, "{pattern}");
        }
    }
}
