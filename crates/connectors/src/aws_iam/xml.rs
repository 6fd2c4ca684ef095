//! Answers of AWS Query interfaces, turned from XML into the JSON shape that AWS's own command
//! line prints, so that one reader serves live answers and exports.

use model::Reason;
use serde_json::{Map, Value};

use crate::Refusal;

/// More nodes than any page AWS sends; beyond it the answer is no page of theirs.
const NODES_MAX: u32 = 2_000_000;
/// AWS nests about ten deep.
const DEPTH_MAX: usize = 48;

/// The answer in the JSON shape: `member` and `item` lists become lists, `entry` maps become maps, leaves
/// become texts, an empty element becomes null.
pub(crate) fn to_json(body: &str) -> Result<Value, Refusal> {
    let options = roxmltree::ParsingOptions {
        nodes_limit: NODES_MAX,
        ..roxmltree::ParsingOptions::default()
    };
    let document = roxmltree::Document::parse_with_options(body, options)
        .map_err(|error| misshapen(&error.to_string()))?;
    value(document.root_element(), 0).ok_or_else(|| misshapen("it nests too deep"))
}

fn misshapen(why: &str) -> Refusal {
    Refusal::new(
        Reason::Failed,
        format!("expected an XML answer of AWS, got something else: {why}"),
    )
}

fn value(node: roxmltree::Node<'_, '_>, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    let mut children = node.children().filter(roxmltree::Node::is_element);
    let Some(first) = children.next() else {
        let text: String = node
            .children()
            .filter_map(|child| child.text())
            .collect::<String>()
            .trim()
            .to_owned();
        return Some(if text.is_empty() {
            Value::Null
        } else {
            Value::String(text)
        });
    };
    let all =
        || std::iter::once(first).chain(node.children().filter(|n| n.is_element() && *n != first));
    let name = |node: roxmltree::Node<'_, '_>| node.tag_name().name().to_owned();
    if ["member", "item"]
        .iter()
        .any(|each| all().all(|child| child.tag_name().name() == *each))
    {
        return all()
            .map(|child| value(child, depth + 1))
            .collect::<Option<Vec<_>>>()
            .map(Value::Array);
    }
    let mut map = Map::new();
    if all().all(|child| child.tag_name().name() == "entry") {
        for entry in all() {
            let part = |tag: &str| entry.children().find(|child| child.has_tag_name(tag));
            let named = |tag: &str| {
                part(tag).or_else(|| {
                    entry
                        .children()
                        .find(|child| child.is_element() && child.tag_name().name() == tag)
                })
            };
            if let (Some(key), Some(held)) = (named("key"), named("value")) {
                map.insert(
                    key.text().unwrap_or_default().to_owned(),
                    value(held, depth + 1)?,
                );
            }
        }
        return Some(Value::Object(map));
    }
    for child in all() {
        map.insert(name(child), value(child, depth + 1)?);
    }
    Some(Value::Object(map))
}

/// Members of EC2 that the command line calls otherwise than by a capital.
const RENAMED: &[(&str, &str)] = &[
    ("regionInfo", "Regions"),
    ("reservationSet", "Reservations"),
    ("instancesSet", "Instances"),
    ("instanceState", "State"),
    ("tagSet", "Tags"),
];

/// An answer of EC2, which begins its members with a small letter, as the command line has it.
pub(crate) fn in_pascal_case(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let renamed = map.into_iter().map(|(name, held)| {
                let known = RENAMED.iter().find(|(theirs, _)| *theirs == name);
                let name = known.map_or_else(|| capital(&name), |(_, ours)| (*ours).to_owned());
                (name, in_pascal_case(held))
            });
            Value::Object(renamed.collect())
        }
        Value::Array(list) => list.into_iter().map(in_pascal_case).collect(),
        leaf => leaf,
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// What AWS says of a failure: its code and its message.
pub(crate) fn error(body: &str) -> Option<(String, String)> {
    let root = to_json(body).ok()?;
    let error = root
        .get("Error")
        .or_else(|| root.pointer("/Errors/Error"))
        .or_else(|| root.get("Code").map(|_| &root))?;
    let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    Some((text("Code")?, text("Message").unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_maps_and_leaves_take_the_shape_of_the_command_line() {
        let body = "<R xmlns='urn:x'><Users><member><UserName>a</UserName><Tags/></member></Users>\
            <SummaryMap><entry><key>Users</key><value>1</value></entry></SummaryMap></R>";
        assert_eq!(
            to_json(body).unwrap(),
            json!({"Users": [{"UserName": "a", "Tags": null}], "SummaryMap": {"Users": "1"}})
        );
    }

    #[test]
    fn a_deep_or_broken_answer_is_refused_and_never_a_panic() {
        let deep = format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
        for body in [
            deep.as_str(),
            "",
            "{}",
            "<a>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        ] {
            assert!(to_json(body).is_err());
        }
    }

    #[test]
    fn an_error_document_gives_its_code() {
        for body in [
            "<ErrorResponse xmlns='urn:x'><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
            "<Response><Errors><Error><Code>AccessDenied</Code><Message>no</Message></Error></Errors></Response>",
            "<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
        ] {
            assert_eq!(
                error(body),
                Some(("AccessDenied".to_owned(), "no".to_owned()))
            );
        }
        assert_eq!(error("<html><body>500</body></html>"), None);
    }
}
