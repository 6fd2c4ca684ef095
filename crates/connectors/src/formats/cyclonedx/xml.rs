//! CycloneDX in XML, as the tree that its JSON form has.

use serde_json::{Map, Value};

use crate::formats::{FileAt, Seen};

/// Elements nested deeper than this are left out.
const DEPTH_MAX: usize = 48;
/// More elements than this are not read.
const ELEMENTS_MAX: u32 = 500_000;
/// Elements whose children are a list in JSON.
const LISTS: &[&str] = &["components", "services", "endpoints", "occurrences"];

/// The file as a tree; a gap where it is no XML.
pub(super) fn read(file: &FileAt<'_>, seen: &mut Seen) -> Option<Value> {
    let text = file.text(seen);
    let options = roxmltree::ParsingOptions {
        allow_dtd: false,
        nodes_limit: ELEMENTS_MAX,
        ..roxmltree::ParsingOptions::default()
    };
    let document = match roxmltree::Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(told) => {
            let line = told.pos().row;
            seen.broken(format!("expected XML, got something else at line {line}"));
            return None;
        }
    };
    let root = document.root_element();
    let mut value = tree(root, 0);
    let space = root.tag_name().namespace().unwrap_or_default();
    let version = space.rsplit('/').next().unwrap_or_default();
    if let Value::Object(table) = &mut value {
        table.insert("specVersion".to_owned(), version.into());
    }
    Some(value)
}

fn tree(node: roxmltree::Node<'_, '_>, depth: usize) -> Value {
    let children = || node.children().filter(roxmltree::Node::is_element);
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    if LISTS.contains(&node.tag_name().name()) {
        return children().map(|child| tree(child, depth + 1)).collect();
    }
    let text = node.text().map(str::trim).unwrap_or_default();
    if children().next().is_none() && node.attributes().len() == 0 {
        return text.into();
    }
    let mut table = Map::new();
    for attribute in node.attributes() {
        table.insert(attribute.name().to_owned(), attribute.value().into());
    }
    if !text.is_empty() {
        table.insert("content".to_owned(), text.into());
    }
    for child in children() {
        let name = child.tag_name().name().to_owned();
        table.entry(name).or_insert_with(|| tree(child, depth + 1));
    }
    Value::Object(table)
}
