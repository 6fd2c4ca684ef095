//! What formats made of XML share: a bounded document, and lines of its elements.

use roxmltree::{Document, Node, ParsingOptions};

use super::Seen;

/// A document of more elements is not read.
const NODES_MAX: u32 = 100_000;
/// Elements nested deeper than this are beyond every format.
const DEPTH_MAX: usize = 256;

/// The text as XML; a gap where it is none. `line` is where it begins in its file, from 1.
pub(super) fn document<'a>(text: &'a str, line: usize, seen: &mut Seen) -> Option<Document<'a>> {
    // No document type: entities that grow are refused, not expanded.
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: NODES_MAX,
        ..ParsingOptions::default()
    };
    if depth(text) > DEPTH_MAX {
        seen.unsupported("XML nested deeper than such files are");
        return None;
    }
    match Document::parse_with_options(text, options) {
        Ok(document) => Some(document),
        Err(told) => {
            let row = usize::try_from(told.pos().row).unwrap_or(usize::MAX);
            let line = line.saturating_add(row).saturating_sub(1);
            seen.broken(format!("expected XML, got something else at line {line}"));
            None
        }
    }
}

/// How deep a document may be nested: no more than it opens elements before it closes one.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for part in text.split('<').skip(1) {
        if part.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !part.starts_with(['!', '?'])
            && !part.split('>').next().unwrap_or_default().ends_with('/')
        {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// The line of an element, from 1.
pub(super) fn line(node: Node<'_, '_>) -> usize {
    let row = node.document().text_pos_at(node.range().start).row;
    usize::try_from(row).unwrap_or(usize::MAX)
}

/// The first child called `name`, whatever its namespace.
pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children()
        .find(|child| child.is_element() && child.tag_name().name() == name)
}

/// The trimmed text at the end of a way through children; `None` where it is empty.
pub(super) fn text<'a>(node: Node<'a, '_>, way: &[&str]) -> Option<&'a str> {
    let at = way.iter().try_fold(node, |at, name| child(at, name))?;
    at.text().map(str::trim).filter(|text| !text.is_empty())
}
