//! HCL, the language of `*.tf`, read as far as a roll needs it.
//!
//! What comes out is the tree of Terraform's JSON syntax: a block `resource "a" "b" { … }` is
//! `{"resource": {"a": {"b": [{…}]}}}`. Literal values are values; every other expression is its
//! own source in `${…}`, so that it is seen to be a reference. Nothing is evaluated.
//!
//! The reader is our own because files are foreign: it goes no deeper than [`DEPTH_MAX`], ends
//! after [`MEMBERS_MAX`] members, and where a line is broken it goes on with the next, so that one
//! mistake hides one line.

use serde_json::{Map, Value};

/// Blocks, lists and objects nested deeper are passed over.
const DEPTH_MAX: usize = 48;
/// More members than this in one file are not looked at.
const MEMBERS_MAX: usize = 100_000;
/// The source of an expression is cut here.
const SOURCE_LETTERS_MAX: usize = 200;
/// Functions whose value says no less than what they are given.
const TRANSPARENT: &[&str] = &[
    "jsonencode(",
    "yamlencode(",
    "sensitive(",
    "nonsensitive(",
    "tostring(",
    "base64encode(",
];

/// What was read.
#[derive(Debug)]
pub(super) struct Read {
    /// The tree.
    pub(super) tree: Value,
    /// The first line that is no HCL, from 1.
    pub(super) broken: Option<usize>,
    /// Whether a bound was met, so that not all was read.
    pub(super) cut: bool,
}

/// Reads `text`. It always ends, whatever `text` is.
pub(super) fn read(text: &str) -> Read {
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
        members: 0,
        broken: None,
        cut: false,
    };
    let mut tree = Map::new();
    while reader.at < text.len() {
        reader.body(&mut tree);
        if reader.at < text.len() {
            // A brace that closes nothing.
            reader.fail();
            reader.at += 1;
        }
    }
    let broken = reader.broken.map(|at| {
        1 + text.as_bytes()[..at]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    });
    Read {
        tree: Value::Object(tree),
        broken,
        cut: reader.cut,
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    members: usize,
    broken: Option<usize>,
    cut: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn takes(&mut self, start: &str) -> bool {
        let there = self.rest().starts_with(start);
        if there {
            self.at += start.len();
        }
        there
    }

    fn fail(&mut self) {
        self.broken.get_or_insert(self.at.min(self.text.len()));
    }

    /// Passes over spaces and comments, and line ends where `lines` says so.
    fn space(&mut self, lines: bool) {
        while let Some(byte) = self.byte() {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' if lines => self.at += 1,
                b'#' => self.skip_line(),
                b'/' if self.rest().starts_with("//") => self.skip_line(),
                b'/' if self.rest().starts_with("/*") => {
                    self.at += self
                        .rest()
                        .find("*/")
                        .map_or(self.rest().len(), |end| end + 2);
                }
                _ => break,
            }
        }
    }

    fn skip_line(&mut self) {
        self.at += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    /// Whether there is room for one member more.
    fn room(&mut self) -> bool {
        self.members += 1;
        if self.members > MEMBERS_MAX {
            self.cut = true;
            self.at = self.text.len();
        }
        !self.cut
    }

    /// Attributes and blocks up to a closing brace or the end.
    fn body(&mut self, into: &mut Map<String, Value>) {
        loop {
            self.space(true);
            if matches!(self.byte(), None | Some(b'}')) || !self.room() {
                return;
            }
            let Some(name) = self.name() else {
                self.fail();
                self.skip_line();
                continue;
            };
            self.space(false);
            if self.byte() == Some(b'=') && !self.rest().starts_with("==") {
                self.at += 1;
                self.space(false);
                let value = self.expression();
                into.insert(name, value);
                self.space(false);
                if !matches!(self.byte(), None | Some(b'\n' | b'}')) {
                    self.fail();
                    self.skip_line();
                }
            } else {
                self.block(name, into);
            }
        }
    }

    /// A block of which the type was read.
    fn block(&mut self, name: String, into: &mut Map<String, Value>) {
        let mut way = vec![name];
        loop {
            self.space(false);
            if self.takes("{") {
                break;
            }
            match self.name() {
                Some(label) if way.len() < 4 => way.push(label),
                _ => {
                    self.fail();
                    self.skip_line();
                    return;
                }
            }
        }
        let mut body = Map::new();
        if self.depth >= DEPTH_MAX {
            self.cut = true;
            self.balanced(b'}');
        } else {
            self.depth += 1;
            self.body(&mut body);
            self.depth -= 1;
            if !self.takes("}") {
                self.fail();
            }
        }
        place(into, &way, Value::Object(body));
    }

    /// An identifier or a quoted name.
    fn name(&mut self) -> Option<String> {
        if self.byte() == Some(b'"') {
            return Some(self.quoted());
        }
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let rest = self.rest();
        let end = rest.find(|c| !plain(c)).unwrap_or(rest.len());
        self.at += end;
        (end > 0).then(|| rest[..end].to_owned())
    }

    /// A value. What is no literal is its own source.
    fn expression(&mut self) -> Value {
        let start = self.at;
        let value = self.literal();
        let after = self.at;
        self.space(false);
        if let Some(value) = value
            && matches!(self.byte(), None | Some(b'\n' | b',' | b']' | b'}' | b')'))
        {
            return value;
        }
        self.at = after;
        self.skip_expression();
        let source = self.text.get(start..self.at).unwrap_or_default().trim();
        Value::String(format!(
            "${{{}}}",
            model::shorten(source, SOURCE_LETTERS_MAX)
        ))
    }

    /// A literal; `None`, with nothing taken that matters, where there is another expression.
    fn literal(&mut self) -> Option<Value> {
        if self.depth >= DEPTH_MAX {
            self.cut = true;
            return None;
        }
        self.depth += 1;
        let value = self.literal_within();
        self.depth -= 1;
        value
    }

    fn literal_within(&mut self) -> Option<Value> {
        if let Some(function) = TRANSPARENT
            .iter()
            .find(|name| self.rest().starts_with(**name))
        {
            let start = self.at;
            self.at += function.len();
            self.space(true);
            let value = self.literal();
            self.space(true);
            if value.is_some() && self.takes(")") {
                return value;
            }
            self.at = start;
            return None;
        }
        match self.byte()? {
            b'"' => Some(Value::String(self.quoted())),
            b'<' if self.rest().starts_with("<<") => self.heredoc(),
            b'[' => {
                self.at += 1;
                self.list()
            }
            b'{' => {
                self.at += 1;
                self.object()
            }
            b'0'..=b'9' | b'-' => {
                let number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
                let rest = self.rest();
                let end = rest.find(|c| !number(c)).unwrap_or(rest.len());
                self.at += end;
                serde_json::from_str(&rest[..end]).ok()
            }
            _ => [
                ("true", Value::Bool(true)),
                ("false", Value::Bool(false)),
                ("null", Value::Null),
            ]
            .into_iter()
            .find_map(|(word, value)| self.takes(word).then_some(value)),
        }
    }

    fn list(&mut self) -> Option<Value> {
        let mut out = Vec::new();
        loop {
            self.space(true);
            if self.takes("]") {
                return Some(Value::Array(out));
            }
            if self.byte().is_none() || !self.room() {
                self.fail();
                return None;
            }
            if self.rest().starts_with("for ") {
                self.balanced(b']');
                return Some(Value::String("${for}".to_owned()));
            }
            let before = self.at;
            out.push(self.expression());
            self.space(true);
            if !self.takes(",") && self.at == before {
                self.fail();
                return None;
            }
        }
    }

    fn object(&mut self) -> Option<Value> {
        let mut out = Map::new();
        loop {
            self.space(true);
            if self.takes("}") {
                return Some(Value::Object(out));
            }
            if self.byte().is_none() || !self.room() {
                self.fail();
                return None;
            }
            if self.rest().starts_with("for ") {
                self.balanced(b'}');
                return Some(Value::String("${for}".to_owned()));
            }
            let name = if self.takes("(") {
                self.balanced(b')');
                "(expression)".to_owned()
            } else {
                let Some(mut name) = self.name() else {
                    self.fail();
                    return None;
                };
                // A key may be a traversal: `local.name = …`.
                while self.takes(".") {
                    name.push('.');
                    name.push_str(&self.name().unwrap_or_default());
                }
                name
            };
            self.space(false);
            if !self.takes("=") && !self.takes(":") {
                self.fail();
                return None;
            }
            self.space(true);
            let value = self.expression();
            out.insert(name, value);
            self.space(true);
            self.takes(",");
        }
    }

    /// A string in quotes. Templates in it stay as they are.
    fn quoted(&mut self) -> String {
        self.at += 1;
        let mut out = String::new();
        while let Some(letter) = self.rest().chars().next() {
            match letter {
                '"' => {
                    self.at += 1;
                    return out;
                }
                '\n' => break,
                '\\' => {
                    let escaped = self.rest()[1..].chars().next().unwrap_or('\\');
                    self.at += 1 + escaped.len_utf8();
                    out.push(match escaped {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        other => other,
                    });
                    continue;
                }
                '$' | '%' if self.rest()[1..].starts_with('{') && !out.ends_with(letter) => {
                    let start = self.at;
                    self.at += 2;
                    self.balanced(b'}');
                    out.push_str(self.text.get(start..self.at).unwrap_or_default());
                    continue;
                }
                _ => {}
            }
            self.at += letter.len_utf8();
            out.push(letter);
        }
        self.fail();
        out
    }

    /// `<<EOT` or `<<-EOT` and the lines up to the mark.
    fn heredoc(&mut self) -> Option<Value> {
        self.at += 2;
        let indented = self.takes("-");
        let mark = self.name()?;
        self.skip_line();
        self.takes("\n");
        let mut out = String::new();
        while !self.rest().is_empty() {
            let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
            if line.trim() == mark {
                // The line end belongs to the attribute, as after any value.
                self.at += line.trim_end_matches(['\r', '\n']).len();
                return Some(Value::String(out));
            }
            self.at += line.len();
            out.push_str(if indented {
                line.trim_start_matches([' ', '\t'])
            } else {
                line
            });
        }
        self.fail();
        None
    }

    /// Passes over everything up to and with the `close` that belongs here.
    fn balanced(&mut self, close: u8) {
        let mut open = vec![close];
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => {
                    self.skip_quoted();
                    continue;
                }
                b'#' => {
                    self.skip_line();
                    continue;
                }
                b'{' => open.push(b'}'),
                b'[' => open.push(b']'),
                b'(' => open.push(b')'),
                _ if open.last() == Some(&byte) => {
                    open.pop();
                    if open.is_empty() {
                        self.at += 1;
                        return;
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        self.fail();
    }

    /// Passes over a string in quotes, templates with strings of their own in it included, as
    /// far as its line goes.
    fn skip_quoted(&mut self) {
        self.at += 1;
        let mut inside = 0usize;
        while let Some(byte) = self.byte() {
            self.at += 1;
            match byte {
                b'\\' => self.at = (self.at + 1).min(self.text.len()),
                b'{' if inside > 0 => inside += 1,
                b'$' | b'%' if self.byte() == Some(b'{') => {
                    self.at += 1;
                    inside += 1;
                }
                b'}' => inside = inside.saturating_sub(1),
                b'"' if inside == 0 => return,
                b'\n' => return,
                _ => {}
            }
        }
    }

    /// Up to where an expression ends: a line's end, a comma or a closing bracket outside of all
    /// brackets.
    fn skip_expression(&mut self) {
        while let Some(byte) = self.byte() {
            match byte {
                b'\n' | b',' | b']' | b'}' | b')' => return,
                b'"' => self.skip_quoted(),
                b'#' => return,
                b'/' if self.rest().starts_with("//") => return,
                b'(' | b'[' | b'{' => {
                    self.at += 1;
                    self.balanced(match byte {
                        b'(' => b')',
                        b'[' => b']',
                        _ => b'}',
                    });
                }
                _ => self.at += 1,
            }
        }
    }
}

/// Puts a block where its labels say; blocks of one place are a list.
fn place(into: &mut Map<String, Value>, way: &[String], body: Value) {
    let Some((name, rest)) = way.split_first() else {
        return;
    };
    let there = into.entry(name.as_str()).or_insert(Value::Null);
    if rest.is_empty() {
        match there {
            Value::Array(list) => list.push(body),
            _ => *there = Value::Array(vec![body]),
        }
        return;
    }
    if !there.is_object() {
        *there = Value::Object(Map::new());
    }
    if let Value::Object(inner) = there {
        place(inner, rest, body);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_become_the_json_syntax_and_expressions_their_source() {
        let text = r#"
# a comment with a "quote
resource "aws_iam_user" "ci" { name = "ci" }
resource "aws_iam_access_key" "ci" {
  user  = aws_iam_user.ci.name // why
  count = var.on ? 1 : 0
  tags  = { Team = "pay", "a:b" = [1, true, null], (var.x) = 2 }
  path  = "/${var.env == "prod" ? "a" : "b"}/"
  lifecycle {
    ignore_changes = [user]
  }
}
locals {
  policy = jsonencode({
    Version = "2012-10-17"
  })
  doc = <<-EOT
    two
    lines
  EOT
  all = [for u in var.users : upper(u)]
}
"#;
        let read = read(text);
        assert_eq!(read.broken, None);
        assert_eq!(
            read.tree,
            json!({
                "resource": {
                    "aws_iam_user": {"ci": [{"name": "ci"}]},
                    "aws_iam_access_key": {"ci": [{
                        "user": "${aws_iam_user.ci.name}",
                        "count": "${var.on ? 1 : 0}",
                        "tags": {"Team": "pay", "a:b": [1, true, null], "(expression)": 2},
                        "path": "/${var.env == \"prod\" ? \"a\" : \"b\"}/",
                        "lifecycle": [{"ignore_changes": ["${user}"]}],
                    }]},
                },
                "locals": [{
                    "policy": {"Version": "2012-10-17"},
                    "doc": "two\nlines\n",
                    "all": "${for}",
                }],
            })
        );
    }

    #[test]
    fn a_broken_line_hides_itself_and_not_the_next() {
        let read = read("a = 1\n??? nonsense\nb = 2\n}\nc = \"never closed\nd = 4");
        assert_eq!(read.broken, Some(2));
        assert_eq!(read.tree["b"], 2);
        assert_eq!(read.tree["d"], 4);
    }

    #[test]
    fn depth_has_an_end() {
        for open in ["[", "{a=", "a {", "\"${", "jsonencode(", "(", "!"] {
            let deep = format!("x = {}", open.repeat(100_000));
            let _ = read(&deep);
            let _ = read(&open.repeat(100_000));
        }
    }
}
