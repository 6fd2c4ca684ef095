//! On which line of a file a thing is declared, so that its author can be asked for and an editor
//! led there. The parsers tell no lines; the heads of blocks and objects are looked for again.

use std::collections::BTreeMap;

use model::{Attribute, Fact, Told, Value};

use super::Seen;

/// More text than this is not gone through again.
const BYTES_MAX: usize = 32 << 20;

/// By the heads of Terraform's blocks: `resource "aws_iam_user" "ci" {`.
pub(super) fn in_blocks(text: &str, seen: &mut Seen) {
    if text.len() > BYTES_MAX || seen.things.is_empty() {
        return;
    }
    let mut heads = BTreeMap::new();
    for (number, line) in (1_i64..).zip(text.lines()) {
        let line = line.trim_start();
        let Some(rest) = ["resource", "ephemeral"]
            .iter()
            .find_map(|word| line.strip_prefix(word))
        else {
            continue;
        };
        let mut labels = rest.split('"').skip(1).step_by(2);
        if let (Some(type_), Some(name)) = (labels.next(), labels.next()) {
            heads.entry(format!("{type_}.{name}")).or_insert(number);
        }
    }
    for thing in &mut seen.things {
        let address = thing.field.strip_prefix("ephemeral.");
        let line = heads.get(address.unwrap_or(&thing.field)).copied();
        at(&mut thing.told.facts, line);
    }
    for found in &mut seen.found {
        // Keys of which the block tells and no value.
        let line = heads.get(&found.field).copied();
        at(&mut found.told.facts, line);
    }
}

/// By the names in the documents of a stream of Kubernetes objects.
pub(super) fn in_objects(text: &str, seen: &mut Seen) {
    if text.len() > BYTES_MAX || seen.things.is_empty() {
        return;
    }
    let mut heads = BTreeMap::new();
    let mut kind = String::new();
    for (number, line) in (1_i64..).zip(text.lines()) {
        if line.starts_with("---") {
            kind.clear();
        }
        let plain = line.trim_start_matches([' ', '-']);
        let value = |name: &str| {
            let rest = plain.strip_prefix(name)?.strip_prefix(": ")?;
            let rest = rest.split(" #").next().unwrap_or(rest);
            Some(rest.trim().trim_matches(['"', '\'']).to_owned())
        };
        if let Some(told) = value("kind").filter(|_| kind.is_empty()) {
            kind = told.to_lowercase();
        } else if let Some(name) = value("name").filter(|_| !kind.is_empty()) {
            heads.entry((kind.clone(), name)).or_insert(number);
        }
    }
    for thing in &mut seen.things {
        let of = |attribute: &Attribute| -> Option<String> {
            let told = thing.told.fact(attribute);
            told.is()?.text().map(str::to_owned)
        };
        let type_ = of(&Attribute::TYPE).unwrap_or_default().replace('_', "");
        let Some(kind) = type_.strip_prefix("kubernetes") else {
            continue;
        };
        let name = of(&Attribute::NAME).unwrap_or_default();
        let line = heads.get(&(kind.to_owned(), name)).copied();
        at(&mut thing.told.facts, line);
    }
}

fn at(facts: &mut model::Facts, line: Option<i64>) {
    if let Some(line) = line
        && !facts.contains_key(&Attribute::LINE)
    {
        facts.insert(Attribute::LINE, Fact::stated(Told::Is(Value::Number(line))));
    }
}
