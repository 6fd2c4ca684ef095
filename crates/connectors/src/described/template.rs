//! Places in an answer, and texts with such places in them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

/// Values of one place beyond these are not looked at.
const VALUES_MAX: usize = 1_000;

/// A place in an item: names of fields with points between them, `*` for each element of a list.
/// `^` before it: in the item that this one belongs to. `.`: the item itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path {
    up: usize,
    steps: Vec<String>,
}

/// A text with places in braces: `user/{owner.id}`. A name in capitals is a part of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    At(Path),
    /// A place that may be empty: `{scope?}`.
    Maybe(Path),
    Target(String),
}

/// What templates are filled from: the items that enclose one another, the innermost last, and
/// the parts of the target by name.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub(super) items: &'a [&'a Value],
    pub(super) target: &'a [(&'a str, &'a str)],
}

impl Path {
    /// Every value at this place; none where it is not there.
    pub(super) fn all<'a>(&self, items: &[&'a Value]) -> Vec<&'a Value> {
        let at = items.len().checked_sub(self.up + 1);
        let mut found: Vec<&Value> = at
            .and_then(|at| items.get(at))
            .copied()
            .into_iter()
            .collect();
        for step in &self.steps {
            let mut next = Vec::new();
            for value in found {
                match (step.as_str(), value) {
                    ("*", Value::Array(list)) => next.extend(list.iter().take(VALUES_MAX)),
                    ("*", Value::Object(map)) => next.extend(map.values().take(VALUES_MAX)),
                    (name, Value::Object(map)) => next.extend(map.get(name)),
                    (number, Value::Array(list)) => {
                        next.extend(number.parse().ok().and_then(|n: usize| list.get(n)));
                    }
                    _ => {}
                }
                if next.len() >= VALUES_MAX {
                    break;
                }
            }
            found = next;
        }
        found.truncate(VALUES_MAX);
        found
    }

    /// The first value at this place.
    pub(super) fn one<'a>(&self, items: &[&'a Value]) -> Option<&'a Value> {
        self.all(items).first().copied()
    }

    /// Whether it is the item itself.
    pub(super) const fn is_whole(&self) -> bool {
        self.up == 0 && self.steps.is_empty()
    }

    /// Whether it may lead to several.
    pub(super) fn is_many(&self) -> bool {
        self.steps.iter().any(|step| step == "*")
    }
}

impl Template {
    /// Every text that it makes of `here`: several where a place in it has several values, none
    /// where one has none.
    pub(super) fn all(&self, here: &Here<'_>) -> Vec<String> {
        let mut made = vec![String::new()];
        for piece in &self.0 {
            let texts: Vec<String> = match piece {
                Piece::Text(text) => vec![text.clone()],
                Piece::At(path) => texts(path, here.items),
                Piece::Maybe(path) => match texts(path, here.items) {
                    none if none.is_empty() => vec![String::new()],
                    some => some,
                },
                Piece::Target(name) => {
                    let parts = here.target.iter().filter(|(part, _)| part == name);
                    parts.map(|(_, value)| (*value).to_owned()).collect()
                }
            };
            let longer = made
                .iter()
                .flat_map(|begun| texts.iter().map(move |text| format!("{begun}{text}")));
            made = longer.take(VALUES_MAX).collect();
        }
        made
    }

    /// The first of them.
    pub(super) fn one(&self, here: &Here<'_>) -> Option<String> {
        self.all(here).into_iter().next()
    }

    /// Whether all its places can be there: at most so many items up, only known parts.
    pub(super) fn is_known(&self, ups: usize, parts: &[&str]) -> bool {
        self.0.iter().all(|piece| match piece {
            Piece::Text(_) => true,
            Piece::At(path) | Piece::Maybe(path) => path.up <= ups,
            Piece::Target(name) => parts.contains(&name.as_str()),
        })
    }

    /// Whether it needs the item itself, and not only what that belongs to.
    pub(super) fn asks_item(&self) -> bool {
        let of_item =
            |piece: &Piece| matches!(piece, Piece::At(path) | Piece::Maybe(path) if path.up == 0);
        self.0.iter().any(of_item)
    }
}

fn texts(path: &Path, items: &[&Value]) -> Vec<String> {
    path.all(items).into_iter().filter_map(as_text).collect()
}

/// A text, a number or a flag as a text; nothing of anything else, and of an empty text.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl FromStr for Path {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = text;
        let mut up = 0;
        while let Some(behind) = rest.strip_prefix('^') {
            (rest, up) = (behind.strip_prefix('.').unwrap_or(behind), up + 1);
        }
        if rest.is_empty() && up == 0 {
            return Err("a place in an item, `.` for all of it");
        }
        let steps = match rest {
            "" | "." => Vec::new(),
            rest => rest.split('.').map(str::to_owned).collect(),
        };
        if steps
            .iter()
            .any(|step| step.is_empty() || step.contains(['{', '}']))
        {
            return Err("names of fields with points between them");
        }
        Ok(Self { up, steps })
    }
}

impl FromStr for Template {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (place, after) = behind.split_once('}').ok_or("a closing brace")?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let of_target = |c: char| c.is_ascii_uppercase() || c == '_';
            pieces.push(match place {
                "" => return Err("a place between braces"),
                name if name.chars().all(of_target) => Piece::Target(name.to_owned()),
                path => match path.strip_suffix('?') {
                    Some(path) => Piece::Maybe(path.parse()?),
                    None => Piece::At(path.parse()?),
                },
            });
            rest = after;
        }
        if rest.contains('}') {
            return Err("an opening brace");
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..self.up {
            f.write_str("^")?;
        }
        match (self.up, self.steps.is_empty()) {
            (0, true) => f.write_str("."),
            (_, true) => Ok(()),
            (0, false) => f.write_str(&self.steps.join(".")),
            (_, false) => write!(f, ".{}", self.steps.join(".")),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::At(path) => write!(f, "{{{path}}}"),
            Piece::Maybe(path) => write!(f, "{{{path}?}}"),
            Piece::Target(name) => write!(f, "{{{name}}}"),
        })
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|expected| told(expected, &text))
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|expected| told(expected, &text))
    }
}

fn told<E: de::Error>(expected: &str, got: &str) -> E {
    E::custom(format!(
        "expected {expected}, got `{}`",
        model::shorten(&model::clean(got), 80)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places_lead_to_what_is_there_and_to_nothing_else() {
        let outer = json!({"id": 7});
        let item = json!({"a": {"b": [{"c": "x"}, {"c": 2}, {"d": 1}]}, "n": null, "e": ""});
        let items = [&outer, &item];
        let all = |text: &str| {
            let path: Path = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
            path.all(&items).into_iter().cloned().collect::<Vec<_>>()
        };
        assert_eq!(all("a.b.*.c"), [json!("x"), json!(2)]);
        assert_eq!(all("a.b.1.c"), [json!(2)]);
        assert_eq!(all("^.id"), [json!(7)]);
        assert_eq!(all("n"), [Value::Null]);
        for nowhere in ["a.x", "a.b.9", "a.b.c", "^^.id", "n.x", "e.*"] {
            assert!(all(nowhere).is_empty(), "{nowhere}");
        }
        assert_eq!(all(".").first(), Some(&item));
        for bad in ["", "a..b", "a.{b}"] {
            assert!(bad.parse::<Path>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_is_made_of_places_and_parts_or_not_at_all() {
        let outer = json!({"id": 7});
        let item = json!({"id": "k", "of": ["a", "b"], "none": null});
        let here = Here {
            items: &[&outer, &item],
            target: &[("ORG", "acme/x")],
        };
        let made = |text: &str| text.parse::<Template>().unwrap().all(&here);
        assert_eq!(made("key/{^.id}/{id}"), ["key/7/k"]);
        assert_eq!(made("{ORG}:{of.*}"), ["acme/x:a", "acme/x:b"]);
        assert_eq!(made("plain"), ["plain"]);
        for nothing in ["{none}", "{gone}", "{OTHER}", "a{of}"] {
            assert!(made(nothing).is_empty(), "{nothing}");
        }
        for bad in ["{", "}", "{}", "a{b"] {
            assert!(bad.parse::<Template>().is_err(), "{bad}");
        }
    }
}
